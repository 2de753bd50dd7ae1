"""The skeletons that have a name; `skeletons.toml` is their table."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from verilens.errors import UnknownName
from verilens.records import Skeleton

COUNTED = re.compile(r"(.*?)(\d+)\.\.(\d+)")
LEFT = re.compile(r"(^|_)left(_|$)")


def names() -> list[str]:
    """Return the names of all skeletons."""
    return list(_tables())


def title(name: str) -> str:
    """Return what a named skeleton is, in words."""
    return " ".join(_tables()[skeleton(name).name]["title"].split())


@cache
def skeleton(name: str) -> Skeleton:
    """Return the skeleton of a name; UnknownName tells the nearest."""
    table = _tables().get(name)
    if table is None:
        near = get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names())}"
        raise UnknownName(f"no skeleton {name!r}: {hint}")
    joints = _joints(table)
    return Skeleton(
        name=name,
        joints=joints,
        edges=tuple(_pairs(joints, _edges(table))),
        root=joints.index(table.get("root", joints[0])),
        pairs=mirrored(joints, _mirror(table)),
    )


def mirrored(
    joints: Sequence[str], also: Iterable[tuple[str, str]] = ()
) -> tuple[tuple[int, int], ...]:
    """Return which joints change places in a mirror, (left, right) by index.

    Every left_... with the right_... of the same name, Left... with Right..., and those of `also`
    that are there.
    """
    by_name = [(name, LEFT.sub(r"\1right\2", name)) for name in joints if LEFT.search(name)]
    by_name += [(name, name.replace("Left", "Right")) for name in joints if "Left" in name]
    return tuple(_pairs(joints, (*by_name, *also)))


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def _joints(table: dict[str, Any]) -> tuple[str, ...]:
    if "joints" in table:
        return tuple(_expanded(table["joints"]))
    return tuple(f"{prefix}{name}" for prefix, part in _parts(table) for name in _joints(part))


def _edges(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for chain in table.get("edges", ()):
        yield from pairwise(_expanded(chain))
    for prefix, part in _parts(table):
        yield from ((f"{prefix}{a}", f"{prefix}{b}") for a, b in _edges(part))


def _mirror(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for _, part in _parts(table):
        yield from _mirror(part)
    lefts, rights = table.get("mirror", ("", ""))
    yield from zip(_expanded(lefts), _expanded(rights), strict=True)


def _parts(table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the prefix and the table of each part, and of the skeleton that it is like."""
    for part in (*table.get("parts", ()), *([table["like"]] if "like" in table else ())):
        *prefix, name = part.split()
        yield "".join(prefix), _tables()[name]


def _expanded(text: str) -> Iterator[str]:
    for word in text.split():
        if found := COUNTED.fullmatch(word):
            first, last = int(found[2]), int(found[3])
            step = 1 if last >= first else -1
            yield from (f"{found[1]}{n}" for n in range(first, last + step, step))
        else:
            yield word


def _pairs(joints: Sequence[str], pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of names as indices, where both joints are there."""
    where = {name: index for index, name in enumerate(joints)}
    yield from ((where[a], where[b]) for a, b in pairs if a in where and b in where)
