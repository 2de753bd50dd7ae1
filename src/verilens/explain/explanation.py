"""The explanation of one report, and the line of JSON it becomes.

The verdict stands before any model is asked, and nothing a model says changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verilens.errors import VerilensError
from verilens.explain.claims import Checked, checked, claims, missed
from verilens.explain.plain import sentences
from verilens.explain.question import SCHEMA, question
from verilens.records import Clip, Report, Verdict
from verilens.report.escape import unicode
from verilens.understand.answerer import Answer, Answerer, Asked, Outcome
from verilens.understand.asking import tried
from verilens.understand.reading import read

SCHEMA_NAME = "verilens/explain-v1"
OUTCOMES: dict[Outcome, str] = {
    "answered": "the model answered",
    "empty": "the model said nothing",
    "refused": "the model declined to answer",
    "cut-off": "the answer broke off before it was whole; allow more with --max-tokens",
    "too-long": "the answer was far longer than asked for, and was not read",
    "failed": "no answer came",
    "not-json": "the answer was not in the form asked for",
    "wrong-shape": "the answer was not in the form asked for",
    "wrong-language": "the answer was not in the language asked for",
}
AGAINST = {"genuine": ("fake", "suspicious"), "fake": ("genuine",)}


@dataclass(frozen=True, kw_only=True)
class ModelSays:
    """What a model said of a file, checked. Fields are empty unless `outcome` is "answered".

    note: what went wrong. has_orders: the text addresses its reader with instructions, which nobody
    follows. disagreements: between the model and the verdict, or the maps, in words.
    """

    answer: Answer
    outcome: Outcome
    note: str = ""
    has_orders: bool = False
    verdict: str = ""
    confidence: float = 0.0
    summary: str = ""
    claims: tuple[Checked, ...] = ()
    disagreements: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a file's verdict is what it is. text: the sentences that need no model."""

    path: str
    verdict: Verdict | None
    text: tuple[str, ...]
    model: ModelSays | None = None


def asked(report: Report, clips: Sequence[Clip], max_tokens: int = 768) -> Asked:
    """Return the question about a report's file, with what the model is shown."""
    times = tuple(float(t) for clip in clips for t in clip.times_s)
    return Asked(question(report, times, max_tokens), tuple(clips))


def explain(
    report: Report,
    clips: Sequence[Clip] = (),
    answerer: Answerer | None = None,
    max_tokens: int = 768,
) -> Explanation:
    """Return the explanation of a report; a model is asked where there is one to ask.

    clips: what it is shown, see `Answerer.sees`; without any it is not asked. An answer that cannot
    be used is named, never raised.
    """
    model = None
    if answerer is not None and report.verdict is not None and clips:
        try:
            answer = tried(answerer, [asked(report, clips, max_tokens)])[0]
        except VerilensError as error:
            answer = Answer(text="", outcome="failed", model=answerer.name, note=str(error))
        model = understood(answer, report)
    return Explanation(
        path=report.path, verdict=report.verdict, text=sentences(report), model=model
    )


def understood(answer: Answer, report: Report) -> ModelSays:
    """Return what a model's answer says of a report, its claims checked."""
    found = read(answer, SCHEMA, sentences=("summary",))
    if found.outcome != "answered":
        return ModelSays(
            answer=answer, outcome=found.outcome, note=found.note, has_orders=found.has_orders
        )
    said = claims(found.value)
    each = tuple(checked(claim, report) for claim in said)
    verdict = str(found.value["verdict"])
    return ModelSays(
        answer=answer,
        outcome="answered",
        has_orders=found.has_orders,
        verdict=verdict,
        confidence=float(found.value["confidence"]),
        summary=str(found.value["summary"]),
        claims=each,
        disagreements=(*disagreements(verdict, each, report), *missed(said, report)),
    )


def disagreements(verdict: str, each: Sequence[Checked], report: Report) -> list[str]:
    """Return where a model stands against the verdict or against a detector, in words."""
    found = []
    decision = report.verdict.decision if report.verdict else "unsure"
    if decision in AGAINST.get(verdict, ()):
        found.append(f"the model says {verdict}, the verdict is {decision}; the verdict stands")
    for one in each:
        if one.finding in ("contradicted", "disputed"):
            where = f"{one.claim.region}, {one.claim.says}"
            found.append(f"the model's claim ({where}) is {one.finding}: {'; '.join(one.by)}")
    return found


def line(found: Explanation) -> dict[str, Any]:
    """Return an explanation as plain values, ready for JSON."""
    model = found.model
    return {
        "schema": SCHEMA_NAME,
        "path": unicode(found.path),
        "decision": found.verdict.decision if found.verdict else None,
        "text": [unicode(sentence) for sentence in found.text],
        "model": _model(model) if model else None,
    }


def _model(model: ModelSays) -> dict[str, Any]:
    answer = model.answer
    return {
        "name": unicode(answer.model),
        "outcome": model.outcome,
        "note": unicode(model.note),
        "has_orders": model.has_orders,
        "verdict": model.verdict or None,
        "confidence": model.confidence if model.verdict else None,
        "summary": unicode(model.summary),
        "claims": [_claim(one) for one in model.claims],
        "disagreements": [unicode(text) for text in model.disagreements],
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "seconds": answer.seconds,
        "is_cached": answer.is_cached,
    }


def _claim(one: Checked) -> dict[str, Any]:
    claim = one.claim
    return {
        "says": claim.says,
        "what": unicode(claim.what),
        "region": claim.region,
        "box": list(claim.box),
        "span_s": list(claim.span_s) if claim.span_s else None,
        "finding": one.finding,
        "by": list(one.by),
    }
