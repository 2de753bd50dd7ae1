"""From predictions to a table: overall, by group, macro means and the worst groups, with intervals.

    predictions -> columns -> one row a sample -> threshold -> counts -> figures and draws

A row of a generator, or of an attack species, sets its fakes against all genuine samples of the
same data sets; groups of any other column are cut from both classes. Samples without a score are
counted, never judged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from verilens.bench import columns as columns_of
from verilens.bench import metrics
from verilens.bench.columns import Columns
from verilens.bench.curves import curves
from verilens.bench.judge import Judge, Judged
from verilens.bench.measures import BY_SPECIES, DEFAULT, MEASURES, measures
from verilens.bench.metrics.arrays import Ints
from verilens.bench.metrics.grouping import Pooling
from verilens.bench.metrics.intervals import Plan
from verilens.bench.result import Cell, Row, Table, Threshold
from verilens.errors import ConfigError, DatasetError

MOST_GROUPS = 200
UNSTATED = "(not stated)"
RULES = "eer, balance, or fpr=0.05"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a table shows.

    by: columns or attributes to make groups of. cluster: the column whose samples are drawn
    together; "auto" takes identity, else source, where one is stated; "none" draws samples alone.
    pooling: how frames become one score a sample; None judges frames.
    split: only rows of this split. threshold: a value, or a rule for `validation`, a split of the
    same file, a file, or a folder with a file for each method. species: the column of attack
    species for APCER and ACER. one_class: accept files that hold one class only.
    """

    measures: tuple[str, ...] = DEFAULT
    by: tuple[str, ...] = ()
    cluster: str = "auto"
    pooling: Pooling | None = "mean"
    split: str = ""
    threshold: float = 0.5
    validation: str = ""
    rule: str = "balance"
    species: str = "generator"
    one_class: bool = False
    worst: int = 5
    plan: Plan = field(default_factory=Plan)


def score(files: Sequence[Columns], settings: Settings) -> Table:
    """Return the table of one or many methods' predictions.

    DatasetError when a file holds one class only, or the threshold would come from rows it judges.
    """
    measures(settings.measures)
    files = renamed(files)
    rows: list[Row] = []
    thresholds, drawn_by, shown, splits = {}, {}, {}, set()
    for file in files:
        judged, threshold = prepared(file, settings)
        cluster = cluster_of(judged, settings.cluster)
        judge = Judge(judged, settings.measures, threshold.value, cluster, settings.plan)
        rows += rows_of(judge, settings)
        thresholds[file.name], drawn_by[file.name] = threshold, cluster
        splits |= stated_splits(judged)
        shown[file.name] = curves(judged, MEASURES[settings.measures[0]], threshold.value)
    return Table(
        rows=tuple(rows),
        measures=settings.measures,
        thresholds=thresholds,
        curves=shown,
        notes=(*notes(rows, thresholds), *mixed(splits)),
        facts={file.name: dict(file.facts) for file in files},
        intervals=said_of_intervals(settings.plan, set(drawn_by.values())),
    )


def prepared(file: Columns, settings: Settings) -> tuple[Columns, Threshold]:
    """Return the samples to judge, one row each, and the threshold to judge them at."""
    samples = file.videos(settings.pooling) if settings.pooling else file
    threshold = Threshold(value=settings.threshold)
    if settings.validation:
        samples, threshold = _validated(samples, settings)
    if settings.split:
        samples = of_split(samples, settings.split)
    present = set(samples.label[~samples.missing].tolist())
    if len(present) < 2 and not settings.one_class:
        only = {0: "genuine samples", 1: "fakes"}.get(next(iter(present), -1), "missing scores")
        raise DatasetError(
            f"{file.path}: only {only}; AUC and the like need both classes. Join both in one file, "
            "or ask for rates of one class with --one-class"
        )
    return samples, threshold


