"""Perturbations of frames in memory: form, chance, damage that grows, exact flips."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verilens.errors import ConfigError, UnknownName
from verilens.media.perturb import KINDS, SEVERITIES, generator, kind, perturb, suite_of
from verilens.media.perturb.codecs import CARRIER, VideoCodec

EACH = [(name, severity) for name in KINDS for severity in SEVERITIES]
SLOW_ENCODERS = {"libx265", "libsvtav1", "libvpx-vp9"}


def scene(height: int = 72, width: int = 96, count: int = 3) -> np.ndarray:
    """Return a moving picture with texture, edges and flat parts, (count, H, W, 3)."""
    rng = np.random.default_rng(7)
    base = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 1.5)
    base = cv2.normalize(base, None, 20, 235, cv2.NORM_MINMAX)
    base[height // 3 : height // 2, width // 4 : width // 2] = (200, 60, 40)
    frames = np.stack([np.roll(base, 2 * n, 1) for n in range(count)])
    frames.setflags(write=False)
    return frames


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return -10 * np.log10(np.mean((first.astype(float) - second) ** 2) / 255**2 + 1e-12)


def run(frames: np.ndarray, name: str, severity: int, seed: int = 0) -> np.ndarray:
    return perturb(frames, name, severity, generator(seed, "sample", name, severity))


@pytest.mark.parametrize(("name", "severity"), EACH)
def test_form_stays_and_chance_repeats(name, severity):
    frames = scene()
    out = run(frames, name, severity)
    found = KINDS[name]
    assert out.dtype == np.uint8
    assert out.ndim == 4 and out.shape[3] == 3 and len(out) >= 1
    if not found.resizes:
        assert out.shape[1:] == frames.shape[1:]
    if found.retime is None:
        assert len(out) == len(frames)
    assert np.array_equal(out, run(frames, name, severity))


@pytest.mark.parametrize("name", [name for name, found in KINDS.items() if found.falls])
def test_damage_grows_with_severity(name):
    frames = scene(144, 176)
    measured = [psnr(frames, run(frames, name, severity)) for severity in SEVERITIES]
    assert measured == sorted(measured, reverse=True)
    assert measured[0] - measured[-1] > 2


@pytest.mark.parametrize("name", KINDS)
def test_severity_0_is_the_identity(name):
    frames = scene()
    assert run(frames, name, 0) is frames


@pytest.mark.parametrize("name", [n for n, k in KINDS.items() if not k.codec and not k.retime])
def test_one_draw_for_all_frames_unless_the_kind_says_otherwise(name):
    still = np.repeat(scene(count=1), 4, 0)
    out = run(still, name, 3)
    alike = all(np.array_equal(out[0], frame) for frame in out[1:])
    assert alike == (KINDS[name].draws == "clip")


@pytest.mark.parametrize("name", ["gaussian-noise", "cutout", "elastic", "moire"])
def test_the_seed_and_the_sample_change_the_draw(name):
    frames = scene()
    first = perturb(frames, name, 3, generator(0, "a", name, 3))
    assert not np.array_equal(first, perturb(frames, name, 3, generator(1, "a", name, 3)))
    assert not np.array_equal(first, perturb(frames, name, 3, generator(0, "b", name, 3)))


def test_the_generator_is_the_same_everywhere():
    assert generator(0, "a/b.png", "jpeg", 3).integers(1 << 30) == 552018332


def test_flips_are_exact():
    frames = scene()
    assert np.array_equal(run(frames, "horizontal-flip", 1), frames[:, :, ::-1])
    assert np.array_equal(run(frames, "vertical-flip", 5), frames[:, ::-1])
    flips = (frames[:, :, ::-1], frames[:, ::-1])
    drawn = [run(frames, "flip", 1, seed) for seed in range(12)]
    assert all(any(np.array_equal(out, f) for f in flips) for out in drawn)
    assert len({out.tobytes() for out in drawn}) == 2


def test_values_worked_out_by_hand():
    frames = np.full((1, 16, 16, 3), 100, np.uint8)
    assert set(np.unique(run(frames, "brightness", 1))) <= {80, 120}  # 0.08 x 255 = 20.4
    assert set(np.unique(run(frames, "contrast", 5))) == {118}  # 128 - 28 x 0.35
    assert set(np.unique(run(frames, "posterize", 5))) == {64}  # the upper two bits of 100
    assert np.array_equal(run(frames, "solarize", 5), frames)  # below the threshold
    assert set(np.unique(run(255 - frames, "solarize", 5))) == {100}
    grey = run(np.full((1, 16, 16, 3), (255, 0, 0), np.uint8), "grayscale", 1)
    assert set(np.unique(grey)) == {76}  # 0.299 x 255
    assert set(np.unique(run(grey, "saturation", 5))) == {76}


def test_shares_are_what_the_table_says():
    black = np.zeros((1, 256, 256, 3), np.uint8)
    assert np.mean(run(black + 128, "impulse-noise", 5) != 128) == pytest.approx(0.2, abs=0.01)
    noise = run(black + 128, "gaussian-noise", 4).astype(float) / 255
    assert noise.var() == pytest.approx(0.01, rel=0.05)
    covered = np.mean(run(black + 90, "cutout", 5) == 0)
    assert 0.1 < covered <= 0.26
    assert np.mean(run(black, "block-wise", 1) == 128) == pytest.approx(16 * 64 / 256**2, rel=0.2)


def test_time_kinds_move_frames_and_make_none_up():
    frames = np.stack([np.full((16, 16, 3), 4 * n, np.uint8) for n in range(48)])
    order = {name: run(frames, name, 5)[:, 0, 0, 0] // 4 for name in KINDS if KINDS[name].retime}
    assert list(order["frame-rate"]) == list(range(0, 48, 8))
    assert order["frame-drop"][0] == 0 and 12 < len(order["frame-drop"]) < 36
    assert (np.diff(order["frame-drop"]) > 0).all()
    assert len(order["frame-repeat"]) == 48 and (np.diff(order["frame-repeat"]) == 0).sum() > 12
    assert sorted(order["frame-shuffle"]) == list(range(48))
    assert all(set(order["frame-shuffle"][n : n + 8]) == set(range(n, n + 8)) for n in (0, 8, 40))
    blended = run(frames, "frame-blend", 1)[:, 0, 0, 0]
    assert list(blended[:3]) == [0, 2, 6]  # the mean of two, the first alone


@pytest.mark.parametrize("name", ["social-feed", "social-repost", "social-h264"])
def test_social_chains_shrink_to_their_cap_and_never_enlarge(name):
    large = np.repeat(np.repeat(scene(count=1), 10, 1), 10, 2)  # 720 x 960
    out, small = run(large, name, 5), run(scene(), name, 5)
    cap = {"social-feed": (720, max), "social-repost": (960, max), "social-h264": (240, min)}[name]
    assert cap[1](out.shape[1:3]) <= cap[0]
    assert max(small.shape[1:3]) <= 96


def test_the_carrier_of_video_perturbations_hardly_harms():
    grey = perturb(scene(144, 176, 5), "grayscale", 1, np.random.default_rng(0))
    assert psnr(grey, np.stack(CARRIER.through(grey))) > 40  # colour loses more, to 4:2:0


def test_suites():
    assert len({name for name, _ in suite_of("forgerynet")}) == 36
    assert len(suite_of("forgerynet")) == 180
    assert ("h264", 2) in suite_of("genvideo") and KINDS["h264"].level(2) == (28,)
    assert ("jpeg", 4) in suite_of("genvideo") and KINDS["jpeg"].level(4) == (35,)
    assert KINDS["colour-jitter"].level(dict(suite_of("genvideo"))["colour-jitter"]) == (0.5,)
    assert KINDS["gaussian-blur"].level(dict(suite_of("genvideo"))["gaussian-blur"]) == (7,)
    assert len({name for name, _ in suite_of("deeperforensics")}) == 7
    with pytest.raises(UnknownName, match="forgerynet"):
        suite_of("imagenet-c")


def test_the_table_is_complete():
    for found in KINDS.values():
        assert len(found.levels) == 5
        assert bool(found.unit) == any(found.levels), found.name
        assert found.filter or found.retime or found.codec
        assert found.applies == ("video",) or found.group != "time"
        assert not found.retime or found.group == "time"


def test_wrong_use_is_explained():
    with pytest.raises(UnknownName, match="did you mean 'gaussian-blur'"):
        kind("gausian-blur")
    with pytest.raises(ConfigError, match="severity 6"):
        run(scene(), "jpeg", 6)
    for frames in (np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3)), np.zeros((0, 8, 8, 3))):
        with pytest.raises(ConfigError, match=r"\(N, H, W, 3\) uint8"):
            run(frames, "jpeg", 1)


@given(
    name=st.sampled_from(
        [
            name
            for name, found in KINDS.items()
            if not isinstance(codec := found.compression(1), VideoCodec)
            or codec.encoder not in SLOW_ENCODERS
        ]
    ),
    height=st.one_of(st.integers(1, 17), st.integers(16, 90)),
    width=st.one_of(st.integers(1, 17), st.integers(16, 90)),
    severity=st.sampled_from(SEVERITIES),
    grey=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_size_will_do(name, height, width, severity, grey):
    rng = np.random.default_rng(height * 100 + width)
    shape = (2, height, width, 1 if grey else 3)
    frames = np.broadcast_to(rng.integers(0, 256, shape, dtype=np.uint8), (2, height, width, 3))
    out = run(frames, name, severity)
    assert out.dtype == np.uint8 and out.shape[3] == 3
    if not KINDS[name].resizes:
        assert out.shape[1:] == frames.shape[1:]


@pytest.mark.parametrize("name", ["h265", "av1", "vp9", "social-h265", "social-av1"])
@pytest.mark.parametrize("size", [(16, 16), (17, 33), (64, 63)])
def test_slow_encoders_take_odd_and_tiny_frames(name, size):
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    out = run(frames, name, 4)
    assert len(out) == 2
    assert KINDS[name].resizes or out.shape == frames.shape


def test_frames_too_small_for_an_encoder_are_refused():
    with pytest.raises(ConfigError, match="8 x 8 pixels are too small for libx265"):
        run(scene(8, 8), "h265", 1)


def test_the_page_shows_the_table_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "perturb.md").read_text()
    for found in KINDS.values():
        levels = " | ".join(" / ".join(f"{n:g}" for n in level) or "-" for level in found.levels)
        unit = found.unit or "no levels"
        assert f"| `{found.name}` | {', '.join(found.applies)} | {levels} | {unit} |" in page
