"""The scanners of a worker, one for each choice of methods; networks are shared between them."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from verilens.known import FileState
from verilens.options import Options
from verilens.records import Report
from verilens.scanner import Scanner
from verilens.server.settings import Settings

KEPT = 3  # scanners with their decoders, besides those in use

Methods = tuple[str, ...] | None


class Forgetful:
    """Results that are kept elsewhere: every job of a worker is to be scanned."""

    def digest(self, state: FileState) -> str | None:
        return None

    def remember(self, state: FileState, sha256: str) -> None:
        pass

    def find(self, sha256: str, fingerprint: str) -> Report | None:
        return None

    def add(self, sha256: str, fingerprint: str, report: Report) -> None:
        pass


class Scanners:
    """Some scanners; the one that was not used for longest goes first."""

    def __init__(self, settings: Settings, slots: int) -> None:
        self._settings = settings
        self._slots = slots
        self._lock = threading.Lock()
        self._scanners: OrderedDict[Methods, Scanner] = OrderedDict()
        self._users: dict[Methods, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for scanner in self._scanners.values():
            scanner.__exit__(*exception)

    @contextmanager
    def of(self, methods: Methods) -> Iterator[Scanner]:
        """Give the scanner for these methods."""
        with self._lock:
            if methods not in self._scanners:
                self._scanners[methods] = self._made(methods)
            self._scanners.move_to_end(methods)
            self._users[methods] = self._users.get(methods, 0) + 1
            scanner = self._scanners[methods]
        try:
            yield scanner
        finally:
            with self._lock:
                self._users[methods] -= 1
                surplus = self._surplus()
            for each in surplus:
                each.__exit__(None, None, None)

    def _made(self, methods: Methods) -> Scanner:
        work, rules = self._settings.work, self._settings.rules
        options = Options(
            methods=methods,
            where=True,
            jobs=self._slots,
            timeout_s=work.timeout_s,
            max_bytes=rules.max_bytes,
        )
        return Scanner(options, Forgetful())

    def _surplus(self) -> list[Scanner]:
        """Return scanners to be closed; they are nobody's any more."""
        idle = [methods for methods in self._scanners if not self._users.get(methods)]
        return [self._scanners.pop(methods) for methods in idle[: len(self._scanners) - KEPT]]
