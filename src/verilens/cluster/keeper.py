"""What all workers of a scan share: the results store, and which files are under way.

One process on the node of the command holds both, so the store has one writer as ever. A file that
was under way when its worker died is tried again, alone; one that takes a worker with it again is
answered with an error, and the scan goes on.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from verilens.known import FileState, Recent, Results
from verilens.records import Report

if TYPE_CHECKING:
    from verilens.store import Store

TRIES = 3  # among others, alone, alone once more


class Keeper:
    """Results by content, and how often each file has been begun; an actor."""

    def __init__(self) -> None:
        self._store: Store | None = None
        self._results: Results = Recent()
        self._begun: dict[int, int] = {}

    def open(self, path: Path) -> None:
        """Keep results in a store. StoreError."""
        from verilens.store import Store  # here, else the command's process would share its state

        self._results = self._store = Store(path)

    def begin(self, number: int) -> int:
        """Write down that a file is under way; return how often it was without coming to an end."""
        before = self._begun.get(number, 0)
        self._begun[number] = before + 1
        return before

    def tries(self, numbers: list[int]) -> int:
        """Return how often one of these files was begun without coming to an end, at most."""
        return max((self._begun.get(number, 0) for number in numbers), default=0)

    def end(self, number: int) -> None:
        """Write down that a file has its report."""
        self._begun.pop(number, None)

    def digest(self, state: FileState) -> str | None:
        """See `known.Results`."""
        return self._results.digest(state)

    def remember(self, state: FileState, sha256: str) -> None:
        """See `known.Results`."""
        self._results.remember(state, sha256)

    def find(self, sha256: str, fingerprint: str) -> Report | None:
        """See `known.Results`."""
        return self._results.find(sha256, fingerprint)

    def add(self, sha256: str, fingerprint: str, report: Report) -> None:
        """See `known.Results`."""
        self._results.add(sha256, fingerprint, report)

    def close(self) -> None:
        """Write what waits."""
        if self._store is not None:
            self._store.close()


class Shared:
    """The keeper's results as a worker sees them; see `known.Results`."""

    def __init__(self, keeper: Any) -> None:
        """keeper: the handle of an actor."""
        self._keeper = keeper

    def digest(self, state: FileState) -> str | None:
        found: str | None = self._wait(self._keeper.digest.remote(state))
        return found

    def remember(self, state: FileState, sha256: str) -> None:
        self._wait(self._keeper.remember.remote(state, sha256))

    def find(self, sha256: str, fingerprint: str) -> Report | None:
        found: Report | None = self._wait(self._keeper.find.remote(sha256, fingerprint))
        return found

    def add(self, sha256: str, fingerprint: str, report: Report) -> None:
        self._wait(self._keeper.add.remote(sha256, fingerprint, report))

    def _wait(self, answer: Any) -> Any:
        import ray

        return ray.get(answer)
