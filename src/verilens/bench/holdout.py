"""Split media of one's own: the test has new sources, and generators that never train.

Whole sources are tested. Samples of other sources whose generator is tested train nothing: they are
left out. Validation is cut from the rest in the same way.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from verilens.errors import DatasetError
from verilens.records import Sample


class Held(NamedTuple):
    """The samples with their splits, and how many were left out as too near to a test."""

    samples: list[Sample]
    left_out: int


def hold_out(
    samples: Iterable[Sample], test: float = 0.25, val: float = 0.15, seed: int = 0
) -> Held:
    """Return the samples with splits by source, free of generators that a later split holds.

    test, val: shares of each class, reached as nearly as whole sources allow. DatasetError when a
    split would lack a class.
    """
    every = list(samples)
    tested = _sources(every, test, seed)
    rest = [s for s in every if _source(s) not in tested]
    tested_generators = _generators(s for s in every if _source(s) in tested)
    free = [s for s in rest if s.generator not in tested_generators]
    checked = _sources(free, val / (1 - test), seed + 1)
    checked_generators = _generators(s for s in free if _source(s) in checked)
    kept = [replace(s, split="test") for s in every if _source(s) in tested]
    for sample in free:
        if _source(sample) in checked:
            kept.append(replace(sample, split="val"))
        elif sample.generator not in checked_generators:
            kept.append(replace(sample, split="train"))
    _check(kept)
    return Held(kept, len(every) - len(kept))


def _source(sample: Sample) -> str:
    return sample.source or sample.id


def _generators(samples: Iterable[Sample]) -> set[str]:
    return {sample.generator for sample in samples if sample.generator}


def _sources(samples: Sequence[Sample], share: float, seed: int) -> set[str]:
    """Return sources that hold about `share` of each class, in an order drawn from the seed."""
    counts: dict[str, Counter[int]] = {}
    for sample in samples:
        counts.setdefault(_source(sample), Counter())[sample.label] += 1
    totals: Counter[int] = Counter()
    for count in counts.values():
        totals.update(count)
    taken: Counter[int] = Counter()
    chosen: set[str] = set()
    for source in sorted(counts, key=lambda s: _drawn(s, seed)):
        if all(taken[label] + n <= share * totals[label] for label, n in counts[source].items()):
            taken.update(counts[source])
            chosen.add(source)
    return chosen


def _drawn(source: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{source}".encode()).digest()


def _check(samples: Sequence[Sample]) -> None:
    for split in ("train", "val", "test"):
        labels = {sample.label for sample in samples if sample.split == split}
        if labels != {0, 1}:
            what = {0: "genuine", 1: "fake"}
            missing = " and ".join(what[label] for label in sorted({0, 1} - labels))
            raise DatasetError(
                f"the {split} split would have no {missing} samples: more sources of them are "
                "needed, or other shares"
            )
