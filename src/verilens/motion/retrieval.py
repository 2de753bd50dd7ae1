"""Signing without learning: one posture, the nearest sentence, and signs looked up and joined.

Retrieval is the way that won the SLRTP challenge: a sentence that was signed in training is signed
as it was there; any other becomes glosses, and each gloss the recording of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError
from verilens.motion.submission import Signed

Joints = NDArray[np.float32]
SEGMENT_FRAMES, KEPT = 25, 5  # as the winning system chooses recordings of a gloss


class MeanPose:
    """Holds still in the mean posture of some movements."""

    def __init__(self, signed: Sequence[Signed]) -> None:
        if not signed:
            raise DatasetError("a mean posture needs movements")
        total = sum(s.joints.sum(0, dtype=np.float64) for s in signed)
        self.posture = (total / sum(len(s.joints) for s in signed)).astype(np.float32)
        self.length = round(sum(len(s.joints) for s in signed) / len(signed))

    def joints(self, text: str, frames: int = 0) -> Joints:
        """Return the posture, (T, J, 3), for `frames`, or as long as sentences are on average."""
        return np.repeat(self.posture[None], frames or self.length, 0)


class NearestSentence:
    """Signs what was signed for the sentence with the most words in common."""

    def __init__(self, signed: Sequence[Signed]) -> None:
        if not signed:
            raise DatasetError("the nearest sentence needs sentences")
        self.signed = list(signed)
        self.words = [set(s.text.lower().split()) for s in signed]

    def joints(self, text: str, frames: int = 0) -> Joints:
        """Return the movement of the sentence whose words overlap most (Jaccard), fitted."""
        words = set(text.lower().split())
        shares = [len(words & other) / max(1, len(words | other)) for other in self.words]
        return fitted(self.signed[int(np.argmax(shares))].joints, frames)


class Retrieval:
    """Signs a known sentence as it was signed, any other gloss by gloss."""

    def __init__(
        self,
        signed: Sequence[Signed],
        recordings: Mapping[str, Joints],
        to_glosses: Callable[[str], str | None],
    ) -> None:
        """signed: sentences to reuse. recordings: by gloss. to_glosses: None when it cannot say."""
        self.known = {s.text.lower(): s.joints for s in signed}
        self.recordings = recordings
        self.to_glosses = to_glosses
        self.fallback = NearestSentence(signed)

    def joints(self, text: str, frames: int = 0) -> Joints:
        """Return the movement, (T, J, 3); the nearest sentence's when no gloss has a recording."""
        known = self.known.get(text.lower())
        if known is not None:
            return fitted(known, frames)
        glosses = (self.to_glosses(text) or "").split()
        parts = [self.recordings[gloss] for gloss in glosses if gloss in self.recordings]
        if not parts:
            return self.fallback.joints(text, frames)
        return fitted(np.concatenate(parts), frames)


def glossary(pairs: Sequence[tuple[str, str]], least: float = 0.3, seen: int = 2) -> dict[str, str]:
    """Return the gloss that goes with each word of some (text, gloss) sentences.

    It is the one with the highest Dice coefficient, 2 n(word, gloss) / (n(word) + n(gloss)), where
    that is at least `least` and the two met at least `seen` times. Own reading: what the winning
    system translated by was not published.
    """
    words, glosses, both = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for text, gloss in pairs:
        here, there = set(text.lower().split()), set(gloss.split())
        words.update(here)
        glosses.update(there)
        both.update((word, other) for word in here for other in there)
    best: dict[str, tuple[float, str]] = {}
    for (word, gloss), count in both.items():
        share = 2 * count / (words[word] + glosses[gloss])
        if count >= seen and share >= max(least, best.get(word, (0.0, ""))[0]):
            best[word] = (share, gloss)
    return {word: gloss for word, (_, gloss) in best.items()}


def glossed(text: str, table: Mapping[str, str]) -> str:
    """Return the glosses of a sentence's words in their order, each run of one gloss once."""
    found = [table[word] for word in text.lower().split() if word in table]
    return " ".join(gloss for n, gloss in enumerate(found) if not n or gloss != found[n - 1])


def fitted(joints: Joints, frames: int) -> Joints:
    """Return a movement cut to a length, or filled up with zeros as the winning system does."""
    if not frames:
        return joints
    missing = frames - len(joints)
    filler = np.zeros((max(0, missing), *joints.shape[1:]), np.float32)
    return np.concatenate([joints[:frames], filler])


def recordings(
    segments: Sequence[tuple[str, Joints]], longest: int = SEGMENT_FRAMES, kept: int = KEPT
) -> dict[str, Joints]:
    """Return a recording for each gloss: of its segments up to `longest` frames the longest.

    The winning system keeps the `kept` longest and takes the first of these.
    """
    found: dict[str, list[Joints]] = {}
    for gloss, joints in segments:
        if len(joints) and len(joints) <= longest:
            found.setdefault(gloss, []).append(joints)
    ranked = {g: sorted(s, key=len, reverse=True)[:kept] for g, s in found.items()}
    return {gloss: best[0] for gloss, best in ranked.items()}
