"""Class names as vectors, without a language model: counts of the groups of letters in them.

Names that share words or stems lie close, which is all the loss asks of them.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import normalize

from verilens.errors import ConfigError

GROUPS = (2, 3, 4)  # letters
SIZE = 512


def embeddings(labels: Sequence[str], file: str = "") -> Tensor:
    """Return a vector of length 1 for every class, (classes, D) float32.

    file: see `Semantic.file`; ConfigError when it does not fit.
    """
    found = _stored(Path(file)) if file else torch.stack([counted(label) for label in labels])
    if found.ndim != 2 or len(found) != len(labels):
        raise ConfigError(
            f"{file}: embeddings of shape {tuple(found.shape)} for {len(labels)} classes"
        )
    return normalize(found.float(), dim=1)


def counted(label: str) -> Tensor:
    """Return how often each group of letters, hashed to one of 512 places, stands in a label."""
    total = torch.zeros(SIZE)
    for word in re.findall(r"\w+", label.lower()):
        framed = f"<{word}>"
        for size in GROUPS:
            for start in range(len(framed) - size + 1):
                digest = hashlib.blake2b(framed[start : start + size].encode(), digest_size=8)
                total[int.from_bytes(digest.digest(), "big") % SIZE] += 1
    return total


def _stored(path: Path) -> Tensor:
    try:
        found: Tensor = load_file(path)["embeddings"]
    except (OSError, SafetensorError, KeyError) as error:
        raise ConfigError(f"{path}: no tensor 'embeddings' to read ({error})") from error
    return found
