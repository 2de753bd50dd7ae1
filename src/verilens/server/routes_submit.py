"""Routes that take files in: one, many, or by address."""

import asyncio
import itertools
from dataclasses import replace
from typing import Annotated, TypeVar

from fastapi import APIRouter, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.engine import RowMapping
from starlette.concurrency import run_in_threadpool

from verilens.errors import MediaError
from verilens.media.fetch import UrlRules, check
from verilens.media.names import shown
from verilens.media.sniff import sniff
from verilens.server import ids, intake, listing
from verilens.server.database import batches
from verilens.server.forms import Form, FormRules, cleaned, read_form
from verilens.server.intake import Order, Taken
from verilens.server.jobs import NAME
from verilens.server.keys import Key
from verilens.server.problems import Problem, not_found, of_media
from verilens.server.schemas import (
    Asked,
    BatchOut,
    BatchPage,
    Filters,
    JobOut,
    PageIn,
    ProblemOut,
    Refusal,
    Submission,
    UrlIn,
    UrlsIn,
    job_out,
    time_text,
)
from verilens.server.service import (
    Reader,
    Service,
    Serving,
    Submitter,
    Uploading,
    checked_id,
)
from verilens.server.uploads import Received, pieces

router = APIRouter(prefix="/v1", tags=["submit"])

JSON_BYTES = 1 << 20
FORM_BYTES = 1 << 20  # of a form besides its files
LOOKUP_S = 5.0  # for the name of an address; the worker looks again
Model = TypeVar("Model", bound=BaseModel)
IdempotencyKey = Annotated[str | None, Header(max_length=255)]

_ASKED = {
    "task": {"type": "string", "description": "only methods of this task"},
    "methods": {"type": "string", "description": "only these, by name, with commas"},
    "fresh": {"type": "string", "enum": ["true", "false"]},
}


def _body(
    file: dict[str, object], model: type[BaseModel], **fields: dict[str, str]
) -> dict[str, object]:
    properties = {"file": file, **_ASKED, **fields}
    form = {"type": "object", "required": ["file"], "properties": properties}
    content = {
        "multipart/form-data": {"schema": form},
        "application/json": {"schema": model.model_json_schema()},
    }
    return {"requestBody": {"required": True, "content": content}}


_FILE: dict[str, object] = {"type": "string", "format": "binary"}
_ONE = _body(_FILE, UrlIn, name={"type": "string"}, batch={"type": "string"})
_MANY = _body({"type": "array", "items": _FILE}, UrlsIn)


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobOut,
    responses={200: {"model": JobOut, "description": "The job that answers this already."}},
    dependencies=[Uploading],
    openapi_extra=_ONE,
)
async def submit(
    request: Request, service: Serving, key: Submitter, idempotency_key: IdempotencyKey = None
) -> Response:
    """Submit a file (multipart field `file`) or an address (JSON)."""
    await service.check_queue()
    if _is_json(request):
        return answer(await _submit_url(request, service, key, idempotency_key))
    form = await _form(request, service, key)
    try:
        asked = _fields(form, Submission)
        if not form.files:
            raise _missing("file")
        await check_batch(service, asked.batch)
        file = form.files[0]
        if asked.name:
            file = replace(file, name=cleaned(asked.name))
        return answer(
            await take_file(
                service, key, file, asked, idempotency=idempotency_key, batch=asked.batch
            )
        )
    finally:
        await form.discard()


async def _submit_url(
    request: Request, service: Service, key: Key, idempotency: str | None
) -> Taken:
    asked = await _json(request, service, UrlIn)
    await check_batch(service, asked.batch)
    order = await _address(service, key, asked.url, asked)
    name = cleaned(asked.name) if asked.name else order.name
    order = replace(order, name=name, batch=asked.batch, idempotency=idempotency)
    return await run_in_threadpool(service.submit, order)


@router.post("/batches", status_code=202, dependencies=[Uploading], openapi_extra=_MANY)
async def submit_batch(
    request: Request, service: Serving, key: Submitter, idempotency_key: IdempotencyKey = None
) -> BatchOut:
    """Submit many files or addresses; one that is refused never stops the others.

    Sent again with the same Idempotency-Key it goes on with the same batch and takes nothing twice.
    """
    await service.check_queue()
    if _is_json(request):
        asked: Asked = await _json(request, service, UrlsIn)
        form = Form()
    else:
        form = await _form(request, service, key, service.settings.rules.batch_files)
        asked = Asked()
    try:
        return await _batch(service, key, asked, form, idempotency_key)
    finally:
        await form.discard()


@router.get("/batches/{batch}")
def show_batch(
    service: Serving, key: Reader, batch: str, limit: int = 50, cursor: str | None = None
) -> BatchPage:
    """Show how far a batch is, and its jobs page by page."""
    page = PageIn(limit=min(max(1, limit), 200), cursor=cursor)
    row = _batch_row(service, batch)
    filters = Filters(batch=batch, limit=page.limit, cursor=page.cursor, sort="created")
    found = listing.page(service.database, filters)
    return BatchPage(
        id=batch,
        created=time_text(row["created"]),
        counts=listing.counts(service.database, batch),
        jobs=[job_out(job) for job in found.jobs],
        next=found.next,
        total=found.total,
    )


