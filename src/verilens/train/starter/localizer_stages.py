"""What a localizer is trained and measured on, kept in a folder once it is made.

    corpus -> faces by source -> autoencoders of each part -> pairs to measure on, faces as cut

Sources are apart: some train, some choose the bounds, some are only measured on.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from verilens.media.sandbox import Decoder
from verilens.train.starter.autoencoders import Autoencoder, Draw, train_autoencoder
from verilens.train.starter.corpus import capped, read_corpus
from verilens.train.starter.face_crops import HELD_OUT, Person, people
from verilens.train.starter.fakes import Maker, crop_stream, cut_bases, network_maker
from verilens.train.starter.localizer_figures import Crops
from verilens.train.starter.localizer_training import Pool, Studio
from verilens.verify.xception_unet.config import Config

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
VALIDATION = frozenset(
    {
        "Laboratoriet/real-or-ai-game",
        "ReynaraEzra/Liveness-Detection",
        "cszn/KAIR",
        "serengil/deepface",
        "xuebinqin/U-2-Net",
    }
)
TEST = frozenset(
    {
        "ageitgey/face_recognition",
        "davisking/dlib",
        "drewnoakes/metadata-extractor-images",
        "ianare/exif-samples",
        "immich-app/test-assets",
        "photoprism/photoprism",
    }
)
OF_SOURCE = 100  # files
CROWDS: Mapping[str, int] = {"braun-steven/dfi-tensorflow": 1600}  # one picture a person
EACH: Mapping[Part, int] = {"train": 60, "validation": 60, "test": 60}  # measured pairs of a kind
MAKERS: Mapping[Part, range] = {
    "train": range(4),
    "validation": range(4, 5),
    "test": range(5, 6),
}  # seeds of autoencoders
MAKER_STEPS, MAKER_PICTURES = 300, 150
logger = logging.getLogger(__name__)


def part_of(source: str) -> Part:
    """Return what a source is there for."""
    return "validation" if source in VALIDATION else "test" if source in TEST else "train"


class Stages:
    """What a run makes, each stage kept in --work."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.work, self.seed = args, Path(args.work), int(args.seed)

    @cached_property
    def persons(self) -> dict[Part, list[Person]]:
        """The genuine persons of stills, whole sources apart; nothing of HELD_OUT."""
        read = read_corpus(self.args.data, self.args.extra, "image")
        free = [i for i in read if i.label == "real" and i.source not in HELD_OUT]
        chosen = [
            item
            for source in dict.fromkeys(item.source for item in free)
            for item in capped(
                [i for i in free if i.source == source], CROWDS.get(source, OF_SOURCE)
            )
        ]
        found: dict[Part, list[Person]] = {part: [] for part in PARTS}
        for group in people(chosen, self.work / "crops"):
            for person in group:
                found[part_of(person.item.source)].append(person)
        for part, group in found.items():
            logger.info("%s: %s", part, Counter(p.item.source for p in group).most_common())
        return found

    def studio(self, part: Part) -> Studio:
        """Return what edits the persons of a part, with autoencoders of its own."""
        return Studio(self.persons[part], [self.maker(part, seed) for seed in MAKERS[part]])

    def maker(self, part: Part, seed: int) -> Maker:
        """Return an autoencoder that was trained on the pictures of a part's persons."""
        file = self.work / f"maker-{seed}.pt"
        torch.manual_seed(seed)
        model = Autoencoder(Draw.from_seed(seed)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not file.exists():
            items = dict.fromkeys(person.item for person in self.persons[part])
            chosen = sorted(items, key=lambda item: item.key)[:MAKER_PICTURES]
            bases = [base for item in chosen for base in cut_bases(item, 1)]
            error = train_autoencoder(model, crop_stream(bases, 8, seed), MAKER_STEPS)
            logger.info("autoencoder %d (%s): error %.3f", seed, part, error)
            torch.save(model.state_dict(), file)
        model.load_state_dict(torch.load(file, weights_only=True))
        return network_maker(model.eval())

    @cached_property
    def pools(self) -> dict[Part, Pool]:
        """Pairs to measure on; of the training part they give the mean mask alone."""
        return {part: self._pool(part) for part in PARTS}

    def _pool(self, part: Part) -> Pool:
        file = self.work / f"edits-{part}.npz"
        if not file.exists():
            pool = self.studio(part).pool(EACH[part], self.seed + PARTS.index(part))
            _saved(file, pool._asdict())
        with np.load(file) as kept:
            return Pool(**{field: kept[field] for field in Pool._fields})

    def sources(self, part: Part) -> list[str]:
        """Return the source of each owner of a part's pool."""
        return [i.source for i in dict.fromkeys(p.item for p in self.persons[part])]

    def cut(self, part: Part) -> Crops:
        """Return the faces of a part's files as a scan cuts them, nothing done to them."""
        file = self.work / f"cut-{part}.npz"
        if not file.exists():
            frames, sources, owners = [], [], []
            view = Config.starter().view
            with Decoder() as decoder:
                items = dict.fromkeys(person.item for person in self.persons[part])
                for n, item in enumerate(items):
                    opened = decoder.open(item.path, (view,), examined=False)
                    for frame in opened.clips[view].frames:
                        frames.append(frame)
                        sources.append(item.source)
                        owners.append(n)
            crops = Crops(np.stack(frames), np.array(sources), np.array(owners))
            _saved(file, crops._asdict())
        with np.load(file) as kept:
            return Crops(**{field: kept[field] for field in Crops._fields})


def _saved(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    partial = file.with_suffix(".part.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(file)
