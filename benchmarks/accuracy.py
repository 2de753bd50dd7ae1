"""Print how well the verdict separates generated from genuine media it never learned from.

Leave-generators-and-sources-out: the heads, the fusion and the thresholds of a fold never saw the
fold's sources nor its generators' families. Format-matched: both classes go through one draw of
scale, crop and compression. The pixel trunks are the shipped ones; they saw genuine photographs of
the sources named below the table (which are never tested) and re-makes of them, and no generated
picture at all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier

from verilens import __version__, catalog
from verilens.bench import metrics, predictions
from verilens.bench.predictions import Prediction
from verilens.media.perturb.kinds import GENVIDEO
from verilens.train.starter.__main__ import CAP, KINDS, N_FOLDS, read_all
from verilens.train.starter.corpus import (
    TRUNK_SOURCES,
    Item,
    Kind,
    capped,
    read_corpus,
    source_folds,
    training_side,
)
from verilens.train.starter.fusion import Folds, Nested
from verilens.train.starter.heads import Rows, at
from verilens.train.starter.views import matched_metadata
from verilens.verify.calibrate import best_fit
from verilens.verify.demamba.encoders import Lite
from verilens.verify.demamba.model import DeMamba
from verilens.verify.detector import Detector, sigmoid

METHODS = ("probe", "npr", "patchcraft", "demamba")
Floats = NDArray[np.float64]


class Row(NamedTuple):
    """One line of the table; the false-alarm rate is at the default threshold, "suspicious"."""

    name: str
    auc: float
    low: float
    high: float
    mean_auc: float
    balanced_accuracy: float
    tpr_at_5_fpr: float
    ece: float
    fpr: float


class Corpus(NamedTuple):
    """Items with the features of each method, rows alike; folds by source."""

    items: list[Item]
    features: dict[str, Rows]
    folds: dict[str, int]


class Judged(NamedTuple):
    """What the heads and fusions of a kind say of the items their folds kept from them."""

    fitted: Folds
    result: Nested

    @classmethod
    def of(cls, corpus: Corpus, kind: Kind) -> Judged:
        fitted = Folds.fitted(corpus.features, corpus.items, corpus.folds, kind)
        return cls(fitted, fitted.judged(fitted.logits(corpus.features)))


def read(
    folders: tuple[Path, Sequence[Path]],
    cap: int,
    cache: Path,
    workers: int,
    kinds: Sequence[Kind] = KINDS,
) -> tuple[Corpus, Corpus]:
    """Return the corpus of the table, and the manipulated files apart.

    folders: the corpus and what extends it. cap: files of one source and generator.
    """
    items = [i for kind in kinds for i in capped(read_corpus(*folders, kind), cap)]
    edited = [item for item in items if item.label == "manipulated"]
    judged = [item for item in items if item.label != "manipulated"]
    folds = source_folds(judged, N_FOLDS)
    detectors = {name: _loaded(name) for name in METHODS}
    with Progress() as progress:
        parts = [read_all(p, detectors, cache, workers, progress) for p in (judged, edited)]
    return Corpus(*parts[0], folds), Corpus(*parts[1], folds)


def _loaded(name: str) -> Detector:
    detector = catalog.load(name)
    if not isinstance(detector, Detector):
        raise TypeError(name)
    return detector


def write_predictions(
    judged: Mapping[str, Judged], folder: Path, facts: Mapping[str, object]
) -> None:
    """Write every out-of-fold score for `bench score`, a folder a kind and a file a method."""
    for kind, (fitted, result) in judged.items():
        scores = {"verdict": result.probabilities}
        scores |= {m: sigmoid(result.logits[:, n]) for n, m in enumerate(result.methods)}
        for name, column in scores.items():
            rows = [
                _prediction(item, float(score))
                for item, score in zip(fitted.items, column, strict=True)
                if not np.isnan(score)
            ]
            file = folder / f"{kind}s" / f"{name}.parquet"
            predictions.write(file, rows, {**facts, "method": name})


def _prediction(item: Item, score: float) -> Prediction:
    return Prediction(
        id=item.origin,
        label=int(item.is_fake),
        score=score,
        dataset="starter corpus",
        generator=item.generator,
        source=item.source,
        split="test",
        kind=item.kind,
        attributes={"family": item.family} if item.is_fake else {},
    )


def generator_aucs(scores: Floats, items: Sequence[Item]) -> dict[str, tuple[int, float]]:
    """Return count and AUC of every generator against all genuine files of the table."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for n, item in enumerate(items):
        if item.is_fake:
            rows[item.generator].append(n)
    genuine = scores[[n for n, item in enumerate(items) if not item.is_fake]]
    return {
        generator: (
            len(members),
            metrics.auc(
                np.concatenate([genuine, scores[members]]),
                np.repeat([0, 1], [len(genuine), len(members)]),
            ),
        )
        for generator, members in rows.items()
    }


