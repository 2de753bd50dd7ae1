"""How well predictions say what was done to posts, and where in the picture.

    attributes "class" and "box" of a sample   against   "found.<kind>" and "found.box" of its row

The figures are those of DGM4 and MDSM: mean average precision over kinds, precision, recall and F1
over all kinds together (OP, OR, OF1) and by kind (CP, CR, CF1), the mean overlap of boxes, where
two that are empty agree. Official code ranks by a fixed vector for each answer, here by the
method's scores. Intervals draw sources where they are stated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from verilens.bench import metrics
from verilens.bench.localize import Located
from verilens.bench.metrics import Undefined
from verilens.bench.metrics.arrays import Floats, Ints
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import FOUND, Prediction
from verilens.bench.result import Cell
from verilens.errors import DatasetError
from verilens.records import Sample

GENUINE = "orig"
BOX = "box"
SWAPPED, REWRITTEN = "text_swap", "text_attribute"
LABELLED = ("OP", "OR", "OF1", "CP", "CR", "CF1")  # in the order of `metrics.Labelled`


def posts(
    rows: Iterable[Prediction], samples: Iterable[Sample], plan: Plan | None = None
) -> Located:
    """Return how well what was done is named, and how well boxes lie.

    Rows without a score are silent: they are not judged. Where a method has no word for rewritten
    text, it counts as swapped. DatasetError when no row says what was done.
    """
    plan = plan or Plan(draws=200)
    given = {row.id: row for row in rows if row.frame is None}
    kinds = sorted({_kind(name) for row in given.values() for name in row.attributes} - {"", BOX})
    if not kinds:
        raise DatasetError("no prediction says what was done to a post; ask a method of posts")
    known = [sample for sample in samples if "class" in sample.attributes]
    judged = [s for s in known if s.id in given and given[s.id].score is not None]
    silent = sum(s.id in given for s in known) - len(judged)
    absent = len(known) - len(judged) - silent
    scored = [given[sample.id] for sample in judged]
    scores = np.array([[_number(row, kind) for kind in kinds] for row in scored])
    labels = np.array([_labels(sample, kinds) for sample in judged], float)
    found = np.array([_box(row.attributes.get(FOUND + BOX, "")) for row in scored], float)
    truth = np.array([_box(sample.attributes.get(BOX, "")) for sample in judged], float)

    def figures(chosen: Ints) -> list[float]:
        of = metrics.labelled(scores[chosen], labels[chosen])
        ranked = metrics.mean_average_precision(scores[chosen], labels[chosen])
        return [ranked, *of, metrics.mean_box_iou(found[chosen], truth[chosen])]

    names = ("mAP", *LABELLED, "box IoU")
    cells = _cells(figures, names, [s.source or s.id for s in judged], plan)
    return Located(samples=len(judged), silent=silent, absent=absent, cells=cells)


def _cells(
    figures: Callable[[Ints], list[float]], names: Sequence[str], sources: Sequence[str], plan: Plan
) -> Mapping[str, Cell]:
    """Return each figure with its interval over draws of sources."""
    groups = np.unique(np.array(sources), return_inverse=True)[1] if sources else np.zeros(0, int)
    members = [np.flatnonzero(groups == n) for n in range(groups.max(initial=-1) + 1)]
    try:
        values = figures(np.arange(len(sources)))
    except Undefined as error:
        return {name: Cell(reason=str(error)) for name in names}
    rng, drawn = np.random.default_rng(plan.seed), list[list[float]]()
    for _ in range(plan.draws):
        picked = rng.integers(len(members), size=len(members))
        try:
            drawn.append(figures(np.concatenate([members[n] for n in picked])))
        except Undefined:  # a draw without any forgery
            continue
    tail = (1 - plan.level) / 2
    table: Floats = np.array(drawn or [values])
    low, high = np.quantile(table, [tail, 1 - tail], axis=0)
    return {
        name: Cell(value=values[n], low=float(low[n]), high=float(high[n]))
        for n, name in enumerate(names)
    }


def _kind(name: str) -> str:
    return name.removeprefix(FOUND) if name.startswith(FOUND) else ""


def _number(row: Prediction, kind: str) -> float:
    try:
        return float(row.attributes.get(FOUND + kind, "0"))
    except ValueError as error:
        raise DatasetError(f"{row.id}: '{FOUND}{kind}' is no number") from error


def _labels(sample: Sample, kinds: Sequence[str]) -> list[bool]:
    done = set(sample.attributes["class"].split("&")) - {GENUINE}
    if REWRITTEN in done and REWRITTEN not in kinds:
        done.add(SWAPPED)
    return [kind in done for kind in kinds]


def _box(said: str) -> list[float]:
    """Return corners in pixels, zeros where there are none."""
    if not said:
        return [0.0] * 4
    try:
        left, top, right, bottom = map(float, said.split(","))
    except ValueError as error:
        raise DatasetError(f"a box is left,top,right,bottom, not {said!r:.40}") from error
    return [left, top, right, bottom]
