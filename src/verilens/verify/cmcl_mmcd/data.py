"""The published features of FakeSV and FakeTT, with the pseudo-labels of their pairs.

    <features>/preprocess_text/sem_text_fea.pkl    "last_hidden_state" -> video_id -> (tokens, D)
    <features>/preprocess_text/emo_text_fea.pkl    "pooler_output" -> video_id -> (D,)
    <features>/preprocess_{audio,visual}/<video_id>.pkl

The adapters name the folder and the pseudo-labels in a sample's attributes "features" (relative to
the folder of its media) and "inconsistent" ("1,0,1", in the order of PAIRS). Pickles are read
without running anything in them.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from verilens import layout
from verilens.errors import DatasetError
from verilens.records import Sample
from verilens.verify.cmcl_mmcd.config import Config
from verilens.verify.cmcl_mmcd.features import PAIRS, Features, filled, thinned

FEATURES, INCONSISTENT = "features", "inconsistent"  # attributes of a sample
# All that a published pickle may name beside what torch itself allows.
REBUILT: Any = np.zeros(1).__reduce__()[0]
ARRAYS = [np.ndarray, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType, REBUILT]


def published(config: Config, sample: Sample) -> Features:
    """Return a sample's published features as a batch of one.

    DatasetError names the file that is missing or wrong.
    """
    if not sample.id.isalnum():  # it becomes a file's name
        raise DatasetError(f"{sample.id!r} is no video id, so it has no published features")
    folder = Path(os.path.normpath(Path(sample.uri).parent / sample.attributes[FEATURES]))
    found = Features(
        filled(_text(folder, "sem", "last_hidden_state", sample.id), config.tokens),
        _text(folder, "emo", "pooler_output", sample.id).flatten().float(),
        thinned(_file(folder, "visual", sample.id), config.frames),
        _file(folder, "audio", sample.id).flatten().float(),
    )
    widths = (config.text_width, config.emotion_width, config.frame_width, config.emotion_width)
    for name, rows, width in zip(Features._fields, found, widths, strict=True):
        if rows.shape[-1] != width:
            what = f"{name} has {rows.shape[-1]} numbers, {width} are read"
            raise DatasetError(f"{folder}: {what}; take the recipe of this set")
    return Features(*(rows[None] for rows in found))


def inconsistent(sample: Sample) -> tuple[float, ...] | None:
    """Return a sample's pseudo-labels by PAIRS, None where nobody said; DatasetError."""
    said = sample.attributes.get(INCONSISTENT, "")
    if not said:
        return None
    found = said.split(",")
    if len(found) != len(PAIRS) or not set(found) <= {"0", "1"}:
        raise DatasetError(f"{sample.id}: '{INCONSISTENT}' is {said!r:.40}, not 0 or 1 three times")
    return tuple(map(float, found))


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


def _text(folder: Path, kind: str, key: str, video: str) -> Tensor:
    path = folder / "preprocess_text" / f"{kind}_text_fea.pkl"
    texts = _texts(path, key)
    if video not in texts:
        raise layout.wrong(path, None, f"it has no video {video}; fetch it again")
    return _tensor(texts[video])


@lru_cache(maxsize=4)
def _texts(path: Path, key: str) -> Mapping[str, Any]:
    """Return the texts of all videos by id; they lie in one file, so they are read once."""
    found = load(path)
    if not isinstance(found, dict) or not isinstance(found.get(key), dict):
        raise layout.wrong(path, None, f"a mapping with '{key}' is expected; fetch it again")
    members: Mapping[str, Any] = found[key]
    return members


def _file(folder: Path, kind: str, video: str) -> Tensor:
    return _tensor(load(folder / f"preprocess_{kind}" / f"{video}.pkl"))


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value, np.float32))
