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
from verilens.train.starter import edits, localizer, localizer_training
from verilens.train.starter.corpus import Item
from verilens.train.starter.edits import KINDS, Tools, edited, part
from verilens.train.starter.face_crops import WIDE, Person
from verilens.train.starter.face_fakes import scaled
from verilens.train.starter.localizer_training import bounds, false_alarms, figures, fit, pool_of
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


def untreated(monkeypatch) -> None:
    monkeypatch.setattr(edits, "treatment", lambda rng: lambda frames: frames)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_change_inside_the_mask_alone(kind, monkeypatch):
    untreated(monkeypatch)
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


def test_inpainted_parts_are_small():
    native = scaled(person(0), [0], np.random.default_rng(0))
    shares = {
        is_small: np.mean(
            [part(native, np.random.default_rng(n), is_small).mean() for n in range(20)]
        )
        for is_small in (True, False)
    }
    assert 0 < shares[True] < shares[False] < 0.5


def test_a_pool_has_as_many_pairs_of_every_kind_and_follows_its_seed():
    people = [person(n, f"s{n % 2}") for n in range(4)]
    first, again = (pool_of(people, 2, [softened], seed=3) for _ in range(2))
    assert np.bincount(first.kinds).tolist() == [2] * len(KINDS)
    assert np.array_equal(first.fake, again.fake)
    assert KINDS[first.kinds[first.of(["swap"])[0]]] == "swap"


class Oracle(XceptionUNet):
    """Knows the answers: a face is edited where its mask says so."""

    def __init__(self, pool):
        super().__init__(Config.tiny())
        self.known = {f.tobytes(): m for f, m in zip(pool.fake, pool.masks, strict=True)}

    def crop_masks(self, frames):
        masks = [self.known.get(f.tobytes(), np.zeros(f.shape[:2])) / 255 for f in frames]
        return np.array([4.0 if m.any() else -4.0 for m in masks]), np.stack(masks)


def test_figures_of_who_knows_the_answers():
    pool = pool_of([person(n) for n in range(3)], 1, [softened], seed=0)
    rows = pool.of(KINDS)
    oracle = Oracle(pool)
    chosen = bounds(oracle, pool, rows)
    assert chosen.sure < 0.5
    found = figures(oracle, pool, rows, chosen)
    assert found.pixel_auc.value > 0.99 and found.iou.value > 0.9
    assert found.image_auc.value == found.shown.value == 1
    assert false_alarms(oracle, pool, rows, chosen.sure).value == 0


def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path, monkeypatch):
    monkeypatch.setattr(localizer_training, "EVERY", 2)
    pool = pool_of([person(n) for n in range(3)], 2, [softened], seed=0)

    def trained(steps, file):
        torch.manual_seed(0)
        method = XceptionUNet(Config.tiny())
        for step, _ in fit(method, pool, pool.of(KINDS), 4, 0, tmp_path / file):
            if step == steps:
                break
        return method.head.weight.detach().clone()

    whole = trained(4, "a")
    trained(3, "b")
    assert torch.allclose(trained(4, "b"), whole, atol=1e-6)


def test_one_mask_for_all_is_perfect_where_all_masks_are_one():
    pool = pool_of([person(n) for n in range(2)], 1, [softened], seed=0)
    masks = np.zeros_like(pool.masks)
    masks[:, 40:80, 40:80] = 255
    same = dict.fromkeys(("train", "validation", "test"), pool._replace(masks=masks))
    found = localizer_training.one_mask_for_all(same)
    assert found["pixel_auc"].value == found["iou"].value == 1
    masks[:, 40:60, 40:60] = 0
    moved = pool._replace(masks=np.roll(masks, 60, 1))
    assert localizer_training.one_mask_for_all({**same, "test": moved})["iou"].value == 0


def test_half_is_what_a_mask_needs():
    torch.manual_seed(0)
    method = XceptionUNet(Config.tiny()).eval()
    x = torch.rand(6, 3, 64, 64)
    with torch.no_grad():
        before = method(x).sigmoid()
        sure = float(before.median()) - 1e-4
        after = localizer.bounded(method, level=0.3, sure=sure)(x).sigmoid()
    assert (method.config.level, method.config.sure) == (0.3, 0.5)
    assert torch.equal(before > sure, after > 0.5)


def test_a_run_writes_weights_that_load_and_goes_on(tmp_path, monkeypatch):
    small = dataclasses.replace(
        Config.tiny(), view=View(size=160, frames=1, fit="face", margin=1.25, only="image")
    )
    monkeypatch.setattr(localizer.Config, "starter", lambda: small)
    monkeypatch.setattr(localizer, "EACH", dict.fromkeys(localizer.EACH, 3))
    monkeypatch.setattr(localizer, "STEPS", 2)
    monkeypatch.setattr(localizer, "STEPS_LEFT_OUT", 1)
    monkeypatch.setattr(localizer, "cut_bases", lambda item, n: [])
    monkeypatch.setattr(localizer, "own_maker", lambda seed, bases, steps: softened)
    people = {name: [person(10 * k + n) for n in range(3)] for k, name in enumerate(localizer.EACH)}
    monkeypatch.setattr(localizer, "persons", lambda args: people)
    order = ["--data", "/", "--work", str(tmp_path), "--out", str(tmp_path), "--without", "warp"]
    localizer.main(order)
    card = json.loads((tmp_path / "xception_unet" / "starter.json").read_text())
    assert {"left_out_warp_iou", "swap_pixel_auc", "all_image_auc_low", "genuine_shown"} < set(
        card["measured"]
    )
    method = catalog.load("xception_unet", str(tmp_path / "xception_unet" / "starter.safetensors"))
    assert method.config.sure == 0.5 and method.config.view == small.view
    monkeypatch.setattr(localizer, "pool_of", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr(localizer, "fit", lambda *_: pytest.fail("trained again"))
    localizer.main(order)
