"""How a job changes: server-sent events, or asking again and again where they do not come."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import httpx

from verilens.client import records
from verilens.client.records import Job, kind_of
from verilens.client.wire import Wire
from verilens.errors import NotThere, Overloaded

POLL_S = 1.0
BREAKS = 3  # of the stream, before it is given up for asking


class Event(NamedTuple):
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


def changes(wire: Wire, job: Job, deadline: float | None, ask: Callable[[], Job]) -> Iterator[Job]:
    """Yield a job whenever it has changed, at last as it ended. TimeoutError, NotThere."""
    last, breaks = "", 0
    while breaks < BREAKS:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        try:
            with wire.stream(f"v1/jobs/{job.id}/events", headers) as answer:
                for event in parsed(_timely(answer.iter_lines(), deadline)):
                    last = event.id
                    job = _changed(job, event)
                    yield job
                    if job.has_ended:
                        return
        except (httpx.TransportError, Overloaded):
            pass
        breaks += 1
    while not job.has_ended:
        _check(deadline)
        time.sleep(POLL_S)
        before, job = job, ask()
        if job != before:
            yield job


def parsed(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a stream; comments and what is cut off are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line and "data" in fields:
            yield Event(fields.get("id", ""), fields.get("event", ""), json.loads(fields["data"]))
        name, _, value = line.partition(":")
        if not line:
            fields = {}
        elif name:
            fields[name] = value.removeprefix(" ")


def _changed(job: Job, event: Event) -> Job:
    if event.name != "end":
        now = {name: event.data[name] for name in ("state", "progress", "stage")}
        return dataclasses.replace(job, **now)
    if "state" not in event.data:  # deleted meanwhile
        raise NotThere(kind_of(event.data["type"]), event.data["detail"], event.data["status"])
    return records.job(event.data)


def _timely(lines: Iterable[str], deadline: float | None) -> Iterator[str]:
    """Pass lines on until the deadline; heartbeats make it noticed within 15 s."""
    for line in lines:
        _check(deadline)
        yield line


def _check(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise TimeoutError("the job has not ended yet; it goes on at the server")
