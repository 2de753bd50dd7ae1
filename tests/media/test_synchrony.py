"""Sound that is shifted against the mouth is found, sound that fits is not flagged."""

import numpy as np
import pytest

from verilens.bench.metrics import auc
from verilens.media.synchrony import lag


def speech(rng, frames=100, noise=0.5):
    """A mouth that opens and closes in syllables, and the loudness it makes."""
    spurts = rng.random(frames + 40) < 0.2
    mouth = np.convolve(spurts, np.hanning(7), mode="same")
    loudness = mouth**0.5 + noise * rng.normal(size=len(mouth)) * mouth.std()
    return mouth[20:-20], loudness, frames


def moved(loudness, frames, shift):
    return loudness[20 - shift : 20 - shift + frames]


def test_a_shift_is_measured():
    mouth, loudness, frames = speech(np.random.default_rng(0), noise=0)
    for shift in (-6, 0, 6):
        assert lag(mouth, moved(loudness, frames, shift)).frames == shift


def test_six_frames_are_flagged_and_none_is_not():
    rng = np.random.default_rng(1)
    scores, labels = [], []
    for _ in range(60):
        mouth, loudness, frames = speech(rng)
        for shift in (0, 6):
            scores.append(lag(mouth, moved(loudness, frames, shift)).gain)
            labels.append(int(shift > 0))
    assert auc(scores, labels) >= 0.95


@pytest.mark.parametrize("signals", [([0.0] * 9, [0.0] * 9), ([1.0] * 60, [1.0] * 60)])
def test_signals_without_a_lag_are_refused(signals):
    with pytest.raises(ValueError, match=r"signal"):
        lag(*signals)
