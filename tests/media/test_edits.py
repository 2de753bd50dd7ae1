"""Cutting leaves copies and joints of noise; both are found in films made here."""

import numpy as np
import pytest

from verilens.media import edits

SIDE = 96


def film(count, seed, noise=2.0, speed=3.0):
    """Return a shot of blobs that drift, with fresh noise in every frame."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    starts, paces = rng.uniform(0, SIDE, (5, 2)), speed * rng.normal(size=(5, 2))
    frames = []
    for n in range(count):
        frame = np.full((SIDE, SIDE, 3), 90.0) + 0.4 * x[..., None]
        for (top, left), pace in zip(starts, paces, strict=True):
            centre = (top + n * pace[0]) % SIDE, (left + n * pace[1]) % SIDE
            blob = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 200)
            frame += 90 * blob[..., None]
        frame += rng.normal(0, noise, (SIDE, SIDE, 1))
        frames.append(frame.clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def again(frames, rng):
    """Return frames as another compression of the same ones leaves them."""
    return (frames + rng.normal(0, 1.0, frames.shape)).clip(0, 255).astype(np.uint8)


def f1(found, wanted):
    hits = (found & wanted).sum()
    return 2 * hits / max(found.sum() + wanted.sum(), 1)


def test_duplicated_frames_are_found():
    rng = np.random.default_rng(0)
    hits = []
    for seed in range(8):
        frames = film(60, seed)
        start, count = int(rng.integers(5, 25)), int(rng.integers(4, 12))
        at = start + count + int(rng.integers(0, 10))
        copied = again(frames[start : start + count], rng)
        forged = np.concatenate([frames[:at], copied, frames[at:]])
        wanted = np.arange(len(forged))
        wanted = (wanted >= at) & (wanted < at + count)
        hits.append(f1(edits.copied_from(forged) >= 0, wanted))
        (run,) = edits.copies(forged, least=3)
        assert (run.start, run.source, run.length) == (at, start, count)
    assert np.mean(hits) >= 0.95


def test_genuine_films_have_no_copies_moving_or_still():
    for seed in range(4):
        assert edits.copies(film(40, seed)) == []
    assert edits.copies(film(40, 9, speed=0.0)) == []


def test_a_frozen_frame_in_a_moving_film_is_a_copy():
    frames = film(30, 1)
    forged = np.concatenate([frames[:20], frames[19:20], frames[20:]])
    assert edits.copies(forged) == [edits.Copy(20, 19, 1)]


@pytest.mark.parametrize("levels", [(2.0, 4.0), (5.0, 3.0), (1.0, 6.0)])
def test_a_splice_between_noise_levels_is_found_to_a_frame(levels):
    for seed in range(5):
        at = 10 + 3 * seed
        forged = np.concatenate(
            [film(40, seed, levels[0])[:at], film(40, seed + 50, levels[1])[at:]]
        )
        found = edits.joint(forged)
        assert found is not None and abs(found.at - at) <= 1
        assert found.before == pytest.approx(levels[0], rel=0.2)
        assert found.after == pytest.approx(levels[1], rel=0.2)


def test_a_cut_between_shots_of_one_camera_is_no_joint():
    for seed in range(5):
        assert edits.joint(np.concatenate([film(20, seed), film(20, seed + 50)])) is None
    assert edits.joint(film(4, 0)) is None


def test_noise_is_measured_in_levels():
    rng = np.random.default_rng(0)
    flat = 128 + rng.normal(0, 5, (2, SIDE, SIDE, 1)).repeat(3, -1)
    assert edits.noise(flat.astype(np.uint8)) == pytest.approx(5, rel=0.1)
