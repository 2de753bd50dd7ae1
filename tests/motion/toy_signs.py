"""A world of made-up signs: every gloss has one movement, sentences are glosses in a row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verilens.motion.sentences import Sentence
from verilens.motion.submission import Signed


def prototypes(
    names: Sequence[str], joints: int, frames: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Return a movement (frames, joints, 3) for every name: slow waves about one posture."""
    rest = rng.normal(0, 0.3, (joints, 3))
    phase = np.linspace(0, np.pi, frames)[:, None, None]
    return {
        name: (
            rest
            + rng.normal(0, 0.15, (joints, 3)) * np.sin(phase)
            + rng.normal(0, 0.1, (joints, 3)) * np.sin(2 * phase)
        ).astype(np.float32)
        for name in names
    }


def signed_from(
    sentences: Sequence[Sentence],
    signs: dict[str, NDArray[np.float32]],
    noise: float,
    rng: np.random.Generator,
) -> list[Signed]:
    """Return sentences signed by made-up signs, gloss after gloss, with noise on every joint."""
    made = []
    for sentence in sentences:
        joints = np.concatenate([signs[gloss] for gloss in sentence.gloss.split()])
        joints = joints + rng.normal(0, noise, joints.shape)
        made.append(
            Signed(joints=joints.astype(np.float32), text=sentence.text, gloss=sentence.gloss)
        )
    return made
