"""What goes over the wire, and how the database's records become it."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verilens.server.jobs import Job, State
from verilens.server.keys import Key, Scope

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Sort = Literal[
    "-created", "created", "-name", "name", "-size", "size", "-probability", "probability"
]
Decision = Literal["genuine", "suspicious", "fake", "unsure"]
Kind = Literal["image", "video"]


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str
    detail: str


class ProblemOut(BaseModel):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None


class Summary(BaseModel):
    """The verdict in short; `result` has all of it."""

    decision: Decision
    probability: float
    interval: tuple[float, float]
    sentence: str
    claim: str
    provenance_state: str


class JobOut(BaseModel):
    """One file to look at, and what became of it."""

    id: str
    name: str
    kind: Kind | None
    state: State
    progress: float
    stage: str
    created: Time
    started: Time | None
    finished: Time | None
    size: int | None
    sha256: str | None
    source: Literal["upload", "url"]
    batch: str | None
    attempts: int
    file_kept: bool
    error: ProblemOut | None
    maps: list[str]
    summary: Summary | None


class JobPage(BaseModel):
    """Some jobs; `next` gives the following ones. total: counted up to 10,000."""

    items: list[JobOut]
    next: str | None
    total: int


class Refusal(BaseModel):
    """A file of a batch that was not taken."""

    name: str
    problem: ProblemOut


class BatchOut(BaseModel):
    """What became of the files of one request."""

    id: str
    jobs: list[JobOut]
    refused: list[Refusal]


class Counts(BaseModel):
    """How many jobs are in each state."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0


class BatchPage(BaseModel):
    """A batch and some of its jobs. total: counted up to 10,000."""

    id: str
    created: Time
    counts: Counts
    jobs: list[JobOut]
    next: str | None
    total: int


class UploadOut(BaseModel):
    """A resumable upload."""

    id: str
    offset: int
    chunk_bytes: int
    expires: Time


class LimitsOut(BaseModel):
    """What the server takes."""

    bytes: int
    chunk_bytes: int
    batch_files: int


class MethodOut(BaseModel):
    """A method that is asked here."""

    title: str
    paper: str
    limits: list[str]


class ThresholdsOut(BaseModel):
    """Where decisions change, as probabilities: genuine up to, suspicious from, fake from."""

    genuine: float
    suspicious: float
    fake: float


class KeyShown(BaseModel):
    """The key that came with the request."""

    id: str
    scopes: list[str]


class About(BaseModel):
    """What this server is. thresholds: by claim and kind. key: when a valid one was sent."""

    version: str
    auth: bool
    limits: LimitsOut
    tasks: list[str]
    methods: dict[str, MethodOut]
    thresholds: dict[str, dict[Kind, ThresholdsOut]]
    languages: list[str]
    retention_hours: float
    key: KeyShown | None = None


class KeyOut(BaseModel):
    """A key, without its secret. rate: requests a minute."""

    id: str
    name: str
    scopes: list[str]
    rate: float | None
    max_bytes: int | None
    created: Time
    last_used: Time | None


class NewKeyOut(KeyOut):
    """A key that was just made; `key` is shown this once."""

    key: str


class Health(BaseModel):
    """Whether the parts of the server work."""

    status: str
    checks: dict[str, str] = Field(default_factory=dict)


class Asked(BaseModel):
    """What is asked of a file."""

    model_config = ConfigDict(extra="forbid")

    task: str | None = Field(default=None, max_length=40)
    methods: list[Annotated[str, Field(max_length=60)]] | str | None = None
    fresh: bool = False

    def names(self) -> list[str] | None:
        """Return the methods by name; None when all are asked."""
        if self.methods is None or self.methods == "":
            return None
        listed = self.methods.split(",") if isinstance(self.methods, str) else self.methods
        return [name.strip() for name in listed if name.strip()]


Url = Annotated[str, Field(min_length=1, max_length=2048)]


class Submission(Asked):
    """One file. name: how it is shown. batch: of `POST /v1/batches`, to which the job goes."""

    name: str | None = Field(default=None, max_length=1024)
    batch: str | None = Field(default=None, max_length=36)


class UrlIn(Submission):
    """An address to look at."""

    url: Url


class UrlsIn(Asked):
    """Addresses to look at; none of them makes an empty batch, to which jobs can be sent."""

    urls: list[Url] = Field(default_factory=list)


class UploadStart(BaseModel):
    """The beginning of a resumable upload."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=1024)
    size: int = Field(ge=1, le=1 << 50)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class UploadEnd(Asked):
    """The end of a resumable upload. batch: one of `POST /v1/batches`, to which the job goes."""

    batch: str | None = Field(default=None, max_length=36)


class KeyIn(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Scope] = Field(min_length=1)
    rate: float | None = Field(default=None, gt=0, le=1e9)
    max_bytes: int | None = Field(default=None, gt=0, le=1 << 50)


class Filters(BaseModel):
    """Which jobs are listed. q: words of the name, or the start of a SHA-256."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(default="", max_length=200)
    state: State | None = None
    decision: Decision | None = None
    kind: Kind | None = None
    batch: str | None = Field(default=None, max_length=36)
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = "-created"
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=1000)

    @model_validator(mode="after")
    def _in_utc(self) -> Self:
        for name in ("since", "until"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                setattr(self, name, moment.replace(tzinfo=UTC))
        return self


class PageIn(BaseModel):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=1000)


def time_text(at: float) -> str:
    """Return a time as ISO 8601 in UTC."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _maybe(at: float | None) -> str | None:
    return None if at is None else time_text(at)


def job_out(job: Job) -> JobOut:
    """Return a job as it is sent."""
    summary = None
    if job.decision is not None:
        summary = Summary.model_validate(
            {
                "decision": job.decision,
                "probability": job.probability,
                "interval": (job.low, job.high),
                "sentence": job.sentence,
                "claim": job.claim,
                "provenance_state": job.provenance,
            }
        )
    return JobOut(
        id=job.id,
        name=job.name,
        kind=job.kind,
        state=job.state,
        progress=job.progress,
        stage=job.stage,
        created=time_text(job.created),
        started=_maybe(job.started),
        finished=_maybe(job.finished),
        size=job.size,
        sha256=job.sha256,
        source=job.source,
        batch=job.batch,
        attempts=job.attempts,
        file_kept=job.is_file_kept,
        error=ProblemOut.model_validate(job.error) if job.error else None,
        maps=job.maps,
        summary=summary,
    )


def key_out(key: Key) -> KeyOut:
    """Return a key as it is sent."""
    return KeyOut(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        rate=key.rate,
        max_bytes=key.max_bytes,
        created=time_text(key.created),
        last_used=_maybe(key.last_used),
    )
