"""What an answer earns: pure functions of its text and the label.

    <think> thoughts </think> <answer> real | spoof[: type] </answer>

| reward | 1 when |
|---|---|
| class  | there is one answer, and it equals the label |
| reason | there is one answer, and the thoughts alone imply it |
| format | the text is exactly the form above |

Thoughts imply a verdict by the signs they name: those of an attack against those of a live face, a
negated sign turned round. As many of both, or none, imply nothing.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Verdict = Literal["real", "spoof"]

FORM = re.compile(
    r"\s*<think>(?P<think>.*?)</think>\s*<answer>\s*(?P<answer>real|spoof)\s*"
    r"(?::\s*(?P<type>[^<>]{1,60}?))?"
    r"\s*</answer>\s*",
    re.DOTALL | re.IGNORECASE,
)
ANSWER = re.compile(r"<answer>\s*(real|spoof)\b[^<>]*</answer>", re.IGNORECASE)
THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL | re.IGNORECASE)
NEGATION = (
    r"(?P<no>\b(?:no|not|without|lacks?|absence of|free of)\b(?:\s+(?:a|an|any|sign of|signs of|"
)
NEGATION += r"visible|the|is))*\s+)?"
SPOOF_SIGNS = (
    "paper|print(?:ed|out)?|photo of a "
    "photo|screen|display|monitor|replay(?:ed)?|moir[eé]|stripes?|"
    "pixel grid|halftone|dots|mask|silicone|latex|cut-?outs?|glare|bezel|flat|spoof|attack|fake"
)
REAL_SIGNS = (
    "live|living|real|bona fide|genuine|natural skin|pores|depth|blood flow|soft shadows|"
    "skin texture"
)
SIGNS = re.compile(
    NEGATION + rf"\b(?:(?P<spoof>{SPOOF_SIGNS})|(?P<real>{REAL_SIGNS}))\b", re.IGNORECASE
)


class Rewards(NamedTuple):
    """0 or 1 each."""

    right: float
    consistent: float
    formed: float

    def total(self, weights: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> float:
        """Return the weighted sum, weights in the order of the fields."""
        return sum(weight * value for weight, value in zip(weights, self, strict=True))


def rewards(text: str, label: Verdict) -> Rewards:
    """Return what an answer to a face with this label earns."""
    found = verdict(text)
    thoughts = THINK.findall(text)
    implied_ = implied(thoughts[0]) if len(thoughts) == 1 else None
    return Rewards(
        right=float(found == label),
        consistent=float(found is not None and implied_ == found),
        formed=float(FORM.fullmatch(text) is not None),
    )


def verdict(text: str) -> Verdict | None:
    """Return the one answer of a text; None when there is none, or several."""
    found = ANSWER.findall(text)
    if len(found) != 1:
        return None
    return "real" if found[0].lower() == "real" else "spoof"


def implied(thoughts: str) -> Verdict | None:
    """Return the verdict that thoughts come to without the answer; None when they come to none."""
    balance = 0
    for sign in SIGNS.finditer(thoughts):
        is_spoof = bool(sign["spoof"]) != bool(sign["no"])
        balance += 1 if is_spoof else -1
    return None if balance == 0 else "spoof" if balance > 0 else "real"


def shares(found: list[Rewards]) -> Mapping[str, float]:
    """Return the mean of each reward."""
    names = ("class", "reason", "format")
    return {name: sum(r[n] for r in found) / len(found) for n, name in enumerate(names)}
