"""How well predictions say where: forged spans of videos and forged pixels of pictures.

Predictions hold what was proposed, the manifest what is true; both are joined by id. A sample with
nothing proposed misses what was forged in it and is counted. Intervals draw samples.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from verilens.bench import metrics
from verilens.bench.metrics import Spans, Undefined
from verilens.bench.metrics import spans as of_spans
from verilens.bench.metrics.arrays import Floats
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.bench.result import Cell
from verilens.errors import DatasetError
from verilens.records import Sample

POINTS = (0.5, 0.75, 0.95)
BEST = (2, 5)
PIXEL_METRICS: Mapping[str, Callable[[Floats, Floats], float]] = {
    "pixel F1": metrics.pixel_f1,
    "pixel IoU": metrics.pixel_iou,
    "pixel AUC": metrics.pixel_auc,
    "pixel L1": metrics.pixel_l1,
}


@dataclass(frozen=True, kw_only=True)
class Located:
    """Figures of one kind of place. samples: judged; silent: those with nothing proposed.

    absent: samples of the manifest that the predictions do not have; they are not judged.
    """

    samples: int
    silent: int
    absent: int
    cells: Mapping[str, Cell]


def spans(
    rows: Iterable[Prediction], samples: Iterable[Sample], plan: Plan | None = None
) -> Located:
    """Return average precision and recall of proposed spans over videos.

    Spans of frames become seconds with the rate that the prediction notes (`file.fps`).
    DatasetError when it does not.
    """
    plan = plan or Plan(draws=200)
    given = {row.id: row for row in rows if row.frame is None}
    proposed: list[tuple[int, float, float, float]] = []
    true: list[tuple[int, float, float]] = []
    judged = silent = absent = 0
    for sample in samples:
        if sample.id not in given:
            absent += 1
            continue
        row = given[sample.id]
        proposed += [(judged, *span) for span in row.where]
        true += [(judged, *span) for span in _seconds(sample, row)]
        silent += not row.where
        judged += 1
    cells = _span_cells(Spans.of(proposed), Spans.of(true), judged, plan)
    return Located(samples=judged, silent=silent, absent=absent, cells=cells)


def pixels(
    rows: Iterable[Prediction], samples: Iterable[Sample], plan: Plan | None = None
) -> Located:
    """Return means over pictures of how predicted masks fit the true ones.

    A genuine picture has an empty truth. A picture without a predicted mask is not judged but
    counted as silent. DatasetError when a mask cannot be read or is of another size.
    """
    plan = plan or Plan()
    given = {row.id: row for row in rows if row.frame is None}
    values: dict[str, list[float]] = {name: [] for name in PIXEL_METRICS}
    judged = silent = absent = 0
    for sample in samples:
        row = given.get(sample.id)
        if row is None or not row.mask:
            absent, silent = absent + (row is None), silent + (row is not None)
            continue
        judged += 1
        scores = _mask(row.mask)
        truth = _mask(sample.mask) if sample.mask else np.zeros_like(scores)
        if sample.label and not sample.mask:
            raise DatasetError(f"{sample.id}: a fake without a mask in the manifest")
        if truth.shape != scores.shape:
            raise DatasetError(
                f"{row.mask}: {_size(scores)} pixels where the true mask {sample.mask} has "
                f"{_size(truth)}; write predicted masks at the size of the picture"
            )
        for name, of in PIXEL_METRICS.items():
            values[name].append(_or_nan(of, scores, truth))
    cells = {name: _mean_cell(np.array(found), plan) for name, found in values.items()}
    return Located(samples=judged, silent=silent, absent=absent, cells=cells)


def plain(found: Located) -> dict[str, Any]:
    """Return the figures as JSON-safe values."""
    return asdict(found)


def _seconds(sample: Sample, row: Prediction) -> Iterator[tuple[float, float]]:
    if sample.segment_unit == "seconds" or not sample.segments:
        yield from sample.segments
        return
    try:
        rate = float(row.attributes["file.fps"])
    except (KeyError, ValueError):
        raise DatasetError(
            f"{sample.id}: true spans are in frames, and the predictions do not say how many make "
            "a second (attribute file.fps)"
        ) from None
    for start, end in sample.segments:
        yield start / rate, end / rate


def _span_cells(proposals: Spans, truth: Spans, videos: int, plan: Plan) -> dict[str, Cell]:
    names = [*(f"AP at tIoU {at:g}" for at in POINTS), "mean AP", *(f"AR at {k}" for k in BEST)]
    if not len(truth.video):
        return {name: Cell(reason="no forged spans in the truth") for name in names}
    rng = np.random.default_rng(plan.seed)
    drawn = rng.multinomial(videos, np.full(videos, 1 / videos), plan.draws)
    weights = np.vstack([np.ones(videos), drawn])  # the first row is the value itself
    found = of_spans.ap_of_draws(proposals, truth, of_spans.OVERLAPS, weights)
    at = [of_spans.OVERLAPS.index(point) for point in POINTS]
    rows = [*found[at], found.mean(0)]
    rows += [of_spans.recall_of_draws(proposals, truth, k, weights) for k in BEST]
    return {name: _cell(row, plan) for name, row in zip(names, rows, strict=True)}


def _cell(row: Floats, plan: Plan) -> Cell:
    """Return the first value with the interval of the others."""
    tail = (1 - plan.level) / 2
    low, high = np.nanquantile(row[1:], [tail, 1 - tail])
    return Cell(value=float(row[0]), low=float(low), high=float(high))


def _mean_cell(values: Floats, plan: Plan) -> Cell:
    known = values[np.isfinite(values)]
    if not len(known):
        return Cell(reason="undefined on every picture")
    rng = np.random.default_rng(plan.seed)
    means = [rng.choice(known, len(known)).mean() for _ in range(plan.draws)]
    tail = (1 - plan.level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    said = "" if len(known) == len(values) else f"defined on {len(known)} of {len(values)} pictures"
    return Cell(value=float(known.mean()), low=float(low), high=float(high), reason=said)


def _or_nan(of: Callable[[Floats, Floats], float], scores: Floats, truth: Floats) -> float:
    try:
        return of(scores, truth)
    except Undefined:
        return float("nan")


def _mask(path: str) -> Floats:
    """Return a mask as values in [0, 1], (H, W)."""
    try:
        with Image.open(Path(path)) as picture:
            return np.asarray(picture.convert("L"), float) / 255
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path}: not a readable mask ({error})") from error


def _size(mask: Floats) -> str:
    return f"{mask.shape[1]} x {mask.shape[0]}"
