"""The localizer's training: masks say where pixels changed, sources stay apart, runs go on."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from verilens import catalog
from verilens.media.blend import points_of_crops
from verilens.records import View
from verilens.train.starter import (
    edits,
    localizer,
    localizer_figures,
    localizer_stages,
    localizer_training,
)
from verilens.train.starter.corpus import Item
from verilens.train.starter.edit_regions import SHAPES, region
from verilens.train.starter.edits import FACE_PX, KINDS, Tools, edited
from verilens.train.starter.face_crops import HELD_OUT, WIDE, Person
from verilens.train.starter.face_fakes import scaled
from verilens.train.starter.localizer_figures import (
    Bounds,
    Crops,
    OneMask,
    bounds,
    false_alarms,
    figures,
    one_mask,
)
from verilens.train.starter.localizer_training import Studio, fit
from verilens.verify.xception_unet.config import Config
from verilens.verify.xception_unet.model import XceptionUNet


def person(n: int, source: str = "s") -> Person:
    """Return a made-up face: patches of colour, points and a box where a face's would be."""
    rng = np.random.default_rng(n)
    coarse = rng.integers(40, 216, (24, 24, 3), dtype=np.uint8)
    frame = cv2.resize(coarse, (WIDE.size, WIDE.size), interpolation=cv2.INTER_CUBIC)
    points = points_of_crops(1, WIDE.size, WIDE.margin).astype(np.float32)
    edge = WIDE.size * (1 - 1 / WIDE.margin) / 2
    box = np.array([[edge, edge, WIDE.size - edge, WIDE.size - edge]], np.float32)
    item = Item(path=Path(f"{source}/{n}.png"), kind="image", label="real", generator="",
                source=source, origin=f"{source}:{n}", width=640, height=480)  # fmt: skip
    return Person(item, frame[None], points, box)


def softened(x, rng):
    """Stand in for an autoencoder."""
    return torch.nn.functional.avg_pool2d(x, 3, 1, 1)


TOOLS = Tools(person(1), (softened,))


def studio(count: int) -> Studio:
    return Studio([person(n, f"s{n % 2}") for n in range(count)], [softened])


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_change_inside_the_mask_alone(kind, monkeypatch):
    monkeypatch.setattr(edits, "treatment", lambda rng: lambda frame: frame)
    monkeypatch.setattr(edits, "SMALLER", 0.0)
    for seed in range(4):
        found = edited(person(0), kind, TOOLS, np.random.default_rng(seed))
        if found is None:
            continue
        assert found.genuine.shape == found.fake.shape == (160, 160, 3)
        difference = np.abs(found.genuine.astype(int) - found.fake).max(-1)
        beyond = cv2.dilate(found.mask, np.ones((5, 5))) == 0  # scaling blurs both edges
        assert difference[beyond].max() <= 6
        assert difference[found.mask > 127].mean() > difference[beyond].mean()


def test_both_halves_of_a_pair_are_treated_alike():
    """Far from the edit they differ by no more than a codec's neighbourhood."""
    apart = []
    for seed in range(8):
        found = edited(person(0), "noise", TOOLS, np.random.default_rng(seed))
        if found is not None:
            beyond = cv2.dilate(found.mask, np.ones((41, 41))) == 0
            difference = np.abs(found.genuine.astype(float) - found.fake).max(-1)
            apart.append(difference[beyond].mean() - difference[found.mask > 127].mean())
    assert np.mean(apart) < 0


def test_parts_lie_all_over_the_cut_and_small_ones_are_small():
    native = scaled(person(0), [0], np.random.default_rng(0), FACE_PX, least=64)
    drawn = {
        is_small: np.stack(
            [region(native, np.random.default_rng(n), is_small=is_small) for n in range(60)]
        )
        for is_small in (True, False)
    }
    assert 0 < drawn[True].mean() < drawn[False].mean() < 0.3
    assert drawn[False].mean(0).max() < 0.6  # no place is in most of them
    left, top, right, bottom = native.boxes[0].astype(int)
    face = drawn[False][:, top:bottom, left:right].sum((1, 2)) / drawn[False].sum((1, 2))
    assert (face < 0.5).any() and (face > 0.95).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_a_soft_or_hard_part(shape):
    native = scaled(person(0), [0], np.random.default_rng(0), FACE_PX, least=64)
    masks = [region(native, np.random.default_rng(n), {shape: 1.0}) for n in range(20)]
    assert all(mask.min() >= 0 and mask.max() <= 1 for mask in masks)
    assert np.mean([0.004 < mask.mean() < 0.6 for mask in masks]) > 0.9


