"""Answers that are errors: whatever is raised becomes problem details."""

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from verilens.media.names import shown
from verilens.server.blobs import FULL
from verilens.server.database import is_full, is_gone
from verilens.server.problems import Problem

logger = logging.getLogger(__name__)

TYPE = "application/problem+json"
RETRY_S = 5
_KINDS = {404: "not-found", 405: "method-not-allowed", 408: "slow", 413: "too-large"}


def problem_response(problem: Problem) -> Response:
    """Return a problem as an answer."""
    return JSONResponse(problem.body(), problem.status, headers=problem.headers, media_type=TYPE)


def install(app: FastAPI) -> None:
    """Let every error of an application end as a problem."""
    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        Problem: _problem,
        HTTPException: _http,
        RequestValidationError: _invalid,
        SQLAlchemyError: _database,
        OSError: _system,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _KINDS.get(error.status_code, "bad-request")
    found = Problem(error.status_code, kind, str(error.detail), headers=error.headers)
    return problem_response(found)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {
            "field": shown(".".join(str(part) for part in found["loc"][1:]))[:200],
            "detail": str(found["msg"])[:300],
        }
        for found in error.errors()[:20]
    ]
    return problem_response(Problem(422, "invalid", "some fields are wrong", errors=errors))


async def _database(request: Request, error: Exception) -> Response:
    if is_full(error):
        return problem_response(_full())
    if is_gone(error):
        logger.warning("the database is gone: %s", error)
        return problem_response(gone("the database"))
    return bug(error)


async def _system(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in FULL:
        return problem_response(_full())
    logger.error("a file could not be kept or read", exc_info=error)
    return problem_response(gone("the file store"))


def bug(error: Exception) -> Response:
    """Return the answer to a request that met a bug; the log tells which."""
    logger.error("a request failed", exc_info=error)
    return problem_response(Problem(500, "internal", "the server's log says more"))


def gone(what: str) -> Problem:
    """Return the problem of a part that cannot be reached for the moment."""
    return Problem(503, "unavailable", f"{what} cannot be reached now", retry_after=RETRY_S)


def _full() -> Problem:
    return Problem(
        507,
        "disk-full",
        "the disk is full; nothing of this request was kept",
        headers={"Connection": "close"},
    )
