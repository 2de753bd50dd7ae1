"""Batches: fixed by the seed, decoded once, and never stopped by a broken file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from toy_set import SIDE, pictures, video, written

from verilens.errors import ConfigError, DatasetError
from verilens.records import Sample, View
from verilens.train import augment
from verilens.train.cache import PixelCache
from verilens.train.data import Share, Training, Wanted, clips
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan
from verilens.train.select import choose

VIEW = View(size=32, frames=2)
WANTED = Wanted(VIEW)
PLAN = Plan(batch=4, seed=1)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def threads() -> Iterator[Reader]:
    with Reader(2) as reader:
        yield reader


@pytest.fixture
def reader(threads) -> Reader:
    threads.broken.clear()
    return threads


def frames(batches: Training, epoch: int = 0, skip: int = 0) -> torch.Tensor:
    return torch.cat([batch.to(CPU).frames for batch in batches.epoch(epoch, skip)])


def test_batches_have_the_promised_form(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 5})
    batches = Training(samples, reader, WANTED, Data(flip=True), PLAN)
    found = [batch.to(CPU) for batch in batches.epoch(0)]
    assert len(found) == batches.steps == 2 and batches.samples == 10
    for batch in found:
        assert batch.frames.shape == (4, 1, 3, 32, 32) and batch.frames.dtype == torch.float32
        assert batch.frames.min() >= 0 and batch.frames.max() <= 1
        labels = [float(samples[n].label) for n in batch.index]
        assert batch.labels.tolist() == labels


def test_the_pixels_are_those_of_the_file(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 2})
    batches = Training(samples, reader, WANTED, Data(crop_px=SIDE), PLAN)
    (batch,) = batches.epoch(0)
    for row, n in enumerate(batch.index):
        expected = np.asarray(Image.open(samples[n].uri))
        found = batch.frames[row, 0].permute(1, 2, 0).numpy()
        assert (found == expected).all()


HEAVY = Data(
    flip=True, jpeg_p=0.5, jpeg_quality=(60, 90), blur_p=0.5, blur_sigma=(0.2, 2.0),
    downsample_p=0.5, downsample_ratio=(0.5, 0.9), noise_p=0.5, noise_sigma=(1.0, 9.0), grey_p=0.3,
    perturb=("saturation", "gaussian-noise"), perturb_p=0.5,
)  # fmt: skip


def test_the_seed_the_epoch_and_the_place_fix_every_pixel(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 6})
    found = []
    for workers, cache in ((1, None), (3, PixelCache(tmp_path / "cache", 1 << 24))):
        with Reader(workers, cache) as reader:
            batches = Training(samples, reader, WANTED, HEAVY, PLAN)
            found.append([frames(batches), frames(batches, 1), frames(batches, 1, skip=2)])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    first, second, rest = found[0]
    assert not torch.equal(first, second)
    assert torch.equal(second[8:], rest)
    with Reader(2) as reader:
        other = dataclasses.replace(PLAN, seed=2)
        assert not torch.equal(frames(Training(samples, reader, WANTED, HEAVY, other)), first)


def test_devices_share_every_batch(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 4})
    whole = [b.index.tolist() for b in Training(samples, reader, WANTED, Data(), PLAN).epoch(3)]
    halves = [
        [b.index.tolist() for b in Training(samples, reader, WANTED, Data(), PLAN, share).epoch(3)]
        for share in (Share(0, 2), Share(1, 2))
    ]
    assert [sorted(a + b) for a, b in zip(*halves, strict=True)] == [sorted(b) for b in whole]
    with pytest.raises(ConfigError, match=r"plan\.batch \(4\) must divide among 3"):
        Training(samples, reader, WANTED, Data(), PLAN, Share(0, 3))


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_cache_and_the_decoder_cut_alike(tmp_path, kind):
    if kind == "video":
        samples = [film(tmp_path / f"{n}.mp4", 8, n % 2) for n in range(4)]
    else:
        samples = pictures(tmp_path, {"train": 4})
    data = Data(crop_px=SIDE // 2, frames=2 if kind == "video" else 1)
    plan = Plan(batch=2, seed=3)
    with Reader(1) as reader:
        decoded = frames(Training(samples, reader, WANTED, data, plan))
    with Reader(1, PixelCache(tmp_path / "cache", 1 << 24)) as reader:
        first, kept = (frames(Training(samples, reader, WANTED, data, plan)) for _ in range(2))
    assert torch.equal(decoded, first) and torch.equal(decoded, kept)


def test_what_fits_the_cache_is_decoded_once(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 4})
    cache = PixelCache(tmp_path / "cache", 1 << 24)
    with Reader(2, cache) as reader:
        batches = Training(samples, reader, WANTED, Data(), PLAN)
        for epoch in range(3):
            frames(batches, epoch)
        assert (cache.misses, cache.hits) == (8, 16)
        list(clips(samples, reader, VIEW))
        list(clips(samples, reader, VIEW))
        assert (cache.misses, cache.hits) == (16, 24)


def test_the_cache_keeps_to_its_size_and_is_found_again(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 4})
    room = 3 * (SIDE * SIDE * 3 + 4096)
    cache = PixelCache(tmp_path / "cache", room)
    with Reader(1, cache) as reader:
        before = frames(Training(samples, reader, WANTED, Data(), PLAN))
    files = list((tmp_path / "cache").glob("??/*.px"))
    assert len(files) == 3 and sum(f.stat().st_size for f in files) <= room
    again = PixelCache(tmp_path / "cache", room)
    with Reader(1, again) as reader:
        assert torch.equal(frames(Training(samples, reader, WANTED, Data(), PLAN)), before)
    assert (again.hits, again.misses) == (3, 5)


def test_a_changed_file_is_decoded_anew(tmp_path):
    (sample, _) = pictures(tmp_path / "set", {"train": 1})
    cache = PixelCache(tmp_path / "cache", 1 << 24)
    with Reader(1, cache) as reader:
        reader.submit(lambda: reader.open(sample.uri, VIEW)).result()
        Image.new("RGB", (40, 40), "red").save(sample.uri)
        clip = reader.submit(lambda: reader.open(sample.uri, VIEW)).result()
    assert (clip.frames == (255, 0, 0)).all()


def test_a_broken_file_is_named_and_replaced_by_one_of_its_class(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 4})
    Path(samples[0].uri).write_bytes(b"no picture")
    Path(samples[3].uri).unlink()
    batches = Training(samples, reader, WANTED, Data(), PLAN)
    found = [batch.to(CPU) for epoch in range(2) for batch in batches.epoch(epoch)]
    assert set(reader.broken) == {samples[0].id, samples[3].id}
    assert "no such file" in reader.broken[samples[3].id]
    index = torch.cat([batch.index for batch in found])
    assert not {0, 3} & set(index.tolist())
    assert torch.cat([batch.labels for batch in found]).mean() == 0.5
    again = Training(samples, reader, WANTED, Data(), PLAN)
    assert torch.equal(frames(again), torch.cat([batch.frames for batch in found[:2]]))


def test_a_set_of_broken_files_is_an_error(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 2})
    for sample in samples:
        Path(sample.uri).write_bytes(b"")
    with pytest.raises(DatasetError, match=r"20 files .* could not be read.*doctor"):
        frames(Training(samples, reader, WANTED, Data(), PLAN))


def test_a_broken_file_is_left_out_of_validation(tmp_path, reader):
    samples = pictures(tmp_path, {"val": 2})
    Path(samples[1].uri).write_bytes(b"")
    found = [clip is not None for _, clip in clips(samples, reader, VIEW)]
    assert found == [True, False, True, True]


def test_pictures_of_several_sizes_need_a_crop(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 2})
    Image.new("RGB", (20, 30)).save(samples[0].uri)
    native = View(size=64, fit="native")
    with pytest.raises(DatasetError, match=r"data\.crop_px=256"):
        frames(Training(samples, reader, Wanted(native), Data(), PLAN))
    assert frames(Training(samples, reader, Wanted(native), Data(crop_px=32), PLAN)).shape[-1] == 32
    assert (
        frames(Training(samples, reader, Wanted(native), Data(resize_px=24), PLAN)).shape[-1] == 24
    )


def film(path: Path, count: int, label: int = 0) -> Sample:
    return Sample(id=path.name, uri=str(video(path, count)), kind="video", label=label)


def brightness(found: torch.Tensor) -> list[list[int]]:
    """Return which frame of `toy_set.video` each frame is, (B, T); black is 0."""
    return (found.mean((2, 3, 4)) * 255 / 8).round().int().tolist()


@pytest.mark.parametrize("kind", ["video", "frames"])
def test_clips_are_consecutive_or_spread_moments(tmp_path, reader, kind):
    if kind == "video":
        samples = [film(tmp_path / "a.mp4", 16)] * 4
    else:
        names = tuple(f"{n:02}.png" for n in range(16))
        for n, name in enumerate(names):
            Image.new("RGB", (64, 64), (8 * n,) * 3).save(tmp_path / name)
        item = Sample(id="a", uri=str(tmp_path), kind="frames", label=0, frames=names)
        samples = [item] * 4
    data = Data(frames=4, moments=16, window="consecutive")
    found = brightness(frames(Training(samples, reader, WANTED, data, PLAN)))
    assert all(clip == list(range(clip[0], clip[0] + 4)) for clip in found)
    assert len({clip[0] for clip in found}) > 1
    spread = Data(frames=4, moments=16)
    found = brightness(frames(Training(samples, reader, WANTED, spread, PLAN)))
    assert all([n // 4 for n in clip] == [0, 1, 2, 3] for clip in found)


@pytest.mark.parametrize(
    ("short", "expected"), [("repeat", [1, 2, 3, 1, 2]), ("zero", [1, 2, 3, 0, 0])]
)
def test_short_videos_are_filled(tmp_path, reader, short, expected):
    names = tuple(f"{n}.png" for n in (1, 2, 3))
    for n, name in enumerate(names, 1):
        Image.new("RGB", (64, 64), (8 * n,) * 3).save(tmp_path / name)
    item = Sample(id="a", uri=str(tmp_path), kind="frames", label=0, frames=names)
    batches = Training([item], reader, WANTED, Data(frames=5, short=short), Plan(batch=1))
    assert brightness(frames(batches)) == [expected]


def test_validation_takes_the_methods_own_moments(tmp_path, reader):
    names = tuple(f"{n:02}.png" for n in range(9))
    for n, name in enumerate(names):
        Image.new("RGB", (64, 64), (8 * n,) * 3).save(tmp_path / name)
    folder = Sample(id="a", uri=str(tmp_path), kind="frames", label=0, frames=names)
    samples = [folder, film(tmp_path / "b.mp4", 9)]
    found = [clip for _, clip in clips(samples, reader, View(size=32, frames=3))]
    for clip in found:
        assert [round(frame.mean() / 8) for frame in clip.frames] == [0, 4, 8]
        assert len(set(clip.times_s)) == 3


def test_frames_packed_in_a_database_are_read(tmp_path, reader):
    lmdb = pytest.importorskip("lmdb")
    from verilens.media import packed

    pictures(tmp_path / "set", {"train": 1})
    store = tmp_path / "toy_lmdb"
    with lmdb.open(str(store), map_size=1 << 22) as database, database.begin(write=True) as writing:
        for n, path in enumerate(sorted((tmp_path / "set").iterdir())):
            writing.put(f"toy/a/{n}.png".encode(), path.read_bytes())
    item = Sample(
        id="a",
        uri=packed.address(store, "toy/a"),
        kind="frames",
        label=0,
        frames=("0.png", "1.png"),
    )
    data = Data(frames=2, crop_px=SIDE)
    (clip,) = frames(Training([item], reader, WANTED, data, Plan(batch=1)))
    expected = [np.asarray(Image.open(p)) for p in sorted((tmp_path / "set").iterdir())]
    assert (clip.permute(0, 2, 3, 1) * 255).round().numpy().tolist() == np.stack(expected).tolist()


@pytest.mark.parametrize(("fill", "last"), [("mirror", 1), ("tile", 0)])
def test_small_pictures_are_extended(fill, last):
    frame = np.arange(2, dtype=np.uint8)[None, :, None].repeat(2, 0).repeat(3, 2)
    data = Data(fill=fill)
    cut = View(size=8, fit="native", cut_px=3)
    found = augment.augmented([frame], data, cut, np.random.default_rng(0))
    assert found.shape == (1, 3, 3, 3) and found[0, 0, :, 0].tolist() == [0, 1, last]


def test_a_down_sampled_picture_keeps_its_place_in_the_batch():
    frame = np.full((40, 60, 3), 9, np.uint8)
    data = Data(downsample_p=1.0, downsample_ratio=(0.25, 0.5))
    cut = View(size=8, fit="native")
    found = augment.augmented([frame], data, cut, np.random.default_rng(0))
    assert found.shape == (1, 40, 60, 3) and (found == 9).all()


def test_a_perturbation_of_time_cannot_train(tmp_path, reader):
    samples = pictures(tmp_path, {"train": 1})
    from verilens.media.perturb import KINDS

    timed = next(name for name, kind in KINDS.items() if kind.group == "time")
    with pytest.raises(ConfigError, match="number of frames"):
        Training(samples, reader, WANTED, Data(perturb=(timed,)), PLAN)


def test_only_training_and_validation_samples_are_chosen(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 3, "val": 2, "test": 4, "": 1})
    chosen = choose(written(tmp_path / "m.parquet", samples), Data())
    assert {s.split for s in chosen.train} == {"train", ""} and len(chosen.train) == 8
    assert {s.split for s in chosen.val} == {"val"}
    without_test = [s for s in samples if s.split != "test"]
    other = choose(written(tmp_path / "o.parquet", without_test), Data())
    assert chosen.digest == other.digest and chosen.dataset == "toy" and not chosen.notes


def test_a_validation_split_is_cut_off_by_source(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 40})
    samples = [dataclasses.replace(s, source=f"s{n // 4}") for n, s in enumerate(samples)]
    chosen = choose(written(tmp_path / "m.parquet", samples), Data(val_share=0.3))
    assert 0.1 < len(chosen.val) / 80 < 0.5
    assert not {s.source for s in chosen.train} & {s.source for s in chosen.val}
    more = choose(written(tmp_path / "n.parquet", samples), Data(val_share=0.5))
    assert {s.id for s in chosen.val} <= {s.id for s in more.val}


def test_a_source_in_both_splits_is_noted(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 2, "val": 2})
    samples = [dataclasses.replace(s, source="one") for s in samples]
    chosen = choose(written(tmp_path / "m.parquet", samples), Data())
    assert "1 of the validation split's source values are in training too" in chosen.notes[0]


def test_classes_and_kinds_are_kept(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 3})
    samples = [
        dataclasses.replace(s, id=f"{'car' if n < 4 else 'cat'}/{s.id}")
        for n, s in enumerate(samples)
    ]
    path = written(tmp_path / "m.parquet", samples)
    assert len(choose(path, Data(classes=("car",))).train) == 4
    with pytest.raises(DatasetError, match=r"no genuine sample of classes .*'dog'"):
        choose(path, Data(classes=("dog",)))
    with pytest.raises(DatasetError, match="no genuine sample"):
        choose(path, Data(kinds=("video",)))


def test_a_missing_class_is_refused(tmp_path):
    samples = [s for s in pictures(tmp_path / "set", {"train": 2}) if s.label]
    with pytest.raises(DatasetError, match="no genuine sample to use for training"):
        choose(written(tmp_path / "m.parquet", samples), Data())
    with pytest.raises(DatasetError, match="no such manifest"):
        choose(tmp_path / "absent.parquet", Data())