def test_a_pool_has_as_many_pairs_of_every_kind_and_follows_its_seed():
    first, again = (studio(4).pool(2, seed=3) for _ in range(2))
    assert np.bincount(first.kinds).tolist() == [2] * len(KINDS)
    assert np.array_equal(first.fake, again.fake)
    assert KINDS[first.kinds[first.of(["swap"])[0]]] == "swap"
    assert first.at(first.of(["swap"])).kinds.tolist() == [KINDS.index("swap")] * 2


def test_every_step_draws_fresh_pairs_of_all_kinds_that_are_asked_for():
    made = studio(4)
    first, second = (made.batch(0, step, ["noise", "warp"]) for step in (0, 1))
    assert set(first.kinds.tolist()) == {KINDS.index("noise"), KINDS.index("warp")}
    assert not np.array_equal(first.fake[0], second.fake[0])
    assert np.array_equal(made.batch(0, 1, ["noise", "warp"]).fake, second.fake)


class Oracle(XceptionUNet):
    """Knows the answers: a face is edited where its mask says so."""

    def __init__(self, pool):
        super().__init__(Config.tiny())
        self.known = {f.tobytes(): m for f, m in zip(pool.fake, pool.masks, strict=True)}

    def crop_masks(self, frames):
        masks = [self.known.get(f.tobytes(), np.zeros(f.shape[:2])) / 255 for f in frames]
        return np.array([4.0 if m.any() else -4.0 for m in masks]), np.stack(masks)


def crops_of(pool) -> Crops:
    return Crops(pool.genuine, np.array(["s0"] * len(pool.kinds)), pool.owners)


def test_figures_of_who_knows_the_answers():
    pool = studio(3).pool(1, seed=0)
    oracle = Oracle(pool)
    chosen = bounds(oracle, pool, ["s0"] * 3, crops_of(pool))
    nothing = OneMask(np.zeros((160, 160), np.float32), 0.5)
    found = figures(oracle, pool, pool.of(KINDS), chosen, nothing)
    assert found.pixel_auc.value > 0.99 and found.iou.value > 0.9
    assert found.one_mask_auc.value == pytest.approx(0.5) and found.one_mask_iou.value == 0
    assert chosen.level < 1
    assert found.above.value == pytest.approx(found.pixel_auc.value - 0.5)
    assert found.image_auc.value == found.shown.value == 1
    assert false_alarms(oracle, pool.genuine, pool.owners, chosen.sure).value == 0


def test_the_source_with_the_most_alarms_decides_the_bound(monkeypatch):
    monkeypatch.setattr(localizer_figures, "ENOUGH", 2)
    pool = studio(4).pool(2, seed=0)
    sources = [f"s{n % 2}" for n in range(4)]

    class Loud(Oracle):
        """Takes the genuine faces of the second source for edited ones, half as sure."""

        def crop_masks(self, frames):
            logits, masks = super().crop_masks(frames)
            loud = {f.tobytes() for f, o in zip(pool.genuine, pool.owners, strict=True) if o % 2}
            return np.array([2.0 if f.tobytes() in loud else x for f, x in zip(frames, logits,
                             strict=True)]), masks  # fmt: skip

    monkeypatch.setattr(localizer_figures, "SILENT", 0.5)
    black = Crops(np.zeros_like(pool.genuine), np.array(["s0"] * len(pool.kinds)), pool.owners)
    pool = pool._replace(owners=np.where(np.arange(len(pool.kinds)) % 3, 0, 1))  # a third loud
    assert bounds(Oracle(pool), pool, sources, black).sure < 0.05
    assert 0.8 < bounds(Loud(pool), pool, sources, black).sure < 0.95


