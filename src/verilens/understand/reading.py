"""From what a model said to values, with nothing taken on trust.

The text is cut to size, the JSON object in it is found, parsed strictly and checked against a
schema. Every way to fail has a name: `Outcome`. Whatever else the text says is left alone.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verilens.errors import MissingExtra
from verilens.understand.answerer import LONGEST, Answer, Outcome, outcome_of

THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
REFUSALS = re.compile(
    r"\b(?:i(?:'m| am)? (?:sorry|unable|not able)|i (?:can't|cannot|can not|won't)|as an ai|"
    r"not (?:able|allowed) to (?:help|assist|identify)|against (?:my|the) (?:policy|guidelines))",
    re.IGNORECASE,
)
ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.]{0,40}\b(?:instructions?|prompts?|rules|evidence|"
    r"verdict|detectors?)\b|\bsystem prompt\b|\byou (?:must|are now)\b",
    re.IGNORECASE,
)
# Common words of English that its neighbours lack: a sentence of eight words holds some.
ENGLISH = frozenset((
    *("the", "of", "and", "or", "is", "are", "were", "at", "to", "with", "it", "its", "this"),
    *("that", "not", "there", "by", "for", "from", "has", "have", "be", "than", "but", "looks"),
    *("seems", "appears", "which", "both"),
))  # fmt: skip
LEAST_WORDS, LEAST_SHARE, LATIN_SHARE = 8, 0.08, 0.7


@dataclass(frozen=True, kw_only=True)
class Read:
    """What an answer amounts to. value: as the schema says, empty unless `outcome` is "answered".

    note: what was wrong. has_orders: it tells its reader what to do, which nobody does.
    """

    outcome: Outcome
    value: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    has_orders: bool = False


def read(answer: Answer, schema: Mapping[str, object], sentences: tuple[str, ...] = ()) -> Read:
    """Return the JSON object in an answer, checked against a schema.

    sentences: fields of the object that must be English. MissingExtra without jsonschema.
    """
    orders = ORDERS.search(answer.text[:LONGEST]) is not None
    ended = outcome_of(answer.text) if answer.outcome == "answered" else answer.outcome
    if ended not in ("answered", "cut-off"):
        return Read(outcome=ended, note=answer.note, has_orders=orders)
    value = json_object(answer.text)
    if value is None:
        if ended == "answered":
            ended = "refused" if REFUSALS.search(answer.text[:400]) else "not-json"
        return Read(outcome=ended, note="no JSON object in the answer", has_orders=orders)
    fault = misshapen(value, schema)
    if fault:
        return Read(outcome="wrong-shape", note=fault, has_orders=orders)
    text = " ".join(str(value[name]) for name in sentences if name in value)
    if not is_english(text):
        note = "the sentences are not in English, which was asked for"
        return Read(outcome="wrong-language", note=note, has_orders=orders)
    return Read(outcome="answered", value=value, has_orders=orders)


def json_object(text: str) -> dict[str, Any] | None:
    """Return the first JSON object in a text, whatever stands around it; None without one.

    Thoughts in <think> tags are left out. Not-a-number and infinity are no JSON.
    """
    if outcome_of(text) != "answered":
        return None
    plain = THOUGHTS.sub("", text)
    decoder = json.JSONDecoder(parse_constant=_refused)
    for start in (match.start() for match in list(re.finditer(r"\{", plain))[:20]):
        try:
            value, _ = decoder.raw_decode(plain, start)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


def misshapen(value: object, schema: Mapping[str, object]) -> str:
    """Return how a value breaks a schema, in a line; empty when it does not."""
    try:
        from jsonschema import Draft202012Validator
    except ImportError as error:
        message = "reading a model's answers needs jsonschema: pip install 'verilens[mllm]'"
        raise MissingExtra(message) from error
    fault = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    if fault is None:
        return ""
    at = "/".join(map(str, fault.absolute_path)) or "the object"
    return f"{at}: breaks the rule '{fault.validator}'"


def is_english(text: str) -> bool:
    """Tell whether a text may be English; one too short to tell is."""
    letters = [c for c in text if c.isalpha()]
    if len(letters) >= LEAST_WORDS and sum(c.isascii() for c in letters) < LATIN_SHARE * len(
        letters
    ):
        return False
    words = re.findall(r"[a-z']+", text.lower())
    if len(words) < LEAST_WORDS:
        return True
    return sum(word in ENGLISH for word in words) >= LEAST_SHARE * len(words)


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
