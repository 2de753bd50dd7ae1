"""Print what the localizer of stills says of real swaps, real composites and their originals.

    python benchmarks/masks.py --data ../shared/data --extra MORE

Pictures are of `face_crops.HELD_OUT`: nothing of these sources trained it or chose its bounds, and
none of their forgeries is of a kind that it learned. The edits that we made are measured by the
training (`verilens.train.starter.localizer`).
"""

import argparse
import csv
import dataclasses
import logging
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from verilens import catalog
from verilens.bench import metrics
from verilens.bench.metrics.intervals import clustered_mean
from verilens.errors import MediaError
from verilens.media.sandbox import Decoder
from verilens.records import Evidence
from verilens.train.starter.corpus import Item, capped, read_corpus
from verilens.train.starter.face_crops import HELD_OUT
from verilens.verify.people import scored
from verilens.verify.xception_unet.model import XceptionUNet

CELLS = 64  # a side, at which masks are compared
logger = logging.getLogger(__name__)


class Told(NamedTuple):
    """What is said of a picture. mask_auc: NaN where no true mask is known."""

    score: float
    mask_auc: float
    centre_auc: float


def told(method: XceptionUNet, item: Item, decoder: Decoder, mask: Path | None) -> Told | None:
    """Return what a scan says of the most suspect face; None without one."""
    view = method.config.view
    try:
        opened = decoder.open(item.path, (view,), examined=False)
    except MediaError as error:
        logger.warning("%s left out: %s", item.path, error)
        return None
    if view not in opened.clips or not len(opened.clips[view].frames):
        return None
    evidence = scored(method, opened.clips[view], "image")[0]
    if mask is None:
        return Told(evidence.score, float("nan"), float("nan"))
    return Told(evidence.score, *mask_aucs(evidence, mask))


def mask_aucs(evidence: Evidence, file: Path) -> tuple[float, float]:
    """Return the pixel AUC of the mask, and of a hill in the middle of the picture."""
    found = evidence.where.heatmap
    size = (CELLS, CELLS)
    with Image.open(file) as picture:
        truth = np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX)) > 127
    if found is None or not 0 < truth.mean() < 1:
        return float("nan"), float("nan")
    shown = np.asarray(Image.fromarray(found).resize(size, Image.Resampling.BILINEAR))
    y, x = (np.indices(size) - (CELLS - 1) / 2) / CELLS
    return metrics.pixel_auc(shown, truth), metrics.pixel_auc(1 - np.hypot(x, y), truth)


def masks_of(folder: Path) -> dict[Path, Path]:
    """Return the true masks that the manifest of a folder names, by picture."""
    with (folder / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("mask_path")]
    return {folder / row["path"]: folder / row["mask_path"] for row in rows}


def line(name: str, rows: Sequence[Told], genuine: Sequence[Told], sure: float) -> str:
    """Return a line of the table."""
    share = metrics.wilson(sum(row.score > sure for row in rows), len(rows))
    cells = [name, str(len(rows)), f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"]
    if genuine:
        values = np.array([row.score for row in (*genuine, *rows)])
        labels = np.repeat([0, 1], [len(genuine), len(rows)])
        cells.append(said(metrics.bootstrap(metrics.auc, values, labels)))
    else:
        cells.append("-")
    pairs = np.array([row[1:] for row in rows])
    known: NDArray[np.bool_] = ~np.isnan(pairs[:, 0])
    for column in pairs[known].T if known.sum() > 1 else ():
        cells.append(said(clustered_mean(column, np.arange(len(column)), None, metrics.Plan())))
    return f"| {' | '.join(cells + ['-'] * (6 - len(cells)))} |\n"


def said(found: metrics.Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, action="append", default=[])
    parser.add_argument("--weights", default="starter", help="or a .safetensors file")
    parser.add_argument("--most", type=int, default=300, help="files of a source and label")
    args = parser.parse_args()
    torch.set_num_threads(1)
    method = catalog.load("xception_unet", args.weights)
    if not isinstance(method, XceptionUNet):
        raise TypeError("xception_unet")
    sure, masks = method.config.sure, masks_of(args.data / "images")
    method.config = dataclasses.replace(method.config, sure=0.0)  # a mask of every face
    corpus = [i for i in read_corpus(args.data, args.extra, "image") if i.source in HELD_OUT]
    found: defaultdict[tuple[str, str], list[Told]] = defaultdict(list)
    with Decoder() as decoder:
        for item in capped([i for i in corpus if i.label != "ai"], args.most):
            row = told(method, item, decoder, masks.get(item.path))
            if row is not None:
                found[item.source, item.label].append(row)
    heads = "| pictures | with a face | marked | AUC of faces | AUC of masks | of a hill |\n"
    sys.stdout.write(f"{heads}|---|---|---|---|---|---|\n")
    for (source, label), rows in sorted(found.items()):
        genuine = found[source, "real"] if label == "manipulated" else []
        sys.stdout.write(line(f"{source}, {label}", rows, genuine, sure))


if __name__ == "__main__":
    main()
