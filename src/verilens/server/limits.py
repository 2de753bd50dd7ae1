"""How much one key, and all together, may ask of the web process at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from verilens.server.keys import Key
from verilens.server.problems import Problem
from verilens.server.settings import Rules

BURST_S = 10.0  # seconds' worth of requests that may come at once
FORGET = 10_000  # buckets kept


class Limiter:
    """Token buckets by key, and counts of uploads under way. Each web process has its own."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # requests left, when
        self._uploads: dict[str, int] = {}

    def spend(self, key: Key, cost: float = 1.0) -> None:
        """Count a request; Problem 429 that says when there is room again."""
        rate = key.rate or self._rules.rate
        if rate is None or rate == float("inf"):
            return
        per_s, now = rate / 60.0, time.monotonic()
        most = max(1.0, per_s * BURST_S)
        with self._lock:
            left, at = self._buckets.get(key.id, (most, now))
            left = min(most, left + (now - at) * per_s)
            if len(self._buckets) > FORGET:
                self._buckets.clear()
            if left < cost:
                self._buckets[key.id] = (left, now)
                wait = (min(cost, most) - left) / per_s
                detail = f"this key may make {rate:g} requests a minute"
                raise Problem(429, "too-many-requests", detail, retry_after=wait)
            self._buckets[key.id] = (left - cost, now)

    @contextmanager
    def upload(self, key: Key) -> Iterator[None]:
        """Hold one of the places for uploads; Problem 429 or 503 when there is none."""
        rules = self._rules
        most = rules.uploads if key.id == "local" else rules.uploads_per_key
        with self._lock:
            if sum(self._uploads.values()) >= rules.uploads:
                detail = f"{rules.uploads} uploads are under way"
                raise Problem(503, "too-many-uploads", detail, retry_after=1)
            if self._uploads.get(key.id, 0) >= most:
                detail = f"this key may have {most} uploads under way"
                raise Problem(429, "too-many-uploads", detail, retry_after=1)
            self._uploads[key.id] = self._uploads.get(key.id, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._uploads[key.id] -= 1
                if not self._uploads[key.id]:
                    del self._uploads[key.id]