def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path, monkeypatch):
    monkeypatch.setattr(localizer_training, "EVERY", 2)
    monkeypatch.setattr(localizer_training, "PAIRS", 4)
    made = studio(3)

    def trained(steps, file):
        torch.manual_seed(0)
        method = XceptionUNet(Config.tiny())
        for step, _ in fit(method, lambda step: made.batch(0, step), 4, tmp_path / file):
            if step == steps:
                break
        return method.head.weight.detach().clone()

    whole = trained(4, "a")
    trained(3, "b")
    assert torch.allclose(trained(4, "b"), whole, atol=1e-6)


def test_one_mask_for_all_is_the_mean_at_its_best_level():
    pool = studio(2).pool(1, seed=0)
    masks = np.zeros_like(pool.masks)
    masks[:, 40:80, 40:80] = 255
    masks[0, 40:80, 80:120] = 255
    found = one_mask(pool._replace(masks=masks), pool._replace(masks=masks[1:]))
    assert found.mask[50, 50] == 1 and found.mask[50, 100] == pytest.approx(1 / len(masks))
    assert found.level > 1 / len(masks)


def test_half_is_what_a_mask_needs():
    torch.manual_seed(0)
    method = XceptionUNet(Config.tiny()).eval()
    x = torch.rand(6, 3, 64, 64)
    with torch.no_grad():
        before = method(x).sigmoid()
        sure = float(before.median()) - 1e-4
        after = localizer.bounded(method, Bounds(level=0.3, sure=sure))(x).sigmoid()
    assert (method.config.level, method.config.sure) == (0.3, 0.5)
    assert torch.equal(before > sure, after > 0.5)


def test_no_source_is_in_two_parts():
    validation, test = localizer_stages.VALIDATION, localizer_stages.TEST
    assert not validation & test and not (validation | test) & HELD_OUT
    seeds = [seed for part in localizer_stages.MAKERS.values() for seed in part]
    assert len(seeds) == len(set(seeds))


def test_a_run_writes_weights_that_load_and_goes_on(tmp_path, monkeypatch):
    small = dataclasses.replace(
        Config.tiny(),
        front="noise",
        view=View(size=160, frames=1, fit="face", margin=1.25, only="image"),
    )
    monkeypatch.setattr(localizer.Config, "starter", lambda: small)
    monkeypatch.setattr(localizer_stages, "EACH", dict.fromkeys(localizer_stages.PARTS, 2))
    monkeypatch.setattr(localizer_training, "PAIRS", 2)
    monkeypatch.setattr(localizer, "STEPS", 2)
    monkeypatch.setattr(localizer, "STEPS_LEFT_OUT", 1)
    monkeypatch.setattr(localizer_figures, "ENOUGH", 2)
    parts = {
        p: [person(10 * k + n) for n in range(3)] for k, p in enumerate(localizer_stages.PARTS)
    }
    stages = localizer_stages.Stages
    monkeypatch.setattr(stages, "persons", parts)
    monkeypatch.setattr(stages, "maker", lambda self, part, seed: softened)
    monkeypatch.setattr(stages, "cut", lambda self, part: crops_of(self.pools[part]))
    order = ["--data", "/", "--work", str(tmp_path), "--out", str(tmp_path), "--without", "inpaint"]
    localizer.main(order)
    card = json.loads((tmp_path / "xception_unet" / "starter.json").read_text())
    assert {"left_out_inpaint_iou", "swap_pixel_auc", "all_above_low", "as_cut_shown"} < set(
        card["measured"]
    )
    method = catalog.load("xception_unet", str(tmp_path / "xception_unet" / "starter.safetensors"))
    assert method.config.sure == 0.5 and method.config.view == small.view
    monkeypatch.setattr(localizer, "fit", lambda *_: pytest.fail("trained again"))
    localizer.main(order)
