"""multipart/form-data read as it arrives: files go to the staging folder, fields stay in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from verilens.media.names import shown
from verilens.media.sniff import HEAD_BYTES
from verilens.server.jobs import NAME
from verilens.server.problems import Problem
from verilens.server.uploads import Incoming, Received

FIELD_BYTES = 16 << 10
FIELDS = 20
FLUSH = 256 << 10  # bytes that are handed to the disk at once


@dataclass
class Refused:
    """A file of a form that is not taken."""

    name: str
    problem: Problem


@dataclass
class Form:
    """What a form held. refused: files beyond the limit, while others are taken."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Received] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    async def discard(self) -> None:
        """Delete the files that nobody took."""
        for file in self.files:
            if file.path.exists():
                await run_in_threadpool(file.discard)


@dataclass(frozen=True, kw_only=True)
class FormRules:
    """max_bytes: of a file. files: how many. is_lenient: one beyond the limit is only left out."""

    staging: Path
    max_bytes: int
    files: int = 1
    is_lenient: bool = False


async def read_form(content_type: str, stream: AsyncIterator[bytes], rules: FormRules) -> Form:
    """Return the form that a body holds; Problem when it is none, or too large."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Problem(415, "bad-request", "send multipart/form-data with a field 'file', or JSON")
    reader = _Reader(rules)
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())  # type: ignore[arg-type]
        async for piece in stream:
            parser.write(piece)
            await reader.flush()
        parser.finalize()
        await reader.flush(is_last=True)
        if not reader.is_whole:
            raise Problem(400, "bad-request", "the form ends in the middle")
    except FormParserError as error:
        await reader.discard()
        raise Problem(400, "bad-request", f"not a form: {error}") from error
    except BaseException:
        await reader.discard()
        raise
    return reader.form


class _Reader:
    """Collects what the parser calls out; `flush` does what blocks."""

    def __init__(self, rules: FormRules) -> None:
        self.form = Form()
        self.is_whole = False
        self._rules = rules
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[str, bytes] = {}
        self._name: str | None = None  # of the field that is being read; None: a file
        self._text = bytearray()
        self._events: list[tuple[str, bytes]] = []  # of files: begin, data, end
        self._waiting = 0
        self._file: Incoming | None = None
        self._files = 0

    def callbacks(self) -> dict[str, object]:
        """Return what the parser calls."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, a, b: self._header.extend(data[a:b]),
            "on_header_value": lambda data, a, b: self._value.extend(data[a:b]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._headers.clear()
        self._text.clear()

    def _header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options or name == "file":
            self._files += 1
            if self._files > self._rules.files:
                raise Problem(422, "invalid", f"at most {self._rules.files} files a request")
            self._name = None
            self._events.append(("begin", options.get(b"filename", b"")))
        elif len(self.form.fields) >= FIELDS:
            raise Problem(422, "invalid", f"more than {FIELDS} fields")
        else:
            self._name = name

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            self._events.append(("data", data[start:end]))
            self._waiting += end - start
        else:
            self._text += data[start:end]
            if len(self._text) > FIELD_BYTES:
                raise Problem(422, "invalid", f"the field {shown(self._name)} is too long")

    def _part_end(self) -> None:
        if self._name is None:
            self._events.append(("end", b""))
        else:
            self.form.fields[self._name] = self._text.decode("utf-8", "replace")

    def _end(self) -> None:
        self.is_whole = True

    async def flush(self, is_last: bool = False) -> None:
        """Write what has come, once it is worth a thread's while."""
        if self._events and (is_last or self._waiting >= FLUSH):
            await run_in_threadpool(self._write)

    def _write(self) -> None:
        events, self._events, self._waiting = self._events, [], 0
        for kind, data in events:
            if kind == "begin":
                rules = self._rules
                name = cleaned(data.decode("utf-8", "replace"))
                self._file = Incoming(rules.staging, name, rules.max_bytes, HEAD_BYTES)
            elif self._file is not None and kind == "data":
                self._grow(self._file, data)
            elif self._file is not None:
                self.form.files.append(self._file.finish())
                self._file = None

    def _grow(self, file: Incoming, data: bytes) -> None:
        try:
            file.write(data)
        except Problem as problem:
            if not self._rules.is_lenient:
                raise
            self.form.refused.append(Refused(file.name, problem))
            file.discard()
            self._file = None  # the rest of it is read past

    async def discard(self) -> None:
        """Delete everything."""
        if self._file is not None:
            self._file.discard()
        await self.form.discard()


def cleaned(name: str) -> str:
    """Return a name that somebody gave a file as one line to show; it is never a path to us."""
    return shown(name.replace("\ufffd", "?")).strip()[:NAME] or "unnamed"
