"""Everything verilens raises on purpose.

    VerilensError
    ├── MediaError            a file cannot be used; .kind names why (see MediaError)
    ├── ConfigError           a setting is unknown or out of range
    ├── UnknownName           no method or data set of that name; suggests the nearest
    ├── MissingExtra          an optional dependency is not installed
    ├── MissingWeights        weights are absent or altered; nothing is scored without them
    ├── ExportError           a network cannot become another runtime's, or would score otherwise
    ├── DatasetError          a data set does not have the layout its adapter expects
    ├── TrainingError         a training run cannot go on: its loss is no number
    ├── ServerError           a server says no; .kind and .status name why
    │   ├── NoAccess          the key is missing, wrong, or not for this
    │   ├── NotThere          no such job or file, or no longer
    │   ├── Overloaded        busy or broken for longer than we waited
    │   └── Unreachable       it does not answer at all
    └── StoreError            a results store is damaged, foreign or in use

A message says what, where and what to do next.
"""

from typing import Literal

MediaErrorKind = Literal[
    "missing",  # no such file, broken symlink
    "permission",
    "not-a-file",  # device, FIFO, socket, directory where a file was promised
    "empty",
    "unsupported",  # content is not a picture or a video we read
    "corrupt",  # truncated or damaged
    "encrypted",
    "too-large",  # bytes, pixels or memory above the limit
    "too-small",
    "no-frames",
    "timeout",
    "crashed",  # the decoder process died
    "refused",  # an address outside what is allowed
    "unreachable",  # a URL that does not answer
]


class VerilensError(Exception):
    """Base of everything raised on purpose."""


class MediaError(VerilensError):
    """A file that cannot be used. `kind` is stable and goes into reports."""

    def __init__(self, kind: MediaErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: MediaErrorKind = kind
        self.message = message


class ConfigError(VerilensError):
    """A setting that does not exist or is out of range."""


class UnknownName(VerilensError):
    """A method or data set that is not installed."""


class MissingExtra(VerilensError):
    """An optional dependency is absent; the message holds the install command."""


class MissingWeights(VerilensError):
    """Weights are absent or do not match their hash."""


class ExportError(VerilensError):
    """A network that another runtime cannot run, or would run to other scores."""


class DatasetError(VerilensError):
    """A data set whose files are not laid out as its adapter expects."""


class TrainingError(VerilensError):
    """A training run that cannot go on."""


class StoreError(VerilensError):
    """A results store that is damaged, foreign or in use by another process."""


class ServerError(VerilensError):
    """A server that says no. `kind` is the last part of its problem's type, e.g. "too-large"."""

    def __init__(self, kind: str, message: str, status: int | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


class NoAccess(ServerError):
    """A key that is missing, wrong, or has not the scope for what was asked."""


class NotThere(ServerError):
    """A job, an upload or a file that does not exist, or no longer."""


class Overloaded(ServerError):
    """A server that was busy, or without its database, at every try."""


class Unreachable(ServerError):
    """A server that cannot be connected to, or breaks off."""
