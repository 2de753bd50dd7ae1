"""Who reads the words of a post, and what becomes of the verdict on its picture or video.

The media are scanned as any file is. What methods of posts and the comparison of words find stands
beside it: none of them is calibrated, so they move no probability. Where one of them speaks against
a post whose media look genuine, the answer is "unsure" and the disagreement is named.
"""

import dataclasses
from collections.abc import Sequence
from functools import cache
from typing import Any

from verilens import catalog
from verilens.errors import MissingExtra
from verilens.media.opened import Opened
from verilens.nn import sentences
from verilens.options import Posts, readers
from verilens.records import Evidence, Post, Verdict, View
from verilens.verify import consistency
from verilens.verify.calibrate import UNCALIBRATED
from verilens.verify.fuse import UNSEEN
from verilens.verify.post_detector import PostDetector

UNREAD = ("whether the claim is true", "the author", "the comments")
UNDECIDED = 0.5


class Readers:
    """The methods that read posts, and the encoder that compares their words."""

    def __init__(
        self,
        methods: Sequence[PostDetector[Any]] = (),
        encoder: sentences.Encoder | None = None,
        is_english: bool = False,
        unable: str = "",
    ) -> None:
        """unable: why there is no encoder."""
        self.methods = tuple(methods)
        self.encoder = encoder
        self.is_english = is_english
        self.unable = unable

    def views(self) -> tuple[View, ...]:
        """Return the pixels that are cut for them."""
        asked = [method.config.view for method in self.methods]
        asked += [consistency.view(self.encoder)] if self.encoder else []
        return tuple(dict.fromkeys(view for view in asked if view is not None))

    def judged(
        self, post: Post, opened: Opened, verdict: Verdict
    ) -> tuple[tuple[Evidence, ...], Verdict]:
        """Return what is found in a post, and the verdict on its media with that beside it."""
        found, missing = list[Evidence](), list[str]()
        for method in self.methods:
            try:
                item = method.inspect(post, opened)
            except Exception as error:  # a method's bug must not cost the other evidence
                said = f"{type(error).__name__}: {error}".splitlines()[0]
                missing.append(f"{method.name} failed on this post ({said})")
            else:
                limits = (*item.limits, UNCALIBRATED)
                found.append(dataclasses.replace(item, limits=limits))
        if not self.methods:
            missing.append("whether words or faces were altered (no method of posts was asked)")
        reading = self._compared(post, opened)
        if reading.evidence is None:
            missing.append(f"whether words and picture belong together ({reading.why_not})")
        else:
            found.append(reading.evidence)
        return tuple(found), stated(verdict, found, (*missing, *UNREAD))

    def _compared(self, post: Post, opened: Opened) -> consistency.Reading:
        if self.encoder is None:
            return consistency.Reading(None, self.unable)
        return consistency.compare(post, opened, self.encoder, self.is_english)


def stated(verdict: Verdict, found: Sequence[Evidence], missing: Sequence[str]) -> Verdict:
    """Return the verdict on a post: that on its media, with what was read of its words."""
    against = [item for item in found if item.score > UNDECIDED]
    decision, conflicts = verdict.decision, verdict.conflicts
    if against and decision == "genuine":
        decision = "unsure"
        names = " and ".join(item.method for item in against)
        conflicts = (*conflicts, f"{names} speak against the post, its picture looks genuine")
    said = "; ".join(f"{item.method} says that {item.why.rstrip('.')}" for item in found)
    words = f" On the words, not counted: {said}." if said else ""
    unread = (*(item for item in verdict.not_checked if item != "context"), *missing)
    about = verdict.sentence.partition(UNSEEN)[0]
    return dataclasses.replace(
        verdict,
        decision=decision,
        conflicts=conflicts,
        not_checked=unread,
        sentence=f"Of the post's media, by pixels and provenance: {about}{words}"
        f"{UNSEEN}{', '.join(unread)}.",
    )


@cache
def assemble(posts: Posts) -> Readers:
    """Return the readers that a scan of posts asks; MissingWeights for a method or an encoder.

    Without the packaged encoder words are not compared, and the report says how to get it.
    """
    loaded = [catalog.load(choice.card.name, str(choice.weights)) for choice in readers(posts)]
    methods = [method for method in loaded if isinstance(method, PostDetector)]
    if not posts.compared:
        return Readers(methods, unable="nobody asked")
    try:
        encoder = sentences.load(posts.encoder)
    except MissingExtra as error:
        if posts.encoder:
            raise
        return Readers(methods, unable=str(error))
    return Readers(methods, encoder, is_english=not posts.encoder)
