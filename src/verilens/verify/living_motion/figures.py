"""Figures of a movement: how fast, how jerky, in which rhythm, with which shapes and bones.

All are free of place and size; speeds are in body sizes a second. Most are decimal logarithms, so
that a difference of 0.3 is a factor of two. A figure that cannot be taken is NaN.

Convention: x is (T, J, D) at `rate` frames a second; v, a, j are its first three derivatives.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.verify.living_motion.movement import Floats, Part, Stretch

FLOOR = 1e-6  # of body sizes; what is smaller is rounding
BANDS_HZ = ((0.0, 1.0), (1.0, 2.0), (2.0, 3.5), (3.5, 5.0), (5.0, 7.5))
PIECE_S = 0.55  # of a movement that a cubic is laid through
LEAST_LAG_S = 0.4  # between a passage and its repetition
STILL = 1e-4  # body sizes a second


class Figure(NamedTuple):
    """A figure in words. low, high: what is said where it is unusual; is_log: of a logarithm."""

    low: str
    high: str
    is_log: bool = True


FIGURES: Mapping[str, Figure] = {
    "speed": Figure("hardly move", "move faster"),
    "speed_changes": Figure("keep one speed", "change speed abruptly", False),
    "acceleration": Figure("acceleration {} below", "acceleration {} above"),
    "jerk": Figure("jerk {} below", "jerk {} above"),
    "snap": Figure("tremor {} below", "tremor {} above"),
    "dimensionless_jerk": Figure("smoother than", "jerkier than"),
    "jerk_peaks": Figure("jerk without the usual peaks", "single bursts of jerk, as at seams"),
    "quiet": Figure("moments with next to no jerk", "jerk that never rests"),
    "acceleration_peaks": Figure("no bursts of acceleration", "single bursts of acceleration"),
    "lockstep": Figure("joints move apart from each other", "joints move in lockstep", False),
    "shapes": Figure("fewer independent movements", "more independent movements"),
    "tremor_shapes": Figure("tremor of few patterns", "tremor of each joint apart"),
    **{
        f"band_{n}": Figure(
            f"little movement at {low:g} to {high:g} Hz", f"much movement at {low:g} to {high:g} Hz"
        )
        for n, (low, high) in enumerate(BANDS_HZ)
    },
    "cubic": Figure("follow cubic curves", "stray from smooth curves"),
    "cubic_least": Figure("a passage that follows a cubic curve", "no smooth passage"),
    "straight_least": Figure("a passage on straight lines", "no straight passage"),
    "frozen": Figure("no joint rests", "joints stand perfectly still", False),
    "repeats": Figure("a passage that is repeated", "nothing is ever repeated"),
    "mirrored": Figure("a passage played backwards", "never retraces its way"),
    "power_law": Figure("speed does not follow curvature", "speed follows curvature", False),
    "bone_change": Figure("bones more rigid", "bones change length"),
    "bone_wobble": Figure("bones without noise", "bones change length from frame to frame"),
    "form_change": Figure("keep one shape", "change shape much"),
}
GROUPS = ("body", "hands")
NAMES = tuple(f"{group}.{name}" for group in GROUPS for name in FIGURES)


def figures(stretch: Stretch) -> Floats:
    """Return all figures of a stretch, (F,) as NAMES; those of both hands are averaged."""
    hands = [of_part(part) for part in stretch.hands]
    body = of_part(stretch.body) if stretch.body else np.full(len(FIGURES), np.nan)
    both = np.full(len(FIGURES), np.nan)
    if hands:
        known = ~np.isnan(np.stack(hands))
        total = np.where(known, np.stack(hands), 0).sum(0)
        both = np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)
    return np.concatenate([body, both])


def of_part(part: Part) -> Floats:
    """Return the figures of a group of joints, (len(FIGURES),)."""
    found = {name: np.nan for name in FIGURES}
    x, rate = part.joints, part.rate
    v = np.diff(x, axis=0) * rate
    found["speed"] = _log(_rms(v))
    found["frozen"] = float((np.linalg.norm(v, axis=2) < STILL).mean())
    if len(part.bones):
        found |= bones(x, part.bones)
    found["form_change"] = _log(form_change(x))
    if _rms(v) > 10 * STILL:
        for measure in (smoothness, rhythm, passages):
            found |= measure(x, rate)
    return np.array([found[name] for name in FIGURES])


def smoothness(x: Floats, rate: float) -> dict[str, float]:
    """Return how acceleration, jerk and snap compare, and how they are spread over time."""
    v, a, j, s = derivatives(x, rate)
    speed, pull, jolt = (np.sqrt((d**2).sum(2).mean(1)) for d in (v, a, j))
    seconds = len(v) / rate
    peak = np.linalg.norm(v, axis=2).max(0)
    each = (j**2).sum(2).mean(0) * seconds**6 / np.maximum(peak * seconds, FLOOR) ** 2
    return {
        "speed_changes": float(speed.std() / speed.mean()),
        "acceleration": _log(_rms(a) / _rms(v)),
        "jerk": _log(_rms(j) / max(_rms(a), FLOOR)),
        "snap": _log(_rms(s) / max(_rms(j), FLOOR)),
        "dimensionless_jerk": _log(float(np.median(each))),
        "jerk_peaks": _log(jolt.max() / max(np.median(jolt), FLOOR)),
        "quiet": _log(np.quantile(jolt, 0.1) / max(jolt.mean(), FLOOR)),
        "acceleration_peaks": _log(pull.max() / max(np.median(pull), FLOOR)),
    }


def derivatives(x: Floats, rate: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return velocity, acceleration, jerk and snap by differences, in units of 1/s, 1/s^2 ..."""
    v = np.diff(x, axis=0) * rate
    a = np.diff(v, axis=0) * rate
    j = np.diff(a, axis=0) * rate
    return v, a, j, np.diff(j, axis=0) * rate


