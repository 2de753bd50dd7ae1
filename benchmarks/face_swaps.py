"""Print how well the shipped face detector tells swapped faces from genuine ones it never saw.

Nothing here was trained, selected or calibrated on: the manipulated clips and pictures of
`face_crops.HELD_OUT`, their genuine counterparts, and genuine persons of the sources that the
training left aside. A person is scored as a scan does. Degradations act on a square of 240 pixels
around the face (1.6 times its box), before the view is cut from it.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from rich.progress import track

from verilens import catalog
from verilens.bench import metrics
from verilens.errors import MediaError
from verilens.media.perturb import generator, perturb
from verilens.media.sandbox import Decoder
from verilens.media.tracks import by_track
from verilens.records import View
from verilens.train.starter.corpus import Item, read_corpus
from verilens.train.starter.face_crops import HELD_OUT, WIDE, genuine, parts, people
from verilens.train.starter.views import Pixels
from verilens.verify.calibrate import Fit, best_fit
from verilens.verify.detector import Detector, sigmoid
from verilens.verify.people import ENOUGH

SQUARE = View(size=WIDE.size, frames=8, fit="face", margin=WIDE.margin)
DEGRADED = (("jpeg", 3), ("h264", 3), ("gaussian-blur", 2), ("downscale", 2), ("gaussian-noise", 2))
DRAWS = 1000
logger = logging.getLogger(__name__)


class Seen(NamedTuple):
    """A person of a file: the view's crops and the squares, (T, side, side, 3) each."""

    item: Item
    track: int
    crops: Pixels
    squares: Pixels


class Scored(NamedTuple):
    item: Item
    track: int
    logit: float


def test_items(data: Path, extra: Sequence[Path], crops: Path) -> list[Item]:
    """Return the files of the test: real swaps, their originals, and sources left aside."""
    corpus = [item for kind in ("image", "video") for item in read_corpus(data, extra, kind)]
    held = [i for i in corpus if i.source in HELD_OUT and i.label != "ai"]
    persons = [p for found in people(genuine(corpus), crops) for p in found]
    aside = {p.item.path: p.item for p in parts(persons)["test"]}
    return [*held, *aside.values()]


def looked(items: Sequence[Item], view: View, cache: Path) -> Iterator[Seen]:
    """Yield the persons of all files, decoded once."""
    cache.mkdir(parents=True, exist_ok=True)
    with Decoder() as decoder:
        for item in track(items, "looking for faces"):
            name = hashlib.sha256(f"{item.origin}|{item.label}".encode()).hexdigest()[:20]
            file = cache / f"{name}.npz"
            if not file.exists():
                np.savez(file, **_arrays(item, view, decoder))  # type: ignore[arg-type]
            with np.load(file) as held:
                for key in sorted(k for k in held if k.startswith("crops")):
                    number = key.removeprefix("crops")
                    yield Seen(item, int(number), held[key], held[f"squares{number}"])


def _arrays(item: Item, view: View, decoder: Decoder) -> dict[str, Pixels]:
    try:
        opened = decoder.open(item.path, (view, SQUARE), examined=False)
    except MediaError as error:
        logger.warning("%s left out: %s", item.path, error)
        return {}
    found = {}
    for name, one in (("crops", view), ("squares", SQUARE)):
        persons = by_track(opened.clips[one])
        found |= {f"{name}{n}": clip.frames for n, clip in persons.items()}
    return found


def scored(
    detector: Detector, seen: Sequence[Seen], degraded: tuple[str, int] | None
) -> list[Scored]:
    """Return a logit for every person seen often enough."""
    rows = []
    for person in track(seen, "scoring" if degraded is None else f"under {degraded[0]}"):
        if len(person.crops) < ENOUGH[person.item.kind]:
            continue
        crops = person.crops if degraded is None else _degraded(person, degraded, detector)
        logit = float(detector.crop_logits(crops).mean())
        rows.append(Scored(person.item, person.track, logit))
    return rows


def _degraded(person: Seen, how: tuple[str, int], detector: Detector) -> Pixels:
    view = detector.config.view
    rng = generator(0, str(person.item.key), *how)
    frames = perturb(person.squares, *how, rng)
    side = frames.shape[1] * view.margin / WIDE.margin
    edge = (frames.shape[1] - side) / 2
    box = (edge, edge, edge + side, edge + side)
    size = (view.size, view.size)
    pieces = [Image.fromarray(f).resize(size, Image.Resampling.BICUBIC, box) for f in frames]
    return np.stack([np.asarray(piece) for piece in pieces])


def cluster(item: Item) -> str:
    """Return what is drawn together: all films of the same two persons, else the file's source."""
    pair = re.search(r"(\d{3})_(\d{3})\.mp4", item.origin)
    if pair:
        return "-".join(sorted(pair.groups()))
    return item.origin if item.source in HELD_OUT else item.source


