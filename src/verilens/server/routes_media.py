"""Routes of what is shown and downloaded: previews, reports."""

import re
import time
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from verilens.errors import MissingExtra
from verilens.server.jobs import Job
from verilens.server.problems import Problem
from verilens.server.routes_jobs import line_of
from verilens.server.service import Reader, Service, Serving

router = APIRouter(prefix="/v1", tags=["media"])

PIECE = 256 << 10
WAIT_S = 20.0  # for a preview that a worker is making
LOST_S = 120.0  # after which nobody is making it any more
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
Format = Literal["html", "pdf", "json"]
TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_MEDIA: dict[str, dict[str, str]] = {"image/jpeg": {}, "video/mp4": {}}


@router.get(
    "/jobs/{job}/preview",
    response_class=Response,
    responses={200: {"content": _MEDIA}, 206: {"content": _MEDIA}},
)
async def preview(service: Serving, key: Reader, request: Request, job: str) -> Response:
    """Give the picture or the film, encoded anew and scaled down; never the bytes that came.

    Waits a while for one that is being made.
    """
    found = await _previewed(service, await run_in_threadpool(service.job, job))
    name = f"previews/{found.id}"
    try:
        size = await run_in_threadpool(service.blobs.size, name)
    except FileNotFoundError as error:
        raise _no_preview() from error
    start, end = _range(request.headers.get("range"), size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": "inline",
        "Cache-Control": "private, max-age=3600",
    }
    is_part = "range" in request.headers
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = _read(service, name, start, end)
    return StreamingResponse(
        body, 206 if is_part else 200, headers=headers, media_type=found.preview
    )


@router.get(
    "/jobs/{job}/report",
    response_class=Response,
    responses={200: {"content": {kind.partition(";")[0]: {} for kind in TYPES.values()}}},
)
def report(service: Serving, key: Reader, job: str, format: Format = "html") -> Response:
    """Download the report: a self-contained page, a PDF file, or the result as JSON."""
    found = service.job(job)
    line = line_of(service, found)
    makers = {"html": service.documents.html, "pdf": service.documents.pdf}
    try:
        body = makers[format](found, line) if format in makers else f"{line}\n".encode()
    except MissingExtra as error:
        raise Problem(501, "format-unavailable", str(error)) from error
    headers = {"Content-Disposition": attachment(found.name, format)}
    headers["Content-Security-Policy"] = SANDBOX
    return Response(body, media_type=TYPES[format], headers=headers)


def attachment(name: str, suffix: str) -> str:
    """Return the header that saves a download under a name like that of the file."""
    stem = name.replace("\\", "/").rstrip("/").rpartition("/")[2].rpartition(".")[0] or "report"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:80] or "report"
    exact = quote(f"verilens-{stem[:80]}.{suffix}", safe="")
    return f"attachment; filename=\"verilens-{plain}.{suffix}\"; filename*=UTF-8''{exact}"


async def _previewed(service: Service, job: Job) -> Job:
    """Return a job once its preview is made; Problem 404, 409, 410 or 503."""
    deadline = time.monotonic() + WAIT_S
    while job.state in ("queued", "running") or (job.is_file_kept and job.preview is None):
        if job.state == "failed":
            raise _no_preview()
        if job.state == "done" and time.time() - (job.finished or 0.0) > LOST_S:
            await run_in_threadpool(service.documents.preview, job)
        elif job.state != "done" or time.monotonic() > deadline:
            raise Problem(409, "not-done", "the preview is not made yet", retry_after=1)
        else:
            await service.watcher.changed(job.id, job.version, deadline - time.monotonic() + 0.1)
        job = await run_in_threadpool(service.job, job.id)
    if not job.is_file_kept:
        raise Problem(410, "no-file", "the file and its preview are deleted; the result is kept")
    if not job.preview:
        raise _no_preview()
    return job


def _no_preview() -> Problem:
    return Problem(404, "no-preview", "this file cannot be shown")


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Return start and end of the bytes asked for; Problem 416 outside the file."""
    if header is None:
        return 0, size
    match = _RANGE.fullmatch(header.strip())
    first, last = match.groups() if match else ("", "")
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
    elif last:
        start, end = max(0, size - int(last)), size
    else:
        start, end = size, size
    if not 0 <= start < end <= size:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "bad-request", "no such range", headers=headers)
    return start, end


def _read(service: Service, name: str, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = service.blobs.read(name, start, min(PIECE, end - start))
        if not piece:
            return
        start += len(piece)
        yield piece