def rhythm(x: Floats, rate: float) -> dict[str, float]:
    """Return in which frequencies joints move, how much together, and speed over curvature."""
    v, a, j, _ = derivatives(x, rate)
    speeds = np.linalg.norm(v, axis=2)
    moving = speeds[:, speeds.mean(0) > 0.2 * speeds.mean()]
    values = np.linalg.svd(moving / moving.mean(0), compute_uv=False) ** 2
    flat = v.reshape(len(v), -1)
    power = (np.abs(np.fft.rfft(flat * np.hanning(len(flat))[:, None], axis=0)) ** 2).sum(1)
    hz = np.fft.rfftfreq(len(flat), 1 / rate)
    total = power.sum()
    bands = {
        f"band_{n}": _log(power[(hz >= low) & (hz < high)].sum() / total)
        for n, (low, high) in enumerate(BANDS_HZ)
        if high <= rate / 2 + 1e-6
    }
    return {
        "lockstep": float(values[0] / values.sum()),
        "shapes": _log(dimensions(x.reshape(len(x), -1))),
        "tremor_shapes": _log(dimensions(j.reshape(len(j), -1))),
        "power_law": power_law(v[:-1], a),
        **bands,
    }


def dimensions(rows: Floats) -> float:
    """Return how many independent directions rows lie in, 1 or more: the participation ratio."""
    values = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    return float(values.sum() ** 2 / max((values**2).sum(), 1e-30))


def power_law(v: Floats, a: Floats) -> float:
    """Return the slope of log speed over log curvature, -1/3 for drawing hands; NaN if too few."""
    speed = np.linalg.norm(v, axis=2)
    across = np.sqrt(np.maximum((v**2).sum(2) * (a**2).sum(2) - (v * a).sum(2) ** 2, 0))
    used = (speed > 0.5 * speed.mean()) & (across > FLOOR)
    if used.sum() < 20:
        return float("nan")
    log_speed = np.log(speed[used])
    log_bend = np.log(across[used]) - 3 * log_speed
    spread = log_bend - log_bend.mean()
    return float((spread * log_speed).mean() / max((spread**2).mean(), 1e-9))


def passages(x: Floats, rate: float) -> dict[str, float]:
    """Return how well passages follow cubics and lines, and whether one repeats or is mirrored."""
    length = max(6, round(PIECE_S * rate))
    found = {}
    if len(x) > length:
        pieces = np.lib.stride_tricks.sliding_window_view(x.reshape(len(x), -1), length, axis=0)
        pieces = pieces.transpose(0, 2, 1)  # (N, length, values)
        moved = np.sqrt(((pieces - pieces.mean(1, keepdims=True)) ** 2).mean((1, 2)))
        used = moved > 0.2 * moved.mean()
        cubic, straight = (residual(pieces[used], degree) for degree in (3, 1))
        found["cubic"] = _log(float(np.median(cubic)))
        found["cubic_least"] = _log(cubic.min())
        found["straight_least"] = _log(straight.min())
    flat = x.reshape(len(x), -1)
    gaps = np.sqrt(((flat[:, None] - flat[None]) ** 2).mean(2))
    usual = max(gaps.mean(), FLOOR)
    least = round(LEAST_LAG_S * rate)
    lags = [np.diagonal(gaps, lag).mean() for lag in range(least, len(x) - least)]
    back = gaps[:, ::-1]
    turns = [np.diagonal(back, n).mean() for n in range(-len(x) + 2 * least, len(x) - 2 * least)]
    return found | {"repeats": _log(min(lags) / usual), "mirrored": _log(min(turns) / usual)}


def residual(pieces: Floats, degree: int) -> Floats:
    """Return the share of each piece's movement that no polynomial explains, (N,)."""
    times = np.linspace(-1, 1, pieces.shape[1])
    basis, _ = np.linalg.qr(np.vander(times, degree + 1))
    rest = pieces - basis @ (basis.T @ pieces)
    whole = pieces - pieces.mean(1, keepdims=True)
    share: Floats = np.sqrt((rest**2).mean((1, 2)) / np.maximum((whole**2).mean((1, 2)), 1e-30))
    return share


def bones(x: Floats, pairs: NDArray[np.int_]) -> dict[str, float]:
    """Return how much bones change length over time, and from frame to frame."""
    lengths = np.linalg.norm(x[:, pairs[:, 0]] - x[:, pairs[:, 1]], axis=2)
    mean = lengths.mean(0)
    kept = mean > 1e-3
    if not kept.any():
        return {}
    lengths, mean = lengths[:, kept], mean[kept]
    steps = np.sqrt((np.diff(lengths, axis=0) ** 2).mean(0)) / mean
    return {
        "bone_change": _log(float(np.median(lengths.std(0) / mean))),
        "bone_wobble": _log(float(np.median(steps))),
    }


def form_change(x: Floats) -> float:
    """Return how much the distances between joints change, in sizes of the group."""
    middle = x - x.mean(1, keepdims=True)
    return float(np.linalg.norm(middle, axis=2).std(0).mean())


def _rms(vectors: Floats) -> float:
    """Return the root of the mean squared length of vectors, (..., D)."""
    return float(np.sqrt((vectors**2).sum(-1).mean()))


def _log(value: float) -> float:
    return float(np.log10(max(float(value), FLOOR)))
