"""python -m verilens.train.starter.spoof: from genuine faces to the weights of colour_texture.

    corpus -> faces -> bank of presentations -> features -> heads, one kind left out each -> all

No real presentation attack is seen: attacks are those of `verilens.media.presentation`. Sources
are apart: some train, some validate (thresholds, calibration), some are only measured on. Every
stage leaves its result in --work, and is taken up where it was left.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.logging import RichHandler
from safetensors.torch import save_file

from verilens import weights
from verilens.train.starter.corpus import Item, Kind, group_of, read_corpus, source_folds
from verilens.train.starter.fusion import constants
from verilens.train.starter.spoof_crops import (
    GENUINE,
    Bank,
    Presented,
    bank,
    genuine,
    joined,
    presented,
)
from verilens.train.starter.spoof_training import (
    STEPS,
    Doubles,
    Features,
    Figures,
    featured,
    fitted,
    halved,
    judged,
    scores,
    threshold_of,
)
from verilens.train.starter.write import write_fusion
from verilens.verify.calibrate import BOUND
from verilens.verify.colour_texture.config import Config
from verilens.verify.colour_texture.model import ColourTexture
from verilens.verify.detector import sigmoid

KINDS: tuple[Kind, ...] = ("image", "video")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "print": ("print", "cut"),  # both are printed paper
    "replay": ("replay",),
    "mask": ("mask",),
}
FOLDS = 5
PARTS = {0: "test", 1: "validation"}  # of the folds; the others train
MOST = {"train": 160, "validation": 60, "test": 80}  # faces, spread over the sources of a part
COMMAND = (
    "python -m verilens.train.starter.spoof --data ../shared/data --extra MORE --extra SOURCES "
    "--out OUT"
)
LICENCE = (
    "Apache-2.0 for the weights file; trained on third-party media gathered for research use, so "
    "check your own use"
)
RECIPE = (
    "bona fide faces, and print, cut, replay and mask simulated by verilens.media.presentation at "
    "all severities; scale, softness, noise, JPEG and H.264 drawn alike for both; left_out_*: "
    "trained without that kind, threshold of equal errors on validation sources and known kinds"
)
LIMITS = (
    "no real presentation attack was seen in training or measurement: all are simulated, and real "
    "printers, screens and masks differ from the simulation",
    "bona fide faces are photographs and films of the web, not of one camera at a gate",
    "figures on attack kinds left out of training are figures on simulations of them; paper and "
    "masks that training left out are missed more often than not",
    "faces below 44 pixels were never seen; from 32 on a scan judges them all the same",
)
logger = logging.getLogger(__name__)
console = Console()


def parts(people: Sequence[Presented]) -> dict[str, list[Presented]]:
    """Return the persons that train, validate and are measured on, whole sources each."""
    folds = source_folds([one.item for one in people], FOLDS)
    found: dict[str, list[Presented]] = {"train": [], "validation": [], "test": []}
    for one in people:
        found[PARTS.get(folds[one.item.source], "train")].append(one)
    return found


def spread(people: Sequence[Presented], most: int) -> list[Presented]:
    """Return at most so many faces, evenly over the sources."""
    by_source: dict[str, list[Presented]] = {}
    for one in people:
        by_source.setdefault(one.item.source, []).append(one)
    rounds = zip_longest(*by_source.values())
    return [one for found in rounds for one in found if one is not None][:most]


def banks(args: argparse.Namespace, config: Config) -> dict[str, Bank]:
    """Return the bank of each part, made where it is not there yet."""
    files = {name: args.work / f"spoof-bank-{name}.npz" for name in MOST}
    if not all(file.exists() for file in files.values()):
        corpus = [item for kind in KINDS for item in read_corpus(args.data, args.extra, kind)]
        found = presented(genuine(corpus), args.work / "spoof-faces")
        people = parts([one for of_file in found for one in of_file])
        for name, file in files.items():
            chosen = spread(people[name], MOST[name])
            np.savez(file, **joined(list(bank(chosen, config.view, args.seed)))._asdict())
    made = {}
    for name, file in files.items():
        with np.load(file) as kept:
            made[name] = Bank(**{field: kept[field] for field in Bank._fields})
    return made


def left_out(config: Config, made: Mapping[str, Features], seed: int) -> dict[str, float]:
    """Return the figures on each attack kind that was left out of training."""
    measured: dict[str, float] = {}
    for name, kinds in GROUPS.items():
        kept = made["train"].without(kinds)
        known = made["validation"].without(kinds)
        others = [kind for group, of in GROUPS.items() if group != name for kind in of]
        new = made["test"].without(others)
        method = fitted(config, kept, seed)
        figures = judged(scores(method, new), new.bank, threshold_of(method, known))
        said(f"left out {name}", figures)
        measured |= flat(f"left_out_{name}", figures)
    acers = [measured[f"left_out_{name}_acer"] for name in GROUPS]
    return {**measured, "left_out_mean_acer": float(np.mean(acers))}


def said(what: str, figures: Figures) -> None:
    """Log figures in a line."""
    rates = {**figures.apcer, "BPCER": figures.bpcer}
    told = ", ".join(f"{n} {r.value:.1%} [{r.low:.1%}, {r.high:.1%}]" for n, r in rates.items())
    logger.info("%s: ACER %.1f%%, AUC %.3f; APCER %s", what, 100 * figures.acer, figures.auc, told)


def flat(name: str, figures: Figures) -> dict[str, float]:
    """Return figures by name, for the card."""
    found = {f"{name}_acer": figures.acer, f"{name}_auc": figures.auc}
    for kind, rate in {**figures.apcer, "": figures.bpcer}.items():
        key = f"{name}_apcer_{kind}" if kind else f"{name}_bpcer"
        found |= {key: rate.value, f"{key}_low": rate.low, f"{key}_high": rate.high}
    return found


def calibrated(
    method: ColourTexture, made: Features, seed: int
) -> dict[str, list[dict[str, object]]]:
    """Return the verdict's constants; films get those of stills, whose single scores err more."""
    pairs = zip(made.bank.sources, made.bank.kinds, strict=True)
    items = [_item(str(source), str(kind)) for source, kind in pairs]
    rows = constants(scores(method, made)[:, None], [method.name], items, seed)
    return {kind: [{**row, "claim": "spoof"} for row in rows] for kind in KINDS}


