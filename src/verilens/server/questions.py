"""What may be asked of a file here: the methods this server was started with."""

import threading

from verilens import catalog
from verilens.options import Options, fingerprint, started
from verilens.server.jobs import Question
from verilens.server.problems import Problem


class Questions:
    """The methods of a server by name. Weights are the server's choice, never a client's."""

    def __init__(self, methods: tuple[str, ...] | None) -> None:
        """ConfigError, UnknownName or MissingWeights when a method cannot be asked."""
        self._all = methods
        items = methods or tuple(started())
        self._items = {item.partition("=")[0]: item for item in items}
        self._lock = threading.Lock()
        self._fingerprints: dict[tuple[str, ...] | None, str] = {}
        self.methods = list(self._items)
        self.cards = {name: catalog.card(name) for name in self.methods}
        cards = catalog.cards()
        self.tasks: list[str] = sorted({task for name in self._items for task in cards[name].tasks})
        self.ask(None, None)

    def ask(self, task: str | None, methods: list[str] | None) -> Question:
        """Return the question that asks these methods, or those of a task; Problem 422."""
        names = self.methods if methods is None else methods
        unknown = [name for name in names if name not in self._items]
        if unknown or not names:
            known = ", ".join(self.methods)
            raise _invalid("methods", f"this server has {known}; not {', '.join(unknown)}")
        if task:
            cards = catalog.cards()
            names = [name for name in names if task in cards[name].tasks]
            if not names:
                raise _invalid("task", f"no method for it; there are {', '.join(self.tasks)}")
        chosen = tuple(item for name, item in self._items.items() if name in names)
        asked = self._all if len(chosen) == len(self._items) else chosen
        return Question(methods=asked, fingerprint=self._fingerprint(asked))

    def _fingerprint(self, methods: tuple[str, ...] | None) -> str:
        with self._lock:
            if methods not in self._fingerprints:
                self._fingerprints[methods] = fingerprint(Options(methods=methods, where=True))
            return self._fingerprints[methods]


def _invalid(field: str, detail: str) -> Problem:
    return Problem(422, "invalid", detail, errors=[{"field": field, "detail": detail}])