Choice = Callable[[Item], bool]
FF = "MoSahil147/DeepFake-datasets", "HongguLiu/Deepfake-Detection", "polimi-ispl/icpr2020dfdc"
CIPLAB = "miguel-kjh/fake-face-detector"
SETS: dict[str, tuple[Choice, Choice]] = {}


def _add_sets() -> None:
    def film(item: Item) -> bool:
        return item.kind == "video" and item.source in FF

    def made(name: str) -> Choice:
        return lambda i: film(i) and i.label == "manipulated" and name in i.generator

    def original(item: Item) -> bool:
        return film(item) and item.label == "real"

    for name in ("Deepfakes", "FaceSwap", "Face2Face", "NeuralTextures", "DFDC"):
        SETS[f"films, {name}"] = (made(name), original)
    SETS["films, all"] = (made(""), original)
    for title, source in (
        ("FF++ frames, 128 px", FF[0]),
        ("CIPLAB", "miguel-kjh/fake-face-detector"),
    ):
        SETS[f"pictures, {title}"] = (
            lambda i, s=source: i.kind == "image" and i.source == s and i.label == "manipulated",
            lambda i, s=source: i.kind == "image" and i.source == s and i.label == "real",
        )


_add_sets()


def auc_rows(rows: Sequence[Scored]) -> Iterator[str]:
    """Yield a line of the table a set: the main person of each file, AUC and its interval."""
    main = [row for row in rows if row.track == 1]
    for name, (is_fake, is_genuine) in SETS.items():
        fake = [row for row in main if is_fake(row.item)]
        chosen = [*((row, 1) for row in fake)]
        chosen += [(row, 0) for row in main if is_genuine(row.item)]
        labels = np.array([label for _, label in chosen])
        if len(set(labels.tolist())) < 2:
            continue
        logits = np.array([row.logit for row, _ in chosen])
        groups = [cluster(row.item) for row, _ in chosen]
        found = metrics.bootstrap(metrics.auc, logits, labels, groups, draws=DRAWS)
        yield (
            f"| {name} | {labels.sum()} / {(labels == 0).sum()} | {found.value:.3f} "
            f"({found.low:.3f} to {found.high:.3f}) | {_shares(fake)} |"
        )


def alarm_rows(rows: Sequence[Scored]) -> Iterator[str]:
    """Yield a line a group of genuine persons: how many of them are called what."""
    for name, choice in GENUINE.items():
        chosen = [row for row in rows if row.item.label == "real" and choice(row.item)]
        if chosen:
            yield f"| {name} | {len(chosen)} | {_shares(chosen)} |"


GENUINE: dict[str, Choice] = {
    "films, originals of FF++": lambda i: i.kind == "video" and i.source in FF,
    "films, sources left aside": lambda i: i.kind == "video" and i.source not in HELD_OUT,
    "pictures, FF++ frames, 128 px": lambda i: i.kind == "image" and i.source == FF[0],
    "pictures, CIPLAB": lambda i: i.kind == "image" and i.source == CIPLAB,
    "pictures, sources left aside": lambda i: i.kind == "image" and i.source not in HELD_OUT,
}


def _shares(chosen: Sequence[Scored]) -> str:
    """Return the shares called fake, and at least suspicious, the latter with Wilson's bounds."""
    alarms = doubts = 0
    for row in chosen:
        fit = best_fit(row.item.kind, frozenset({"blending"}), "face-swap")
        if fit is None:
            return "not judged | not judged"
        p = probability(fit, row.logit)
        alarms += p >= fit.alarm
        doubts += p >= fit.doubt
    share = metrics.wilson(doubts, len(chosen))
    return f"{alarms / len(chosen):.1%} | {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def probability(fit: Fit, logit: float) -> float:
    """Return what a verdict on this person says."""
    return float(sigmoid(fit.logits({"blending": logit})[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, action="append", default=[])
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--weights", default="starter")
    args = parser.parse_args()
    torch.set_num_threads(1)
    detector = catalog.load("blending", args.weights)
    if not isinstance(detector, Detector):
        raise TypeError("blending")
    detector.optimised()
    items = test_items(args.data, args.extra, args.work / "crops")
    view = replace(detector.config.view, only=None)  # stills too, which a scan leaves out
    seen = list(looked(items, view, args.work / "test"))
    for how in (None, *DEGRADED):
        rows = scored(detector, seen, how)
        print(f"\n{'as they are' if how is None else f'{how[0]}, severity {how[1]}'}\n")
        print("| set | fake / genuine | AUC | called fake | at least suspicious |")
        print(*auc_rows(rows), sep="\n")
        print("| genuine persons | persons | called fake | at least suspicious |")
        print(*alarm_rows(rows), sep="\n", flush=True)


if __name__ == "__main__":
    main()
