"""python -m verilens.train.starter.localizer: from genuine faces to the weights of xception_unet.

    corpus -> faces -> pools of edited faces -> networks, one group of edits left out each -> all

Sources are apart: some train, some choose the bounds, some are only measured on. The autoencoders
that re-make parts differ between them too. Every stage leaves its result in --work, and is taken
up where it was left.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.logging import RichHandler

from verilens.bench import metrics
from verilens.train.starter.corpus import capped, read_corpus
from verilens.train.starter.edits import KINDS
from verilens.train.starter.face_crops import HELD_OUT, Person, genuine, parts, people
from verilens.train.starter.fakes import Maker, cut_bases, own_maker
from verilens.train.starter.localizer_training import (
    LR,
    PAIRS,
    Figures,
    Pool,
    bounds,
    false_alarms,
    figures,
    fit,
    one_mask_for_all,
    pool_of,
)
from verilens.train.starter.write import stored
from verilens.verify.xception_unet.config import Config
from verilens.verify.xception_unet.model import XceptionUNet

GROUPS: Mapping[str, tuple[str, ...]] = {  # what is left out together, being made alike
    "seams": ("self-blend", "swap"),
    "warp": ("warp",),
    "remade": ("resample", "noise", "autoencoder"),
    "inpaint": ("inpaint",),
}
OF_SOURCE = 60  # files
EACH = {"train": 180, "validation": 25, "test": 40}  # pairs of every kind
MAKERS = {"train": (0, 1), "validation": (2,), "test": (3,)}  # seeds of autoencoders
MAKER_STEPS, MAKER_PICTURES = 80, 120
STEPS, STEPS_LEFT_OUT = 300, 100
COMMAND = (
    "python -m verilens.train.starter.localizer --data ../shared/data --extra MORE --extra SOURCES "
    "--out OUT"
)
LICENCE = (
    "Apache-2.0 for the weights file; trained on third-party media gathered for research use, so "
    "check your own use"
)
LIMITS = (
    "trained on edits that we made of genuine faces: no forgery by a published tool was seen",
    "a small network, not the paper's: 0.4 million weights instead of 28.8",
    "an edit of a kind it never saw is found less well, see left_out_*; many faces it is not sure "
    "of stay without a mask, edited or not",
    "stills with a face only; faces that were generated as a whole are not what it looks for",
)
logger = logging.getLogger(__name__)
console = Console()


def persons(args: argparse.Namespace) -> dict[str, list[Person]]:
    """Return the genuine persons of stills that train, validate and test; nothing of HELD_OUT."""
    items = capped(genuine(read_corpus(args.data, args.extra, "image")), OF_SOURCE)
    found = [person for group in people(items, args.work / "crops") for person in group]
    return parts(found)


def pools(args: argparse.Namespace) -> dict[str, Pool]:
    """Return the pairs of each part, made where they are not there yet."""
    files = {name: args.work / f"edits-{name}.npz" for name in EACH}
    missing = [name for name, file in files.items() if not file.exists()]
    groups = persons(args) if missing else {}
    for name in missing:
        group = groups[name]
        sources = {p.item.source for p in group}
        logger.info("%s: %d persons of %d sources", name, len(group), len(sources))
        makers = [maker(group, seed) for seed in MAKERS[name]]
        pool = pool_of(group, EACH[name], makers, args.seed + list(EACH).index(name))
        partial = files[name].with_suffix(".part.npz")
        np.savez(partial, **pool._asdict())
        partial.replace(files[name])
    made = {}
    for name, file in files.items():
        with np.load(file) as kept:
            made[name] = Pool(**{field: kept[field] for field in Pool._fields})
    return made


def maker(group: Sequence[Person], seed: int) -> Maker:
    """Return an autoencoder that was trained on the pictures of these persons."""
    pictures = {person.item.path: person.item for person in group}
    chosen = sorted(pictures.values(), key=lambda item: item.key)[:MAKER_PICTURES]
    bases = [base for item in chosen for base in cut_bases(item, 1)]
    return own_maker(seed, bases, MAKER_STEPS)


def trained(args: argparse.Namespace, made: Mapping[str, Pool], without: str = "") -> XceptionUNet:
    """Return a network in evaluation mode that saw all kinds but a group, rounded as shipped."""
    file = args.work / f"localizer{without and '-without-' + without}.pt"
    torch.manual_seed(args.seed)
    method = XceptionUNet(Config.starter())
    if not file.exists():
        steps = STEPS_LEFT_OUT if without else STEPS
        rows = made["train"].of(known(without))
        checkpoint = file.with_suffix(".checkpoint")
        for step, loss in fit(method, made["train"], rows, steps, args.seed, checkpoint):
            if step % 50 == 0:
                logger.info("%s step %d: loss %.3f", file.stem, step, loss)
        torch.save(method.state_dict(), file)
    method.load_state_dict(rounded(torch.load(file, weights_only=True)))
    return method.eval()


def known(without: str) -> list[str]:
    """Return the kinds of edits outside a group."""
    return [kind for kind in KINDS if kind not in GROUPS.get(without, ())]


def rounded(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights as 16 bits hold them."""
    return {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}