def flagged(logits: Doubles, row: Mapping[str, Any], made: Bank) -> dict[str, float]:
    """Return how the verdict errs at "suspicious": BPCER, and APCER of each kind."""
    bias, weight = row["draws"][0]
    x = np.clip((logits - row["centre"][0]) / row["spread"][0], -BOUND, BOUND)
    figures = judged(sigmoid(bias + weight * x), made, float(np.nextafter(row["doubt"], 0)))
    apcer = {f"verdict_apcer_{kind}": rate.value for kind, rate in figures.apcer.items()}
    return {"verdict_bpcer": figures.bpcer.value, **apcer}


def _item(source: str, kind: str) -> Item:
    label = "real" if kind == GENUINE else "ai"  # what `constants` calls genuine and fake
    return Item(
        path=Path(source),
        kind="image",
        label=label,  # type: ignore[arg-type]
        generator="" if kind == GENUINE else kind,
        source=min(group_of(source)),
        origin=source,
        width=0,
        height=0,
    )


def write(method: ColourTexture, folder: Path, seed: int, facts: Mapping[str, object]) -> Path:
    """Write the weights (float16) with their configuration, and the card."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "starter.safetensors"
    state = {
        k: v.half().contiguous() if v.is_floating_point() else v
        for k, v in method.state_dict().items()
    }
    save_file(state, file, weights.metadata(method.name, dataclasses.asdict(method.config)))
    head = {"sha256": weights.sha256(file), "licence": LICENCE}
    card = {**head, **facts, "command": COMMAND, "seed": seed, "limits": LIMITS}
    file.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return file


def counts(made: Bank) -> str:
    """Return how many persons of how many sources a bank holds."""
    return f"{len(np.unique(made.persons))} faces of {len(np.unique(made.sources))} sources"


def by_source(logits: Doubles, made: Bank, threshold: float) -> dict[str, str]:
    """Return false alarms on the bona fide presentations of each source."""
    real, found = made.kinds == GENUINE, {}
    for source in np.unique(made.sources):
        rows = real & (made.sources == source)
        found[str(source)] = f"{int((logits[rows] > threshold).sum())} of {int(rows.sum())}"
    return found


def run(args: argparse.Namespace) -> None:
    """Run all stages."""
    config = Config.starter()
    stored = banks(args, config)
    logger.info("%s", {name: counts(one) for name, one in stored.items()})
    made = {name: featured(ColourTexture(config), one) for name, one in stored.items()}
    measured = left_out(config, made, args.seed)
    method = halved(fitted(config, made["train"], args.seed))
    threshold, logits = threshold_of(method, made["validation"]), scores(method, made["test"])
    figures = judged(logits, stored["test"], threshold)
    said("all kinds", figures)
    logger.info("false alarms by source: %s", by_source(logits, stored["test"], threshold))
    rows = calibrated(method, made["validation"], args.seed)
    at_verdict = flagged(logits, rows["image"][0], stored["test"])
    logger.info("at suspicious: %s", at_verdict)
    measured = {**flat("all", figures), **at_verdict, **measured}
    held = sorted({str(source) for source in stored["test"].sources})
    facts = {
        "corpus": "genuine faces in the data folder of research media, the files its more.csv "
        "lists (MORE) and those of verilens.train.starter.sources (SOURCES): "
        f"{counts(stored['train'])}; validation and calibration: {counts(stored['validation'])}; "
        f"measured on: {counts(stored['test'])} ({', '.join(held)})",
        "recipe": f"{config.hidden} hidden units on patterns at {config.view.size} px and "
        f"{config.view.margin} times the face's box, {STEPS} steps of AdamW; {RECIPE}",
        "measured": {k: round(v, 4) for k, v in measured.items()},
    }
    write(method, args.out / method.name, args.seed, facts)
    write_fusion(args.out / "fusion.json", rows, claim="spoof")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m verilens.train.starter.spoof", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument("--extra", type=Path, action="append", default=[], help="further corpora")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(
        handlers=[RichHandler(console=console)], format="%(message)s", level=logging.INFO
    )
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    run(args)


if __name__ == "__main__":
    main()
