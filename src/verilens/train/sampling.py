"""Which samples an epoch shows, in which order: a function of the seed and the epoch's number.

    none       every sample once
    class      genuine and fake equally often, one after the other
    source     so, and inside a class every source equally often
    generator  so, and inside a class every generator equally often

An epoch is as long as the set; with `repeat`, which counts genuine samples as so many, longer.
Inside a group every sample comes equally often, give or take one, before the epoch repeats any.
`Groups` keeps samples of one source together instead.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError
from verilens.records import Sample

Balance = Literal["none", "class", "source", "generator"]
Indices = NDArray[np.int64]


class Sampler:
    """The orders of a set's epochs."""

    def __init__(
        self, samples: Sequence[Sample], balance: Balance, seed: int, repeat: int = 1
    ) -> None:
        self.count = sum(1 if sample.label else repeat for sample in samples)
        self.seed = seed
        grouped: dict[int, dict[Hashable, list[int]]] = defaultdict(lambda: defaultdict(list))
        for index, sample in enumerate(samples):
            times = 1 if sample.label else repeat
            grouped[_class(sample, balance)][_group(sample, balance)] += [index] * times
        self.classes = [list(groups.values()) for _, groups in sorted(grouped.items())]

    def order(self, epoch: int) -> Indices:
        """Return the samples of an epoch by their place in the set, (count,)."""
        rng = np.random.default_rng([self.seed, epoch])
        rows = [
            _drawn(groups, _share(self.count, len(self.classes), n), rng)
            for n, groups in enumerate(self.classes)
        ]
        # Classes take turns, so that batches are balanced too.
        turns = np.concatenate([np.arange(len(row)) for row in rows])
        mixed: Indices = np.concatenate(rows)[np.argsort(turns, kind="stable")]
        return mixed


class Groups:
    """Orders whose samples come in groups of one source: genuine first, then its forgeries.

    size: samples a group. Every source that has all of them comes once an epoch.
    """

    def __init__(self, samples: Sequence[Sample], group: str, seed: int) -> None:
        self.seed = seed
        names = sorted({sample.generator for sample in samples if sample.label})
        by_source: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for index, sample in enumerate(samples):
            role = "" if not sample.label else (sample.generator if group == "all" else "fake")
            by_source[sample.source][f"f:{role}" if sample.label else "g"].append(index)
        roles = ["g", *(f"f:{name}" for name in names)] if group == "all" else ["g", "f:fake"]
        self.size = len(roles)
        self.sources = [
            [found[role] for role in roles]
            for _, found in sorted(by_source.items())
            if all(role in found for role in roles)
        ]
        if not self.sources:
            kinds = f"a forgery of each of {', '.join(names)}" if group == "all" else "a forgery"
            raise DatasetError(
                f"plan.group={group}: no source has a genuine sample and {kinds}; look at the "
                "column 'source' of the manifest, or train with plan.group=none"
            )
        self.count = len(self.sources) * self.size

    def order(self, epoch: int) -> Indices:
        """Return the samples of an epoch by their place in the set, (count,), group after group."""
        rng = np.random.default_rng([self.seed, epoch])
        places = rng.permutation(len(self.sources))
        drawn = [[rng.choice(role) for role in self.sources[place]] for place in places]
        return np.array(drawn, np.int64).reshape(-1)


def _class(sample: Sample, balance: Balance) -> int:
    return 0 if balance == "none" else sample.label


def _group(sample: Sample, balance: Balance) -> Hashable:
    return {"source": sample.source, "generator": sample.generator}.get(balance, "")


def _drawn(groups: Sequence[Sequence[int]], count: int, rng: np.random.Generator) -> Indices:
    """Return `count` samples, equally many of each group, shuffled."""
    shares = [_share(count, len(groups), n) for n in range(len(groups))]
    rng.shuffle(shares)  # else the same groups would always get the odd ones
    drawn = [_cycled(group, share, rng) for group, share in zip(groups, shares, strict=True)]
    return rng.permutation(np.concatenate(drawn))


def _cycled(group: Sequence[int], count: int, rng: np.random.Generator) -> Indices:
    rounds = [rng.permutation(group) for _ in range(-(-count // len(group)))]
    return np.concatenate([*rounds, np.empty(0)])[:count].astype(np.int64)


def _share(total: int, parts: int, n: int) -> int:
    """Return the size of part `n` when `total` is dealt out evenly."""
    return total // parts + (n < total % parts)
