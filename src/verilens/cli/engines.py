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
    server: str | None = None
    key: str | None = None
    key_file: Path | None = None

    def chosen(self) -> Engine:
        """Return the engine that was asked for; ConfigError for options that go with another."""
        if self.server is not None:
            if self.engine != "local":
                raise ConfigError("a scan runs at a --server or by an --engine, not both")
            return self._at_server
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

        _refuse_poses(options)
        if options.jobs is not None:
            raise ConfigError("--jobs is of the local engine; on Ray it is --workers")
        place = session.Place(address=self.address, workers=self.workers)
        session.imported(place)
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
    def _at_server(self, paths: Sequence[str], options: Options, kept: Kept) -> Iterator[Scan]:
        """Give a scan by a server, some files at a time; nothing is kept here."""
        import verilens
        from verilens.cli import remote

        _refuse_poses(options)
        if options.posts is not None:
            raise ConfigError("a server scans no posts: leave out --server")
        if kept.path is not None:
            raise ConfigError("a server keeps its results itself: leave out --store")
        with verilens.Client(self.server or "", self._secret()) as client:
            question = remote.question(options, kept.fresh)
            yield lambda pages: remote.scan_many(client, paths, options, question, pages)

    def _secret(self) -> str | None:
        """Return the key: from the file, else from the environment."""
        if self.key_file is None:
            return self.key or None
        try:
            return self.key_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read a key from {self.key_file}: {error}") from error


def _refuse_poses(options: Options) -> None:
    if options.poses is not None:
        raise ConfigError(
            "a video with --poses is scanned by this process: leave out --engine and --server"
        )


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
