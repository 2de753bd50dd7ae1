"""What may do the work of `verilens scan`: this process, a Ray, or a server.

An engine is entered before any output is opened, so that what it refuses costs no file of results.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from verilens.errors import ConfigError
from verilens.options import Options, fingerprint
from verilens.records import Report
from verilens.scanner import Pages, scan_many
from verilens.store import Store


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where results are kept; `fresh` forgets what is kept for the same question first."""

    path: Path | None
    fresh: bool = False


Scan = Callable[[Pages | None], Iterator[Report]]
Engine = Callable[[Sequence[str], Options, Kept], AbstractContextManager[Scan]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command was told about its engine."""

    engine: str = "local"
    address: str | None = None
    workers: int | None = None

    def chosen(self) -> Engine:
        """Return the engine that was asked for; ConfigError for options that go with another."""
        if self.engine == "ray":
            return self._on_ray
        if self.engine != "local":
            raise ConfigError(f"engine must be local or ray, not '{self.engine}'")
        if self.address is not None or self.workers is not None:
            raise ConfigError("--address and --workers go with --engine ray; here it is --jobs")
        return here

    @contextmanager
    def _on_ray(self, paths: Sequence[str], options: Options, kept: Kept) -> Iterator[Scan]:
        """Give a scan by the workers of a Ray."""
        from verilens.cluster import scan, session

        place = session.Place(address=self.address, workers=self.workers)
        session.imported()
        with _opened(options, kept):
            pass  # said here what is wrong with the store; the workers' keeper opens it again

        def reports(pages: Pages | None) -> Iterator[Report]:
            if pages is not None:
                raise ConfigError(
                    "pages need the pixels, which stay with the workers: leave out --html, and "
                    "make pages of what was flagged with the local engine"
                )
            return scan.scan_many(paths, options, store=kept.path, place=place)

        yield reports


@contextmanager
def here(paths: Sequence[str], options: Options, kept: Kept) -> Iterator[Scan]:
    """Give a scan by this process, on all its cores."""
    with _opened(options, kept) as results:
        yield lambda pages: scan_many(paths, options, results=results, pages=pages)


@contextmanager
def _opened(options: Options, kept: Kept) -> Iterator[Store | None]:
    """Give the results store, without what is to be forgotten."""
    if kept.path is None:
        yield None
        return
    with contextlib.closing(Store(kept.path)) as results:
        if kept.fresh:
            results.forget(fingerprint(options))
        yield results