def of_split(samples: Columns, split: str) -> Columns:
    """Return the rows of a split; DatasetError when there are none."""
    text = samples.text("split")
    rows = np.flatnonzero([name == split for name in text.names] if len(text.names) else [])
    chosen = np.flatnonzero(np.isin(text.codes, rows))
    if not len(chosen):
        known = ", ".join(sorted(filter(None, text.names))) or "none"
        raise DatasetError(f"{samples.path}: no rows of split '{split}'; there are: {known}")
    return samples.take(chosen)


def _validated(samples: Columns, settings: Settings) -> tuple[Columns, Threshold]:
    """Return the rows that are left to judge, and the threshold the others set."""
    given = Path(settings.validation)
    if given.is_dir():
        given = given / samples.path.name
    if not given.exists():
        judging = of_split(samples, settings.validation)
        split = samples.text("split")
        rest = np.flatnonzero(split.codes != split.names.index(settings.validation))
        if not len(rest):
            raise DatasetError(
                f"{samples.path}: all rows are of split '{settings.validation}'; a threshold must "
                "not be judged on the rows that set it"
            )
        samples, where = samples.take(rest), f"split '{settings.validation}'"
    else:
        judging = columns_of.load(given)
        judging = judging.videos(settings.pooling) if settings.pooling else judging
        shared = keys(judging) & keys(samples)
        if shared:
            raise DatasetError(
                f"{given}: {len(shared)} of its samples are judged too, such as "
                f"'{min(shared)}'; a threshold must not be judged on the rows that set it"
            )
        where = str(given)
    known = ~judging.missing
    value = _ruled(settings.rule, judging, known)
    return samples, Threshold(value=value, note=f"{settings.rule} on {known.sum()} of {where}")


def _ruled(rule: str, judging: Columns, known: Ints) -> float:
    scores, labels = judging.score[known], judging.label[known]
    name, _, rate = rule.partition("=")
    try:
        if name == "eer":
            return metrics.threshold_at_eer(scores, labels)
        if name == "balance":
            return metrics.threshold_at_balance(scores, labels)
        if name == "fpr" and 0 <= float(rate) <= 1:
            return metrics.threshold_at_fpr(scores, labels, float(rate))
    except metrics.Undefined as error:
        raise DatasetError(f"{judging.path}: no threshold from these rows: {error}") from error
    except ValueError:
        pass
    raise ConfigError(f"no rule '{rule}' for a threshold; there are: {RULES}")


def rows_of(judge: Judge, settings: Settings) -> Iterator[Row]:
    """Yield the overall row, then for each column its groups, their mean and the worst ones."""
    whole = judge.row(np.arange(len(judge.columns)), kind="overall").row
    asked = set(BY_SPECIES) & set(settings.measures)
    if asked:
        groups = [g for _, g in judged_groups(judge, settings.species, settings.species)]
        whole = replace(whole, cells={**whole.cells, **worst_species(groups, whole, asked)})
    yield whole
    for by in settings.by:
        groups = [group for _, group in judged_groups(judge, by, settings.species)]
        yield from (group.row for group in groups)
        if len(groups) > 1:
            yield judge.mean(groups, kind="macro", by=by, name=f"mean of {len(groups)}")
        if len(groups) > settings.worst:
            poorest = worst_of(groups, settings.measures[0], settings.worst)
            names = ", ".join(group.row.name for group in poorest)
            yield judge.mean(poorest, kind="worst", by=by, name=f"worst {settings.worst}: {names}")


def judged_groups(judge: Judge, by: str, species: str = "") -> Iterator[tuple[str, Judged]]:
    """Yield each value of a column with its row."""
    for stream, (name, rows) in enumerate(groups(judge.columns, by, species), 1):
        yield name, judge.row(rows, stream, kind="group", by=by, name=name)


