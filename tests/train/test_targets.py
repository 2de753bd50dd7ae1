"""Kinds, data sets, masks and spans: numbered alike everywhere, and cut with their pixels."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from toy_set import pictures, video

from verilens.batch import ClipBatch
from verilens.errors import ConfigError, DatasetError
from verilens.records import Sample, View
from verilens.train.data import Share, Training, Wanted
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan
from verilens.train.targets import spans

VIEW = View(size=16, frames=4)
MASKS = Wanted(VIEW, frozenset({"masks"}))


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(2) as reader:
        yield reader


def single(batches: Training) -> ClipBatch:
    """Return the one batch of an epoch, as a method gets it."""
    (batch,) = batches.epoch(0)
    return batch.to(torch.device("cpu"))


def masked(folder: Path, count: int, size: int = 48) -> list[Sample]:
    """Return fakes whose red channel is their mask, and genuine pictures."""
    rng = np.random.default_rng(0)
    found = []
    for n, sample in enumerate(pictures(folder, {"train": count})):
        if sample.label:
            forged = (rng.random((48, 48)) < 0.5).astype(np.uint8) * 255
            Image.fromarray(
                np.dstack([forged, rng.integers(0, 256, (48, 48, 2))]).astype("u1")
            ).save(sample.uri)
            path = folder / f"mask-{n}.png"
            Image.fromarray(forged).resize((size, size)).save(path)
            sample = dataclasses.replace(sample, mask=str(path))
        found.append(sample)
    return found


def family(folder: Path, sources: int, kinds: tuple[str, ...]) -> list[Sample]:
    """Return a genuine picture and one forgery of each kind for every source, shuffled."""
    folder.mkdir(exist_ok=True)
    found = []
    for n in range(sources):
        for place, kind in enumerate(("", *kinds)):
            path = folder / f"{n}-{kind or 'genuine'}.png"
            pixels = np.random.default_rng(n).integers(0, 256, (48, 48, 3), np.uint8)
            pixels[..., 0] = 60 * place
            Image.fromarray(pixels).save(path)
            found.append(
                Sample(id=path.name, uri=str(path), kind="image", label=int(place > 0),
                       generator=kind, source=str(n), split="train")
            )  # fmt: skip
    np.random.default_rng(0).shuffle(found)  # type: ignore[arg-type]
    return found


def test_masks_are_cut_and_mirrored_with_their_pixels(tmp_path, reader):
    samples = masked(tmp_path, 4)
    data = Data(flip=True, crop_px=20, jpeg_p=0.0)
    batch = single(Training(samples, reader, MASKS, data, Plan(batch=8)))
    assert batch.masks is not None and batch.masks.shape == (8, 1, 1, 20, 20)
    fake = batch.labels == 1
    assert torch.equal(batch.masks[fake], batch.frames[fake][:, :, :1])
    assert batch.masks[~fake].abs().max() == 0 and batch.masks[fake].mean() > 0.3


def test_distortions_of_colour_leave_masks_alone(tmp_path, reader):
    data = Data(crop_px=20, jpeg_p=1.0, jpeg_quality=(20, 30), noise_p=1.0, noise_sigma=(9, 9))
    batch = single(Training(masked(tmp_path, 2), reader, MASKS, data, Plan(batch=4)))
    assert batch.masks is not None and set(batch.masks.unique().tolist()) == {0.0, 1.0}


def test_fakes_without_a_mask_are_left_out_or_taken_whole(tmp_path, reader):
    samples = masked(tmp_path, 3)
    bare = [dataclasses.replace(s, mask="") if s.id.endswith("1.png") else s for s in samples]
    found = Training(bare, reader, MASKS, Data(), Plan(batch=2))
    assert found.samples == 5 and not any(s.label and not s.mask for s in found.items)
    whole = Training(bare, reader, MASKS, Data(maskless="whole"), Plan(batch=6))
    batch = single(whole)
    assert batch.masks is not None and batch.masks.flatten(1).mean(1).max() == 1
    with pytest.raises(DatasetError, match=r"maskless=whole"):
        none = [dataclasses.replace(s, mask="") for s in samples]
        Training(none, reader, MASKS, Data(), Plan(batch=2))


def test_a_mask_of_another_size_is_named(tmp_path):
    samples = masked(tmp_path, 2, size=40)
    with Reader(1) as reader:
        batches = Training(samples, reader, MASKS, Data(), Plan(batch=4))
        with pytest.raises(DatasetError, match="mask is 40 x 40, its picture 48 x 48"):
            list(batches.epoch(0))
        scaled = Training(samples, reader, MASKS, Data(resize_px=32), Plan(batch=4))
        batch = single(scaled)
        assert batch.masks is not None and batch.masks.shape[-1] == 32


def test_what_moves_pixels_from_their_mask_is_refused(tmp_path, reader):
    with pytest.raises(ConfigError, match="moves pixels away from their mask"):
        Training(masked(tmp_path, 1), reader, MASKS, Data(perturb=("flip",)), Plan(batch=2))


def test_kinds_and_domains_are_numbered_by_name(tmp_path, reader):
    samples = [
        dataclasses.replace(s, attributes={"dataset": "b" if s.source == "0" else "a"})
        for s in family(tmp_path, 2, ("swap", "lips"))
    ]
    wanted = Wanted(VIEW, frozenset({"kinds", "domains"}))
    batches = Training(samples, reader, wanted, Data(), Plan(batch=6))
    assert batches.targets.kinds == {"lips": 1, "swap": 2}
    batch = single(batches)
    assert batch.kinds is not None and batch.domains is not None and batch.masks is None
    for n, kind, place in zip(batch.index.tolist(), batch.kinds, batch.domains, strict=True):
        assert int(kind) == {"": 0, "lips": 1, "swap": 2}[samples[n].generator]
        assert int(place) == int(samples[n].source == "0")


def test_groups_hold_one_source_in_order_of_kind_and_are_cut_alike(tmp_path, reader):
    samples = family(tmp_path, 5, ("swap", "lips"))
    wanted = Wanted(VIEW, frozenset({"kinds"}))
    data = Data(crop_px=16, flip=True)
    batches = Training(samples, reader, wanted, data, Plan(batch=6, group="all"))
    assert batches.steps == 2  # the fifth source alone fills no batch
    for batch in batches.epoch(1):
        assert batch.kinds is not None and batch.kinds.tolist() == [0, 1, 2] * 2
        found = [samples[n] for n in batch.index.tolist()]
        assert len({s.source for s in found[:3]}) == 1 == len({s.source for s in found[3:]})
        same = batch.frames[:, :, 1:].reshape(2, 3, -1)  # all but the channel that tells the kind
        assert torch.equal(same[:, 0], same[:, 1]) and torch.equal(same[:, 0], same[:, 2])


def test_pairs_draw_any_forgery_of_the_source(tmp_path, reader):
    samples = family(tmp_path, 6, ("swap", "lips"))
    plan = Plan(batch=4, group="pair")
    batches = Training(samples, reader, Wanted(VIEW, frozenset({"kinds"})), Data(), plan)
    drawn = set()
    for epoch in range(4):
        for batch in batches.epoch(epoch):
            assert batch.kinds is not None and batch.labels.tolist() == [0, 1] * 2
            drawn |= set(batch.kinds.tolist())
    assert drawn == {0, 1, 2}


def test_groups_are_never_torn_apart(tmp_path, reader):
    samples = family(tmp_path, 4, ("swap", "lips"))
    for plan, share in ((Plan(batch=4, group="all"), Share()),
                        (Plan(batch=6, group="all", accumulate=4), Share()),
                        (Plan(batch=9, group="all"), Share(0, 2))):  # fmt: skip
        with pytest.raises(ConfigError, match="must divide among"):
            Training(samples, reader, Wanted(VIEW), Data(), plan, share)
    plan = Plan(batch=6, group="all")
    halves = [
        [b.index.tolist() for b in
         Training(samples, reader, Wanted(VIEW), Data(), plan, Share(n, 2)).epoch(0)]
        for n in range(2)
    ]  # fmt: skip
    for both in zip(*halves, strict=True):
        assert all(len({samples[n].source for n in half}) == 1 for half in both)
    with pytest.raises(ConfigError, match=r"leave plan\.balance out"):
        Plan(group="pair", balance="class")
    with pytest.raises(DatasetError, match="no source has a genuine sample and a forgery of each"):
        lonely = [dataclasses.replace(s, source=s.id) for s in samples]
        Training(lonely, reader, Wanted(VIEW), Data(), plan)


def film(path: Path, segments: tuple[tuple[float, float], ...], unit: str) -> Sample:
    return Sample(
        id=path.name, uri=str(video(path, 32)), kind="video", label=1, generator="x",
        segments=segments, segment_unit=unit,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(("segments", "unit"), [(((1.0, 2.0),), "seconds"), (((8, 16),), "frames")])
def test_spans_say_which_moments_are_forged(tmp_path, reader, segments, unit):
    sample = film(tmp_path / "a.mp4", segments, unit)  # 4 s at 8 frames a second
    view = View(size=64, frames=16, fit="native")
    times = reader.open(sample.uri, view).times_s
    found = spans(reader, sample, range(16), view)
    assert found.tolist() == [float(1 <= t < 2) for t in times] and 3 <= found.sum() <= 5
    assert spans(reader, dataclasses.replace(sample, segments=()), range(3), view).sum() == 3
    assert spans(reader, dataclasses.replace(sample, label=0), range(3), view).sum() == 0


def test_spans_of_a_batch_follow_the_window(tmp_path, reader):
    fake = film(tmp_path / "a.mp4", ((1.0, 2.0),), "seconds")
    real = dataclasses.replace(fake, id="r", uri=str(video(tmp_path / "r.mp4", 32)), label=0)
    data = Data(frames=4, moments=16, window="consecutive")
    wanted = Wanted(VIEW, frozenset({"spans"}))
    batch = single(Training([fake, real], reader, wanted, data, Plan(batch=2)))
    assert batch.spans is not None and batch.spans.shape == (2, 4)
    assert batch.spans[batch.labels == 0].sum() == 0
    seen = batch.frames[batch.labels == 1][0].mean((1, 2, 3)) * 255 / 8  # the frame's number
    assert batch.spans[batch.labels == 1][0].tolist() == [
        float(8 <= round(float(n)) < 16) for n in seen
    ]
