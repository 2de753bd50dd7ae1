"""What a server says about jobs and uploads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

ENDED = ("done", "failed")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a file.

    task, methods: narrow down who is asked; all are by default. fresh: scan anew what is known.
    batch: the id of a batch that the job joins.
    """

    task: str | None = None
    methods: tuple[str, ...] | None = None
    fresh: bool = False
    batch: str | None = None

    def fields(self) -> dict[str, str]:
        """Return the question as fields of a form."""
        found = {"task": self.task, "batch": self.batch}
        found["methods"] = ",".join(self.methods) if self.methods else None
        found["fresh"] = "true" if self.fresh else None
        return {name: value for name, value in found.items() if value is not None}


class Summary(NamedTuple):
    """A verdict in short."""

    decision: str
    probability: float
    interval: tuple[float, float]
    sentence: str
    claim: str


class Failure(NamedTuple):
    """Why a file has no verdict. kind: as of `errors.MediaError`, or of the server."""

    kind: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file at the server. state: queued, running, done or failed. progress: in [0, 1]."""

    id: str
    name: str
    state: str
    progress: float = 0.0
    stage: str = ""
    created: str = ""
    kind: str | None = None
    size: int | None = None
    sha256: str | None = None
    batch: str | None = None
    maps: tuple[str, ...] = ()
    summary: Summary | None = None
    failure: Failure | None = None

    @property
    def has_ended(self) -> bool:
        """Tell whether there is nothing left to wait for."""
        return self.state in ENDED


class JobPage(NamedTuple):
    """Some jobs of a list; `next` is where it goes on. total: counted up to 10,000."""

    jobs: tuple[Job, ...]
    next: str | None
    total: int


class Upload(NamedTuple):
    """A resumable upload; keep its id to go on after the program was stopped."""

    id: str
    offset: int
    chunk_bytes: int


def job(found: Mapping[str, Any]) -> Job:
    """Return a job from what the server sent."""
    names = ("id", "name", "state", "progress", "stage", "created", "kind", "size", "sha256")
    short, error = found["summary"], found["error"]
    return Job(
        **{name: found[name] for name in (*names, "batch")},
        maps=tuple(found["maps"]),
        summary=short
        and Summary(
            short["decision"],
            short["probability"],
            (short["interval"][0], short["interval"][1]),
            short["sentence"],
            short["claim"],
        ),
        failure=error and Failure(kind_of(error["type"]), error["detail"]),
    )


def kind_of(problem: str) -> str:
    """Return the kind of a problem from its type, e.g. "too-large"."""
    return problem.rpartition("/")[2]