def measured(
    args: argparse.Namespace, made: Mapping[str, Pool], without: str = ""
) -> dict[str, float]:
    """Return figures on test faces by name; without a group: on that group alone."""
    file = args.work / f"figures{without and '-without-' + without}.json"
    if file.exists():
        return dict(json.loads(file.read_text()))
    method = trained(args, made, without)
    chosen = bounds(method, made["validation"], made["validation"].of(known(without)))
    test = made["test"]
    asked: dict[str, tuple[str, ...]] = {kind: (kind,) for kind in KINDS} | {"all": KINDS}
    if without:
        asked = {f"left_out_{without}": GROUPS[without]}
    found: dict[str, float] = dict(chosen._asdict())
    for name, kinds in asked.items():
        found |= flat(name, figures(method, test, test.of(kinds), chosen)._asdict())
    alarms = false_alarms(method, test, test.of(KINDS), chosen.sure)
    found |= flat("genuine", {"shown": alarms})
    if not without:
        found |= flat("one_mask", one_mask_for_all(made))
    file.write_text(json.dumps(found, indent=2))
    logger.info("%s: %s", file.stem, {k: round(v, 3) for k, v in found.items()})
    return found


def flat(name: str, found: Mapping[str, metrics.Interval]) -> dict[str, float]:
    """Return figures with their intervals by name, for the card."""
    return {
        f"{name}_{figure}{suffix}": value
        for figure, interval in found.items()
        for suffix, value in zip(("", "_low", "_high"), interval, strict=True)
    }


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return figures as a table in Markdown, a row a kind of edit. rows: by the group left out."""
    lines = [
        "| edit | trained | pixel AUC | IoU | AUC of faces | faces marked |",
        "|---|---|---|---|---|---|",
    ]
    for without, found in rows.items():
        for kind in (without,) if without else (*KINDS, "all"):
            name = f"left_out_{kind}" if without else kind
            cells = [said(found, f"{name}_{figure}") for figure in Figures._fields]
            trained_on = "without it" if without else "with all"
            lines.append(f"| {kind} | {trained_on} | {' | '.join(cells)} |")
    whole = rows[""]
    least = f"{said(whole, 'one_mask_pixel_auc')} | {said(whole, 'one_mask_iou')}"
    lines.append(f"| all | one mask for all faces | {least} | | |")
    lines.append(f"| none | genuine faces | | | | {said(whole, 'genuine_shown')} |")
    return "\n".join(lines)


def said(found: Mapping[str, float], name: str) -> str:
    value, low, high = (found[name + suffix] for suffix in ("", "_low", "_high"))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def write(method: XceptionUNet, folder: Path, seed: int, facts: Mapping[str, float]) -> Path:
    """Write the weights (float16) with their configuration, and the card."""
    card = {
        "licence": LICENCE,
        "corpus": "genuine faces of stills in the data folder of research media, the files its "
        "more.csv lists (MORE) and those of verilens.train.starter.sources (SOURCES); never "
        f"touched: {', '.join(sorted(HELD_OUT))}",
        "recipe": f"{', '.join(KINDS)}, {EACH['train']} pairs each, {STEPS} steps of {PAIRS} "
        f"pairs, AdamW at {LR:g} falling as a cosine; scale, colour, blur, noise, JPEG and H.264 "
        f"drawn alike for both; left_out_*: {STEPS_LEFT_OUT} steps without that group; bounds from "
        "other sources",
        "command": COMMAND,
        "seed": seed,
        "measured": {name: round(value, 4) for name, value in facts.items()},
        "limits": LIMITS,
    }
    return stored(method, folder, card)


def bounded(method: XceptionUNet, level: float, sure: float) -> XceptionUNet:
    """Return the network, changed in place so that a score of 0.5 is what a mask needs."""
    with torch.no_grad():
        method.head.bias[1] -= float(np.log(sure / (1 - sure)))
    method.config = dataclasses.replace(method.config, level=level, sure=0.5)
    return method


def run(args: argparse.Namespace) -> None:
    """Run all stages."""
    made = pools(args)
    rows = {without: measured(args, made, without) for without in ("", *args.without)}
    console.print(table(rows), soft_wrap=True)
    shipped = bounded(trained(args, made), rows[""]["level"], rows[""]["sure"])
    facts = {k: v for found in reversed(rows.values()) for k, v in found.items()}
    write(shipped, args.out / "xception_unet", args.seed, facts)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m verilens.train.starter.localizer", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument("--extra", type=Path, action="append", default=[], help="further corpora")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", nargs="*", default=list(GROUPS), help="groups to leave out")
    args = parser.parse_args(given)
    logging.basicConfig(
        handlers=[RichHandler(console=console)], format="%(message)s", level=logging.INFO
    )
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    run(args)


if __name__ == "__main__":
    main()
