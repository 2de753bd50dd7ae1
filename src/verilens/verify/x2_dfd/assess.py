"""Model feature assessment: which yes/no questions does a model answer well?

    questions x labelled faces -> answers -> balanced accuracy of each -> strong and weak features

Yes speaks for a forgery. Of N answers to a question, real_acc is the share of "no" on real faces,
fake_acc the share of "yes" on fake ones; an answer that is neither counts in the total only.
"""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import NamedTuple

from verilens.records import Clip
from verilens.understand.answerer import Answerer, Asked, Question, Turn
from verilens.understand.asking import ask

ONE_WORD = " Answer yes or no, with one word."


class Feature(NamedTuple):
    """A sign of forgery, and the question that asks for it."""

    name: str
    question: str


class Stats(NamedTuple):
    """How well a model answers one question."""

    feature: Feature
    real_acc: float
    fake_acc: float

    @property
    def balanced(self) -> float:
        """Return the mean of both shares."""
        return (self.real_acc + self.fake_acc) / 2


class Assessment(NamedTuple):
    """Features from the best answered on: those a model's reasons may use, and the rest."""

    strong: tuple[Stats, ...]
    weak: tuple[Stats, ...]


def features() -> tuple[Feature, ...]:
    """Return the hundred features of questions.txt."""
    text = (files("verilens.verify.x2_dfd") / "questions.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(Feature(*line.split("|", 1)) for line in lines)


def normalised(answer: str) -> str:
    """Return an answer without blanks, closing marks and capitals: "YES." is "yes"."""
    return answer.strip().lower().rstrip(".!?,").strip()


def stats(feature: Feature, answers: Sequence[str], labels: Sequence[int]) -> Stats:
    """Return how well the answers to one question fit the labels (1 is fake)."""
    said = [normalised(answer) for answer in answers]
    real = [word == "no" for word, label in zip(said, labels, strict=True) if not label]
    fake = [word == "yes" for word, label in zip(said, labels, strict=True) if label]
    if not real or not fake:
        raise ValueError("a question is assessed on real and fake faces")
    return Stats(feature, sum(real) / len(real), sum(fake) / len(fake))


def ranked(found: Iterable[Stats], strong: int) -> Assessment:
    """Return features by balanced accuracy, the best first; equal ones by name."""
    order = sorted(found, key=lambda s: (-s.balanced, s.feature.name))
    return Assessment(tuple(order[:strong]), tuple(order[strong:]))


def assess(
    answerer: Answerer,
    faces: Sequence[tuple[Clip, ...]],
    labels: Sequence[int],
    strong: int,
    asked: Sequence[Feature] | None = None,
    parallel: int = 4,
) -> Assessment:
    """Ask a model every question about every face and rank the questions."""
    found = []
    for feature in asked or features():
        turns = (Turn(role="user", text=feature.question + ONE_WORD, shows=True),)
        question = Question(turns=turns, max_tokens=4)
        answers = ask(answerer, (Asked(question, clips) for clips in faces), parallel)
        found.append(stats(feature, [answer.text for answer in answers], labels))
    return ranked(found, strong)
