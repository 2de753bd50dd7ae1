"""A worker of a scan on Ray: a process with the networks loaded once, asked for group after group.

While one file of a group is scored the next ones are decoded, as in the local engine.
"""

import os
import platform
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import verilens
from verilens.allocator import keep_freed_memory
from verilens.cluster.files import COLUMN, Numbered, ready, unpacked
from verilens.cluster.keeper import TRIES, Shared
from verilens.errors import ConfigError, VerilensError
from verilens.media import post
from verilens.media.sources import UrlRules
from verilens.options import Options, fingerprint
from verilens.records import ErrorRecord, Report
from verilens.report.json import dumps
from verilens.scanner import Scanner

AHEAD = 2  # files of a group that are decoded before their turn
LINES, TROUBLE = "lines", "trouble"


class ScanWorker:
    """What Ray Data keeps a pool of."""

    def __init__(self, options: Options, expected: str, keeper: Any, folder: str) -> None:
        """expected: the fingerprint of the command. folder: what paths are relative to."""
        keep_freed_memory()
        self._trouble = _trouble(options, expected, folder)
        self._rules = UrlRules(max_bytes=options.max_bytes, allow_private=options.allow_private)
        self._are_posts = options.posts is not None
        self._keeper = keeper
        self._scanner = Scanner(options, Shared(keeper))
        self._preparing = ThreadPoolExecutor(1, "prepare")

    def __call__(self, batch: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Return the reports of each group as lines of JSON, in the order of their files.

        What keeps this node from working goes back as text: Ray keeps no type of what is raised.
        """
        if self._trouble is not None:
            return {LINES: [""], TROUBLE: [str(self._trouble)]}
        groups = [self._reports(unpacked(str(text))) for text in batch[COLUMN]]
        lines = ["\n".join(dumps(report) for report in reports) for reports in groups]
        return {LINES: lines, TROUBLE: [""] * len(lines)}

    def _reports(self, group: Sequence[Numbered]) -> Iterator[Report]:
        """Yield the report of each file; one after the other where some may be deadly."""
        tries = self._ask(self._keeper.tries.remote([number for number, _ in group]))
        ahead = 0 if tries else AHEAD
        begun: deque[tuple[int, Future[Callable[[], Report]]]] = deque()
        for each in group:
            begun.append((each.number, self._preparing.submit(self._open, each)))
            if len(begun) > ahead:
                yield self._finished(*begun.popleft())
        while begun:
            yield self._finished(*begun.popleft())

    def _open(self, each: Numbered) -> Callable[[], Report]:
        if self._ask(self._keeper.begin.remote(each.number)) >= TRIES:
            return lambda: _deadly(each.source.name)
        source = ready(each.source, self._rules)
        return self._scanner.open(post.opened(source) if self._are_posts else source)

    def _finished(self, number: int, opened: "Future[Callable[[], Report]]") -> Report:
        report = opened.result()()
        self._keeper.end.remote(number)
        return report

    def _ask(self, answer: Any) -> Any:
        import ray

        return ray.get(answer)


def _trouble(options: Options, expected: str, folder: str) -> VerilensError | None:
    """Go to the folder of the command; return what keeps this node from scanning as it would."""
    try:
        os.chdir(folder)
        check_alike(options, expected)
    except OSError as error:
        said = f"{platform.node()} cannot see {folder} ({error.strerror})"
        return ConfigError(f"{said}; all nodes need the same files under the same paths")
    except VerilensError as error:
        return error
    return None


def check_alike(options: Options, expected: str) -> None:
    """Refuse to answer with other code or weights than the node of the command; ConfigError."""
    if fingerprint(options) != expected:
        raise ConfigError(
            f"{platform.node()} has another version or other weights of verilens than the node of "
            "the command; install the same on all nodes"
        )


def _deadly(name: str) -> Report:
    message = f"the process that scanned it died {TRIES} times; it is left out"
    error = ErrorRecord(type="crashed", message=message)
    return Report(path=name, version=verilens.__version__, seconds=0.0, error=error)
