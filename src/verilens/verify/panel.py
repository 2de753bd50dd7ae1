"""The detectors of one scan: loaded once, asked file after file, from any number of threads.

Every pass runs on one thread over one file's crops, so that a score never depends on what else is
being scanned. A detector that fails gives no evidence and is named; it never stops a scan.
"""

import dataclasses
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch

from verilens import catalog
from verilens.errors import MediaError
from verilens.media.cuts import shots
from verilens.media.opened import Opened
from verilens.options import choices
from verilens.records import Evidence, Kind, View, Where
from verilens.verify.calibrate import flag_level
from verilens.verify.detector import Detector
from verilens.verify.segments import segments, within


class Findings(NamedTuple):
    """What the panel says about a file, and in words what it could not look at."""

    evidence: tuple[Evidence, ...]
    not_checked: tuple[str, ...]


class Panel:
    """Some detectors, in a fixed order."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)

    def views(self, where: bool) -> tuple[View, ...]:
        """Return what is cut from a file to score it; `where` adds the tiles of heat maps."""
        base = [detector.config.view for detector in self.detectors]
        maps = [view for d in self.detectors if where and (view := d.map_view) is not None]
        return tuple(dict.fromkeys([*base, *maps]))

    def dense_views(self) -> tuple[View, ...]:
        """Return what has to be cut from a video for a denser timeline."""
        dense = (detector.dense_view for detector in self.detectors)
        return tuple(dict.fromkeys(view for view in dense if view is not None))

    def inspect(self, opened: Opened, deadline: float, pool: Executor) -> Findings:
        """Return the evidence of every detector meant for this kind of file.

        deadline: on the monotonic clock; MediaError "timeout" when a detector begins after it.
        pool: threads that are `single_threaded`; detectors work side by side when it has room.
        """
        meant = self._meant_for(opened.media.kind)
        found = list(pool.map(partial(_inspected, opened=opened, deadline=deadline), meant))
        return Findings(
            tuple(item for item in found if isinstance(item, Evidence)),
            tuple(item for item in found if isinstance(item, str)),
        )

    def locate(
        self, evidence: Sequence[Evidence], opened: Opened, pool: Executor
    ) -> tuple[Evidence, ...]:
        """Return the evidence with a heat map (still) or a dense timeline (video) added."""
        by_name = {detector.name: detector for detector in self.detectors}
        asked = [by_name[item.method] for item in evidence]
        return tuple(pool.map(partial(_located, opened=opened), asked, evidence))

    def _meant_for(self, kind: Kind) -> list[Detector]:
        task = f"ai-{kind}"
        meant = [d for d in self.detectors if task in catalog.card(d.name).tasks]
        return meant or list(self.detectors)


@cache
def assemble(methods: tuple[str, ...] | None) -> Panel:
    """Return the panel of these methods (see Options), in the form that scores fastest."""
    loaded = [catalog.load(c.card.name, str(c.weights)) for c in choices(methods)]
    return Panel([method.optimised() for method in loaded if isinstance(method, Detector)])


def single_threaded() -> None:
    """Make the calling thread's passes use one core; threads of a pool call it first."""
    torch.set_num_threads(1)


def _inspected(detector: Detector, opened: Opened, deadline: float) -> Evidence | str:
    """Return the detector's evidence, or in words why there is none."""
    if time.monotonic() > deadline:
        raise MediaError("timeout", f"scoring ran out of time before {detector.name}")
    try:
        found = detector.inspect([opened.clips[detector.config.view]])[0]
        return within(found, opened.media.duration_s)
    except Exception as error:  # a method's bug must not cost the other evidence
        return f"{detector.name} failed on this file ({_said(error)})"


def _located(detector: Detector, evidence: Evidence, opened: Opened) -> Evidence:
    """Return the evidence with its map or timeline; as it was when that fails."""
    try:
        where = _where(detector, evidence.where, opened)
    except Exception as error:  # as above: the score stands without its map
        limit = f"where it lies could not be worked out ({_said(error)})"
        return dataclasses.replace(evidence, limits=(*evidence.limits, limit))
    return dataclasses.replace(evidence, where=where)


def _where(detector: Detector, where: Where, opened: Opened) -> Where:
    media = opened.media
    if media.kind == "video":
        if detector.dense_view is None:
            return where
        timeline = detector.inspect([opened.clips[detector.dense_view]])[0].where.timeline
        level = flag_level(detector.name, media.kind)
        finest = max(opened.clips.values(), key=lambda clip: len(np.unique(clip.times_s)))
        told = shots(finest.frames, finest.times_s)
        found = segments(timeline, media.duration_s or 0.0, level, told)
        return dataclasses.replace(where, timeline=timeline, segments=found)
    if detector.map_view is None:
        return where
    return dataclasses.replace(where, heatmap=detector.heatmap(opened.clips[detector.map_view]))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
