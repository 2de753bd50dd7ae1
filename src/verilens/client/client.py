"""The client itself: submit, wait, read, delete."""

import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import httpx

import verilens
from verilens.client import events, records
from verilens.client.records import Job, JobPage, Question, Upload, kind_of
from verilens.client.wire import TRIES, Wire
from verilens.errors import MediaError, ServerError
from verilens.media.fetch import is_url
from verilens.media.names import shown
from verilens.records import ErrorRecord, Report
from verilens.report.json import parse

AT_ONCE_BYTES = 8 << 20  # larger files are sent in pieces that survive a break
REFUSED = ("empty", "unsupported", "too-large", "refused")  # the file's fault, not the request's
Sent = Callable[[int, int], None]
Seen = Callable[[Job], None]


class Client:
    """A server and a key to it. Safe to share between threads; close it, or use `with`."""

    def __init__(
        self, base_url: str, key: str | None = None, *, timeout_s: float = 60.0, tries: int = TRIES
    ) -> None:
        """timeout_s: silence of the server, not the time of a scan. tries: of each request.

        MissingExtra without the extra `client`.
        """
        self._wire = Wire(base_url, key, timeout_s, tries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def about(self) -> Mapping[str, Any]:
        """Return what the server says of itself: version, limits, methods, thresholds."""
        return self._json("GET", "v1/about")

    def scan(self, source: str | Path, question: Question | None = None) -> Report:
        """Return the report of one file or address, as `verilens.scan` does.

        A file nobody can read gives a report with `error`. ServerError when the server fails.
        """
        try:
            job = self.submit(source, question)
        except ServerError as error:
            if error.kind not in REFUSED:
                raise
            return unscanned(str(source), error.kind, error.message)
        return self.finished(job, str(source))

    def finished(self, job: Job, path: str | None = None) -> Report:
        """Return the report of a job, waiting for it. ServerError for a dead letter."""
        ended = self.wait(job)
        try:
            return self.result(ended, path)
        except ServerError as error:
            if error.kind != "not-done" or ended.failure is None:
                raise
            raise ServerError(*ended.failure, error.status) from error

    def submit(
        self,
        source: str | Path,
        question: Question | None = None,
        *,
        name: str | None = None,
        sent: Sent | None = None,
    ) -> Job:
        """Hand in a file or an http(s) address; return its job.

        name: how it is shown. sent: is told the bytes of a large file that have come, and its size.
        """
        question = question or Question()
        if is_url(str(source)):
            asked = {"url": str(source), **question.fields()} | (
                {"name": _sendable(name)} if name else {}
            )
            return self._submitted({"json": asked})
        path = Path(source)
        if _size(path) > AT_ONCE_BYTES:
            upload = self.send(self.begin(path, name), path, sent)
            return self.complete(upload, question)
        form = {"data": question.fields() | {"name": _sendable(name or path.name)}}
        return self._submitted(form, path)

    def submit_folder(
        self, folder: str | Path, question: Question | None = None
    ) -> Iterator[Job | Report]:
        """Yield the job of every file below a folder, in one batch; a report for what is refused.

        Names are the paths below the folder. Files are found as `verilens scan` finds them.
        """
        from dataclasses import replace

        from verilens.media.sources import expand

        asked = replace(question or Question(), batch=self.batch())
        for source in expand([str(folder)]):
            try:
                if source.path is None:
                    raise source.error or MediaError("missing", "nothing to read")
                below = source.path.relative_to(folder).as_posix()
                yield self.submit(source.path, asked, name=below)
            except MediaError as error:
                yield unscanned(source.name, error.kind, error.message)
            except ServerError as error:
                if error.kind not in REFUSED:
                    raise
                yield unscanned(source.name, error.kind, error.message)

    def batch(self) -> str:
        """Begin a batch; return its id, for `Question.batch`."""
        return str(self._json("POST", "v1/batches", lambda: {"json": {"urls": []}})["id"])

    def begin(self, path: Path, name: str | None = None) -> Upload:
        """Begin a resumable upload of a file; nothing of it is sent yet."""
        asked = {"name": _sendable(name or path.name), "size": path.stat().st_size}
        found = self._json("POST", "v1/uploads", lambda: {"json": asked})
        return Upload(found["id"], 0, found["chunk_bytes"])

    def resume(self, upload: Upload) -> Upload:
        """Return an upload as far as the server has it; NotThere when its time is over."""
        answer = self._wire.send("HEAD", f"v1/uploads/{upload.id}")
        return upload._replace(offset=int(answer.headers["upload-offset"]))

    def send(self, upload: Upload, path: Path, sent: Sent | None = None) -> Upload:
        """Send what is missing of an upload, going on after breaks of the connection."""
        size = path.stat().st_size
        with path.open("rb") as file:
            while upload.offset < size:
                file.seek(upload.offset)
                piece = file.read(upload.chunk_bytes)
                upload = upload._replace(offset=self._append(upload, piece))
                if sent is not None:
                    sent(upload.offset, size)
        return upload

    def complete(self, upload: Upload, question: Question | None = None) -> Job:
        """Return the job of an upload that has come whole."""
        asked = {"json": (question or Question()).fields()}
        return records.job(self._json("POST", f"v1/uploads/{upload.id}/complete", lambda: asked))

    def job(self, job: Job | str) -> Job:
        """Return a job as it is now."""
        return records.job(self._json("GET", f"v1/jobs/{_id(job)}"))

    def wait(
        self, job: Job | str, seen: Seen | None = None, *, timeout_s: float | None = None
    ) -> Job:
        """Return a job once it has ended. TimeoutError after `timeout_s`; the job goes on.

        seen: is told of its progress, which comes as server-sent events, or by asking each second
        where a proxy holds events back.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        last = job if isinstance(job, Job) else self.job(job)
        if last.has_ended:
            return last
        for changed in events.changes(self._wire, last, deadline, partial(self.job, last.id)):
            last = changed
            if seen is not None:
                seen(changed)
        return last

    def result(self, job: Job | str, path: str | None = None) -> Report:
        """Return the report of a job that has ended, as of `path` if it is told."""
        line = dict(self._json("GET", f"v1/jobs/{_id(job)}/result"))
        if path is not None:
            line.pop("path_bytes", None)
            line["path"] = path
        return parse(line)

    def report(
        self, job: Job | str, target: Path, format: Literal["html", "pdf", "json"] = "html"
    ) -> Path:
        """Save the illustrated report of a job."""
        self._wire.save(f"v1/jobs/{_id(job)}/report?format={format}", target)
        return target

    def page(self, **filters: str | int) -> JobPage:
        """Return some jobs.

        filters: q, state, decision, kind, batch, since, until, sort, limit; cursor is the `next` of
        the page before.
        """
        found = self._json("GET", "v1/jobs", lambda: {"params": filters})
        jobs = tuple(records.job(item) for item in found["items"])
        return JobPage(jobs, found["next"], found["total"])

    def jobs(self, **filters: str | int) -> Iterator[Job]:
        """Yield all jobs that a filter lets through; see `page`."""
        page = self.page(**filters)
        yield from page.jobs
        while page.next:
            page = self.page(**{**filters, "cursor": page.next})
            yield from page.jobs

    def delete(self, job: Job | str) -> None:
        """Delete a job with its file and its result, even while it runs."""
        self._wire.send("DELETE", f"v1/jobs/{_id(job)}", once=True)

    def _submitted(self, content: Mapping[str, Any], path: Path | None = None) -> Job:
        """Return the job of a request that may be sent twice without harm."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}

        def arguments() -> Mapping[str, Any]:
            file = (
                {} if path is None else {"files": {"file": (_sendable(path.name), path.open("rb"))}}
            )
            return {"headers": headers, **content, **file}

        return records.job(self._json("POST", "v1/jobs", arguments))

    def _append(self, upload: Upload, piece: bytes) -> int:
        """Send one piece; return the offset to go on at, which the server has the say in."""
        headers = {"Upload-Offset": str(upload.offset), "Content-Type": "application/octet-stream"}
        try:
            answer = self._wire.send(
                "PATCH", f"v1/uploads/{upload.id}", lambda: {"content": piece, "headers": headers}
            )
        except ServerError as error:
            if error.kind != "offset":
                raise
            return self.resume(upload).offset  # a try that seemed lost had been heard
        return int(answer.headers["upload-offset"])

    def _json(
        self, method: str, path: str, content: Callable[[], Mapping[str, Any]] = dict
    ) -> Mapping[str, Any]:
        answer: httpx.Response = self._wire.send(method, path, content)
        found: Mapping[str, Any] = answer.json()
        return found


def unscanned(path: str, kind: str, message: str) -> Report:
    """Return the report of a file that was refused."""
    error = ErrorRecord(type=kind_of(kind), message=message)
    return Report(path=path, version=verilens.__version__, seconds=0.0, error=error)


def _id(job: Job | str) -> str:
    return job.id if isinstance(job, Job) else str(uuid.UUID(job))


def _size(path: Path) -> int:
    """Return the size of a file that can be sent; MediaError in the words of a scan."""
    try:
        facts = path.stat()
        if stat.S_ISREG(facts.st_mode) and os.access(path, os.R_OK):
            return facts.st_size
    except (OSError, ValueError):
        pass
    from verilens.media.opened import Limits
    from verilens.media.read import open_regular

    with open_regular(path, shown(path), Limits()):  # knows the words for what is wrong
        return path.stat().st_size


def _sendable(name: str) -> str:
    """Return a name as text that can be sent; servers only ever show it."""
    return name.encode("utf-8", "replace").decode()[-1000:]
