"""The contract of answerers: a question about clips in, an answer out.

    question + clips -> Answerer -> answer (what was said, how it ended, what it cost)

An answerer is a multimodal language model, wherever it runs. What it says comes from outside: it is
data, it decides nothing here, and no instruction in it is followed. `reading` turns it into values.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from verilens.records import Clip, View

Role = Literal["system", "user", "assistant"]
Outcome = Literal[
    "answered",
    "empty",  # nothing, or white space alone
    "refused",  # the model declines
    "cut-off",  # it ran out of tokens
    "too-long",  # more text than anybody asked for
    "failed",  # no answer came: `note` says why
    # What `reading` finds in an answer that came:
    "not-json",
    "wrong-shape",
    "wrong-language",
]
LONGEST = 20_000  # characters of an answer


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one side says. shows: the clips stand before the text."""

    role: Role
    text: str
    shows: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """A conversation that the model is to go on with.

    schema: JSON Schema that the answer is to follow; None for free text.
    temperature: 0 asks for the likeliest answer; `seed` counts above 0, where a model has seeds.
    """

    turns: tuple[Turn, ...]
    schema: Mapping[str, object] | None = None
    max_tokens: int = 768
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. tokens: 0 where the model does not count them; seconds: until it was whole.

    is_cached: it was known already, and cost nothing this time. note: why there is none.
    """

    text: str
    outcome: Outcome
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    is_cached: bool = False
    note: str = ""


class Asked(NamedTuple):
    """A question and what it is about."""

    question: Question
    clips: tuple[Clip, ...]


class Answerer(ABC):
    """A model that answers questions about clips. May be asked from several threads.

    name: of the model, as reports show it. identity: what its answers depend on, for the cache.
    batch: how many questions it reads together at best. sees: the pixels it is best shown.
    """

    name: str
    identity: str
    batch: int = 1
    sees: View = View(size=768, frames=8, fit="contain")

    @abstractmethod
    def answer(self, question: Question, clips: Sequence[Clip]) -> Answer:
        """Return the model's answer. ServerError when it cannot be reached or says no."""

    def together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Return the answers to several questions, in their order."""
        return [self.answer(question, clips) for question, clips in asked]

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of connections and files."""


def key(identity: str, asked: Asked) -> str:
    """Return a hash of everything an answer depends on: model, question, pixels, moments."""
    total = hashlib.sha256(identity.encode())
    total.update(json.dumps(asdict(asked.question), sort_keys=True).encode())
    for clip in asked.clips:
        total.update(repr((clip.frames.shape, clip.times_s.tolist())).encode())
        total.update(clip.frames.tobytes())
    return total.hexdigest()


def outcome_of(text: str, finish: str = "") -> Outcome:
    """Return how an answer ended. finish: the reason its server gave, if any."""
    if finish == "content_filter":
        return "refused"
    if len(text) > LONGEST:
        return "too-long"
    if not text.strip():
        return "empty"
    return "cut-off" if finish == "length" else "answered"
