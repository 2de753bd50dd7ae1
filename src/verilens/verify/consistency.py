"""Whether the words of a post belong to its picture or video.

    text  against  the words seen and heard in the media, what the file says of itself, the pixels

A sentence encoder compares words with words; an encoder of pictures too (CLIP) compares them with
what is seen. Unlike words do not prove a forgery, and a caption written to fit a forged picture
passes: the score is one hint, and it is not calibrated. All of this is our own reading.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from verilens.media.opened import Opened
from verilens.nn.sentences import Encoder, Vectors
from verilens.records import Evidence, Post, View, Where

NAME = "consistency"
LEAST_WORDS = 3  # of a text that says enough to be compared
# Similarities below which words count as unlike and above which as like; between them nothing is
# said. What one unit beyond adds to the logit. Of six made-up reports MiniLM sets the two tellings
# of one at 0.42 and more, those of different ones at 0.28 and less. Of CLIP it is only known that a
# picture and its caption lie near 0.3 and unrelated ones near 0.15: nothing was measured.
WORDS, WORDS_SLOPE = (0.28, 0.42), 12.0
PIXELS, PIXELS_SLOPE = (0.18, 0.27), 40.0
MOST_LOGIT = 6.0
ENGLISH = ("", "en")  # languages that the packaged encoder reads; "" is not said
DESCRIPTIONS = ("description", "title", "comment")  # of a container's tags
LIMITS = (
    "similar words prove nothing: a caption may be written to fit a forged picture",
    "unlike words may be irony, a quotation or another language",
    "not calibrated: the verdict does not count it",
)


class Pair(NamedTuple):
    """What a post's text was compared with. like: the cosine of the two, in [-1, 1]."""

    name: str
    said: str
    like: float
    logit: float


class Reading(NamedTuple):
    """What the comparison found: evidence, or in words why there is none."""

    evidence: Evidence | None
    why_not: str = ""


def view(encoder: Encoder) -> View | None:
    """Return the pixels that an encoder compares words with; None when it reads words alone."""
    return View(size=encoder.side, frames=8, fit="resize") if encoder.is_joint else None


def compare(post: Post, opened: Opened, encoder: Encoder, is_english: bool) -> Reading:
    """Return how well a post's text fits what came with it.

    is_english: the encoder reads English only; any other text is left out and the report says so.
    """
    text = " ".join(filter(None, (post.title, post.text))).strip()
    if not says_enough(text):
        return Reading(None, f"the post has fewer than {LEAST_WORDS} words to compare")
    if is_english and not is_latin_english(text, post.language):
        return Reading(None, "the packaged encoder reads English; name another with --encoder")
    pairs = list(_pairs(text, post, opened, encoder))
    if not pairs:
        return Reading(None, "no words came with the media, and this encoder reads no pixels")
    return Reading(_evidence(pairs))


def says_enough(text: str) -> bool:
    """Return whether there are words enough; scripts without spaces count two letters a word."""
    letters = sum(unicodedata.category(c)[0] == "L" for c in text)
    spaced = len(re.findall(r"[^\W\d_]{2,}", text))
    return spaced >= LEAST_WORDS or (not text.isascii() and letters >= 2 * LEAST_WORDS)


def is_latin_english(text: str, language: str) -> bool:
    """Return whether text may be English: by the language given, and by its letters."""
    letters = [c for c in text if c.isalpha()]
    latin = sum(c.isascii() for c in letters)
    return language.split("-")[0].lower() in ENGLISH and latin >= 0.9 * len(letters)


def logit(like: float, between: tuple[float, float], slope: float) -> float:
    """Return the evidence for "does not belong together" of a similarity; 0 is none."""
    beyond = float(np.clip(like, *between)) - like
    return float(np.clip(slope * beyond, -MOST_LOGIT, MOST_LOGIT))


def _pairs(text: str, post: Post, opened: Opened, encoder: Encoder) -> Iterator[Pair]:
    described = _described(opened)
    against = {
        "text-ocr": (post.ocr, "the words seen in the media"),
        "text-transcript": (post.transcript, "the words heard in it"),
        "text-metadata": (described, "what the file says of itself"),
    }
    usable = {name: (words, said) for name, (words, said) in against.items() if says_enough(words)}
    vectors = encoder.texts([text, *(words for words, _ in usable.values())])
    for vector, (name, (_, said)) in zip(vectors[1:], usable.items(), strict=True):
        like = float(vectors[0] @ vector)
        yield Pair(name, said, like, logit(like, WORDS, WORDS_SLOPE))
    wanted = view(encoder)
    if wanted is not None and wanted in opened.clips:
        like = seen_likeness(vectors[0], encoder.pictures(opened.clips[wanted].frames))
        yield Pair("text-picture", "what is seen", like, logit(like, PIXELS, PIXELS_SLOPE))


def seen_likeness(text: Vectors, frames: Vectors) -> float:
    """Return the cosine of a text with the moment that fits it best. text: (D,); frames: (N, D)."""
    return float((frames @ text).max())


def _described(opened: Opened) -> str:
    metadata = opened.media.provenance.metadata
    found = dict.fromkeys(v for k, v in metadata.items() if k.lower() in DESCRIPTIONS)
    return " ".join(found)


def _evidence(pairs: list[Pair]) -> Evidence:
    worst = max(pairs, key=lambda pair: pair.logit)
    verb = "neither clearly fits nor contradicts"
    if worst.logit:
        verb = "fits" if worst.logit < 0 else "does not fit"
    others = ", ".join(f"{p.said} ({p.like:.2f})" for p in pairs if p is not worst)
    why = f"the text {verb} {worst.said} (similarity {worst.like:.2f})"
    return Evidence(
        method=NAME,
        claim="out-of-context",
        score=_sigmoid(worst.logit),
        logit=worst.logit,
        kinds={pair.name: _sigmoid(pair.logit) for pair in pairs},
        where=Where(by="similarity of sentences"),
        why=f"{why}; also compared with {others}" if others else why,
        limits=LIMITS,
    )


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
