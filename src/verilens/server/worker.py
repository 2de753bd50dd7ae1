"""A worker: leases jobs, scans them as `verilens scan` does, hands in what was found.

A worker is a process. It loads each network once, when the first file needs it, and works on as
many files at a time as it has slots. A thread tells the database that it lives. When the database
is gone, finished results wait in memory until it is back.
"""

import hashlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import verilens
from verilens.errors import MediaError
from verilens.media.fetch import UrlRules, fetch
from verilens.media.preview import Previewer
from verilens.media.sources import Source
from verilens.options import cores
from verilens.records import ErrorRecord, Report
from verilens.report.json import dumps
from verilens.scanner import LASTING
from verilens.server import blobs as stores
from verilens.server import heatmaps, ids, removal
from verilens.server.database import Database, is_gone
from verilens.server.jobs import Job, find, parsed
from verilens.server.leases import Leased, Outcome, Queue
from verilens.server.previews import Previews, previewer
from verilens.server.problems import described, of_media
from verilens.server.scanners import Scanners
from verilens.server.settings import Settings

logger = logging.getLogger(__name__)

TICK_S = 0.5
AGAIN_S = 0.5  # between tries to reach a database that is gone

Answer = TypeVar("Answer")


def _nobody(job: str) -> None:
    """Tell nobody."""