def groups(samples: Columns, by: str, species: str = "") -> Iterator[tuple[str, Ints]]:
    """Yield (value, rows) of a column by name; of generators each with the genuine samples.

    species: the column of attack species, treated like generators.
    """
    text, sets = samples.text(by), samples.text("dataset").codes
    of_fakes = by in ("generator", species)
    present = np.unique(text.codes[samples.label == 1] if of_fakes else text.codes)
    if len(present) > MOST_GROUPS:
        raise ConfigError(
            f"{samples.path}: '{by}' has {len(present)} values, more than a table of "
            f"{MOST_GROUPS} rows shows; choose a coarser column"
        )
    for code in sorted(present.tolist(), key=lambda code: text.names[code]):
        rows = text.codes == code
        if of_fakes:
            fakes = rows & (samples.label == 1)
            rows = fakes | ((samples.label == 0) & np.isin(sets, np.unique(sets[fakes])))
        yield text.names[code] or UNSTATED, np.flatnonzero(rows)


def worst_of(groups: Sequence[Judged], measure: str, count: int) -> list[Judged]:
    """Return the groups with the worst value of a measure, worst first."""
    values = {
        str(n): np.nan if (value := group.row.cells[measure].value) is None else value
        for n, group in enumerate(groups)
    }
    found = metrics.worst(values, count, rises=MEASURES[measure].rises)
    return [groups[int(n)] for n, _ in found]


def worst_species(groups: Sequence[Judged], whole: Row, asked: set[str]) -> dict[str, Cell]:
    """Return APCER and ACER of the species that fools the detector most (ISO/IEC 30107-3)."""
    cells = {}
    for name in asked:
        known = [g.row for g in groups if g.row.cells[name].value is not None]
        if known:
            poorest = max(known, key=lambda row: row.cells[name].value or 0.0)
            cells[name] = replace(poorest.cells[name], reason=f"species {poorest.name}")
        else:
            cells[name] = whole.cells[name]
    return cells


def cluster_of(samples: Columns, asked: str) -> str:
    """Return the column whose samples are drawn together, "" for none."""
    if asked == "none":
        return ""
    if asked != "auto":
        samples.text(asked)
        return asked
    return next((name for name in ("identity", "source") if samples.text(name).says), "")


def keys(samples: Columns) -> set[str]:
    """Return the samples in words."""
    return {samples.key(row) for row in range(len(samples))}


def renamed(files: Sequence[Columns]) -> list[Columns]:
    """Return the files with names of their own: those that share one get their folder's."""
    names = [file.name for file in files]
    fuller = [
        str(Path(file.path.parent.name) / file.path.stem)
        if names.count(file.name) > 1
        else file.name
        for file in files
    ]
    again = [fuller[:n].count(name) for n, name in enumerate(fuller)]
    return [
        replace(file, name=f"{name} ({count + 1})" if count else name)
        for file, name, count in zip(files, fuller, again, strict=True)
    ]


def said_of_intervals(plan: Plan, clusters: set[str]) -> str:
    """Return in words how the intervals were made."""
    drawn = " and ".join(f"by {name}" if name else "sample by sample" for name in sorted(clusters))
    wilson = "; plain rates have Wilson's interval" if clusters == {""} else ""
    return f"{plan.level:.0%} bootstrap intervals, {plan.draws} draws {drawn}{wilson}"


def stated_splits(samples: Columns) -> set[str]:
    """Return the splits these samples are of."""
    text = samples.text("split")
    return {text.names[code] for code in np.unique(text.codes)} - {""}


def mixed(splits: set[str]) -> Iterator[str]:
    """Yield a warning when samples were judged that a method may have been trained on."""
    if splits & {"train", "val"}:
        names = ", ".join(sorted(splits))
        yield f"rows of these splits are judged together: {names}; choose one with --split"


def notes(rows: Sequence[Row], thresholds: dict[str, Threshold]) -> Iterator[str]:
    """Yield what a reader must know of the rows."""
    for row in rows:
        if row.kind == "overall" and row.missing:
            total = row.missing + row.fakes + row.genuine
            yield f"{row.method}: {row.missing} of {total} samples have no score; none is counted"
        for name, cell in row.cells.items():
            if row.kind == "overall" and cell.value is None:
                yield f"{row.method}: {MEASURES[name].title} is undefined: {cell.reason}"
    for method, threshold in thresholds.items():
        yield f"{method}: scores above {threshold.value:.4g} are called fake ({threshold.note})"
