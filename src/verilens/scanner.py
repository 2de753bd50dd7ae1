"""The story of the program: open, sample, inspect, fuse, report.

    report = scan("photo.jpg")
    for report in scan_many(["photos", "clip.mp4"]):
        print(report.path, report.verdict or report.error)

A file nobody can read gives a report with `error`; nothing is raised for it. Results do not depend
on the number of workers: each file is scored alone, on one thread.
"""

import dataclasses
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

import verilens
from verilens import pipeline
from verilens.errors import MediaError
from verilens.known import Known, Recent, Results
from verilens.media import post
from verilens.media.names import shown
from verilens.media.opened import Opened
from verilens.media.sandbox import Decoder
from verilens.media.sources import Source, UrlRules, expand
from verilens.options import Options, fingerprint, scored
from verilens.poses import scanned
from verilens.records import Clip, ErrorRecord, Evidence, Report, Verdict, View

if TYPE_CHECKING:
    from verilens.verify.movement import Judges
    from verilens.verify.panel import Panel
    from verilens.verify.posts import Readers

# What another try would not change. The rest (a time limit, a crash) is tried again next time.
LASTING = ("empty", "unsupported", "corrupt", "encrypted", "too-small", "no-frames")


class Pages(Protocol):
    """Where illustrated reports go; `views` are the pixels they need. See `report.pages`."""

    views: Sequence[View]

    def add(self, report: Report, clips: Mapping[View, Clip]) -> None: ...


def scan(source: str | Path, options: Options | None = None) -> Report:
    """Return the report of one file, URL or "-" (standard input)."""
    return next(scan_many([str(source)], options))


def scan_many(
    sources: Iterable[str | Path],
    options: Options | None = None,
    *,
    results: Results | None = None,
    pages: Pages | None = None,
) -> Iterator[Report]:
    """Yield a report for every file of `sources`, in their order, using all cores.

    sources: files, folders, globs, URLs, "@list.txt" or "-".
    results: a `store.Store` makes the scan go on where an earlier one stopped.
    pages: gets every report with the pixels it asks for, from worker threads.
    """
    options = options or Options()
    rules = UrlRules(max_bytes=options.max_bytes, allow_private=options.allow_private)
    meant = post.sources if options.posts else expand
    found = meant([str(source) for source in sources], urls=rules)
    if options.poses:
        given = scanned.persons(options.poses)
        found = (dataclasses.replace(source, poses=given) for source in found)
    with Scanner(options, results or Recent(), pages) as scanner:
        yield from pipeline.run(found, scanner.open, options.workers)


class Job(NamedTuple):
    """A file between decoding and scoring. report: what is known of its content already.

    key: what its result is kept under, see `_key`.
    """

    source: Source
    key: str | None
    opened: Opened
    spent_s: float
    report: Report | None


