"""Routes of jobs: submit, look, list, delete."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from verilens.report.json import schema
from verilens.server import listing, removal
from verilens.server.audit import Act
from verilens.server.database import maps, results
from verilens.server.jobs import Job
from verilens.server.problems import Problem, not_found
from verilens.server.schemas import Filters, JobOut, JobPage, job_out
from verilens.server.service import Admin, Reader, Service, Serving, Submitter

router = APIRouter(prefix="/v1", tags=["jobs"])

HEARTBEAT_S = 15.0
Line = Response


@router.get("/jobs")
def list_jobs(service: Serving, key: Reader, filters: Annotated[Filters, Query()]) -> JobPage:
    """List jobs, the newest first, page by page; search names and SHA-256."""
    return _page(listing.page(service.database, filters))


@router.get("/dead")
def list_dead(service: Serving, key: Admin, filters: Annotated[Filters, Query()]) -> JobPage:
    """List dead letters: jobs that failed as often as they may be tried."""
    return _page(listing.page(service.database, filters, only_dead=True))


@router.get("/jobs/{job}")
def show_job(service: Serving, key: Reader, job: str) -> JobOut:
    """Show a job and how far it is."""
    return job_out(service.job(job))


@router.get("/jobs/{job}/events", response_class=StreamingResponse)
async def job_events(
    service: Serving,
    key: Reader,
    job: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Stream progress as server-sent events until the job has ended."""
    found = await run_in_threadpool(service.job, job)
    known = last_event_id or ""
    seen = int(known) if known.isascii() and known.isdigit() and len(known) < 10 else -1
    return StreamingResponse(_events(service, found, seen), media_type="text/event-stream")


@router.get(
    "/jobs/{job}/result",
    responses={200: {"content": {"application/json": {"schema": dict(schema())}}}},
)
def job_result(service: Serving, key: Reader, job: str) -> Response:
    """Give the result: exactly the object that `verilens scan --json` prints for the file."""
    found = service.job(job)
    return Response(line_of(service, found), media_type="application/json")


@router.get(
    "/jobs/{job}/maps/{method}",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def job_map(service: Serving, key: Reader, job: str, method: str) -> Response:
    """Give a heat map as a grey PNG, 255 is a score of 1."""
    found = service.job(job)
    if method not in found.maps:
        raise not_found("map")
    asked = select(maps.c.png).where(maps.c.job == job, maps.c.name == method)
    with service.database.reading() as db:
        png = db.execute(asked).scalar()
    if png is None:
        raise not_found("map")
    return Response(png, media_type="image/png")


@router.delete("/jobs/{job}", status_code=204)
def delete_job(service: Serving, key: Submitter, job: str) -> None:
    """Delete a job with its file, preview, maps and result, even while it runs."""
    found = service.job(job)
    if not key.may("read") and found.owner != key.id:
        raise Problem(403, "forbidden", "a key without scope 'read' deletes only its own jobs")
    if not removal.remove(service.database, service.blobs, job):
        raise not_found("job")
    service.audit.note(Act(key=key.id, action="delete", job=job))
    service.watcher.tell(job)


@router.post("/jobs/{job}/retry", status_code=202)
def retry_job(service: Serving, key: Admin, job: str) -> JobOut:
    """Try a job that failed once more."""
    from verilens.server.intake import retry

    service.job(job)
    again = retry(service.database, job)
    service.audit.note(Act(key=key.id, action="retry", job=job))
    service.wake()
    return job_out(again)


def line_of(service: Service, job: Job) -> str:
    """Return the result of a job as it was written; Problem 409 while there is none."""
    with service.database.reading() as db:
        line = db.execute(select(results.c.line).where(results.c.job == job.id)).scalar()
    if line is None:
        wait = {} if job.state in ("done", "failed") else {"Retry-After": "1"}
        raise Problem(409, "not-done", f"the job is {job.state}; it has no result", headers=wait)
    return str(line)


def _page(found: listing.Page) -> JobPage:
    return JobPage(items=[job_out(job) for job in found.jobs], next=found.next, total=found.total)


async def _events(service: Service, job: Job, seen: int) -> AsyncIterator[str]:
    """Yield a job's changes after version `seen`, and its end."""
    while True:
        if job.state in ("done", "failed"):
            yield _event("end", job.version, job_out(job).model_dump_json())
            return
        if job.version > seen:
            seen = job.version
            state = {"state": job.state, "progress": job.progress, "stage": job.stage}
            yield _event("progress", seen, JSONResponse(state).body.decode())  # type: ignore[union-attr]
        while not await service.watcher.changed(job.id, seen, HEARTBEAT_S):
            yield ": still there\n\n"
        try:
            job = await run_in_threadpool(service.job, job.id)
        except Problem as problem:  # deleted meanwhile
            yield _event("end", seen, JSONResponse(problem.body()).body.decode())  # type: ignore[union-attr]
            return
        except Exception:  # the database is gone for a moment; the client stays
            await asyncio.sleep(1.0)


def _event(name: str, identity: int, data: str) -> str:
    return f"id: {identity}\nevent: {name}\ndata: {data}\n\n"
