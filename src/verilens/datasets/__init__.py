"""Public data sets, one file each, all giving the same samples.

A file defines `CARD`, `fits(root)`, `samples(root, split)` and `fake(root)`. It reads the layout as
it was published, downloads nothing and opens no media. Labels come from what cannot be misread
(folder names rather than digits whose meaning differs from set to set). Nothing here imports torch.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from verilens.card import DataCard
from verilens.errors import DatasetError, UnknownName
from verilens.records import Sample, Split


class Dataset(Protocol):
    """What each file of this folder defines."""

    CARD: DataCard

    def fits(self, root: Path) -> bool:
        """Return whether `root` looks like this layout; reads folder and list names only."""

    def samples(self, root: Path, split: Split | None = None) -> Iterator[Sample]:
        """Yield the samples below `root` in a fixed order, of one split or of all.

        DatasetError names the file and line that is not as the layout says, and what to do. A
        listed file that does not exist is yielded all the same: finding it is the doctor's work.
        """

    def fake(self, root: Path) -> None:
        """Write a miniature in the official layout: real decodable media, every split and label."""


PLAIN = ("folder",)  # layouts of one's own that others may contain


@cache
def datasets() -> dict[str, Dataset]:
    """Return every adapter by name."""
    modules = sorted(m.name for m in pkgutil.iter_modules(__path__))
    found = [cast(Dataset, importlib.import_module(f"{__name__}.{name}")) for name in modules]
    return {adapter.CARD.name: adapter for adapter in found}


def dataset(name: str) -> Dataset:
    """Return the adapter called `name`; UnknownName suggests the nearest."""
    if name in datasets():
        return datasets()[name]
    close = difflib.get_close_matches(name, datasets(), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(datasets())}."
    raise UnknownName(f"no data set '{name}'; {hint} List them with 'verilens data list'.")


def recognise(root: Path) -> Dataset:
    """Return the one adapter whose layout `root` has; DatasetError when none or several do.

    A published layout goes before a plain one of one's own, which it may contain.
    """
    fitting = [adapter for adapter in datasets().values() if adapter.fits(root)]
    fitting = [a for a in fitting if a.CARD.name not in PLAIN] or fitting
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(adapter.CARD.name for adapter in fitting)
    found = f"fits several layouts ({names})" if fitting else "has no layout known here"
    raise DatasetError(f"{root} {found}; name one with --as, see 'verilens data list'")
