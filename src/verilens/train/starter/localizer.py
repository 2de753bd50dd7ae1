"""python -m verilens.train.starter.localizer: from genuine faces to the weights of xception_unet.

    corpus -> faces -> edited faces, drawn anew for every step -> network -> bounds -> figures
            -> the same, one group of edits left out each

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
from verilens.train.starter.edits import KINDS
from verilens.train.starter.face_crops import HELD_OUT
from verilens.train.starter.localizer_figures import (
    Bounds,
    Figures,
    bounds,
    false_alarms,
    figures,
    one_mask,
)
from verilens.train.starter.localizer_stages import Stages
from verilens.train.starter.localizer_training import LR, PAIRS, Pool, fit
from verilens.train.starter.write import halved, stored
from verilens.verify.xception_unet.config import Config
from verilens.verify.xception_unet.model import XceptionUNet

GROUPS: Mapping[str, tuple[str, ...]] = {  # what is left out together, being made alike
    "seams": ("self-blend", "swap", "splice"),
    "retouched": ("warp", "retouch"),
    "remade": ("resample", "noise", "autoencoder"),
    "inpaint": ("inpaint",),
}
STEPS, STEPS_LEFT_OUT = 3200, 300
COMMAND = (
    "python -m verilens.train.starter.localizer --data ../shared/data --extra MORE --extra SOURCES "
    "--extra FACES --out OUT"
)
LICENCE = (
    "Apache-2.0 for the weights file; trained on third-party media gathered for research use, so "
    "check your own use"
)
LIMITS = (
    "trained on edits that we made of genuine faces: no forgery by a published tool was seen",
    "swaps and composites by others are marked no more often than genuine faces (AUC 0.52, 0.58)",
    "a small network, not the paper's: 0.3 million weights instead of 28.8; it sees a face at 160 "
    "pixels, so that edits of a large picture lose their traces before it looks",
    "an edit of a kind it never saw is found less well, see left_out_*; many faces it is not sure "
    "of stay without a mask, edited or not",
    "stills with a face only; faces that were generated as a whole are not what it looks for",
)
logger = logging.getLogger(__name__)
console = Console()


def trained(stages: Stages, without: str = "") -> XceptionUNet:
    """Return a network in evaluation mode that saw all kinds but a group, rounded as shipped."""
    file = stages.work / f"localizer{without and '-without-' + without}.pt"
    torch.manual_seed(stages.seed)
    method = XceptionUNet(Config.starter())
    if not file.exists():
        kinds, steps = known(without), STEPS_LEFT_OUT if without else STEPS
        studio = stages.studio("train")

        def draw(step: int) -> Pool:
            return studio.batch(stages.seed, step, kinds)

        for step, loss in fit(method, draw, steps, file.with_suffix(".checkpoint")):
            if step % 100 == 0:
                logger.info("%s step %d: loss %.3f", file.stem, step, loss)
        torch.save(method.state_dict(), file)
    method.load_state_dict(torch.load(file, weights_only=True))
    return halved(method)


def known(without: str) -> list[str]:
    """Return the kinds of edits outside a group."""
    return [kind for kind in KINDS if kind not in GROUPS.get(without, ())]


def chosen_bounds(stages: Stages, method: XceptionUNet, without: str = "") -> Bounds:
    """Return the bounds that validation faces give."""
    pool = stages.pools["validation"].at(stages.pools["validation"].of(known(without)))
    return bounds(method, pool, stages.sources("validation"), stages.cut("validation"))


def measured(stages: Stages, without: str = "") -> dict[str, float]:
    """Return figures on test faces by name; without a group: on that group alone."""
    file = stages.work / f"figures{without and '-without-' + without}.json"
    if file.exists():
        return dict(json.loads(file.read_text()))
    method = trained(stages, without)
    chosen = chosen_bounds(stages, method, without)
    test, least = stages.pools["test"], one_mask(stages.pools["train"], stages.pools["validation"])
    asked: dict[str, tuple[str, ...]] = {kind: (kind,) for kind in KINDS} | {"all": KINDS}
    if without:
        asked = {f"left_out_{without}": GROUPS[without]}
    found: dict[str, float] = dict(chosen._asdict())
    for name, kinds in asked.items():
        found |= flat(name, figures(method, test, test.of(kinds), chosen, least)._asdict())
    cut = stages.cut("test")
    silent = {
        "genuine": {"shown": false_alarms(method, test.genuine, test.owners, chosen.sure)},
        "as_cut": {"shown": false_alarms(method, cut.frames, cut.owners, chosen.sure)},
    }
    for name, intervals in silent.items():
        found |= flat(name, intervals)
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
    heads = (
        "edit",
        "pixel AUC",
        "one mask",
        "above it",
        "AUC of faces",
        "marked",
        "IoU",
        "one mask",
    )
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for without, found in rows.items():
        for kind in (without,) if without else (*KINDS, "all"):
            name = f"left_out_{kind}" if without else kind
            cells = [said(found, f"{name}_{figure}") for figure in Figures._fields]
            lines.append(f"| {kind}{' (left out)' if without else ''} | {' | '.join(cells)} |")
    for name, told in (("genuine", "none: treated alike"), ("as_cut", "none: as a scan cuts them")):
        lines.append(f"| {told} | | | | | {said(rows[''], f'{name}_shown')} | | |")
    return "\n".join(lines)


def said(found: Mapping[str, float], name: str) -> str:
    value, low, high = (found[name + suffix] for suffix in ("", "_low", "_high"))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def write(method: XceptionUNet, stages: Stages, facts: Mapping[str, float]) -> Path:
    """Write the weights (float16) with their configuration, and the card."""
    counts = {
        part: f"{len(group)} persons of {len({p.item.source for p in group})} sources"
        for part, group in stages.persons.items()
    }
    card = {
        "licence": LICENCE,
        "corpus": "genuine faces of stills in the data folder of research media, the files its "
        "more.csv lists (MORE) and those of verilens.train.starter.sources (SOURCES, and with "
        f"--list faces FACES): {counts['train']} trained, {counts['validation']} chose the "
        f"bounds, {counts['test']} were measured on; never touched: {', '.join(sorted(HELD_OUT))}",
        "recipe": f"{', '.join(KINDS)} in turn, {STEPS} steps of {PAIRS} fresh pairs, AdamW at "
        f"{LR:g} falling as a cosine; size, colour, blur, noise and JPEG drawn alike for both; "
        f"left_out_*: {STEPS_LEFT_OUT} steps without that group; bounds from other sources, the "
        "strictest source decides",
        "command": COMMAND,
        "seed": stages.seed,
        "measured": {k: round(v, 4) for k, v in facts.items() if np.isfinite(v)},
        "limits": LIMITS,
    }
    return stored(method, stages.args.out / "xception_unet", card)


def bounded(method: XceptionUNet, chosen: Bounds) -> XceptionUNet:
    """Return the network, changed in place so that a score of 0.5 is what a mask needs."""
    with torch.no_grad():
        method.head.bias[1] -= float(np.log(chosen.sure / (1 - chosen.sure)))
    method.config = dataclasses.replace(method.config, level=chosen.level, sure=0.5)
    return method


def run(args: argparse.Namespace) -> None:
    """Run all stages."""
    stages = Stages(args)
    rows = {without: measured(stages, without) for without in ("", *args.without)}
    console.print(table(rows), soft_wrap=True)
    chosen = Bounds(*(rows[""][name] for name in Bounds._fields))
    facts = {k: v for found in reversed(rows.values()) for k, v in found.items()}
    write(bounded(trained(stages), chosen), stages, facts)


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
