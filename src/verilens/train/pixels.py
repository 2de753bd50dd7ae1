"""Pixels of samples: read by the sandboxed decoder, on threads that each own a decoder process.

Decoding happens in those processes, so a hostile or broken file costs an error and nothing more.
What was decoded once is kept in the cache while it fits.
"""

import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

import cv2
import numpy as np

from verilens.errors import MediaError
from verilens.media import packed
from verilens.media.opened import Limits
from verilens.media.sample import cut_from, subset
from verilens.media.sandbox import Decoder
from verilens.media.tracks import renumbered
from verilens.options import cores
from verilens.records import Clip, Sample, View
from verilens.train.cache import PixelCache, key_of

IDLE = 2  # readers beyond one a core: a decoder waits while its thread draws and cuts

Result = TypeVar("Result")
Joined = TypeVar("Joined")


class Reader:
    """Gives clips of files to any number of its own threads. Use it as a context manager.

    workers: how many threads, each with a decoder process; None keeps every core busy.
    faces: what a face view cuts: the largest person of each file where "detect", all of the picture
        where the files are "cropped" faces already. A clip shows one person, track 1.
    """

    def __init__(
        self,
        workers: int | None = None,
        cache: PixelCache | None = None,
        limits: Limits | None = None,
        faces: Literal["detect", "cropped"] = "detect",
    ) -> None:
        self.workers = workers or cores() + IDLE
        self.cache = cache
        self.limits = limits or Limits()
        self.faces = faces
        self.broken: dict[str, str] = {}  # why samples could not be read, by id; for the report
        self._refused: dict[str, MediaError] = {}  # files, by place; they are not tried again
        self._fps: dict[str, float] = {}
        self._local = threading.local()
        self._decoders: list[Decoder] = []
        self._threads = ThreadPoolExecutor(self.workers, "read")

    def __enter__(self) -> Self:
        cv2.setNumThreads(1)  # the threads here are as many as there are cores
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for decoder in self._decoders:
            decoder.close()

    def submit(self, job: Callable[[], Result]) -> "Future[Result]":
        """Run a job on one of the threads."""
        return self._threads.submit(job)

    def gathered(
        self, jobs: Sequence[Callable[[], Result]], join: Callable[[list[Result]], Joined]
    ) -> "Future[Joined]":
        """Run jobs and give `join` their results, on the thread that finishes last.

        No thread waits for another. Cancelling the future drops the jobs that have not begun.
        """
        joined: Future[Joined] = Future()
        lock = threading.Lock()
        left = len(jobs)
        results: dict[int, Result] = {}

        def run(n: int) -> None:
            nonlocal left
            try:
                if not joined.done():
                    results[n] = jobs[n]()
                with lock:
                    left -= 1
                    is_last = left == 0
                if is_last and joined.set_running_or_notify_cancel():
                    joined.set_result(join([results[n] for n in range(len(jobs))]))
            except BaseException as error:  # of this job; whoever asks for the batch hears it
                with lock, suppress(InvalidStateError):
                    joined.set_exception(error)

        for n in range(len(jobs)):
            self.submit(partial(run, n))
        return joined

    def ahead(self, jobs: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Yield the jobs' results in order, with a few jobs under way; what waits is dropped."""
        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(self.submit(job))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def clip(self, sample: Sample, view: View) -> Clip:
        """Return what `view` cuts from a sample; of a frame folder an even subset of frames.

        Call it on the reader's own threads. Raises MediaError.
        """
        if sample.kind != "frames":
            return self.open(sample.uri, view)
        found = self._frames(sample, subset(len(sample.frames), view.frames), view)
        if not found or len({clip.frames.shape for clip in found.values()}) != 1:
            what = "frames of several sizes" if found else "no frames"
            raise MediaError("corrupt", f"{sample.id}: a video with {what}")
        clips = list(found.values())
        counts = [len(clip.frames) for clip in clips]
        return Clip(
            frames=np.concatenate([clip.frames for clip in clips]),
            times_s=np.repeat(np.array(list(found), np.float64), counts),
            boxes=np.concatenate([clip.boxes for clip in clips]),
            size=clips[0].size,
            view=view,
            tracks=np.ones(sum(counts), np.int32) if view.fit == "face" else None,
        )

    def frame(self, sample: Sample, n: int, view: View) -> Clip:
        """Return one stored frame of a frame folder. Raises MediaError."""
        one = replace(view, frames=1)
        return self.open(f"{sample.uri}/{sample.frames[n]}", one)

    def _frames(self, sample: Sample, chosen: Sequence[int], view: View) -> dict[int, Clip]:
        """Return stored frames by their number; without those that show no face, if some do."""
        found: dict[int, Clip] = {}
        faceless: MediaError | None = None
        for n in chosen:
            try:
                found[n] = self.frame(sample, n, view)
            except MediaError as error:
                if view.fit != "face" or error.kind != "no-frames":
                    raise
                faceless = error
        if faceless and not found:
            raise faceless
        return found

    def open(self, place: str, view: View) -> Clip:
        """Return the clip of one file, from the cache or decoded. Raises MediaError."""
        if view.fit != "face":
            return self._opened(place, view)
        if self.faces == "cropped":
            whole = View(size=view.size, frames=view.frames, fit="resize")
            clip = self._opened(place, whole)
        else:
            clip = self._opened(place, view)
        return replace(clip, view=view, tracks=np.ones(len(clip.frames), np.int32))

    def _opened(self, place: str, view: View) -> Clip:
        if self.cache and view.cut_px:  # the whole crop is kept, for other cuts of later epochs
            return cut_from(
                self._opened(place, replace(view, cut_px=0, cut_x=0.5, cut_y=0.5)), view
            )
        key = key_of(place, _stamp(place), view) if self.cache else ""
        if self.cache and (kept := self.cache.get(key, view)):
            return kept
        if place in self._refused:
            raise self._refused[place]
        try:
            clip = self._decoded(place, view)
        except MediaError as error:
            self._refused[place] = error
            raise
        if self.cache:
            self.cache.put(key, clip)
        return clip

    def fps(self, place: str) -> float:
        """Return the frame rate of a video. Raises MediaError, also when it does not say."""
        if place not in self._fps:
            self._fps[place] = self._decoder().open(Path(place), [], False).media.fps or 0.0
        if not self._fps[place]:
            raise MediaError("corrupt", f"{place}: has no frame rate to count frames by")
        return self._fps[place]

    def _decoded(self, place: str, view: View) -> Clip:
        """Return the clip of one file; of a face view the largest person's crops alone."""
        if not packed.is_packed(place):
            opened = self._decoder().open(Path(place), [view], False)
        else:
            with tempfile.NamedTemporaryFile(prefix="verilens-") as file:
                file.write(packed.read(place))
                file.flush()
                opened = self._decoder().open(Path(file.name), [view], False)
        if view not in opened.clips:
            what = f"{view.only}s alone" if view.bands == 3 else f"pictures of {view.bands} bands"
            raise MediaError("no-frames", f"{place}: the method reads {what}")
        clip = opened.clips[view]
        if clip.tracks is None:
            return clip
        if not len(clip.frames):
            raise MediaError("no-frames", f"{place}: no face found")
        return renumbered(clip, {1: 1})

    def _decoder(self) -> Decoder:
        found: Decoder | None = getattr(self._local, "decoder", None)
        if found is None:
            found = self._local.decoder = Decoder(self.limits)
            self._decoders.append(found)
        return found


def _stamp(place: str) -> tuple[int, int]:
    """Return size and time of change of a file, or of the database it lies in; 0 for none."""
    store = place.removeprefix(packed.PREFIX).partition("!")[0]
    path = os.path.join(store, "data.mdb") if packed.is_packed(place) else place
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
