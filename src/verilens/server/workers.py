"""The workers that a server starts on its own machine: started again when they die.

Each is a process `verilens serve worker`. A byte on its standard input wakes it, a line on its
standard output names a job that has ended; when its standard input ends, so does it, so no worker
outlives the server. Addresses and passwords travel in the environment, not on the command line.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from verilens.server import ids
from verilens.server.database import Database, is_gone
from verilens.server.leases import Queue
from verilens.server.settings import Settings

logger = logging.getLogger(__name__)

LIVED_S = 10.0  # a worker that lived longer is started again at once
WAIT_S = 30.0  # at most, before another is tried
STOP_S = 5.0


class Workers:
    """Some worker processes, kept alive until `stop`."""

    def __init__(self, settings: Settings, count: int, told: Callable[[str], None]) -> None:
        """told: is called, from a thread, with a job that has ended."""
        self._settings = settings
        self._told = told
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._threads = [threading.Thread(target=self._keep, daemon=True) for _ in range(count)]

    def start(self) -> None:
        """Start them all."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Let them look for jobs now."""
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            with suppress(OSError, ValueError):
                os.write(process.stdin.fileno(), b"\n")  # type: ignore[union-attr]

    def stop(self) -> None:
        """End them; what they had under way goes back to the queue."""
        self._stopping.set()
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
        for thread in self._threads:
            thread.join(STOP_S)

    def _keep(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            begun = time.monotonic()
            name = ids.new()
            code = self._one(name)
            if self._stopping.is_set():
                return
            logger.error("a worker ended (%s); starting another", code)
            self._release(name)
            lived = time.monotonic() - begun
            wait = 0.0 if lived > LIVED_S else min(WAIT_S, max(0.5, 2 * wait))

    def _one(self, name: str) -> int:
        """Run one worker until it ends; return its exit code."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "verilens", *arguments(self._settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(self._settings, name),
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the server, which then stops them
        )
        with self._lock:
            self._processes[name] = process
        assert process.stdout is not None
        if self._stopping.is_set():
            process.terminate()
        for line in iter(process.stdout.readline, b""):
            self._told(line.decode("ascii", "replace").strip())
        code = process.wait()
        with self._lock:
            del self._processes[name]
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return code

    def _release(self, name: str) -> None:
        """Let others take up at once what a dead worker had."""
        work = self._settings.work
        try:
            database = Database(self._settings.places.database)
            try:
                Queue(database, name, work.lease_s, work.attempts).release(name)
            finally:
                database.close()
        except Exception as error:  # its leases end by themselves
            if not is_gone(error):
                logger.warning("leases of a dead worker stay until they end: %s", error)
        self.wake()


def arguments(settings: Settings) -> list[str]:
    """Return the command line of a worker, without what is secret."""
    work = settings.work
    found = ["serve", "worker", "--timeout", str(work.timeout_s), "--lease", str(work.lease_s)]
    found += ["--attempts", str(work.attempts), "--max-bytes", str(settings.rules.max_bytes)]
    if work.slots is not None:
        found += ["--jobs", str(work.slots)]
    if work.methods is not None:
        found += ["--methods", ",".join(work.methods)]
    if work.allow_private:
        found.append("--allow-private")
    return found


def _environment(settings: Settings, name: str) -> dict[str, str]:
    places = settings.places
    own = {
        "VERILENS_DATABASE": places.database,
        "VERILENS_BLOBS": places.blobs,
        "VERILENS_DATA": str(places.staging.parent),
        "VERILENS_WORKER": name,
    }
    return {**os.environ, **own}
