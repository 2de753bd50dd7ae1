"""What X2-DFD is tuned on: verdicts with reasons of strong features, questions with weak scores.

Records have LLaVA's form: {"id", "image", "conversations": [{"from": "human", ...}, {"from": "gpt",
...}]}, one <image> a record, the verdict before its reasons.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from verilens.verify.weak_features import BLENDING, Turn, Wording, supply
from verilens.verify.x2_dfd.assess import Feature
from verilens.verify.x2_dfd.config import QUESTION

IMAGE = "<image>"
VERDICTS = ("This image is real.", "This image is fake.")  # by label


class Face(NamedTuple):
    """A labelled face. seen: names of the features that the base model says yes to.

    score: of the expert detector, None where it could not look.
    """

    id: str
    image: str
    is_fake: bool
    seen: tuple[str, ...] = ()
    score: float | None = None


def explained(face: Face, strong: Sequence[Feature], question: str = QUESTION) -> Turn:
    """Return the question about a face and its answer: the verdict, then strong features alone.

    A fake names those that were seen, a real face those that were not.
    """
    names = [feature.name for feature in strong]
    said = [name for name in names if (name in face.seen) == face.is_fake]
    verdict = VERDICTS[face.is_fake]
    if not said:
        return Turn(question, verdict)
    reasons = (
        f"It shows {_listed(said)}." if face.is_fake else f"It shows no {_listed(said, 'or')}."
    )
    return Turn(question, f"{verdict} {reasons}")


class Records(NamedTuple):
    """LLaVA's records, and how many faces had no expert's score."""

    records: list[dict[str, Any]]
    missing: int


def records(
    faces: Iterable[Face],
    strong: Sequence[Feature],
    question: str = QUESTION,
    expert: Wording | None = BLENDING,
) -> Records:
    """Return the training set of some faces.

    expert: whose scores are written into the questions; None leaves them out.
    """
    listed = list(faces)
    turns = [explained(face, strong, question) for face in listed]
    missing = 0
    if expert is not None:
        scores, labels = [f.score for f in listed], [f.is_fake for f in listed]
        written = supply(turns, scores, labels, expert)
        turns, missing = list(written.turns), written.missing
    return Records([_record(*pair) for pair in zip(listed, turns, strict=True)], missing)


def _record(face: Face, turn: Turn) -> dict[str, Any]:
    return {
        "id": face.id,
        "image": face.image,
        "conversations": [
            {"from": "human", "value": f"{IMAGE}\n{turn.question.replace(IMAGE, '')}"},
            {"from": "gpt", "value": turn.answer.replace(IMAGE, "")},
        ],
    }


def _listed(names: Sequence[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
