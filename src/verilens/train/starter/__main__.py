"""python -m verilens.train.starter: from the corpus to the weights the package ships.

    bases -> pairs -> trunks -> matched draws -> features -> heads -> fusion -> files

Every stage leaves its result in --work and is skipped when it is there, so a killed run goes on.
The files land in --out, in the layout of `verilens/verify`; copy them over it to ship them.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import Progress

from verilens.bench import metrics
from verilens.nn.efficientnet_lite import load_public, public_weights
from verilens.train.starter.corpus import Item, Kind, capped, read_corpus, source_folds
from verilens.train.starter.features import Change, Features, read_features
from verilens.train.starter.fusion import Folds, constants
from verilens.train.starter.heads import (
    EPOCHS,
    HIDDEN,
    STRENGTH,
    Rows,
    fit_on,
    of_kinds,
    teachers,
)
from verilens.train.starter.pairs import all_bases, make_pairs, read_pairs
from verilens.train.starter.trunks import PLANS, train
from verilens.train.starter.write import halved, set_head, write_fusion, write_weights
from verilens.train.starter.zones import BATCH as BATCH_OF_SCAN
from verilens.train.starter.zones import DROPPED, RATE
from verilens.train.starter.zones import EPOCHS as EPOCHS_OF_SCAN
from verilens.verify.demamba.config import Config as Demamba
from verilens.verify.demamba.model import DeMamba
from verilens.verify.detector import Detector
from verilens.verify.npr.model import NPR
from verilens.verify.patchcraft.model import PatchCraft
from verilens.verify.probe.model import Probe

CAP = 40  # files of one source and generator: more sources teach more than more files
N_FOLDS = 6
TRUNKS: dict[str, type[Detector]] = {"npr": NPR, "patchcraft": PatchCraft}
KINDS: tuple[Kind, ...] = ("image", "video")
console = Console()


def trained_trunk(method: str, work: Path, seed: int, progress: Progress) -> Detector:
    """Return the trunk at full size, trained here or in an earlier run."""
    file = work / f"{method}.pt"
    if not file.exists():
        trunk, steps = train(method, *read_pairs(work / "pairs"), seed)
        task = progress.add_task(
            f"training {method}", total=sum(phase.steps for phase in PLANS[method])
        )
        for step in steps:
            told = f"training {method}: loss {step.loss:.2f}, {step.ordered:.0%} of pairs in order"
            progress.update(task, advance=1, description=told)
        torch.save(trunk.state_dict(), file)
    shipped = TRUNKS[method]()
    shipped.load_state_dict(torch.load(file, weights_only=True))
    return halved(shipped)


def demamba() -> DeMamba:
    """Return DeMamba on the public ImageNet backbone, its head not yet fitted."""
    config = Demamba.starter()
    trunk = replace(config.trunk, pretrained=str(public_weights()))
    model = DeMamba(replace(config, trunk=trunk))
    halved(model)
    return model


def probe() -> Probe:
    """Return the probe with the public ImageNet backbone."""
    model = Probe()
    load_public(model.backbone, public_weights())
    halved(model)
    return model


def read_all(
    items: list[Item],
    detectors: dict[str, Detector],
    work: Path,
    workers: int,
    progress: Progress,
    change: Change | None = None,
) -> tuple[list[Item], dict[str, Rows]]:
    """Return the readable items and their features by method, see `heads.at`."""
    task = progress.add_task("matching formats and reading", total=len(items))
    kept, rows = [], []
    found = read_features(items, detectors, work / "features", workers, change)
    for item, features in zip(items, found, strict=True):
        progress.advance(task)
        if features is not None:
            kept.append(item)
            rows.append(features)
    return kept, {name: stacked_rows([row.get(name) for row in rows]) for name in detectors}


def stacked_rows(rows: Sequence[Features | None]) -> Rows:
    """Return rows as one array, or as an array of objects where some are missing."""
    if all(row is not None for row in rows):
        return np.stack([row for row in rows if row is not None])
    found = np.empty(len(rows), object)
    for n, row in enumerate(rows):  # assigned at once, equal shapes would be taken apart
        found[n] = row
    return found


def fit_heads(detectors: dict[str, Detector], features: dict[str, Rows], items: list[Item]) -> None:
    """Fit every detector's heads on the whole corpus, in place."""
    everyone = np.arange(len(items))
    for method, detector in detectors.items():
        own: dict[str, Kind] = {"still": "image", "clip": "video"}
        heads = own if method == "probe" else {"head": KINDS[1]}
        for name, kind in heads.items():
            rows = of_kinds(items, everyone, teachers(method, kind))
            set_head(detector, name, fit_on(features[method], items, rows, method, kind))