async def take_file(
    service: Service,
    key: Key,
    file: Received,
    asked: Asked,
    *,
    idempotency: str | None = None,
    batch: str | None = None,
) -> Taken:
    """Return the job of a file that has come whole. Problem 415 or 422 for what is no media."""
    question = service.questions.ask(asked.task, asked.names())
    try:
        sniff(file.head, shown(file.name))
    except MediaError as error:
        found = of_media(error)
        raise Problem(int(str(found["status"])), error.kind, error.message) from error
    service.measures.received.inc(file.size)
    order = Order(
        id=ids.new(),
        name=file.name,
        source="upload",
        owner=key.id,
        question=question,
        sha256=file.sha256,
        size=file.size,
        batch=batch,
        is_fresh=asked.fresh,
        idempotency=idempotency,
        is_private=not key.may("read"),
    )
    return await run_in_threadpool(_kept, service, order, file)


def _kept(service: Service, order: Order, file: Received) -> Taken:
    """Return the job of a file once both are kept; the file first, then its job."""
    name = f"files/{order.id}"
    service.blobs.put(file.path, name)
    try:
        taken = service.submit(order)
    except Problem:  # anything else may have been kept all the same; the sweep will tell
        service.blobs.delete(name)
        raise
    if not taken.is_new:
        service.blobs.delete(name)
    return taken


async def check_batch(service: Service, batch: str | None) -> None:
    """Refuse to add to a batch that is not there; Problem 404."""
    if batch is not None:
        await run_in_threadpool(_batch_row, service, batch)


def _batch_row(service: Service, batch: str) -> RowMapping:
    asked = select(batches).where(batches.c.id == checked_id(batch))
    with service.database.reading() as db:
        row = db.execute(asked).mappings().first()
    if row is None:
        raise not_found("batch")
    return row


def answer(taken: Taken) -> Response:
    """Return a job that was asked for: 202 when it is new, else 200."""
    return Response(
        job_out(taken.job).model_dump_json(),
        202 if taken.is_new else 200,
        media_type="application/json",
        headers={"Location": f"/v1/jobs/{taken.job.id}"},
    )


async def _batch(
    service: Service, key: Key, asked: Asked, form: Form, idempotency: str | None
) -> BatchOut:
    if not isinstance(asked, UrlsIn):
        asked = _fields(form, Asked)
        if not form.files and not form.refused:
            raise _missing("file")
    elif len(asked.urls) > service.settings.rules.batch_files:
        raise Problem(422, "invalid", f"at most {service.settings.rules.batch_files} a request")
    batch = await run_in_threadpool(intake.new_batch, service.database, key.id, idempotency)
    each = (f"{idempotency}#{n}" if idempotency else None for n in itertools.count())
    taken: list[JobOut] = []
    refused = [_refusal(file.name, file.problem) for file in form.refused]
    for file in form.files:
        try:
            service.limiter.spend(key, 0.1)
            found = await take_file(service, key, file, asked, idempotency=next(each), batch=batch)
            taken.append(job_out(found.job))
        except Problem as problem:
            refused.append(_refusal(file.name, problem))
    for url in asked.urls if isinstance(asked, UrlsIn) else ():
        try:
            order = await _address(service, key, url, asked)
            order = replace(order, batch=batch, idempotency=next(each))
            found = await run_in_threadpool(service.submit, order)
            taken.append(job_out(found.job))
        except Problem as problem:
            refused.append(_refusal(shown(url)[:NAME], problem))
    return BatchOut(id=batch, jobs=taken, refused=refused)


def _refusal(name: str, problem: Problem) -> Refusal:
    return Refusal(name=name, problem=ProblemOut.model_validate(problem.body()))


async def _address(service: Service, key: Key, url: str, asked: Asked) -> Order:
    """Return the order for an address that may be fetched. Problem 422."""
    question = service.questions.ask(asked.task, asked.names())
    if not url.isprintable():
        raise Problem(422, "refused", "not an address")
    rules = UrlRules(allow_private=service.settings.work.allow_private)
    try:
        async with asyncio.timeout(LOOKUP_S):
            await run_in_threadpool(check, url, rules)
    except TimeoutError:
        pass  # a slow name server; the worker asks again and has the last word
    except MediaError as error:
        if error.kind == "refused":
            raise Problem(422, "refused", error.message) from error
    return Order(
        id=ids.new(),
        name=shown(url)[:NAME],
        source="url",
        owner=key.id,
        question=question,
        url=url,
    )


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


async def _json(request: Request, service: Service, model: type[Model]) -> Model:
    body = bytearray()
    async for piece in pieces(request, service.settings.rules, JSON_BYTES):
        body += piece
    return _checked(model, bytes(body))


def _checked(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(found) from error


async def _form(request: Request, service: Service, key: Key, files: int = 1) -> Form:
    most = service.max_bytes(key)
    rules = FormRules(
        staging=service.settings.places.staging,
        max_bytes=most,
        files=files,
        is_lenient=files > 1,
    )
    limit = most * (1 if files == 1 else min(files, 4)) + FORM_BYTES
    body = pieces(request, service.settings.rules, limit)
    return await read_form(request.headers.get("content-type", ""), body, rules)


def _fields(form: Form, model: type[Model]) -> Model:
    given = {name: value for name, value in form.fields.items() if value != ""}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(found) from error


def _missing(field: str) -> Problem:
    return Problem(
        422, "invalid", "no file came", errors=[{"field": field, "detail": "send a file here"}]
    )