def balanced_rows(labels: Floats) -> NDArray[np.int_]:
    """Return positions with the rarer class repeated until both are about as frequent."""
    ones, zeros = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    rare, common = sorted((ones, zeros), key=len)
    return np.concatenate([common, np.resize(rare, len(common))])


def row(name: str, scores: Floats, items: Sequence[Item], result: Nested | None) -> Row:
    """Return one line; without `result` (single methods) only ranking figures are given."""
    labels = np.array([float(item.is_fake) for item in items])
    sources = np.array([item.source for item in items])
    interval = metrics.bootstrap(metrics.auc, scores, labels, groups=sources, draws=300)
    mean = float(np.mean([value for _, value in generator_aucs(scores, items).values()]))
    tpr = metrics.tpr_at_fpr(scores, labels, 0.05)
    if result is None:
        return Row(name, *interval, mean, np.nan, tpr, np.nan, np.nan)
    fpr = (scores >= result.doubt)[labels == 0].mean()
    at = balanced_rows(labels)
    ece = metrics.expected_calibration_error(scores[at], labels[at])
    half = metrics.balanced_accuracy(scores, labels, 0.5)
    return Row(name, *interval, mean, half, tpr, ece, float(fpr))


def metadata_auc(
    items: Sequence[Item], folds: Mapping[str, int], kind: Kind, matched: bool
) -> float:
    """Return the AUC of a classifier that sees no pixels, mean over the folds' own AUCs.

    Not pooled: with nothing to go by it scores each fold alike, and that would rank the folds.
    """
    table = np.array([_metadata(item, matched) for item in items if item.kind == kind])
    chosen = [item for item in items if item.kind == kind]
    labels = np.array([item.is_fake for item in chosen])
    aucs: list[float] = []
    for fold in range(N_FOLDS):
        test = [n for n, item in enumerate(chosen) if folds[item.source] == fold]
        train = training_side(chosen, folds, fold)
        model = HistGradientBoostingClassifier(
            max_iter=100, class_weight="balanced", random_state=0
        ).fit(table[train], labels[train])
        if 0 < labels[test].mean() < 1:
            aucs.append(metrics.auc(model.predict_proba(table[test])[:, 1], labels[test]))
    return float(np.mean(aucs))


def _metadata(item: Item, matched: bool) -> list[float]:
    rng = np.random.default_rng([item.key, 0])
    if not matched:
        suffixes = ["jpg", "jpeg", "png", "webp", "gif", "mp4", "webm"]
        suffix = item.path.suffix.lstrip(".").lower()
        kind = float(suffixes.index(suffix)) if suffix in suffixes else -1.0
        return [item.width, item.height, item.path.stat().st_size, kind]
    if item.kind == "video":  # every clip has one size, rate and length; only the crf is drawn
        rng.integers(2**31)
        return [float(rng.integers(18, 29)), 0, 0, 0, 0]
    return matched_metadata(item.width, item.height, rng)


class Section(NamedTuple):
    """The figures of one modality."""

    rows: list[Row]
    worst: dict[str, tuple[int, float]]
    generators: dict[str, tuple[int, float]]
    sources: dict[str, tuple[int, float]]
    metadata: dict[str, float]
    manipulated: dict[str, float]


