"""Routes of resumable uploads: begin, send pieces, go on after a break, complete."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import RowMapping
from starlette.concurrency import run_in_threadpool

from verilens.media.sniff import HEAD_BYTES
from verilens.server import ids
from verilens.server.database import uploads
from verilens.server.forms import cleaned
from verilens.server.intake import Taken
from verilens.server.jobs import Job, find
from verilens.server.keys import Key
from verilens.server.problems import Problem, not_found
from verilens.server.routes_submit import answer, check_batch, take_file
from verilens.server.schemas import JobOut, UploadEnd, UploadOut, UploadStart, time_text
from verilens.server.service import Service, Serving, Submitter, Uploading, checked_id
from verilens.server.uploads import Received, pieces, too_large, write_all

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

PENDING = 1000  # unfinished uploads of a key
NOTED = 8 << 20  # bytes after which the offset is written down, against a crash
OCTETS = "application/octet-stream"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=201)
def begin(service: Serving, key: Submitter, wanted: UploadStart, response: Response) -> UploadOut:
    """Begin an upload that can go on after a break."""
    if wanted.size > service.max_bytes(key):
        raise too_large(service.max_bytes(key))
    upload, rules = ids.new(), service.settings.rules
    with service.database.writing() as db:
        unfinished = (uploads.c.owner == key.id) & uploads.c.job.is_(None)
        mine = select(func.count()).select_from(uploads).where(unfinished)
        if db.execute(mine).scalar_one() >= PENDING:
            detail = f"{PENDING} uploads are unfinished; complete or delete some"
            raise Problem(429, "too-many-uploads", detail, retry_after=60)
        expires = service.database.now(db) + 3600 * rules.upload_h
        row = {"id": upload, "name": cleaned(wanted.name), "size": wanted.size, "offset": 0}
        row |= {"sha256": wanted.sha256, "owner": key.id, "expires": expires}
        db.execute(insert(uploads).values(row))
    _path(service, upload).touch(mode=0o600)
    response.headers["Location"] = f"/v1/uploads/{upload}"
    return UploadOut(id=upload, offset=0, chunk_bytes=rules.chunk_bytes, expires=time_text(expires))


@router.head("/{upload}")
def offset(service: Serving, key: Submitter, upload: str) -> Response:
    """Say how much has come: headers Upload-Offset and Upload-Length."""
    row = _row(service, key, upload)
    return Response(headers=_headers(row, _offset(service, row)))


@router.patch("/{upload}", status_code=204, dependencies=[Uploading], openapi_extra=_BODY)
async def append(
    request: Request,
    service: Serving,
    key: Submitter,
    upload: str,
    upload_offset: Annotated[int, Header(ge=0, le=1 << 50)],
) -> Response:
    """Send the bytes from Upload-Offset on; what came before a break counts."""
    row = await run_in_threadpool(_row, service, key, upload)
    with _opened(_path(service, upload)) as descriptor:
        here = await run_in_threadpool(_offset, service, row)
        if upload_offset != here:
            headers = _headers(row, here)
            raise Problem(409, "offset", f"go on at offset {here}", headers=headers)
        os.ftruncate(descriptor, here)
        os.lseek(descriptor, here, os.SEEK_SET)
        noted, waiting = here, bytearray()
        try:
            async for piece in pieces(request, service.settings.rules, row["size"] - here):
                waiting += piece
                if len(waiting) >= NOTED // 16:
                    here = await run_in_threadpool(_write, descriptor, waiting, here)
                if here - noted >= NOTED:
                    noted = await run_in_threadpool(_note, service, upload, here)
        finally:  # a break keeps what came
            here = await run_in_threadpool(_write, descriptor, waiting, here)
            await run_in_threadpool(_note, service, upload, here)
    return Response(status_code=204, headers=_headers(row, here))


@router.post(
    "/{upload}/complete",
    status_code=202,
    response_model=JobOut,
    responses={200: {"model": JobOut, "description": "The job that answers this already."}},
)
async def complete(
    service: Serving,
    key: Submitter,
    upload: str,
    asked: UploadEnd,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Response:
    """Make a job of an upload that has come whole; asked again, give the same job."""
    row = await run_in_threadpool(_row, service, key, upload, True)
    if row["job"] is not None:
        return answer(Taken(await run_in_threadpool(_made, service, row["job"]), is_new=False))
    await service.check_queue()
    await check_batch(service, asked.batch)
    received = await run_in_threadpool(_whole, service, row)
    try:
        taken = await take_file(
            service, key, received, asked, idempotency=idempotency_key, batch=asked.batch
        )
    finally:
        await run_in_threadpool(received.discard)
    await run_in_threadpool(_end, service, upload, taken.job.id)
    return answer(taken)


@router.delete("/{upload}", status_code=204)
def give_up(service: Serving, key: Submitter, upload: str) -> None:
    """Delete an unfinished upload."""
    _row(service, key, upload)
    with service.database.writing() as db:
        db.execute(delete(uploads).where(uploads.c.id == upload))
    _path(service, upload).unlink(missing_ok=True)


def _row(service: Service, key: Key, upload: str, is_ended_too: bool = False) -> RowMapping:
    asked = select(uploads).where(uploads.c.id == checked_id(upload), uploads.c.owner == key.id)
    if not is_ended_too:
        asked = asked.where(uploads.c.job.is_(None))
    with service.database.reading() as db:
        row = db.execute(asked).mappings().first()
    if row is None:
        raise not_found("upload")
    return row


def _path(service: Service, upload: str) -> Path:
    return service.settings.places.staging / f"upload-{upload}"


def _offset(service: Service, row: RowMapping) -> int:
    """Return how much is certainly there: written down, and in the file."""
    try:
        there = _path(service, row["id"]).stat().st_size
    except FileNotFoundError:
        there = 0
    asked = select(uploads.c.offset).where(uploads.c.id == row["id"])
    with service.database.reading() as db:
        return min(there, int(db.execute(asked).scalar() or 0))


def _headers(row: RowMapping, here: int) -> dict[str, str]:
    return {"Upload-Offset": str(here), "Upload-Length": str(row["size"])}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Give the file of an upload, for one request at a time; Problem 409 for another."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            detail = "another request is sending bytes of this upload"
            raise Problem(409, "offset", detail, retry_after=1) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, waiting: bytearray, here: int) -> int:
    write_all(descriptor, bytes(waiting))
    here += len(waiting)
    waiting.clear()
    return here


def _note(service: Service, upload: str, here: int) -> int:
    with service.database.writing() as db:
        db.execute(update(uploads).where(uploads.c.id == upload).values(offset=here))
    return here


def _whole(service: Service, row: RowMapping) -> Received:
    """Return a second name of the file that has come; Problem 409 or 422."""
    path, size = _path(service, row["id"]), int(row["size"])
    if (here := _offset(service, row)) != size:
        detail = f"{here} of {size} bytes have come"
        raise Problem(409, "incomplete", detail, headers=_headers(row, here))
    linked = path.with_name(f"direct-{ids.new()}")
    os.link(path, linked)  # the upload stays whole until its job is registered
    with linked.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if row["sha256"] not in (None, sha256):
        linked.unlink()
        raise Problem(422, "digest", f"the bytes that came have SHA-256 {sha256}")
    return Received(path=linked, name=row["name"], sha256=sha256, size=size, head=head)


def _made(service: Service, job: str) -> Job:
    """Return the job that an upload became; Problem 404 when it was deleted since."""
    with service.database.reading() as db:
        found = find(db, job)
    if found is None:
        raise not_found("job")
    return found


def _end(service: Service, upload: str, job: str) -> None:
    """Write down what became of an upload, until it expires, and delete its file."""
    with service.database.writing() as db:
        db.execute(update(uploads).where(uploads.c.id == upload).values(job=job))
    _path(service, upload).unlink(missing_ok=True)
