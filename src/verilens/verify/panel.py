"""The detectors of one scan: loaded once, asked file after file, from any number of threads.

Every pass runs on one thread over one file's crops, so that a score never depends on what else is
being scanned. A detector that fails gives no evidence and is named; it never stops a scan.
"""

import dataclasses
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
import torch

from verilens import catalog
from verilens.errors import MediaError
from verilens.media.cuts import shots
from verilens.media.opened import Opened
from verilens.options import Backend, able
from verilens.records import Clip, Evidence, View, Where
from verilens.verify import people, runtime
from verilens.verify.calibrate import OTHER_WEIGHTS, flag_level
from verilens.verify.detector import ClipDetector, Detector
from verilens.verify.segments import segments, within
from verilens.weights import is_shipped

# Networks of panels in use, by method, weights file and backend: panels share them.
_ready: WeakValueDictionary[tuple[str, str, Backend], Detector] = WeakValueDictionary()


class Findings(NamedTuple):
    """What the panel says about a file, and in words what it could not look at."""

    evidence: tuple[Evidence, ...]
    not_checked: tuple[str, ...]


class Panel:
    """Some detectors, in a fixed order."""

    def __init__(
        self,
        detectors: Sequence[Detector],
        unable: Sequence[str] = (),
        uncalibrated: Collection[str] = (),
    ) -> None:
        """unable: in words, what the panel cannot look at on this machine.

        uncalibrated: names of methods with other weights than those that come with verilens.
        """
        self.detectors = tuple(detectors)
        self.unable = tuple(unable)
        self.uncalibrated = frozenset(uncalibrated)

    @property
    def is_of_spoof(self) -> bool:
        """Tell whether all speak about presentation attacks, so the verdict is about them."""
        return bool(self.detectors) and all(d.claim == "spoof" for d in self.detectors)

    def views(self, where: bool) -> tuple[View, ...]:
        """Return what is cut from a file to score it; `where` adds the tiles of heat maps."""
        base = [detector.config.view for detector in self.detectors]
        return tuple(dict.fromkeys([*base, *(self.map_views() if where else ())]))

    def map_views(self) -> tuple[View, ...]:
        """Return what heat maps of stills read."""
        return tuple(view for d in self.detectors if (view := d.map_view) is not None)

    def dense_views(self, has_people: bool = True) -> tuple[View, ...]:
        """Return what has to be cut from a video for denser timelines that can flag a stretch.

        has_people: whether the first look found any; else nobody looks for faces again.
        """
        flagging = [
            d
            for d in self.detectors
            if flag_level(d.name, "video") < 1 and (has_people or not reads_faces(d))
        ]
        dense = (detector.dense_view for detector in flagging)
        return tuple(dict.fromkeys(view for view in dense if view is not None))

    def inspect(self, opened: Opened, deadline: float, pool: Executor) -> Findings:
        """Return the evidence of every detector meant for this kind of file.

        deadline: on the monotonic clock; MediaError "timeout" when a detector begins after it.
        pool: threads that are `single_threaded`; detectors work side by side when it has room.
        """
        meant = self._meant_for(opened)
        found = list(pool.map(partial(_inspected, opened=opened, deadline=deadline), meant))
        return Findings(
            tuple(
                self._marked(item)
                for items in found
                if not isinstance(items, str)
                for item in items
            ),
            (*(i for i in found if isinstance(i, str)), *self._lacking(opened), *self.unable),
        )

    def _marked(self, item: Evidence) -> Evidence:
        """Return evidence on presentation attacks with a limit where its weights are others."""
        if item.claim != "spoof" or item.method not in self.uncalibrated:
            return item
        return dataclasses.replace(item, limits=(*item.limits, OTHER_WEIGHTS))

    def locate(
        self, evidence: Sequence[Evidence], opened: Opened, pool: Executor
    ) -> tuple[Evidence, ...]:
        """Return the evidence with a heat map (still) or a dense timeline (video) added."""
        by_name = {detector.name: detector for detector in self.detectors}
        asked = [by_name[item.method] for item in evidence]
        located = tuple(pool.map(partial(_located, opened=opened), asked, evidence))
        return people.with_places(located)

    def _lacking(self, opened: Opened) -> list[str]:
        """Return in words who needs more bands than the file has."""
        views = {detector.name: detector.config.view for detector in self.detectors}
        return [
            f"{name} reads spectral cubes of {view.bands} bands, and the file has {opened.bands}"
            for name, view in views.items()
            if view.bands not in (3, opened.bands)
        ]

    def _meant_for(self, opened: Opened) -> list[Detector]:
        """Return whom to ask: by the tasks on their cards, of faces only when there are some.

        Whoever was chosen although no card of theirs fits this kind is asked all the same.
        """
        task, faces = f"ai-{opened.media.kind}", opened.faces
        faceless = faces is not None and not faces.people

        def is_meant(detector: Detector) -> bool:
            tasks = catalog.card(detector.name).tasks
            return task in tasks or (bool({"face-forgery", "spoof"} & set(tasks)) and not faceless)

        kind, bands = opened.media.kind, opened.bands
        able = [d for d in self.detectors if d.config.view.reads(kind, bands)]
        others = [d for d in able if not reads_faces(d)]
        meant = [d for d in able if (not faceless if reads_faces(d) else is_meant(d))]
        return meant or others