class Scanner:
    """One scan: its panel, decoders and results. `open` may be called from many threads."""

    def __init__(self, options: Options, results: Results, pages: Pages | None = None) -> None:
        self.options = options
        self.pages = pages
        self.known = Known(results, fingerprint(options))
        self._decoders = ExitStack()
        self._own = threading.local()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._is_closed = False
        self._loaded: Future[Panel] | None = None
        self._pool = ThreadPoolExecutor(options.workers, "score", initializer=_prepare_thread)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.known.abandon(CancelledError("the scan was stopped"))
        self._pool.shutdown(cancel_futures=True)
        with self._opening:  # no thread that is still at a file gets a decoder after this
            self._is_closed = True
        self._decoders.close()

    def open(self, source: Source) -> Callable[[], Report]:
        """Decode a file unless its content is known; return what is left to do for its report."""
        try:
            if source.path is None:
                error = source.error or MediaError("missing", "nothing to read")
                return partial(self._deliver, source, _failed(source, error))
            options = self.options
            sha256 = self.known.identify(source.path, options.max_bytes, options.timeout_s)
            key = _key(source, sha256)
            report = self.known.claim(key) if key else None
            if report is not None and not (self.pages and report.verdict):
                return partial(self._deliver, source, report)
            if report is None and key is not None:
                self._decoder()
                self._loading()  # meanwhile the first file is decoded
                if options.posts:
                    self._readers()
            begun = time.monotonic()
            try:
                if key is None:  # the decoder says why, without any network
                    self._decoder().open(source.path, ())
                opened = self._opened(source, sha256 or "", is_known=report is not None)
                if report is None:
                    spent_s = time.monotonic() - begun
                    self._panel()  # a file's time does not pass while networks are loaded
                    begun = time.monotonic() - spent_s
                    opened = self._completed(opened, source.path)
            except MediaError as error:
                report = report or _failed(source, error, time.monotonic() - begun)
                self._settle(source, key, report)
                return partial(self._deliver, source, report)
            job = Job(source, key, opened, time.monotonic() - begun, report)
            return partial(self._finish, job)
        except BaseException as error:
            self.known.abandon(error)
            raise

    def _finish(self, job: Job) -> Report:
        try:
            report = job.report or self._inspect(job)
            self._settle(job.source, job.key, report)
            return self._deliver(job.source, report, job.opened)
        except BaseException as error:
            self.known.abandon(error)
            raise

    def _inspect(self, job: Job) -> Report:
        """Return the report of decoded media: inspect, judge persons, fuse, locate."""
        from verilens.verify.fuse import fuse, weighed
        from verilens.verify.people import judged
        from verilens.verify.presentation import presented

        begun, media = time.monotonic(), job.opened.media
        if media.kind == "movement":
            moved = self._moving().judged(job.opened.poses)
            return self._report(job, begun, *moved)
        panel, pool = self._panel(), self._pool
        try:
            deadline = begun + self.options.timeout_s - job.spent_s
            evidence, not_checked = panel.inspect(job.opened, deadline, pool)
        except MediaError as error:
            return _failed(job.source, error, self.options.timeout_s)
        faces, is_spoof = job.opened.faces, panel.is_of_spoof
        if faces:
            faces = judged(faces, evidence, media, "spoof" if is_spoof else "face-swap")
        verdict = (presented if is_spoof else fuse)(evidence, media, faces)
        evidence = weighed(evidence, media.kind)
        if self.options.where and (media.kind == "image" or verdict.decision != "genuine"):
            evidence = panel.locate(evidence, job.opened, pool)
        verdict = dataclasses.replace(verdict, not_checked=verdict.not_checked + not_checked)
        if job.source.post is not None:
            asked = pool.submit(self._readers().judged, job.source.post, job.opened, verdict)
            of_words, verdict = asked.result()
            evidence = (*evidence, *of_words)
        if job.opened.poses:
            of_joints, verdict = self._moving().judged(job.opened.poses, verdict)
            evidence = (*evidence, *of_joints)
        report = self._report(job, begun, evidence, verdict)
        return dataclasses.replace(report, people=faces.people if faces else None)

    def _report(
        self, job: Job, begun: float, evidence: tuple[Evidence, ...], verdict: Verdict
    ) -> Report:
        return Report(
            path=job.source.name,
            version=verilens.__version__,
            seconds=job.spent_s + time.monotonic() - begun,
            media=job.opened.media,
            evidence=evidence,
            verdict=verdict,
        )

    def _settle(self, source: Source, key: str | None, report: Report) -> None:
        """Keep a new report, unless another try might end better."""
        if key is not None:
            is_lasting = report.error.type in LASTING if report.error else True
            # Else the file was rewritten meanwhile.
            is_same = report.media is None or _key(source, report.media.sha256) == key
            self.known.settle(key, report, keep=is_lasting and is_same)

    def _deliver(self, source: Source, report: Report, opened: Opened | None = None) -> Report:
        """Return the report under the file's own name, illustrated where pages are made."""
        media = report.media and dataclasses.replace(report.media, path=source.name)
        report = dataclasses.replace(report, path=source.name, media=media, post=source.post)
        if self.pages:
            self.pages.add(report, opened.clips if opened else {})
        source.discard()
        return report

    def _opened(self, source: Source, sha256: str, is_known: bool) -> Opened:
        """Return a picture, a film with the movement in it where given, or a file of joints."""
        assert source.path is not None
        try:
            film = self._decode(source.path, is_known)
        except MediaError as error:
            if error.kind != "unsupported" or not scanned.is_movement(source.path):
                raise
            return _joints(source.path, sha256, self.pages.views if self.pages else (), error)
        return scanned.beside(film, source.poses) if source.poses else film

    def _decode(self, path: Path, is_known: bool) -> Opened:
        """Return the file with pixels it is scored by, and the first of those that are shown.

        Maps are cut along once the networks are there to say what they read; before that, and of
        films, `_completed` adds the rest, other moments of a film among it. A still has all here.
        """
        shown = tuple(self.pages.views) if self.pages else ()
        if is_known:
            return self._decoder().open(path, shown)
        views, *later = self._scored
        if self.options.where and self._loading().done():
            views += self._panel().map_views()
        asked = {view: view for view in views}
        asked |= {v: dataclasses.replace(v, only="image") for v in chain(*later) if not v.only}
        asked |= {view: dataclasses.replace(view, frames=1) for view in shown}
        opened = self._decoder().open(path, tuple(asked.values()))
        clips = {view: opened.clips[one] for view, one in asked.items() if one in opened.clips}
        return dataclasses.replace(opened, clips=clips)

    def _completed(self, opened: Opened, path: Path) -> Opened:
        """Return the file with what scores, maps, timelines and pages take besides.

        Other moments of a film are sampled apart, so that no score depends on what else was asked.
        """
        panel, where, kind = self._panel(), self.options.where, opened.media.kind
        if kind == "video":
            for views in self._scored[1:]:
                opened = self._with(opened, path, views)
            has_people = bool(opened.faces and opened.faces.people)
            dense = panel.dense_views(has_people) if where else ()
            return self._with(opened, path, (*dense, *(self.pages.views if self.pages else ())))
        maps = panel.map_views() if where and kind == "image" else ()
        meant = (view for view in maps if view.reads("image", opened.bands))
        return self._with(opened, path, tuple(view for view in meant if view not in opened.clips))

    def _with(self, opened: Opened, path: Path, views: Sequence[View]) -> Opened:
        """Return the file with these views too, its persons numbered as they are."""
        if not views:
            return opened
        later = self._decoder().open(path, views, examined=False)
        clips = {**opened.clips, **_same_people(opened, later)}
        return dataclasses.replace(opened, clips=clips, faces=opened.faces or later.faces)

    @cached_property
    def _scored(self) -> tuple[tuple[View, ...], ...]:
        """The views that are scored, by the moments of a film they share; one group at least.

        Views of faces come first, so that they tell who is in the film; of stills alone, too.
        """
        of_posts = self._readers().views() if self.options.posts else ()
        views = tuple(dict.fromkeys((*scored(self.options.methods), *of_posts)))
        of_stills = [view for view in views if view.only == "image"]
        of_films = [view for view in views if view.only != "image"]
        counts = {v.frames for v in of_films if v.fit == "face"}
        order = [*sorted(counts), *sorted({v.frames for v in of_films} - counts)]
        first, *later = [[v for v in of_films if v.frames == count] for count in order] or [[]]
        return tuple(map(tuple, ([*first, *of_stills], *later)))

    def _panel(self) -> "Panel":
        return self._loading().result()

    def _loading(self) -> "Future[Panel]":
        """Return the panel to come; the first file that needs it has it loaded."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._pool.submit(_assembled, self.options)
            return self._loaded

    def _moving(self) -> "Judges":
        from verilens.verify.movement import assemble

        with self._lock:
            return assemble()

    def _readers(self) -> "Readers":
        from verilens.verify.posts import assemble

        with self._lock:
            assert self.options.posts is not None
            return assemble(self.options.posts)

    def _decoder(self) -> Decoder:
        """Return this thread's decoder, started."""
        if not hasattr(self._own, "decoder"):
            with self._opening:
                if self._is_closed:
                    raise CancelledError("the scan was stopped")
                self._own.decoder = self._decoders.enter_context(Decoder(self.options.limits))
        decoder: Decoder = self._own.decoder
        return decoder


