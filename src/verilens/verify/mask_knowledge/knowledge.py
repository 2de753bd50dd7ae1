"""A small graph of facts, and the sentences that it makes.

    ["skin", "shows", "pores"]  ->  "skin shows pores"

A triple belongs to the class from which its head can be reached. Imports no torch.
"""

import logging
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from verilens.errors import ConfigError

logger = logging.getLogger(__name__)

PACKAGED = Path(__file__).with_name("knowledge.toml")
FIELDS = ("classes", "entities", "triples")
RELATIONS = frozenset(
    ("has", "lacks", "shows", "causes", "is made of", "is covered with", "reflects", "moves with")
)
MOST_BYTES = 1 << 20
MOST_TRIPLES = 200

Triple = tuple[str, str, str]


class Knowledge(NamedTuple):
    """classes: genuine first. sentences: one a triple. members: of each class, by number."""

    classes: tuple[str, str]
    sentences: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]


def load(path: Path = PACKAGED) -> Knowledge:
    """Return the knowledge in a TOML file; ConfigError names what is wrong with it."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: over the limit of {MOST_BYTES} bytes")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    classes, entities = (_words(values, name, path) for name in FIELDS[:2])
    triples = _triples(values, path)
    if len(classes) != 2 or not {*classes} <= {*entities}:
        raise ConfigError(f"{path}: 'classes' must name two entities, the genuine one first")
    _check(triples, entities, path)
    reached = [_reached(name, triples) for name in classes]
    members = tuple(
        tuple(n for n, (head, _, _) in enumerate(triples) if head in known) for known in reached
    )
    for n, (head, _, _) in enumerate(triples):
        if not any(n in own for own in members):
            raise ConfigError(f"{path}: neither class leads to '{head}'; add a triple that does")
    if not all(members):
        raise ConfigError(f"{path}: each class needs a triple")
    sentences = tuple(" ".join(triple) for triple in triples)
    return Knowledge((classes[0], classes[1]), sentences, members)


def _words(values: Mapping[str, Any], name: str, path: Path) -> Sequence[str]:
    found = values.get(name)
    if not isinstance(found, list) or not all(isinstance(word, str) and word for word in found):
        raise ConfigError(f"{path}: '{name}' must be a list of words")
    if len({*found}) < len(found):
        raise ConfigError(f"{path}: '{name}' holds a word twice")
    return found


def _triples(values: Mapping[str, Any], path: Path) -> list[Triple]:
    found = values.get("triples")
    if not isinstance(found, list) or not 0 < len(found) <= MOST_TRIPLES:
        raise ConfigError(f"{path}: 'triples' must be a list of 1 to {MOST_TRIPLES}")
    if unknown := sorted({*values} - {*FIELDS}):
        raise ConfigError(f"{path}: unknown field '{unknown[0]}'; known: {', '.join(FIELDS)}")
    triples = []
    for item in found:
        if (
            not isinstance(item, list)
            or len(item) != 3
            or not all(isinstance(w, str) for w in item)
        ):
            raise ConfigError(f"{path}: {item!r} is no triple [head, relation, tail]")
        triples.append((item[0], item[1], item[2]))
    return triples


def _check(triples: Sequence[Triple], entities: Sequence[str], path: Path) -> None:
    """Raise ConfigError for unknown entities, duplicates and cycles; warn of unknown relations."""
    seen: set[Triple] = set()
    for triple in triples:
        head, relation, tail = triple
        for name in (head, tail):
            if name not in entities:
                raise ConfigError(f"{path}: '{name}' is none of the entities")
        if triple in seen:
            raise ConfigError(f"{path}: {list(triple)} comes twice")
        seen.add(triple)
        if relation not in RELATIONS:
            known = ", ".join(sorted(RELATIONS))
            logger.warning("%s: unknown relation '%s' (known: %s)", path, relation, known)
    for name in entities:
        if name in {end for start in _tails(name, triples) for end in _reached(start, triples)}:
            raise ConfigError(f"{path}: '{name}' leads back to itself")


def _tails(name: str, triples: Sequence[Triple]) -> Iterator[str]:
    return (tail for head, _, tail in triples if head == name)


def _reached(name: str, triples: Sequence[Triple]) -> set[str]:
    """Return what an entity leads to, itself included."""
    found, left = {name}, [name]
    while left:
        for tail in _tails(left.pop(), triples):
            if tail not in found:
                found.add(tail)
                left.append(tail)
    return found
