"""A detector's score in words: X2-DFD's weak feature, which tells a language model what it misses.

A model that reads pictures by meaning overlooks seams. So the question it is asked carries the
detector's score, and the answer it learns from mentions the seam, but only where the score agrees
with the label. The wording is ours.
"""

from collections.abc import Sequence
from typing import NamedTuple

LOW, HIGH = 0.3, 0.7  # X2-DFD's thresholds


class Turn(NamedTuple):
    """One question to a language model and the answer it is to give."""

    question: str
    answer: str


class Supply(NamedTuple):
    """Turns with the scores written in, and how many had no score and stayed as they were."""

    turns: tuple[Turn, ...]
    missing: int


class Wording(NamedTuple):
    """How an expert is spoken of: what it is called, what it sees, from where its score decides."""

    name: str = "A blending detector"
    sign: str = "blending artefacts"
    low: float = LOW
    high: float = HIGH


BLENDING = Wording()


def weak_feature(score: float, expert: Wording = BLENDING) -> str:
    """Return in one sentence what an expert's score in [0, 1] amounts to."""
    if not 0 <= score <= 1:
        raise ValueError(f"a score lies in [0, 1], not at {score}")
    is_low, is_high = score <= expert.low, score >= expert.high
    amount = "little or no" if is_low else "obvious" if is_high else "some"
    return f"The face shows {amount} {expert.sign}."


def supplied(turn: Turn, score: float | None, is_fake: bool, expert: Wording = BLENDING) -> Turn:
    """Return a turn with the score in its question, and in its answer where both agree.

    Without a score the turn stays as it is.
    """
    if score is None:
        return turn
    question = f"{turn.question} {expert.name} scores it {score:.3f}."
    agrees = score >= expert.high if is_fake else score <= expert.low
    return Turn(question, f"{turn.answer} {weak_feature(score, expert)}" if agrees else turn.answer)


def supply(
    turns: Sequence[Turn],
    scores: Sequence[float | None],
    are_fake: Sequence[bool],
    expert: Wording = BLENDING,
) -> Supply:
    """Return all turns with their scores, and count those that have none."""
    rows = zip(turns, scores, are_fake, strict=True)
    written = tuple(supplied(turn, score, is_fake, expert) for turn, score, is_fake in rows)
    return Supply(written, sum(score is None for score in scores))
