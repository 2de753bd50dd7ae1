"""One attribute, or several crossed, as the groups to compare; groups nobody is in are listed too.

What states nothing ("", N/A and the like) is no group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from verilens.bench.columns import Columns
from verilens.bench.metrics.arrays import Ints
from verilens.datasets.casual_conversations import GROUPS
from verilens.errors import ConfigError

NOTHING = ("", "n/a", "na", "none", "unknown", "unlabelled", "not stated")
MOST = 60


@dataclass(frozen=True, kw_only=True)
class Facet:
    """codes: each row's place in `names`, -1 for none, (N,). by: the attributes in words."""

    by: str
    names: tuple[str, ...]
    codes: Ints


def facet(samples: Columns, parts: Sequence[str], merge: Mapping[str, Mapping[str, str]]) -> Facet:
    """Return the groups of one attribute, or of all combinations of several.

    merge: attribute -> value -> name of the group it joins; values not named stay as they are.
    """
    single = [_single(samples, part, merge.get(part, {})) for part in parts]
    if len(single) == 1:
        return single[0]
    sizes = [len(one.names) for one in single]
    if np.prod(sizes) > MOST:
        raise ConfigError(
            f"{' x '.join(parts)}: {np.prod(sizes)} groups, more than {MOST}; merge some values"
        )
    codes = np.zeros(len(samples), np.intp)
    for one, size in zip(single, sizes, strict=True):
        codes = np.where((codes < 0) | (one.codes < 0), -1, codes * size + one.codes)
    names = tuple(", ".join(cross) for cross in product(*(_named(one) for one in single)))
    return Facet(by=" x ".join(parts), names=names, codes=codes)


def _single(samples: Columns, name: str, merge: Mapping[str, str]) -> Facet:
    text = samples.text(name)
    unknown = sorted(set(merge) - set(text.names) - set(GROUPS.get(name, ())))
    if unknown:
        raise ConfigError(f"'{name}' has no value '{unknown[0]}' to merge")
    stated = [value for value in text.names if value.lower() not in NOTHING]
    present = {text.names[code] for code in np.unique(text.codes)}
    known = GROUPS.get(name, ())
    listed = known if set(stated) <= set(known) else sorted(present & set(stated))
    groups = tuple(dict.fromkeys(merge.get(value, value) for value in listed))
    if len(groups) > MOST:
        raise ConfigError(f"'{name}' has {len(groups)} values, more than {MOST}; merge some")
    place = {group: n for n, group in enumerate(groups)}
    codes = np.array([place.get(merge.get(value, value), -1) for value in text.names], np.intp)
    codes[[n for n, value in enumerate(text.names) if value.lower() in NOTHING]] = -1
    return Facet(by=name, names=groups, codes=codes[text.codes])


def _named(one: Facet) -> list[str]:
    """Return names that say what they are of when they are numbers."""
    return [f"{one.by} {name}" if name.isdecimal() else name for name in one.names]
