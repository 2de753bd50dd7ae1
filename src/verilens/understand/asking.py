"""Many questions at once: in order, a bounded number under way, counted.

A question that gets no answer costs its own answer, never the others; a server that answers nobody
any more ends the run.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from verilens.errors import NoAccess, NotThere, Overloaded, ServerError
from verilens.understand.answerer import Answer, Answerer, Asked

PATIENCE = 8  # questions in a row without any answer
AHEAD = 2  # groups under way for each that is being answered


def ask(answerer: Answerer, asked: Iterable[Asked], parallel: int = 4) -> Iterator[Answer]:
    """Yield the answers in order. parallel: groups of `answerer.batch` questions under way.

    NoAccess, NotThere: no key or no such model. Overloaded: too many in a row had no answer.
    """
    pool = ThreadPoolExecutor(parallel, "ask")
    waiting: deque[Future[list[Answer]]] = deque()
    in_vain = 0
    try:
        for group in _groups(asked, answerer.batch):
            waiting.append(pool.submit(tried, answerer, group))
            if len(waiting) < AHEAD * parallel:
                continue
            for answer in waiting.popleft().result():
                in_vain = _patient(in_vain, answer)
                yield answer
        while waiting:
            for answer in waiting.popleft().result():
                in_vain = _patient(in_vain, answer)
                yield answer
    finally:
        pool.shutdown(cancel_futures=True)


def tried(answerer: Answerer, group: Sequence[Asked]) -> list[Answer]:
    """Return the answers to a group; "failed" ones where the server gave none."""
    try:
        return answerer.together(group)
    except (NoAccess, NotThere):
        raise
    except ServerError as error:
        return [
            Answer(text="", outcome="failed", model=answerer.name, note=error.message)
            for _ in group
        ]


@dataclass
class Tally:
    """What a run of questions came to. Prices are those of a million tokens, in any currency."""

    price_in: float = 0.0
    price_out: float = 0.0
    asked: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, answer: Answer) -> None:
        """Count one answer; a cached one costs nothing."""
        self.asked += 1
        if answer.is_cached:
            self.cached += 1
            return
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out

    @property
    def cost(self) -> float:
        """Return the price of all tokens so far."""
        return (self.price_in * self.tokens_in + self.price_out * self.tokens_out) / 1e6

    def __str__(self) -> str:
        price = f", cost {self.cost:.4f}" if self.price_in or self.price_out else ""
        return (
            f"{self.asked} questions, {self.cached} of them known, "
            f"{self.tokens_in} + {self.tokens_out} tokens{price}"
        )


def _groups(asked: Iterable[Asked], size: int) -> Iterator[list[Asked]]:
    rest = iter(asked)
    while group := list(islice(rest, size)):
        yield group


def _patient(in_vain: int, answer: Answer) -> int:
    """Return how many answers in a row have failed; Overloaded when they are too many."""
    in_vain = in_vain + 1 if answer.outcome == "failed" else 0
    if in_vain >= PATIENCE:
        message = f"{in_vain} questions in a row had no answer; the last: {answer.note}"
        raise Overloaded("no-answer", message, None)
    return in_vain
