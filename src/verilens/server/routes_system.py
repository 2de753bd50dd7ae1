"""Routes about the server itself: what it is, whether it works, its keys, its page."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

import verilens
from verilens.media.names import shown
from verilens.server import keys, manual
from verilens.server.answers import gone
from verilens.server.audit import Act
from verilens.server.database import is_gone, workers
from verilens.server.guard import PAGE
from verilens.server.measures import ALIVE_S
from verilens.server.problems import not_found
from verilens.server.schemas import (
    About,
    Health,
    KeyIn,
    KeyOut,
    KeyShown,
    LimitsOut,
    MethodOut,
    NewKeyOut,
    ThresholdsOut,
    key_out,
)
from verilens.server.service import Admin, Needs, Service, Serving, shown_key
from verilens.server.static_files import STATIC

router = APIRouter(tags=["server"])

NO_PAGE = (
    "<!doctype html><meta charset=utf-8><title>verilens</title>"
    "<h1>verilens</h1><p>The page was not built; the interface is at <a href=/v1/docs>/v1</a>."
)


@router.get("/v1/about")
def about(service: Serving, request: Request) -> About:
    """Say what this server is and what it takes; needs no key."""
    rules, key = service.settings.rules, shown_key(request, service)
    cards, context = service.questions.cards, service.documents.context
    thresholds = {
        "ai-generated": context.thresholds,
        "face-swap": context.of_faces,
        "spoof": context.of_spoof,
    }
    return About(
        version=verilens.__version__,
        auth=not service.settings.access.is_open,
        limits=LimitsOut(
            bytes=rules.max_bytes, chunk_bytes=rules.chunk_bytes, batch_files=rules.batch_files
        ),
        tasks=service.questions.tasks,
        methods={
            name: MethodOut(title=card.title, paper=card.paper, limits=list(card.limits))
            for name, card in cards.items()
        },
        thresholds={
            claim: {
                kind: ThresholdsOut(genuine=at.genuine, suspicious=at.suspicious, fake=at.fake)
                for kind, at in kinds.items()
                if kind != "movement"  # a server is sent no joints
            }
            for claim, kinds in thresholds.items()
        },
        languages=["en", "de"],
        retention_hours=rules.retention_h,
        key=KeyShown(id=key.id, scopes=list(key.scopes)) if key else None,
    )


@router.get("/v1/keys")
def list_keys(service: Serving, key: Admin) -> list[KeyOut]:
    """List the keys, without their secrets."""
    return [key_out(found) for found in keys.listed(service.database)]


@router.post("/v1/keys", status_code=201)
def create_key(service: Serving, key: Admin, wanted: KeyIn) -> NewKeyOut:
    """Make a key; its text is shown this once."""
    made, text = keys.create(
        service.database, shown(wanted.name), wanted.scopes, wanted.rate, wanted.max_bytes
    )
    service.audit.note(Act(key=key.id, action="key-create", detail=made.id))
    return NewKeyOut(**key_out(made).model_dump(), key=text)


@router.delete("/v1/keys/{identity}", status_code=204)
def delete_key(service: Serving, key: Admin, identity: str) -> None:
    """Delete a key; it opens nothing from now on."""
    if "\0" in identity or not keys.remove(service.database, identity):
        raise not_found("key")
    service.audit.note(Act(key=key.id, action="key-delete", detail=identity))


@router.get("/healthz")
def live() -> Health:
    """Say that the web process lives."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
def ready(service: Serving) -> Response:
    """Say whether jobs can be taken and done: database, file store, a worker."""
    checks = {"database": "ok", "files": "ok", "worker": "ok"}
    try:
        if not _alive(service):
            checks["worker"] = f"none seen in the last {ALIVE_S:g} s"
    except Exception as error:
        if not is_gone(error):
            raise
        checks |= {"database": "cannot be reached", "worker": "unknown"}
    try:
        service.blobs.check()
    except OSError as error:
        checks["files"] = f"cannot be written ({error.strerror})"
    is_ready = all(found == "ok" for found in checks.values())
    found = Health(status="ok" if is_ready else "not ready", checks=checks)
    headers = {} if is_ready else gone("something").headers
    return JSONResponse(found.model_dump(), 200 if is_ready else 503, headers=headers)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(service: Serving, request: Request) -> Response:
    """Give the figures that Prometheus reads."""
    await Needs("read")(request)
    text = await run_in_threadpool(service.measures.text, service.database)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


@router.get("/v1/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Give the interface in words."""
    return HTMLResponse(manual.render(request.app.openapi()))


@router.get("/", include_in_schema=False)
def page() -> Response:
    """Give the page."""
    index = STATIC / "index.html"
    headers = {"Content-Security-Policy": PAGE, "Cache-Control": "no-cache"}
    if not index.is_file():
        return HTMLResponse(NO_PAGE, headers=headers)
    return FileResponse(index, headers=headers, media_type="text/html; charset=utf-8")


def _alive(service: Service) -> bool:
    with service.database.reading() as db:
        since = service.database.now(db) - ALIVE_S
        return bool(db.execute(select(func.count()).where(workers.c.seen > since)).scalar_one())
