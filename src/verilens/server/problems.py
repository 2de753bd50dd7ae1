"""Errors as the server says them: problem details of RFC 9457."""

from collections.abc import Mapping, Sequence

from verilens.errors import MediaError

TITLES = {
    "bad-request": "The request cannot be read",
    "no-key": "No valid key",
    "forbidden": "Not allowed",
    "not-found": "Nothing here",
    "method-not-allowed": "Not that way",
    "not-done": "Not done yet",
    "no-file": "The file is gone",
    "no-preview": "No preview",
    "offset": "Another offset was due",
    "incomplete": "Bytes are missing",
    "digest": "Other bytes than announced",
    "idempotency": "The Idempotency-Key was used for another request",
    "invalid": "The request has wrong fields",
    "slow": "The upload came too slowly",
    "too-many-requests": "Too many requests",
    "too-many-uploads": "Too many uploads at once",
    "queue-full": "The queue is full",
    "unavailable": "The database or the file store cannot be reached",
    "disk-full": "The server has no room left",
    "internal": "A bug in the server",
    "worker-lost": "The workers of this job died",
    "too-large": "Too large",
    "empty": "The file is empty",
    "unsupported": "Not a picture or a video",
    "refused": "An address that is not fetched",
}


class Problem(Exception):
    """An answer that is an error. kind: the last part of its type, e.g. "too-large"."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, round(retry_after)))

    def body(self) -> dict[str, object]:
        """Return the problem as it is sent."""
        found = described(self.kind, self.detail, self.status)
        return found | {"errors": list(self.errors)} if self.errors else found


def described(kind: str, detail: str, status: int) -> dict[str, object]:
    """Return a problem as plain values."""
    title = TITLES.get(kind, kind.replace("-", " ").capitalize())
    return {"type": f"/problems/{kind}", "title": title, "status": status, "detail": detail}


_MEDIA_STATUS = {"too-large": 413, "unsupported": 415, "unreachable": 502, "timeout": 504}


def of_media(error: MediaError) -> dict[str, object]:
    """Return what is wrong with a file as a problem."""
    return described(error.kind, error.message, _MEDIA_STATUS.get(error.kind, 422))


def not_found(what: str) -> Problem:
    """Return the problem of something that is not, or no longer, there."""
    return Problem(404, "not-found", f"there is no such {what}, or no longer")
