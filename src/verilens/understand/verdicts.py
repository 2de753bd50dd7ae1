"""Which verdict a free text comes to: genuine, fake, or neither.

The rule of mllm-defake: of the words for real and for fake, the one that stands last decides. Its
trap: "unrealistic" and "really" hold "real", and "not real" ends in it. The strict mode goes by a
line such as "verdict: fake" where there is one, else by whole words, a negated one turned round.
"""

import re
from collections.abc import Sequence
from typing import Literal

Verdict = Literal["genuine", "fake", "undecided"]
CODES: dict[Verdict, int] = {"genuine": 1, "fake": 0, "undecided": -1}  # mllm-defake's, inverted

GENUINE = ("real", " natural", "真实的")
FAKE = ("fake", "generated", "生成的")
_LINE = re.compile(r"\bverdict\W{1,6}(real|genuine|fake|undecided)\b")
_WORDS = re.compile(
    r"(?P<no>\b(?:not|isn't|n't|no|neither|nor)\b(?:\s+(?:a|an|at|all|look|looks|like|appear|to|be|"
    r"seem|the|very)){0,4}\s+)?"
    r"(?:\b(?P<genuine>real|genuine|authentic|natural)\b|"
    r"\b(?P<fake>fake|fabricated|synthetic|forged|(?:ai-|ai )?generated)\b|"
    r"(?P<genuine_zh>真实的)|(?P<fake_zh>生成的))"
)


def verdict(text: str, strict: bool = False) -> Verdict:
    """Return what a text says last."""
    lowered = text.lower()
    if strict:
        return _strict(lowered)
    genuine = max(lowered.rfind(word) for word in GENUINE)
    fake = max(lowered.rfind(word) for word in FAKE)
    if genuine == fake:  # neither is there
        return "undecided"
    return "genuine" if genuine > fake else "fake"


def share_of_fakes(verdicts: Sequence[Verdict]) -> float | None:
    """Return which share of those that decide say fake; None when none does. 0.5 is a tie."""
    decided = [verdict == "fake" for verdict in verdicts if verdict != "undecided"]
    return sum(decided) / len(decided) if decided else None


def _strict(text: str) -> Verdict:
    lines = _LINE.findall(text)
    if lines:
        said: dict[str, Verdict] = {"fake": "fake", "undecided": "undecided"}
        return said.get(lines[-1], "genuine")
    found = list(_WORDS.finditer(text))
    if not found:
        return "undecided"
    last = found[-1]
    is_genuine = bool(last["genuine"] or last["genuine_zh"])
    return "genuine" if is_genuine != bool(last["no"]) else "fake"