def fit_fusion(
    features: dict[str, Rows], items: list[Item], seed: int
) -> tuple[dict[str, list[dict[str, object]]], dict[str, dict[str, float]]]:
    """Return the verdict's constants by modality, and each method's and the fusion's AUC.

    Both come from out-of-fold logits; the AUC is that of unseen sources and generators.
    """
    folds = source_folds(items, N_FOLDS)
    rows: dict[str, list[dict[str, object]]] = {}
    figures: dict[str, dict[str, float]] = {name: {} for name in features}
    for kind in KINDS:
        fitted = Folds.fitted(features, items, folds, kind)
        logits = fitted.logits(features)
        seen = np.flatnonzero(~np.isnan(logits).any(1))
        chosen = [items[n] for n in seen]
        rows[kind] = constants(logits[seen], list(fitted.heads), chosen, seed)
        labels = np.array([float(item.is_fake) for item in chosen])
        fused = metrics.auc(fitted.judged(logits).probabilities[seen], labels)
        for column, method in enumerate(fitted.heads):
            figures[method][f"{kind}_auc"] = metrics.auc(logits[seen, column], labels)
            figures[method][f"{kind}_auc_of_the_fused_verdict"] = fused
    return rows, figures


def run(args: argparse.Namespace, progress: Progress) -> None:
    """Run all stages."""
    work: Path = args.work
    corpus = {kind: read_corpus(args.data, args.extra, kind) for kind in KINDS}
    bases = all_bases(corpus["image"])
    task = progress.add_task("re-making photographs", total=None)
    for maker in make_pairs(bases, work / "pairs", args.public, args.seed):
        progress.update(task, advance=1, description=f"re-made by {maker}")
    detectors: dict[str, Detector] = {"probe": probe(), "demamba": demamba()}
    detectors |= {m: trained_trunk(m, work, args.seed, progress) for m in TRUNKS}
    chosen = [i for kind in KINDS for i in capped(corpus[kind], CAP) if i.label != "manipulated"]
    items, features = read_all(chosen, detectors, work, args.workers, progress)
    fit_heads(detectors, features, items)
    rows, figures = fit_fusion(features, items, args.seed)
    for method, detector in detectors.items():
        write_weights(detector, args.out / method, args.seed, recipe(method), figures[method])
    write_fusion(args.out / "fusion.json", rows)


def recipe(method: str) -> str:
    """Return how a method was trained, for its card."""
    if method == "demamba":
        return (
            "EfficientNet-Lite2 as ImageNet left it, up to its stride of 16; the head on two "
            f"format-matched draws a film of 8 moments, {EPOCHS_OF_SCAN} epochs, AdamW at "
            f"{RATE:g}, batches of {BATCH_OF_SCAN}, mirrored in space and time by chance, "
            f"{DROPPED:.0%} of the channels left out, sources weighted"
        )
    head = f"logistic head on frozen features, C={STRENGTH[method]:g}, sources weighted"
    if method == "probe":
        return (
            "frozen ImageNet EfficientNet-Lite2, two format-matched draws a file; for stills two "
            f"averaged networks of {HIDDEN} hidden units (dropout 0.3 and 0.7, weight decay 0.3, "
            f"{EPOCHS} epochs), for clips a {head}"
        )
    phases = " then ".join(f"{phase.steps} steps at {phase.lr:g}" for phase in PLANS[method])
    return (
        f"about {phases} (the shipped run was limited by time, so a new run comes close), "
        "AdamW, batches of 16 aligned pairs of 128 px, bf16, label-blind scaling, noise and "
        f"JPEG 60-98, sharpness drawn per picture; then a {head}, from clips only"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verilens.train.starter", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        help="folder with a further manifest.csv, such as what more.csv lists; repeatable",
    )
    parser.add_argument("--public", type=Path, help="folder with taesd.py and the taef2 weights")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    logging.basicConfig(handlers=[RichHandler(console=console)], format="%(message)s")
    with Progress(console=console) as progress:
        run(args, progress)


if __name__ == "__main__":
    main()