def measure(corpus: Corpus, edited: Corpus, result: Nested, kind: Kind) -> Section:
    """Return all figures of one modality."""
    seen = ~np.isnan(result.probabilities)
    items = [item for item, keep in zip(corpus.items, seen, strict=True) if keep]
    part = Nested(result.methods, *(array[seen] for array in result[1:]))
    rows = [row("fusion", part.probabilities, items, part)]
    rows += [row(m, part.logits[:, n], items, None) for n, m in enumerate(part.methods)]
    generators = generator_aucs(part.probabilities, items)
    return Section(
        rows=rows,
        worst=dict(sorted(generators.items(), key=lambda pair: pair[1][1])[:5]),
        generators=generators,
        sources=source_rates(part, items),
        metadata={
            "matched": metadata_auc(corpus.items, corpus.folds, kind, matched=True),
            "as found": metadata_auc(corpus.items, corpus.folds, kind, matched=False),
        },
        manipulated=edited_rates(part, items, edited, kind),
    )


def degraded_aucs(
    corpus: Corpus, judged: Judged, args: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Return the verdict's AUC on some films, as drawn and under each of GenVideo's degradations.

    Heads and fusions are those of the films' folds, and saw nothing degraded.
    """
    tested = ~np.isnan(judged.result.probabilities)
    films = [i for i, seen in zip(corpus.items, tested, strict=True) if seen and i.kind == "video"]
    chosen = sorted(films, key=lambda item: item.key)[: args.degraded]
    place = {item.path: n for n, item in enumerate(corpus.items)}
    detectors = {name: _loaded(name) for name in METHODS}
    found: dict[str, dict[str, float]] = {}
    for change in (None, *GENVIDEO):
        with Progress() as progress:
            kept, features = read_all(chosen, detectors, args.cache, args.workers, progress, change)
        rows = {name: np.full(len(corpus.items), None, object) for name in METHODS}
        for name, values in features.items():
            for item, value in zip(kept, values, strict=True):
                rows[name][place[item.path]] = value
        logits = judged.fitted.logits(rows)
        scores = judged.fitted.judged(judged.result.logits, logits).probabilities
        at_hand = np.flatnonzero(~np.isnan(scores))
        labels = np.array([float(corpus.items[n].is_fake) for n in at_hand])
        columns = {"verdict": scores[at_hand]}
        columns |= {m: logits[at_hand, n] for n, m in enumerate(judged.result.methods)}
        name = f"{change[0]} {change[1]}" if change else "as drawn"
        found[name] = {m: metrics.auc(column, labels) for m, column in columns.items()}
        found[name]["films"] = len(at_hand)
    return found


def show_degraded(console: Console, found: Mapping[str, Mapping[str, float]]) -> None:
    """Print one line a degradation."""
    table = Table(title="films under GenVideo's degradations: AUC, heads and fusion out of fold")
    columns = [name for name in next(iter(found.values())) if name != "films"]
    for head in ("", "films", *columns):
        table.add_column(head, justify="right")
    for name, row in found.items():
        table.add_row(name, f"{row['films']:.0f}", *(f"{row[c]:.3f}" for c in columns))
    console.print(table)


def source_rates(part: Nested, items: Sequence[Item]) -> dict[str, tuple[int, float]]:
    """Return count and false-alarm rate of every genuine source."""
    rates: defaultdict[str, list[bool]] = defaultdict(list)
    for item, p, limit in zip(items, part.probabilities, part.doubt, strict=True):
        if not item.is_fake:
            rates[item.source].append(bool(p >= limit))
    return {source: (len(v), float(np.mean(v))) for source, v in rates.items()}


def edited_rates(
    part: Nested, items: Sequence[Item], edited: Corpus, kind: Kind
) -> dict[str, float]:
    """Return the AUC of edited files against genuine ones, scored by the shipped verdict.

    The shipped heads saw no edited file; the genuine ones they saw are scored out of fold.
    """
    chosen = [n for n, item in enumerate(edited.items) if item.kind == kind]
    names = part.methods
    fit = best_fit(kind, frozenset(names))
    if fit is None or not chosen:
        return {}
    features = {m: at(edited.features[m], np.array(chosen))[:, -1] for m in names}
    logits = {m: shipped_logits(m, features[m], kind) for m in names}
    fused = [fit.logits({m: logits[m][k] for m in names})[0] for k in range(len(chosen))]
    p = 0.5 * (1 + np.tanh(0.5 * np.array(fused)))
    genuine = part.probabilities[[not item.is_fake for item in items]]
    labels = np.repeat([0, 1], [len(genuine), len(p)])
    return {
        "files": len(p),
        "auc": metrics.auc(np.concatenate([genuine, p]), labels),
        "called suspicious or fake": float((p >= fit.doubt).mean()),
    }


@torch.inference_mode()
def shipped_logits(method: str, features: NDArray[np.float32], kind: Kind) -> Floats:
    """Return the shipped head's logits of cached features."""
    detector = catalog.load(method)
    if isinstance(detector, DeMamba) and isinstance(detector.encoder, Lite):
        cells = (torch.from_numpy(features) - detector.encoder.centre) / detector.encoder.spread
        return np.asarray(detector.head(cells).double())
    name = {"probe": "clip" if kind == "video" else "still", "patchcraft": "classifier"}
    layer = getattr(detector, name.get(method, "head"))
    layer = layer[-1] if method == "patchcraft" else layer
    logits: Floats = layer(torch.from_numpy(features))[:, 0].double().numpy()
    return logits


def show(console: Console, kind: str, section: Section) -> None:
    """Print one modality."""
    table = Table(title=f"{kind}s: unseen generators, unseen sources, matched formats")
    heads = ("", "AUC [95 %]", "mean over generators", "balanced acc.", "TPR at 5 % FPR", "ECE",
             "FPR at threshold")  # fmt: skip
    for head in heads:
        table.add_column(head, justify="right")
    for r in section.rows:
        cells = [f"{r.auc:.3f} [{r.low:.3f}-{r.high:.3f}]", f"{r.mean_auc:.3f}"]
        rest = (r.balanced_accuracy, r.tpr_at_5_fpr, r.ece, r.fpr)
        table.add_row(r.name, *cells, *("-" if np.isnan(v) else f"{v:.3f}" for v in rest))
    for name, value in section.metadata.items():
        table.add_row(f"metadata only, {name}", f"{value:.3f}", *[""] * 5)
    console.print(table)
    worst = ", ".join(f"{g} {a:.2f} (n={n})" for g, (n, a) in section.worst.items())
    console.print(f"worst five generators: {worst}")
    alarms = sorted(section.sources.items(), key=lambda pair: -pair[1][1])[:5]
    console.print("most false alarms: " + ", ".join(f"{s} {r:.0%} (n={n})" for s, (n, r) in alarms))
    what = "edited pictures" if kind == "image" else "face-manipulated clips"
    if section.manipulated:
        m = section.manipulated
        console.print(
            f"{what}, outside the table: n={m['files']}, AUC {m['auc']:.3f}, "
            f"{m['called suspicious or fake']:.0%} called suspicious or fake\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        help="folder with a further manifest.csv, such as what more.csv lists; repeatable",
    )
    parser.add_argument("--cache", type=Path, default=Path(".accuracy-cache"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kind", choices=KINDS, help="stills or films alone; both by default")
    parser.add_argument("--cap", type=int, default=CAP, help="files of one source and generator")
    parser.add_argument(
        "--predictions", type=Path, help="write every score here, for 'verilens bench score'"
    )
    parser.add_argument(
        "--degraded",
        type=int,
        default=0,
        metavar="N",
        help="so many of the films under each of GenVideo's degradations too (slow)",
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    args = parser.parse_args()
    console = Console(width=120)
    kinds = KINDS if args.kind is None else (args.kind,)
    if args.degraded and "video" not in kinds:
        parser.error("--degraded needs films: leave out --kind image")
    corpus, edited = read((args.data, args.extra), args.cap, args.cache, args.workers, kinds)
    judged = {kind: Judged.of(corpus, kind) for kind in kinds}
    sections = {kind: measure(corpus, edited, judged[kind].result, kind) for kind in kinds}
    for kind, section in sections.items():
        show(console, kind, section)
    console.print(
        "The trunks of npr and patchcraft saw genuine photographs of "
        f"{', '.join(sorted(TRUNK_SOURCES))} and re-makes of them; these sources are never tested."
    )
    if args.predictions:
        facts = {"command": " ".join(sys.argv), "version": __version__, "folds": N_FOLDS}
        write_predictions(judged, args.predictions, facts)
    degraded = degraded_aucs(corpus, judged["video"], args) if args.degraded else {}
    if degraded:
        show_degraded(console, degraded)
    if args.json:
        figures: dict[str, object] = {
            kind: {**s._asdict(), "rows": [r._asdict() for r in s.rows]}
            for kind, s in sections.items()
        }
        figures["degraded"] = degraded
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
