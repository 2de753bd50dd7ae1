"""The six answers, their meaning, and the box and words that may follow them.

"E. Both face swap and text swap. Manipulated face<loc_120><loc_80><loc_310><loc_295>"
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS = ("face_swap", "face_attribute", "text_swap", "text_attribute")
# What each letter says was done, by KINDS, and the vector that ranks it (0 for A).
OPTIONS = {
    "A": ("A. No.", ()),
    "B": ("B. Only face swap.", ("face_swap",)),
    "C": ("C. Only face attribute.", ("face_attribute",)),
    "D": ("D. Only text swap.", ("text_swap",)),
    "E": ("E. Both face swap and text swap.", ("face_swap", "text_swap")),
    "F": ("F. Both face attribute and text swap.", ("face_attribute", "text_swap")),
}
TEXTS = tuple(text for text, _ in OPTIONS.values())
FACE, WORDS = "Manipulated face", "Swapped words:"
_LOCATED = re.compile(r"<loc_(\d+)>" * 4)
_WORD = re.compile(r"\w+")

Box = tuple[float, float, float, float]
NO_BOX: Box = (0.0, 0.0, 0.0, 0.0)


class Answer(NamedTuple):
    """What a generated text says. box: corners in pixels, zeros for none. words: as written."""

    letter: str
    box: Box
    words: tuple[str, ...]


def letter_of(done: Sequence[str]) -> str:
    """Return the option for what was done; rewritten words count as swapped ones."""
    meant = {"text_swap" if name == "text_attribute" else name for name in done}
    return next(letter for letter, (_, named) in OPTIONS.items() if set(named) == meant)


def labels(letter: str) -> NDArray[np.float32]:
    """Return what an option says was done, by KINDS, (4,)."""
    return np.array([kind in OPTIONS[letter][1] for kind in KINDS], np.float32)


def ranking(letter: str) -> NDArray[np.float64]:
    """Return the vector that ranks an option in the official mean average precision, (4,).

    What was done shares 1, what was not shares -1; no more than three kinds compete.
    """
    found = labels(letter).astype(float)
    if not found.any():
        return found
    count = found.sum()
    return np.where(found > 0, 1 / count, -0.33 if count == 1 else -0.5)


def written(done: Sequence[str], places: str = "", words: Sequence[str] = ()) -> str:
    """Return the answer to learn. places: location tokens of the forged face, "" for none."""
    text = OPTIONS[letter_of(done)][0]
    if any(name.startswith("face") for name in done) and places:
        text += f" {FACE}{places}"
    return f"{text} {WORDS} {', '.join(words)}" if words else text


def read(text: str, size: tuple[int, int], bins: int = 1000) -> Answer:
    """Return what a generated text says of a picture of `size` (width, height)."""
    option, _, said = text.partition(WORDS)
    words = tuple(word.strip(" .") for word in said.split(",") if word.strip(" ."))
    return Answer(nearest(option.partition(FACE)[0]), located(text, size, bins), words)


def locations(box: Box, size: tuple[int, int], bins: int = 1000) -> str:
    """Return a box as location tokens: bin = floor(coordinate / (extent / bins))."""
    extents = (*size, *size)
    places = (math.floor(x / (extent / bins)) for x, extent in zip(box, extents, strict=True))
    return "".join(f"<loc_{min(max(place, 0), bins - 1)}>" for place in places)


def located(text: str, size: tuple[int, int], bins: int = 1000) -> Box:
    """Return the first box in a text, corners at the centres of their bins; zeros for none."""
    found = _LOCATED.search(text)
    if found is None:
        return NO_BOX
    edges = [
        (min(int(place), bins - 1) + 0.5) * extent / bins
        for place, extent in zip(found.groups(), (*size, *size), strict=True)
    ]
    left, right = sorted(edges[0::2])
    top, bottom = sorted(edges[1::2])
    return left, top, right, bottom


def nearest(text: str) -> str:
    """Return the letter of the option nearest to a text, by the cosine of TF-IDF vectors."""
    counts = [Counter(_tokens(option)) for option in TEXTS]
    documents = Counter(word for count in counts for word in count)
    idf = {word: math.log((1 + len(TEXTS)) / (1 + n)) + 1 for word, n in documents.items()}
    asked = _vector(Counter(_tokens(text)), idf)
    likeness = [float(asked @ _vector(count, idf)) for count in counts]
    return list(OPTIONS)[int(np.argmax(likeness))]


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _vector(counts: Counter[str], idf: dict[str, float]) -> NDArray[np.float64]:
    x = np.array([counts[word] * weight for word, weight in idf.items()])
    return x / max(float(np.linalg.norm(x)), 1e-12)
