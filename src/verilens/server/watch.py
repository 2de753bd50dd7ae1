"""Tells those who wait for a job that it changed; one query a moment, however many wait."""

import asyncio
import logging

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from verilens.server.database import Database, is_gone, jobs

logger = logging.getLogger(__name__)

EVERY_S = 0.25
PART = 500


class Watcher:
    """Lives in the event loop of the web process; `tell` may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, dict[asyncio.Future[None], int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self, job: str) -> None:
        """Wake who waits for a job: it has changed, whoever knows it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, job)

    def _wake(self, job: str) -> None:
        for waiter in self._waiting.get(job, ()):
            if not waiter.done():
                waiter.set_result(None)

    async def run(self) -> None:
        """Look again and again."""
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EVERY_S)
            if self._waiting:
                await self._look()

    async def changed(self, job: str, version: int, seconds: float) -> bool:
        """Wait until a job is newer than `version`, or gone; False when it took too long."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job, {})[waiter] = version
        try:
            await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            return False
        finally:
            waiters = self._waiting.get(job, {})
            waiters.pop(waiter, None)
            if not waiters:
                self._waiting.pop(job, None)
        return True

    async def _look(self) -> None:
        try:
            versions = await run_in_threadpool(self._versions, list(self._waiting))
        except Exception as error:
            if not is_gone(error):
                logger.exception("cannot look for changes")
            return
        for job, waiters in self._waiting.items():
            if job in versions:
                current = versions[job]
                for waiter, version in waiters.items():
                    if (current is None or current > version) and not waiter.done():
                        waiter.set_result(None)

    def _versions(self, asked: list[str]) -> dict[str, int | None]:
        found: dict[str, int | None] = dict.fromkeys(asked)
        with self._database.reading() as db:
            for start in range(0, len(asked), PART):
                part = asked[start : start + PART]
                rows = db.execute(select(jobs.c.id, jobs.c.version).where(jobs.c.id.in_(part)))
                found.update((row.id, row.version) for row in rows)
        return found
