"""The built page. A hash of its content is in the name of each file, so it may be kept for ever."""

import mimetypes
from importlib.resources import files
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

STATIC = Path(str(files("verilens.server"))) / "static"
KEPT = "public, max-age=31536000, immutable"
LEAST_BYTES = 1000  # that are worth compressing

mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


class _Kept(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code == 200:
            answer.headers["Cache-Control"] = KEPT
        return answer


def assets() -> ASGIApp:
    """Return what answers below /assets; compressed, as nothing secret is in it."""
    found = _Kept(directory=STATIC / "assets", check_dir=False)
    return GZipMiddleware(found, minimum_size=LEAST_BYTES)
