"""Which samples train and which test: one small TOML file a protocol, values only.

A protocol becomes jobs. Most have one, or one a fold; "leave-one-out" has one a generator (it is
tested, the others train), "one-to-each" one a generator too (it trains, each is tested). Genuine
media belong to every part unless the file says otherwise. What trains is never tested: a job whose
sides share a sample, a source or a person is refused.
"""

import dataclasses
import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

from verilens import config, manifest, tables
from verilens.errors import DatasetError, UnknownName
from verilens.records import Sample

ROOM = "verilens.bench.protocols"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some samples of a data set. An empty tuple means all.

    dataset: card name, "" for whatever the manifest holds. attributes, fakes: allowed values by
    the attribute's name, of every sample and of fakes alone; "dataset" names several sets.
    genuine: False leaves genuine media out; "only" leaves generated media out.
    """

    name: str = ""
    dataset: str = ""
    splits: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    genuine: Literal["with", "only", "without"] = "with"
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fakes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def takes(self, sample: Sample, dataset: str) -> bool:
        """Return whether the sample belongs here. dataset: the one it was read from."""
        if self.dataset not in ("", dataset) or (self.splits and sample.split not in self.splits):
            return False
        if sample.label == 0:
            if self.genuine == "without":
                return False
        elif self.genuine == "only" or (
            self.generators and sample.generator not in self.generators
        ):
            return False
        asked = {**self.attributes, **(self.fakes if sample.label else {})}
        said = {"dataset": dataset, **sample.attributes}
        return all(said.get(name, "") in allowed for name, allowed in asked.items())


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training and the tests it is for."""

    name: str
    train: Part
    val: Part
    tests: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A published way to split.

    table: where its figures stand. compat: the official evaluator's
    quirks that reproduce them (see `bench.compat`).

    own: with `each`, the attribute that ties genuine media to a generator: a generator is then
        trained and tested with its own genuine media, not with everybody's.
    folds: a job each; "{fold}" in the names of attributes stands for it.
    held_out: share of the training sources kept for validation where the data set publishes no
        validation split; which ones depends on their names alone.
    """

    title: str
    paper: str
    summary: str
    table: str = ""
    compat: str = ""
    each: Literal["", "leave-one-out", "one-to-each"] = ""
    own: str = ""
    folds: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("auc",)
    held_out: float = 0.0
    uncertain: tuple[str, ...] = ()
    train: Part = field(default_factory=lambda: Part(splits=("train",)))
    val: Part = field(default_factory=lambda: Part(splits=("val",)))
    tests: tuple[Part, ...] = (Part(name="test", splits=("test",)),)

    def jobs(self, generators: Sequence[str]) -> Iterator[Job]:
        """Yield the trainings. generators: of the manifest, in the order of the table's columns."""
        if not self.each:
            for fold in self.folds or ("all",):
                train, val, *tests = (_folded(p, fold) for p in (self.train, self.val, *self.tests))
                yield Job(name=fold, train=train, val=val, tests=tuple(tests))
            return
        if len(generators) < 2:
            raise DatasetError(f"'{self.title}' needs two generators, found {list(generators)}")
        for one in generators:
            others = tuple(g for g in generators if g != one)
            taught = others if self.each == "leave-one-out" else (one,)
            tested = (one,) if self.each == "leave-one-out" else tuple(generators)
            yield Job(
                name=one,
                train=self._of(self.train, taught),
                val=self._of(self.val, taught),
                tests=tuple(
                    dataclasses.replace(self._of(part, (g,)), name=g)
                    for part in self.tests[:1]
                    for g in tested
                ),
            )

    def _of(self, part: Part, generators: tuple[str, ...]) -> Part:
        attributes = {**part.attributes, self.own: generators} if self.own else part.attributes
        return dataclasses.replace(part, generators=generators, attributes=attributes)


def _folded(part: Part, fold: str) -> Part:
    asked = {name.replace("{fold}", fold): allowed for name, allowed in part.attributes.items()}
    return dataclasses.replace(part, attributes=asked)


def protocols() -> dict[str, Protocol]:
    """Return every protocol by name."""
    found = {f.name: f for f in files(ROOM).iterdir() if f.name.endswith(".toml")}
    texts = {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}
    return {name.removesuffix(".toml"): read(text, name) for name, text in texts.items()}


def protocol(name: str) -> Protocol:
    """Return a protocol; UnknownName suggests the nearest."""
    found = protocols()
    if name in found:
        return found[name]
    close = difflib.get_close_matches(name, found, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(found)}."
    raise UnknownName(f"no protocol '{name}'; {hint} List them with 'verilens bench protocols'.")