class Worker:
    """One worker. `run` works until `stop`; `work_one` does one job."""

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        work = settings.work
        self.settings = settings
        self.name = name or ids.new()
        self.slots = work.slots or cores()
        self.database = Database(settings.places.database, is_durable=False)
        self.blobs = stores.opened(settings.places.blobs, settings.places.staging)
        self.queue = Queue(self.database, self.name, work.lease_s, work.attempts)
        self._previews = Previews(self.database, self.blobs, settings.places.staging)
        self._own = threading.local()
        self._stack = ExitStack()
        self._scanners = self._stack.enter_context(Scanners(settings, self.slots))
        self._stages: dict[str, tuple[str, float]] = {}  # by lease; what is under way
        self._told: dict[str, tuple[str, float]] = {}
        self._held: dict[str, Leased] = {}
        self._stopping = threading.Event()
        self._wake = threading.Condition()

    def run(self, told: Callable[[str], None] = _nobody) -> None:
        """Work until `stop`. told: is called with a job that has ended."""
        threads = [
            threading.Thread(target=self._slot, args=(told,), name=f"slot-{n}", daemon=True)
            for n in range(self.slots)
        ]
        heart = threading.Thread(target=self._beat, name="heart", daemon=True)
        for thread in (*threads, heart):
            thread.start()
        self._stopping.wait()
        for leased in list(self._held.values()):
            self._quietly(lambda leased=leased: self.queue.give_back(leased))  # type: ignore[misc]
        self._quietly(self.queue.gone)

    def stop(self) -> None:
        """Take no more jobs; what is under way goes back to the queue."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Look for jobs now instead of a little later."""
        with self._wake:
            self._wake.notify_all()

    def close(self) -> None:
        """End the decoders and the database's connections."""
        self._stack.close()
        self.database.close()

    def work_one(self, told: Callable[[str], None] = _nobody) -> bool:
        """Do one job from beginning to end; False when none is due. told: as of `run`."""
        leased = self.queue.claim()
        if leased is None:
            return False
        self._held[leased.lease] = leased
        self._stages[leased.lease] = ("", 0.0)
        try:
            is_shown = self._work(leased)
        finally:
            self._held.pop(leased.lease, None)
            self._stages.pop(leased.lease, None)
            self._told.pop(leased.lease, None)
        told(leased.job.id)
        if is_shown and not self._stopping.is_set():  # nobody waits for it with the verdict
            self._quietly(lambda: self._previews.make(leased.job.id, self._previewer()))
            told(leased.job.id)
        return True

    def _work(self, leased: Leased) -> bool:
        """Do a job and hand it in; tell whether it is ours and can be shown."""
        job = leased.job
        try:
            outcome = self._outcome(leased)
        except stores.Gone:
            error = described("no-file", "its file is gone from the store", 410)
            outcome = Outcome(error=error, is_file_kept=False)
        except Exception as error:  # a bug, or a store that fails: the job is tried again
            logger.exception("job %s failed", job.id)
            said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            outcome = Outcome(error=described("internal", said, 500), is_lasting=False)
        is_ours = self._when_back(lambda: self.queue.finish(leased, outcome))
        if is_ours is False and self._when_back(lambda: self._is_deleted(job.id)):
            self._quietly(lambda: removal.discard(self.blobs, job.id))
        return bool(is_ours) and outcome.error is None

    def _outcome(self, leased: Leased) -> Outcome:
        """Return what becomes of a job; the file is fetched first where it is an address."""
        job = leased.job
        if job.source == "upload" or job.is_file_kept:
            with self.blobs.local(f"files/{job.id}") as path:
                return self._scanned(leased, path)
        try:
            sha256, size = self._fetched(job)
        except MediaError as error:
            return self._failed(job, error)
        with self.blobs.local(f"files/{job.id}") as path:
            scanned = self._scanned(leased, path)
        facts = {"sha256": sha256, "size": size, "is_file_kept": True}
        return Outcome(**{**vars(scanned), **facts})

    def _fetched(self, job: Job) -> tuple[str, int]:
        """Bring the file of an address into the store; return its SHA-256 and size."""
        rules, work = self.settings.rules, self.settings.work
        limits = UrlRules(
            allow_private=work.allow_private, max_bytes=rules.max_bytes, seconds=work.timeout_s
        )
        staging = self.settings.places.staging
        staging.mkdir(parents=True, exist_ok=True)
        path = staging / f"direct-{ids.new()}"
        try:
            with path.open("wb") as file:
                fetch(job.url or "", file, limits)
            size = path.stat().st_size
            with path.open("rb") as read:
                sha256 = hashlib.file_digest(read, "sha256").hexdigest()
            self.blobs.put(path, f"files/{job.id}")
        finally:
            path.unlink(missing_ok=True)
        return sha256, size

    def _scanned(self, leased: Leased, path: Path) -> Outcome:
        job = leased.job
        with self._scanners.of(parsed(job.question).methods) as scanner:
            self._stages[leased.lease] = ("reading", 0.1)
            finish = scanner.open(Source(name=job.name, path=path))
            self._stages[leased.lease] = ("scoring", 0.5)
            report = finish()
        if report.error is not None:
            error = MediaError(report.error.type, report.error.message)  # type: ignore[arg-type]
            return self._failed(job, error, report)
        return Outcome(report=report, line=dumps(report), maps=heatmaps.pngs(report))

    def _failed(self, job: Job, error: MediaError, report: Report | None = None) -> Outcome:
        report = report or Report(
            path=job.name,
            version=verilens.__version__,
            seconds=0.0,
            error=ErrorRecord(type=error.kind, message=error.message),
        )
        is_lasting = error.kind in (*LASTING, "refused", "too-large")
        return Outcome(
            report=report, line=dumps(report), error=of_media(error), is_lasting=is_lasting
        )

    def _previewer(self) -> Previewer:
        """Return this thread's process for previews; it starts with the first one."""
        if not hasattr(self._own, "previewer"):
            process = previewer(self.settings)
            self._own.previewer = self._stack.enter_context(process)
        found: Previewer = self._own.previewer
        return found

    def _slot(self, told: Callable[[str], None]) -> None:
        while not self._stopping.is_set():
            try:
                if self.work_one(told):
                    continue
            except Exception as error:  # the database is gone, or was for this one statement
                if not is_gone(error):
                    logger.exception("a slot failed")
                self._stopping.wait(AGAIN_S)
            with self._wake:
                if not self._stopping.is_set():
                    self._wake.wait(self.settings.work.poll_s)

    def _beat(self) -> None:
        """Tell that we live, keep our leases, and say how far each job is."""
        facts = {"host": socket.gethostname(), "pid": os.getpid(), "slots": self.slots}
        facts |= {"version": verilens.__version__}
        every, due = min(5.0, self.settings.work.lease_s / 4), 0.0
        while not self._stopping.is_set():
            try:
                if time.monotonic() >= due:
                    self.queue.seen(facts)
                    self.queue.extend(list(self._held))
                    due = time.monotonic() + every
                self._tell()
            except Exception as error:
                if not is_gone(error):
                    logger.exception("no heartbeat")
            self._stopping.wait(min(TICK_S, every))

    def _tell(self) -> None:
        """Write the stages that changed; a job that is over sooner costs nothing."""
        for lease, stage in list(self._stages.items()):
            if stage[0] and self._told.get(lease) != stage:
                self.queue.progress(lease, *stage)
                self._told[lease] = stage

    def _is_deleted(self, job: str) -> bool:
        with self.database.reading() as db:
            return find(db, job) is None

    def _when_back(self, write: Callable[[], Answer]) -> Answer | None:
        """Return what `write` gives, waiting for a database that is gone; None when we stop."""
        while True:
            try:
                return write()
            except Exception as error:
                if not is_gone(error):
                    raise
                logger.warning("the database is gone; a result waits for it")
                if self._stopping.wait(AGAIN_S):
                    return None

    def _quietly(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # leases end by themselves, and the sweep finds what is left
            logger.warning("could not tidy up: %s", error)
