"""How the field is divided, and which installed methods cover what.

The tree lies in `taxonomy.toml`; a method's card names the cues it reads and the levels at which it
answers. Coverage is the table of cues against levels, so empty cells show what nobody looks at.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from verilens import config
from verilens.card import Card, Level
from verilens.errors import ConfigError, UnknownName

LEVELS: tuple[Level, ...] = get_args(Level)
GENERATION = "generation"
Cell = tuple[str, str]  # cue, level


@dataclass(frozen=True, kw_only=True)
class Node:
    """A branch or a leaf. id: dotted path from the root. own: not the surveys' but ours.

    stage: "signal", "semantic" or "intent", that of its top branch; "" for generation.
    views: what reads it without being a method.
    """

    id: str
    label: str
    aliases: tuple[str, ...] = ()
    own: bool = False
    stage: str = ""
    views: tuple[str, ...] = ()
    children: tuple[str, ...] = ()

    @property
    def parent(self) -> str:
        """Return the parent's id, "" at the root."""
        return self.id.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class PublishedSet:
    """A public data set of misinformation videos. adapter: what reads it here, "" for nothing."""

    name: str
    title: str
    platforms: tuple[str, ...]
    languages: tuple[str, ...]
    adapter: str = ""


@cache
def nodes() -> dict[str, Node]:
    """Return the tree's nodes by id, parents before children."""
    return dict(_walk(_tables(), "", ""))


def required() -> list[Cell]:
    """Return the cells that must have a method."""
    return [(cue, level) for cue, level in _text()["required"]]


def cues() -> list[Node]:
    """Return the leaves that methods read: everything but the generation branch."""
    return [n for n in nodes().values() if not n.children and n.id.split(".")[0] != GENERATION]


def find(cards: Iterable[Card], cue: str = "", level: str = "", modality: str = "") -> list[str]:
    """Return the names of the methods that read `cue` (or a cue below it), at `level`."""
    if cue and cue not in nodes():
        raise UnknownName(f"no cue '{cue}'; known: {', '.join(n.id for n in cues())}")
    return [
        card.name
        for card in cards
        if (not cue or any(f"{c}.".startswith(f"{cue}.") for c in card.cues))
        and (not level or level in card.levels)
        and (not modality or modality == card.modality)
    ]


def coverage(cards: Iterable[Card]) -> dict[Cell, list[str]]:
    """Return the methods in every cell of the table of cues against levels."""
    known = list(cards)
    return {(c.id, level): find(known, c.id, level) for c in cues() for level in LEVELS}


def gaps(cards: Iterable[Card]) -> list[Cell]:
    """Return the required cells that no method fills."""
    known = list(cards)
    return [(cue, level) for cue, level in required() if not find(known, cue, level)]


def unread(cards: Iterable[Card]) -> list[Node]:
    """Return the cues that neither a method nor a view reads."""
    known = list(cards)
    return [cue for cue in cues() if not cue.views and not find(known, cue.id)]


def silent(cards: Iterable[Card]) -> list[str]:
    """Return the stages that must have a reader and have none."""
    nobody = {cue.id for cue in unread(cards)}
    heard = {cue.stage for cue in cues() if cue.id not in nobody}
    return [stage for stage in _text()["stages"] if stage not in heard]


def published_sets() -> list[PublishedSet]:
    """Return the public data sets of misinformation videos, read here or not."""
    text = (files("verilens") / "misinformation_sets.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text).items()
    return [config.build(PublishedSet, {"name": name, **row}, name) for name, row in rows]


def _text() -> dict[str, Any]:
    text = (files("verilens") / "taxonomy.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _tables() -> Mapping[str, Any]:
    return {name: value for name, value in _text().items() if isinstance(value, dict)}


def _walk(tables: Mapping[str, Any], parent: str, above: str) -> Iterator[tuple[str, Node]]:
    for name, table in tables.items():
        stage = table.get("stage", above)
        path = f"{parent}.{name}" if parent else name
        below = {key: value for key, value in table.items() if isinstance(value, dict)}
        if "label" not in table:
            raise ConfigError(f"taxonomy.toml: '{path}' has no label")
        yield (
            path,
            Node(
                id=path,
                label=table["label"],
                aliases=tuple(table.get("aliases", ())),
                own=table.get("own", False),
                stage=stage,
                views=tuple(table.get("views", ())),
                children=tuple(f"{path}.{key}" for key in below),
            ),
        )
        yield from _walk(below, path, stage)
