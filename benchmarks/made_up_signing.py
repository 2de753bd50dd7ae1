"""Real sentences with made-up movements: what the first table of `motion_signs.py` is trained on.

Text and glosses are those of PHOENIX14T with its own splits. Every gloss has one random movement of
50 joints, a sentence is its glosses in a row with noise; hands and body, which one method needs
beside the pose, are made of the same movement.
"""

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.motion.sentences import Sentence, read_corpus
from verilens.motion.submission import Signed
from verilens.motion.vocabulary import counted

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "motion"))
from toy_signs import prototypes, signed_from

JOINTS, GLOSS_FRAMES, NOISE = 50, 6, 0.01
ARMS = 8  # joints, before those of the two hands
HANDS = (slice(29, 50), slice(8, 29))  # those that hang on the wrists 4 and 7
WRISTS = (4, 7)
BODY = 185  # values of SignAligner's body model


class World(NamedTuple):
    """Signed sentences of three splits, and the one movement of every gloss."""

    train: list[Signed]
    dev: list[Signed]
    test: list[Signed]
    lexicon: dict[str, NDArray[np.float32]]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of training, the most frequent first."""
        return counted(s.text.lower() for s in self.train)


def world(text: Path, longest: int, most: Sequence[int], seed: int = 0) -> World:
    """Return sentences of up to `longest` glosses, at most so many of train, dev and test."""
    rng = np.random.default_rng(seed)
    rows = {
        split: short(read_corpus(text / f"PHOENIX-2014-T.{split}.corpus.csv"), longest)
        for split in ("train", "dev", "test")
    }
    glosses = counted(row.gloss for split in rows.values() for row in split)
    lexicon = prototypes(glosses, JOINTS, GLOSS_FRAMES, rng)
    for movement in lexicon.values():  # a hand begins where its arm ends
        for wrist, hand in zip(WRISTS, HANDS, strict=True):
            movement[:, hand.start] = movement[:, wrist]
    signed = []
    for split, count in zip(rows.values(), most, strict=True):
        chosen = rng.permutation(len(split))[:count]
        signed.append(signed_from([split[n] for n in chosen], lexicon, NOISE, rng))
    return World(*signed, lexicon)


def short(rows: Iterable[Sentence], longest: int) -> list[Sentence]:
    """Return the sentences with at least one gloss and at most so many."""
    return [row for row in rows if 0 < len(row.gloss.split()) <= longest]


def thrice(signed: Sequence[Signed], seed: int = 1) -> list[Signed]:
    """Return sentences with hands and body beside the pose, each with noise of its own.

    Hands are the pose's own; the body is one random mixture of the arms' coordinates.
    """
    rng = np.random.default_rng(seed)
    mixture = rng.normal(0, (3 * ARMS) ** -0.5, (3 * ARMS, BODY)).astype(np.float32)
    found = []
    for one in signed:
        flat = [one.joints[:, part].reshape(len(one.joints), -1) for part in HANDS]
        body = one.joints[:, :ARMS].reshape(len(one.joints), -1) @ mixture
        more = np.concatenate([*flat, body], 1)
        noise = rng.normal(0, NOISE, more.shape).astype(np.float32)
        found.append(dataclasses.replace(one, more=more + noise))
    return found