def read(text: str, where: str) -> Protocol:
    """Return the protocol a TOML text describes; ConfigError names an unknown field."""
    import tomllib

    values = tomllib.loads(text)
    tests = [config.build(Part, _tuples(part), where) for part in values.pop("test", [])]
    for side in ("train", "val"):
        if side in values:
            values[side] = _tuples(values[side])
    built = config.build(Protocol, values, where)
    return dataclasses.replace(built, tests=tuple(tests)) if tests else built


def _tuples(part: Mapping[str, object]) -> dict[str, object]:
    """Return the table with its lists of values as tuples, which a frozen part needs."""
    found = dict(part)
    for key in ("attributes", "fakes"):
        if isinstance(asked := found.get(key), Mapping):
            found[key] = {name: tuple(allowed) for name, allowed in asked.items()}
    return found


class Set(NamedTuple):
    """A manifest and the data set it was made from."""

    path: Path
    dataset: str

    def samples(self) -> Iterator[Sample]:
        return manifest.read(self.path)


def sets(paths: Iterable[Path]) -> list[Set]:
    """Return the manifests with the data sets their metadata names."""
    return [Set(path, str(tables.facts(path).get("dataset", ""))) for path in paths]


def write(chosen: Protocol, manifests: Sequence[Set], out: Path) -> Iterator[Path]:
    """Write every job's manifests and yield them: JOB/train.parquet and JOB/test/PART.parquet.

    The former holds what trains and what validates, told apart by their split. DatasetError when
    a part is empty, or when what trains is also tested.
    """
    names = sorted({g for s in manifests for g in generators(s.samples()) if _teaches(chosen, s)})
    for job in chosen.jobs(names):
        taught = _taught(chosen, job, manifests)
        yield _written(out / job.name / "train.parquet", taught, job.train)
        for part in job.tests:
            tested = [dataclasses.replace(s, split="test") for s in _of(part, manifests)]
            check_apart(taught, tested)
            yield _written(out / job.name / "test" / f"{part.name}.parquet", tested, part)


def _taught(chosen: Protocol, job: Job, manifests: Sequence[Set]) -> list[Sample]:
    """Return what trains, then what validates, with these splits."""
    train, val = list(_of(job.train, manifests)), list(_of(job.val, manifests))
    if chosen.held_out and not val:
        val = [s for s in train if _is_held(s, chosen.held_out)]
        train = [s for s in train if not _is_held(s, chosen.held_out)]
    return [
        *(dataclasses.replace(s, split="train") for s in train),
        *(dataclasses.replace(s, split="val") for s in val),
    ]


def _teaches(chosen: Protocol, one: Set) -> bool:
    return chosen.train.dataset in ("", one.dataset)


def _of(part: Part, manifests: Sequence[Set]) -> Iterator[Sample]:
    for one in manifests:
        for sample in one.samples():
            if part.takes(sample, one.dataset):
                attributes = {"dataset": one.dataset, **sample.attributes}
                yield dataclasses.replace(sample, attributes=attributes)


def _is_held(sample: Sample, share: float) -> bool:
    key = (sample.source or sample.identity or sample.id).encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:4], "big") < share * 2**32


def _written(path: Path, samples: Sequence[Sample], part: Part) -> Path:
    if not samples:
        where = f"data set '{part.dataset}'" if part.dataset else "the manifests"
        raise DatasetError(
            f"{path.stem}: {where} has no sample with {part}; is its manifest among those given?"
        )
    manifest.write(path, samples, part.dataset, path.parent)
    return path


def generators(samples: Iterable[Sample]) -> list[str]:
    """Return the generators that occur, sorted."""
    return sorted({s.generator for s in samples if s.label and s.generator})


def check_apart(taught: Iterable[Sample], tested: Iterable[Sample]) -> None:
    """Raise DatasetError when the sides share a sample, a source or a person.

    Persons are compared within a data set: another set's person 1 is somebody else.
    """
    seen: dict[str, set[tuple[str, str]]] = {"id": set(), "source": set(), "identity": set()}

    def named(sample: Sample, what: str) -> tuple[str, str]:
        within = sample.attributes.get("dataset", "") if what == "identity" else ""
        return within, getattr(sample, what)

    for sample in taught:
        for what, values in seen.items():
            values.add(named(sample, what))
    for sample in tested:
        for what, values in seen.items():
            value = getattr(sample, what)
            if value and named(sample, what) in values:
                raise DatasetError(
                    f"{what} '{value}' is on both sides of the split (sample '{sample.id}'); "
                    "run 'verilens data doctor' on the manifest"
                )
