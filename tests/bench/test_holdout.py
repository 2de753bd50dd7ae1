"""Held-out sources and generators stay out of training."""

from collections import Counter

import pytest

from verilens.bench.holdout import hold_out
from verilens.bench.protocols import check_apart
from verilens.errors import DatasetError
from verilens.records import Sample


def corpus(sources=24, generators=12):
    made = []
    for n in range(sources):
        for k in range(3):
            common = {"uri": "/x", "kind": "image"}
            made.append(Sample(id=f"r{n}/{k}", label=0, source=f"camera{n}", **common))
            made.append(
                Sample(
                    id=f"f{n}/{k}",
                    label=1,
                    source=f"gallery{n}",
                    generator=f"G{n % generators}",
                    **common,
                )
            )
    return made


def test_no_source_and_no_generator_is_on_two_sides():
    held = hold_out(corpus()).samples
    parts = {split: [s for s in held if s.split == split] for split in ("train", "val", "test")}
    for later, earlier in (("test", ("train", "val")), ("val", ("train",))):
        for other in earlier:
            check_apart(parts[other], parts[later])
            shared = {s.generator for s in parts[other]} & {s.generator for s in parts[later]}
            assert shared <= {""}


def test_shares_are_kept_and_what_is_too_near_is_counted():
    held = hold_out(corpus(), test=0.25, val=0.15)
    sizes = Counter((s.split, s.label) for s in held.samples)
    assert sizes["test", 0] == 18 and 0 < sizes["val", 0] <= 12
    assert held.left_out == len(corpus()) - len(held.samples) > 0


def test_the_seed_decides_and_the_order_does_not():
    first, again = hold_out(corpus(), seed=1), hold_out(reversed(corpus()), seed=1)
    assert {s.id: s.split for s in first.samples} == {s.id: s.split for s in again.samples}
    other = {s.id: s.split for s in hold_out(corpus(), seed=2).samples}
    assert other != {s.id: s.split for s in first.samples}


def test_too_few_sources_are_an_error():
    with pytest.raises(DatasetError, match="more sources"):
        hold_out(corpus(sources=2))