def _key(source: Source, sha256: str | None) -> str | None:
    """Return what tells contents apart: the media's hash, with that of words or joints beside."""
    beside = [source.post.sha256] if source.post else []
    beside += [hashlib.sha256(p.joints.tobytes()).hexdigest() for p in source.poses]
    if not beside or sha256 is None:
        return sha256
    return hashlib.sha256(" ".join([sha256, *beside]).encode()).hexdigest()


def _joints(path: Path, sha256: str, views: Sequence[View], error: MediaError) -> Opened:
    """Return a file of joints as media; what is neither film nor joints says both."""
    try:
        return scanned.opened(path, sha256, views)
    except MediaError as other:
        said = f"{error.message}; nor does it hold the joints of a movement ({other.message})"
        raise MediaError("unsupported", said) from other


def _assembled(options: Options) -> "Panel":
    from verilens.verify.panel import assemble

    return assemble(options.methods, options.backend)


def _prepare_thread() -> None:
    from verilens.verify.panel import single_threaded

    single_threaded()


def _same_people(first: Opened, later: Opened) -> Mapping[View, Clip]:
    """Return the later clips of one film, their persons numbered as in the first ones."""
    if first.faces is None or later.faces is None:
        return later.clips
    from verilens.media.tracks import renumbered, same

    names = same(first.faces.people, later.faces.people)
    return {view: renumbered(clip, names) for view, clip in later.clips.items()}


def _failed(source: Source, error: MediaError, seconds: float = 0.0) -> Report:
    """Return a report without a verdict; its message does not repeat the file's name."""
    message = error.message
    for name in (str(source.path), source.name, source.name.removeprefix("@")):
        message = message.removeprefix(f"{shown(name)}: ")
    record = ErrorRecord(type=error.kind, message=message)
    return Report(path=source.name, version=verilens.__version__, seconds=seconds, error=record)
