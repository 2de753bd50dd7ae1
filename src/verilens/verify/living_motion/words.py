"""What figures of movement say, in words: which are unusual, and by how much."""

from collections.abc import Sequence

import numpy as np

from verilens.verify.living_motion.figures import FIGURES, NAMES
from verilens.verify.living_motion.movement import Floats, Stretch

MOST = 3  # figures named
LEAST = 0.2  # of the logit, for a figure to be named


def why(rows: Floats, moved: Floats, usual: Floats, looks_made: bool) -> str:
    """Return why a movement looks generated or captured, in words.

    rows: figures of its stretches, (N, F). moved: how far each moved the logit. usual: figures of
    captured movement, (F,).
    """
    pull = moved.mean(0)
    order = [n for n in np.argsort(-pull) if pull[n] > LEAST][:MOST]
    named = [_named(n, float(np.nanmean(rows[:, n])), usual[n]) for n in order]
    if not named:
        return "speed, jerk, rhythm and shapes are as in captured movement"
    by_group: dict[str, list[str]] = {}
    for group, phrase in named:
        by_group.setdefault(group, []).append(phrase)
    opening = "" if looks_made else "on the whole as captured movement; most unusual: "
    return opening + "; ".join(f"{g}: {', '.join(said)}" for g, said in by_group.items())


def limits(rows: Floats, parts: Sequence[Stretch]) -> tuple[str, ...]:
    """Return what weakens the evidence."""
    found = []
    if len(parts) == 1:
        found.append("one stretch of movement alone was judged")
    if not any(part.hands for part in parts):
        found.append("no hand with its fingers is seen throughout")
    if np.isnan(rows[:, NAMES.index("body.bone_change")]).all():
        found.append("bone lengths are unknown: the joints are flat, or name no bones")
    return tuple(found)


def _named(place: int, value: float, usual: float) -> tuple[str, str]:
    """Return a group and its figure in words, e.g. "hands", "jerk 40% below living movement"."""
    group, _, name = NAMES[place].partition(".")
    figure = FIGURES[name]
    phrase = figure.low if value < usual else figure.high
    if "{}" in phrase:
        share = abs(10 ** (value - usual) - 1)
        phrase = f"{phrase.format(f'{share:.0%}')} living movement"
    elif name == "bone_change" and value > usual:
        phrase = f"{phrase} by {10**value:.1%}"
    elif name == "dimensionless_jerk":
        phrase = f"{phrase} living movement"
    return group, phrase
