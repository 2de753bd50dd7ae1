"""The published features of FakeSV and FakeTT, with the pseudo-labels of their pairs.

    <root>/fea/<set>/metainfo.json               an object a line: video_id, annotation, vt, at, va
    <root>/fea/<set>/preprocess_text/{sem,emo}_text_fea.pkl
    <root>/fea/<set>/preprocess_{audio,visual}/<video_id>.pkl
    <root>/data/{FakeSV,FakeTT}/data-split/vid_time3_{train,val,test}.txt
    <root>/pseudo_label/<set>/pseudo_label.jsonl (optional; goes before metainfo.json)

Labels and splits may also come from the adapters' samples, see `rows`.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from verilens import layout
from verilens.errors import DatasetError
from verilens.records import Split
from verilens.verify.cmcl_mmcd.config import Config
from verilens.verify.cmcl_mmcd.features import FeatureBatch, filled, inconsistency, thinned

SETS = {"fakesv": "FakeSV", "fakett": "FakeTT"}  # and how the repository spells its lists' folder
WORDS = {"real": 0, "fake": 1, "真": 0, "假": 1}
# All that a published pickle may name beside what torch itself allows.
REBUILT: Any = np.zeros(1).__reduce__()[0]
ARRAYS = [np.ndarray, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType, REBUILT]


class Row(NamedTuple):
    """One video. label: 1 is fake. inconsistent: by PAIRS, None where nobody said."""

    name: str
    label: int
    inconsistent: tuple[float, ...] | None


class Published:
    """Batches of published features for `train.loop.fit`, in another order every epoch."""

    def __init__(
        self, root: Path, config: Config, rows: Sequence[Row], batch: int = 128, seed: int = 2024
    ) -> None:
        """root: the folder fea/<set>."""
        self.root, self.config, self.rows = root, config, list(rows)
        self.batch, self.seed = batch, seed
        if not self.rows:
            raise DatasetError(f"{root}: no video of this split has an annotation")
        for row in self.rows:
            if not row.name.isalnum():  # it becomes a file's name
                raise DatasetError(f"{root}: {row.name!r} is no video id")
        texts = {"sem": "last_hidden_state", "emo": "pooler_output"}
        self._texts = {
            name: _member(root / "preprocess_text" / f"{name}_text_fea.pkl", key)
            for name, key in texts.items()
        }

    @property
    def samples(self) -> int:
        """Return how many videos there are."""
        return len(self.rows)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has; the last may be short."""
        return -(-len(self.rows) // self.batch)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[FeatureBatch]:
        """Yield the batches of an epoch, without the first `skip`."""
        rng = random.Random(f"{self.seed} {epoch}")
        order = rng.sample(self.rows, len(self.rows))
        for step in range(skip, self.steps):
            yield self.read(order[step * self.batch : (step + 1) * self.batch])

    def read(self, rows: Sequence[Row]) -> FeatureBatch:
        """Return these videos as one batch; DatasetError names a file that is missing or wrong."""
        config = self.config
        said = [row.inconsistent for row in rows]
        pairs = torch.tensor([list(found) for found in said if found is not None])
        return FeatureBatch(
            labels=torch.tensor([float(row.label) for row in rows]),
            text=torch.stack([filled(self._text("sem", row), config.tokens) for row in rows]),
            text_emotion=torch.stack([self._text("emo", row).flatten().float() for row in rows]),
            frames=torch.stack([thinned(self._file("visual", r), config.frames) for r in rows]),
            audio=torch.stack([self._file("audio", row).flatten().float() for row in rows]),
            inconsistent=pairs if len(pairs) == len(rows) else None,
        )

    def _text(self, name: str, row: Row) -> Tensor:
        if row.name not in self._texts[name]:
            path = self.root / "preprocess_text" / f"{name}_text_fea.pkl"
            raise layout.wrong(path, None, f"it has no video {row.name}; fetch it again")
        return _tensor(self._texts[name][row.name])

    def _file(self, kind: str, row: Row) -> Tensor:
        return _tensor(load(self.root / f"preprocess_{kind}" / f"{row.name}.pkl"))


def rows(root: Path, name: str, split: Split) -> list[Row]:
    """Return the videos of a published split, in the order of its list; debunks are left out.

    root: the repository's folder; name: "fakesv" or "fakett".
    """
    if name not in SETS:
        raise DatasetError(f"no features of '{name}'; there are those of {', '.join(SETS)}")
    facts = {
        str(f["video_id"]): f for _, f in layout.entries(root / "fea" / name / "metainfo.json")
    }
    labelled = pseudo_labels(root / "pseudo_label" / name / "pseudo_label.jsonl")
    path = root / "data" / SETS[name] / "data-split" / f"vid_time3_{split}.txt"
    found = []
    for number, video in layout.lines(path):
        known = facts.get(video)
        if known is None or str(known.get("annotation")) not in WORDS:
            continue
        pairs = labelled.get(video) or _pairs(known, path, number)
        found.append(Row(video, WORDS[str(known["annotation"])], pairs))
    return found


def pseudo_labels(path: Path) -> dict[str, tuple[float, ...]]:
    """Return the pseudo-labels of each video by PAIRS; empty when there is no such file."""
    if not path.exists():
        return {}
    found = {}
    for number, facts in layout.entries(path):
        pairs = _pairs(facts, path, number)
        if pairs is None or "video_id" not in facts:
            raise layout.wrong(path, number, "video_id, vt, at and va are expected")
        found[str(facts["video_id"])] = pairs
    return found


def _pairs(facts: Mapping[str, Any], path: Path, number: int) -> tuple[float, ...] | None:
    if not {"vt", "at", "va"} <= set(facts):
        return None
    try:
        return tuple(inconsistency(facts))
    except ValueError as error:
        raise layout.wrong(path, number, str(error)) from error


def load(path: Path) -> Any:
    """Return what a published pickle holds: tensors, arrays, numbers, texts, lists and mappings.

    Anything else in it, such as code to run, is refused. DatasetError names the file.
    """
    try:
        with torch.serialization.safe_globals(ARRAYS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise layout.wrong(path, None, "missing; fetch the features again") from error
    except Exception as error:  # torch has no type of its own for what it cannot read
        said = str(error).splitlines()[0][:200]
        raise layout.wrong(path, None, f"not read: {said}; fetch the features again") from error


def _member(path: Path, key: str) -> Mapping[str, Any]:
    found = load(path)
    if not isinstance(found, dict) or not isinstance(found.get(key), dict):
        raise layout.wrong(path, None, f"a mapping with '{key}' is expected; fetch it again")
    members: Mapping[str, Any] = found[key]
    return members


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value, np.float32))