def reads_faces(detector: Detector) -> bool:
    """Tell whether a detector looks at faces one by one."""
    return detector.config.view.fit == "face"


@cache
def assemble(methods: tuple[str, ...] | None, backend: Backend = "torch") -> Panel:
    """Return the panel of these methods (see Options), in the form that scores fastest.

    MissingExtra when a chosen one reads faces and nothing here can find them; of all methods,
    those of faces then stay away and the report says so.
    """
    asked, unable = able(methods)
    keys = {each.card.name: (each.card.name, str(each.weights), backend) for each in asked}
    loaded = [_ready.get(key) or catalog.load(*key[:2]) for key in keys.values()]
    found = [method for method in loaded if isinstance(method, Detector)]
    others = [c.card.name for c in asked if not is_shipped(c.card, c.weights)]
    return Panel([_readied(detector, keys[detector.name]) for detector in found], unable, others)


def _readied(detector: Detector, key: tuple[str, str, Backend]) -> Detector:
    """Return the detector in the form that scores fastest."""
    if _ready.get(key) is detector:
        return detector
    ready = detector.optimised()
    if key[2] == "onnxruntime":
        ready = runtime.taken_over(ready, Path(key[1]))
    _ready[key] = ready
    return ready


def single_threaded() -> None:
    """Make the calling thread's passes use one core; threads of a pool call it first."""
    torch.set_num_threads(1)


def _inspected(detector: Detector, opened: Opened, deadline: float) -> list[Evidence] | str:
    """Return the detector's evidence, on the file first, or in words why there is none."""
    if time.monotonic() > deadline:
        raise MediaError("timeout", f"scoring ran out of time before {detector.name}")
    try:
        clip = opened.clips[detector.config.view]
        if reads_faces(detector):
            return people.scored(detector, clip, opened.media.kind)
        found = detector.inspect([clip])[0]
        return [within(found, opened.media.duration_s)]
    except Exception as error:  # a method's bug must not cost the other evidence
        return f"{detector.name} failed on this file ({_said(error)})"


def _located(detector: Detector, evidence: Evidence, opened: Opened) -> Evidence:
    """Return the evidence with its map or timeline; as it was when that fails."""
    try:
        if reads_faces(detector):
            where = people.where(detector, evidence, opened)
        else:
            where = _where(detector, evidence.where, opened)
    except Exception as error:  # as above: the score stands without its map
        limit = f"where it lies could not be worked out ({_said(error)})"
        return dataclasses.replace(evidence, limits=(*evidence.limits, limit))
    return dataclasses.replace(evidence, where=where)


def _where(detector: Detector, where: Where, opened: Opened) -> Where:
    media = opened.media
    if media.kind == "video":
        if detector.dense_view is None or flag_level(detector.name, media.kind) >= 1:
            return where
        clip = opened.clips[detector.dense_view]
        timeline = _timeline(detector, clip, where.timeline)
        level = flag_level(detector.name, media.kind)
        told = shots(clip.frames, clip.times_s)  # of the pixels that were scored
        found = segments(timeline, media.duration_s or 0.0, level, told)
        return dataclasses.replace(where, timeline=timeline, segments=found)
    if detector.map_view is None:
        return where
    return dataclasses.replace(where, heatmap=detector.heatmap(opened.clips[detector.map_view]))


def _timeline(
    detector: Detector, clip: Clip, known: tuple[tuple[float, float], ...]
) -> tuple[tuple[float, float], ...]:
    """Return the scores of a film's moments; those known are kept where each is scored alone."""
    fresh = ~np.isin(clip.times_s, [time_s for time_s, _ in known])
    if isinstance(detector, ClipDetector) or len(np.unique(clip.times_s[fresh])) < 2:
        return detector.inspect([clip])[0].where.timeline
    new = dataclasses.replace(
        clip, frames=clip.frames[fresh], times_s=clip.times_s[fresh], boxes=clip.boxes[fresh]
    )
    return tuple(sorted((*known, *detector.inspect([new])[0].where.timeline)))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
