"""What the routes share: the parts of one web process, and who is asking."""

import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from verilens.server import blobs as stores
from verilens.server import intake
from verilens.server.audit import Audit
from verilens.server.database import Database
from verilens.server.documents import Documents
from verilens.server.intake import Order, Taken
from verilens.server.jobs import Job, find
from verilens.server.keys import LOCAL, Key, Scope, recognised
from verilens.server.limits import Limiter
from verilens.server.measures import Measures
from verilens.server.problems import Problem, not_found
from verilens.server.questions import Questions
from verilens.server.settings import Settings
from verilens.server.watch import Watcher

COUNTED_S = 0.5
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Service:
    """The parts of one web process."""

    def __init__(self, settings: Settings, wake: Callable[[], None] = lambda: None) -> None:
        """wake: tells workers of this machine that there is something to do."""
        self.settings = settings
        self.wake = wake
        self.database = Database(settings.places.database)
        self.blobs = stores.opened(settings.places.blobs, settings.places.staging)
        settings.places.staging.mkdir(parents=True, exist_ok=True)
        self.audit = Audit(self.database, settings.places.audit)
        self.questions = Questions(settings.work.methods)
        self.limiter = Limiter(settings.rules)
        self.watcher = Watcher(self.database)
        self.measures = Measures()
        self._waiting = (0, -COUNTED_S)  # jobs, and when they were counted
        self.documents = Documents(settings, self.database, self.blobs)

    def job(self, job: str) -> Job:
        """Return a job; Problem 404 when there is none."""
        checked_id(job)
        with self.database.reading() as db:
            found = find(db, job)
        if found is None:
            raise not_found("job")
        return found

    def submit(self, order: Order) -> Taken:
        """Take a job in and wake the workers."""
        taken = intake.take(self.database, order)
        if taken.act is not None:
            self.audit.log(taken.act)
        self.measures.submitted.labels(taken.action).inc()
        if taken.is_new:
            self._waiting = (self._waiting[0] + 1, self._waiting[1])
            self.wake()
        return taken

    async def check_queue(self) -> None:
        """Refuse more work than fits, before its bytes are read; Problem 503.

        A queue that was less than half full a moment ago is not counted again.
        """
        most, now = self.settings.rules.queue, time.monotonic()
        count, at = self._waiting
        if now - at > COUNTED_S or 2 * count >= most:
            count = await run_in_threadpool(intake.waiting, self.database, most)
            self._waiting = (count, now)
        if count >= most:
            detail = f"{most} jobs are waiting already"
            raise Problem(503, "queue-full", detail, retry_after=10)

    def max_bytes(self, key: Key) -> int:
        """Return how large a file this key may send."""
        most = self.settings.rules.max_bytes
        return most if key.max_bytes is None else min(most, key.max_bytes)


def checked_id(text: str) -> str:
    """Return an id that could be one of ours; Problem 404 for anything else."""
    if _ID.fullmatch(text) is None:
        raise not_found("id")
    return text


async def service_of(request: Request) -> Service:
    """Return the parts of the web process that answers."""
    return cast(Service, request.app.state.service)


Serving = Annotated[Service, Depends(service_of)]


def shown_key(request: Request, service: Service) -> Key | None:
    """Return the key that came with a request; None without a valid one."""
    if service.settings.access.is_open:
        return LOCAL
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return recognised(service.database, text.strip()) if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Needs:
    """A door that opens to keys of a scope; as a dependency it gives the key.

    Problem 401 without a key, 403 with one of another scope, 429 when it asks too often.
    """

    scope: Scope

    async def __call__(self, request: Request) -> Key:
        service = await service_of(request)
        is_open = service.settings.access.is_open  # then nothing is looked up
        key = LOCAL if is_open else await run_in_threadpool(shown_key, request, service)
        if key is None:
            detail = "send 'Authorization: Bearer vl_...', a key of 'verilens serve keys create'"
            raise Problem(401, "no-key", detail, headers={"WWW-Authenticate": "Bearer"})
        if not key.may(self.scope):
            raise Problem(403, "forbidden", f"this key has no scope '{self.scope}'")
        service.limiter.spend(key)
        return key


Submitter = Annotated[Key, Depends(Needs("submit"))]
Reader = Annotated[Key, Depends(Needs("read"))]
Admin = Annotated[Key, Depends(Needs("admin"))]


async def uploading(service: Serving, key: Submitter) -> AsyncIterator[None]:
    """Hold one of the key's places for uploads while a request is answered."""
    with service.limiter.upload(key):
        yield


Uploading = Depends(uploading)
