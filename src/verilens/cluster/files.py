"""The files of a scan on their way to the workers: listed once, as fast as they are worked off.

A task on one node walks through folders and lists; what it finds travels as groups of names, never
as pixels. Each node must see the files under the same paths. Addresses are fetched by the worker.
"""

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from verilens.errors import MediaError, MediaErrorKind
from verilens.media import post
from verilens.media.fetch import is_url
from verilens.media.sources import Source, UrlRules, expand, fetched

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 4  # files a task: few enough to share out, enough to keep Ray's own work small
COLUMN = "files"


class Numbered(NamedTuple):
    """A source and its place in the scan."""

    number: int
    source: Source


def groups(paths: Sequence[str], folder: str, are_posts: bool = False) -> Iterator["pa.Table"]:
    """Yield the files that `paths` mean, seen from `folder`, a group a table of one row."""
    import pyarrow as pa

    with contextlib.chdir(folder):  # a task has its process to itself
        found = enumerate((post.listed if are_posts else expand)(paths, fetching=False))
        while group := list(itertools.islice(found, GROUP)):
            yield pa.table({COLUMN: [packed(Numbered(*each) for each in group)]})


def packed(group: Iterable[Numbered]) -> str:
    """Return a group as ASCII; names need not be valid text."""
    return json.dumps(
        [
            (number, source.name, source.error and (source.error.kind, source.error.message))
            for number, source in group
        ]
    )


def unpacked(text: str) -> list[Numbered]:
    """Return the group that `packed` made."""
    return [Numbered(number, _source(name, error)) for number, name, error in json.loads(text)]


def ready(source: Source, rules: UrlRules) -> Source:
    """Return a source that can be opened; an address is fetched."""
    is_address = source.error is None and is_url(source.name)
    return fetched(source.name, rules) if is_address else source


def datasource(paths: Sequence[str], folder: str, are_posts: bool = False) -> object:
    """Return the files as what Ray Data reads from."""
    from functools import partial

    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    class Files(Datasource):  # type: ignore[misc]
        def get_name(self) -> str:
            return "Files"

        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, *plan: object, **rest: object) -> list[Any]:
            unknown = BlockMetadata(
                num_rows=None, size_bytes=None, exec_stats=None, input_files=None
            )
            return [ReadTask(partial(groups, list(paths), folder, are_posts), unknown)]

    return Files()


def _source(name: str, error: Sequence[str] | None) -> Source:
    if error is not None:
        kind, message = error
        return Source(name=name, error=MediaError(cast(MediaErrorKind, kind), message))
    from pathlib import Path

    return Source(name=name) if is_url(name) else Source(name=name, path=Path(name))
