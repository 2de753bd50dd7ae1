"""A corpus like PHOENIX14T+: three representations of every sentence, frame by frame.

    <root>/<split>/pose/<name>.npy      (T, joints, 3)
    <root>/<split>/hamer/<name>.npy     (T, hands)
    <root>/<split>/smplerx/<name>.npy   (T, body)
    <root>/<split>/corpus.csv           name|signer|gloss|text

The published layout is not public; this one is our reading of its description.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError
from verilens.motion.sentences import read_corpus
from verilens.motion.submission import Signed

FOLDERS = ("pose", "hamer", "smplerx")


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """A sentence with its movement thrice: pose (T, joints, 3), hands (T, K), body (T, K)."""

    name: str
    text: str
    gloss: str
    pose: NDArray[np.float32]
    hands: NDArray[np.float32]
    body: NDArray[np.float32]

    @property
    def signed(self) -> Signed:
        """Return the sentence as signers are trained on it, hands and body beside the pose."""
        more = np.concatenate([self.hands, self.body], 1)
        return Signed(joints=self.pose, text=self.text, gloss=self.gloss, more=more)


def read_aligned(root: Path, split: str) -> list[Aligned]:
    """Return the sentences of a split; DatasetError when a file is missing or lengths differ."""
    folder = root / split
    listed = folder / "corpus.csv"
    if not listed.is_file():
        raise DatasetError(f"{listed}: no such file")
    found = []
    for sentence in read_corpus(listed):
        pose, hands, body = (_array(folder / kind, sentence.name) for kind in FOLDERS)
        if len({len(pose), len(hands), len(body)}) > 1:
            told = ", ".join(
                f"{kind} {len(x)}" for kind, x in zip(FOLDERS, (pose, hands, body), strict=True)
            )
            raise DatasetError(f"{folder}: {sentence.name} has frames of different number: {told}")
        found.append(
            Aligned(
                name=sentence.name,
                text=sentence.text,
                gloss=sentence.gloss,
                pose=pose.reshape(len(pose), -1, 3),
                hands=hands.reshape(len(hands), -1),
                body=body.reshape(len(body), -1),
            )
        )
    return found


def _array(folder: Path, name: str) -> NDArray[np.float32]:
    path = (folder / f"{name}.npy").resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DatasetError(f"{name} lies outside {folder}")
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path}: no readable array: {error}") from error
    if array.ndim < 2 or not len(array) or array.dtype.kind not in "fiu":
        raise DatasetError(f"{path}: {array.dtype} of shape {array.shape} is no movement")
    if not np.isfinite(array).all():
        raise DatasetError(f"{path}: holds values that are no numbers")
    return array.astype(np.float32)  # type: ignore[no-any-return]
