"""What Prometheus reads: requests, jobs, workers."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select

from verilens.server.database import Database, jobs, workers

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ALIVE_S = 30.0


class Measures:
    """The figures of one web process, and those of the database at the moment of asking."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "verilens_requests",
            "Requests by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "verilens_request_seconds",
            "Time until the head of an answer.",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.submitted = Counter(
            "verilens_submissions", "Jobs asked for.", ("action",), registry=self.registry
        )
        self.received = Counter(
            "verilens_received_bytes", "Bytes of uploads.", registry=self.registry
        )
        self._jobs = Gauge("verilens_jobs", "Jobs by state.", ("state",), registry=self.registry)
        self._oldest = Gauge(
            "verilens_oldest_queued_seconds",
            "Age of the job that waits longest.",
            registry=self.registry,
        )
        self._workers = Gauge(
            "verilens_workers", "Workers seen in the last 30 s.", registry=self.registry
        )

    def text(self, database: Database) -> bytes:
        """Return all figures in Prometheus' text format."""
        with database.reading() as db:
            now = database.now(db)
            states = select(jobs.c.state, func.count()).group_by(jobs.c.state)
            found: dict[str, int] = {row[0]: row[1] for row in db.execute(states)}
            oldest = select(func.min(jobs.c.created)).where(jobs.c.state == "queued")
            since = db.execute(oldest).scalar()
            alive = select(func.count()).where(workers.c.seen > now - ALIVE_S)
            count = db.execute(alive).scalar_one()
        for state in ("queued", "running", "done", "failed"):
            self._jobs.labels(state).set(found.get(state, 0))
        self._oldest.set(0.0 if since is None else max(0.0, now - since))
        self._workers.set(count)
        return generate_latest(self.registry)

    def answered(self, method: str, route: str, status: int, begun: float) -> None:
        """Count an answer. begun: on the clock of `time.perf_counter`."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(time.perf_counter() - begun)
