"""The web application: routes, guard, errors, and what runs beside them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

import verilens
from verilens.server import (
    answers,
    removal,
    routes_jobs,
    routes_media,
    routes_submit,
    routes_system,
    routes_uploads,
    static_files,
)
from verilens.server.guard import Guard
from verilens.server.schemas import ProblemOut
from verilens.server.service import Service
from verilens.server.settings import Settings

logger = logging.getLogger(__name__)

TIDY_S = 300.0
ABOUT = "Says whether pictures and videos are genuine. Errors are problem details (RFC 9457)."


def create_app(settings: Settings, wake: Callable[[], None] = lambda: None) -> FastAPI:
    """Return the application. wake: tells the workers of this machine that there is a job."""
    service = Service(settings, wake)
    app = FastAPI(
        title="verilens",
        version=verilens.__version__,
        description=ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # both would load scripts from elsewhere; see routes_system
        redoc_url=None,
        lifespan=_beside,
        responses={"4XX": _problems("What is wrong."), "503": _problems("Try again later.")},
        redirect_slashes=False,
    )
    app.state.service = service
    answers.install(app)
    for routes in (routes_submit, routes_uploads, routes_jobs, routes_media, routes_system):
        app.include_router(routes.router)
    if settings.access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.access.origins),
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Upload-Offset"],
            expose_headers=["Location", "Retry-After", "Upload-Offset", "Upload-Length"],
        )
    if (static_files.STATIC / "assets").is_dir():  # a checkout may be without the built page
        app.mount("/assets", static_files.assets())
    app.add_middleware(
        Guard,
        access=settings.access,
        body_s=settings.rules.idle_s,
        measures=service.measures,
    )
    return app


def _problems(description: str) -> dict[str, object]:
    schema = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
    return {"model": ProblemOut, "description": description, "content": {answers.TYPE: schema}}


@contextlib.asynccontextmanager
async def _beside(app: FastAPI) -> AsyncIterator[None]:
    """Run what looks for changes and what tidies up while the application answers."""
    service: Service = app.state.service
    tasks = [asyncio.create_task(service.watcher.run()), asyncio.create_task(_tidy(service))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await run_in_threadpool(service.documents.close)
        await run_in_threadpool(service.database.close)


async def _tidy(service: Service) -> None:
    while True:
        try:
            await run_in_threadpool(tidy, service)
        except Exception as error:  # tried again later, whatever it was
            logger.warning("could not tidy up: %s", error)
        await asyncio.sleep(TIDY_S)


def tidy(service: Service) -> None:
    """Delete files whose time is over, and what crashes left behind."""
    staging = service.settings.places.staging
    removal.expire(service.database, service.blobs, service.settings.rules.retention_h)
    removal.expire_uploads(service.database, staging)
    removal.forget_workers(service.database)
    removal.sweep(service.database, service.blobs, staging)
