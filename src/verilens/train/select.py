"""Which samples train and which validate. The test split is dropped before anything looks at it."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from verilens import datasets, manifest, tables
from verilens.errors import DatasetError
from verilens.records import Sample
from verilens.train.recipe import Data


class Chosen(NamedTuple):
    """The samples of a run. digest: of both splits, whatever machine they lie on.

    notes: what a reader of the results should know, in sentences.
    """

    dataset: str
    train: list[Sample]
    val: list[Sample]
    digest: str
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many genuine and fake samples each split has."""
        return {
            split: dict(sorted(Counter("fake" if s.label else "genuine" for s in samples).items()))
            for split, samples in (("train", self.train), ("val", self.val))
        }


def choose(path: Path, data: Data) -> Chosen:
    """Return the training and validation samples of a manifest, or of a data set's root folder.

    Samples without a split train. DatasetError when a class is missing or nothing is left.
    """
    name, samples = _read(path)
    train: list[Sample] = []
    val: list[Sample] = []
    for sample in samples:
        if sample.split != "test" and _is_wanted(sample, data):
            (val if sample.split == "val" else train).append(sample)
    if data.val_share and not val:
        val = [sample for sample in train if _draw(sample) < data.val_share]
        train = [sample for sample in train if _draw(sample) >= data.val_share]
    _check(train, "training", path, data)
    if val:
        _check(val, "validation", path, data)
    digest = hashlib.sha256((manifest.digest(train) + manifest.digest(val)).encode()).hexdigest()
    return Chosen(name, train, val, digest, tuple(_notes(train, val)))


def _read(path: Path) -> tuple[str, Iterator[Sample]]:
    if path.is_dir():
        found = datasets.recognise(path)
        return found.CARD.name, found.samples(path)
    if not path.exists():
        raise DatasetError(f"{path}: no such manifest; make one with 'verilens data manifest'")
    return str(tables.facts(path).get("dataset", path.stem)), manifest.read(path)


def _is_wanted(sample: Sample, data: Data) -> bool:
    if data.kinds and sample.kind not in data.kinds:
        return False
    if not data.classes:
        return True
    parts = {sample.attributes.get("class"), *sample.id.split("/")}
    return not parts.isdisjoint(data.classes)


def _draw(sample: Sample) -> float:
    """Return a number in [0, 1) that samples of one origin share."""
    origin = sample.source or sample.identity or sample.id
    return int.from_bytes(hashlib.sha256(origin.encode()).digest()[:6], "big") / 2**48


def _check(samples: Sequence[Sample], split: str, path: Path, data: Data) -> None:
    kept = ""
    if data.classes or data.kinds:
        kept = f" of classes {list(data.classes)} and kinds {list(data.kinds)}"
    for label, word in enumerate(("genuine", "fake")):
        if not any(sample.label == label for sample in samples):
            raise DatasetError(
                f"{path}: no {word} sample{kept} to use for {split}; look at the manifest with "
                "'verilens data doctor', or change --set data.classes=[] and data.kinds=[]"
            )
    for sample in samples:
        if "://" in sample.uri:
            raise DatasetError(f"{path}: {sample.id} lies at {sample.uri}; download it first")


def _notes(train: Sequence[Sample], val: Sequence[Sample]) -> Iterator[str]:
    for what in ("source", "identity"):
        known = {getattr(sample, what) for sample in train} - {""}
        shared = {getattr(sample, what) for sample in val} & known
        if shared:
            yield (
                f"{len(shared)} of the validation split's {what} values are in training too, e.g. "
                f"'{min(shared)}': validation looks better than it is"
            )
    if not val:
        yield "no validation split: the last weights are exported, nothing was selected"
