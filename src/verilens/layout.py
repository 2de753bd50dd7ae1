"""Reading layouts as they were published: folders in a fixed order, lists and JSON by line.

Everything is lazy, so a tree of millions of files costs the names of one folder at a time. What is
not as a list promises becomes a DatasetError that names the file, the line and what to do.
"""

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from verilens.errors import DatasetError
from verilens.records import Sample, SampleKind, Split

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"))
VIDEOS = frozenset((".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"))
MEDIA = PICTURES | VIDEOS

DECODER = json.JSONDecoder()
WHITE = re.compile(r"\s*")
HEAD = 1 << 20  # characters in which the first object of a list must end to be looked at


class Clip(NamedTuple):
    """A video of a set. path: below the root, with "/"; frames: names when stored as pictures."""

    name: str
    path: str
    kind: SampleKind
    frames: tuple[str, ...] = ()


def wrong(path: Path, line: int | None, what: str) -> DatasetError:
    """Return the error to raise for a line of a list; `what` says what is wrong and what to do."""
    return DatasetError(f"{path}:{line}: {what}" if line else f"{path}: {what}")


def folders(path: Path) -> list[str]:
    """Return the names of the folders in `path`, sorted; none when it does not exist."""
    return sorted(entry.name for entry in _entries(path) if entry.is_dir())


def files(path: Path, suffixes: Iterable[str] = MEDIA) -> list[str]:
    """Return the names of the files in `path` with these suffixes, in natural order."""
    wanted = frozenset(suffixes)
    found = (entry.name for entry in _entries(path) if suffix(entry.name) in wanted)
    return sorted(found, key=natural)


def walk(root: Path, suffixes: Iterable[str] = MEDIA) -> Iterator[tuple[str, list[str]]]:
    """Yield (folder below root with "/", file names) for every folder that holds such files.

    Folders come sorted, parents before children; the root itself is "". Hidden folders are skipped,
    and links that lead back to a folder above them.
    """
    wanted = frozenset(suffixes)
    yield from _walk(root, "", wanted)


def _walk(root: Path, below: str, suffixes: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
    names: list[str] = []
    children: list[str] = []
    for entry in _entries(root / below):
        if entry.is_dir():
            if not (entry.is_symlink() and _leads_back(entry)):
                children.append(entry.name)
        elif suffix(entry.name) in suffixes:
            names.append(entry.name)
    if names:
        yield below, sorted(names, key=natural)
    for child in sorted(children):
        yield from _walk(root, f"{below}/{child}" if below else child, suffixes)


def _leads_back(link: "os.DirEntry[str]") -> bool:
    path = Path(link.path)
    return path.parent.resolve().is_relative_to(path.resolve())


def clips(root: Path, below: str) -> Iterator[Clip]:
    """Yield the videos of a folder by name, in whichever of the usual forms they lie there.

    Forms: <name>.mp4, videos/<name>.mp4, frames/<name>/*.png and images/<name>/*.png. Where a video
    is there both as a file and as frames, the frames are taken: somebody cropped them on purpose.
    """
    found: dict[str, Clip] = {}
    for part in ("", "/videos"):
        for name in files(root / f"{below}{part}", VIDEOS):
            found[stem(name)] = Clip(stem(name), f"{below}{part}/{name}", "video")
    for part in ("/images", "/frames"):
        for name in folders(root / f"{below}{part}"):
            path = f"{below}{part}/{name}"
            if pictures := files(root / path, PICTURES):
                found[name] = Clip(name, path, "frames", tuple(pictures))
    yield from (found[name] for name in sorted(found))


def _entries(path: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(path) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DatasetError(f"{path}: the folder cannot be listed ({error.strerror})") from error
    for entry in entries:
        if not entry.name.isascii() and any("\udc80" <= c <= "\udcff" for c in entry.name):
            raise DatasetError(f"{path}: the name {entry.name!a} is not UTF-8; rename the file")
    return entries


def suffix(name: str) -> str:
    """Return the lower-case suffix of a file name, with its dot."""
    return os.path.splitext(name)[1].lower()


def stem(name: str) -> str:
    """Return a file name without folders and suffix; understands / and \\."""
    return os.path.splitext(name.replace("\\", "/").rpartition("/")[2])[0]


def natural(name: str) -> tuple[int, int, str]:
    """Return a key that sorts frame names by number: 2.png before 10.png, numbers before words."""
    number = stem(name)
    is_number = number.isascii() and number.isdigit()
    return (0, int(number), name) if is_number else (1, 0, name)


def first(*candidates: Path) -> Path | None:
    """Return the first path that exists."""
    return next((path for path in candidates if path.exists()), None)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; DatasetError names the line that is broken."""
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise wrong(path, error.lineno, f"no valid JSON ({error.msg}); fetch it again") from error
    except (ValueError, RecursionError) as error:
        what = "no JSON to read: a number too long or nested too deeply; fetch it again"
        raise wrong(path, None, what) from error


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file; DatasetError when it holds anything else."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise wrong(path, None, f"a JSON object is expected, not a {type(found).__name__}")
    return found


def first_object(path: Path) -> dict[str, Any]:
    """Return the first object in a JSON file, list or one a line, without reading on, or {}."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            head = file.read(HEAD)
        found = DECODER.raw_decode(head, max(head.find("{"), 0))[0]
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of a JSON list of objects, or of a file that holds one after another."""
    text = _Json(path)
    is_list = bool(text.skip("["))
    while not (text.skip("]") if is_list else text.at_end()):
        line, found = text.line, text.value()
        if not isinstance(found, dict):
            raise wrong(path, line, f"a JSON object is expected, not a {type(found).__name__}")
        yield line, found
        if is_list and not text.skip(",") and text.mark() != "]":
            raise wrong(path, text.line, "the list breaks off here; fetch it again")
        text.skip("")


def members(path: Path) -> Iterator[tuple[int, str, Any]]:
    """Yield (line, name, value) of a JSON object, one at a time."""
    text = _Json(path)
    if not text.skip("{"):
        raise wrong(path, text.line, "a JSON object is expected")
    while not text.skip("}"):
        line, name = text.line, text.value()
        if not isinstance(name, str) or not text.skip(":"):
            raise wrong(path, line, "a name and a value are expected; fetch it again")
        yield line, name, text.value()
        if not text.skip(",") and text.mark() != "}":
            raise wrong(path, text.line, "the object breaks off here; fetch it again")


class _Json:
    """The values of a JSON text one after the other; `line` is where the next one begins."""

    def __init__(self, path: Path) -> None:
        self.path, self.text = path, _text(path)
        self.at, self.line = 0, 1

    def skip(self, mark: str) -> str:
        """Go over white space and, when it is there, over one mark; return the mark or ""."""
        self._go(self._white(self.at))
        if not mark or self.mark() != mark:
            return ""
        self._go(self._white(self.at + 1))
        return mark

    def mark(self) -> str:
        return self.text[self.at : self.at + 1]

    def at_end(self) -> bool:
        return self.at >= len(self.text)

    def value(self) -> Any:
        """Return the next value and go behind it; DatasetError names the line that is broken."""
        try:
            found, end = DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            what = f"no valid JSON ({error.msg}); fetch it again"
            raise wrong(self.path, error.lineno, what) from error
        except (ValueError, RecursionError) as error:
            what = "a number too long or nested too deeply; fetch it again"
            raise wrong(self.path, self.line, what) from error
        self._go(end)
        return found

    def _white(self, at: int) -> int:
        found = WHITE.match(self.text, at)
        return found.end() if found else at

    def _go(self, at: int) -> None:
        self.line += self.text.count("\n", self.at, at)
        self.at = at


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of each line that is not empty."""
    try:
        with path.open(encoding="utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                if line := line.strip():
                    yield number, line
    except OSError as error:
        raise wrong(path, None, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise wrong(path, None, "no UTF-8 text; fetch it again or convert it") from error


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a CSV file whose header must name at least `columns`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise wrong(path, 1, f"the header lacks {', '.join(missing)}")
            for row in reader:
                if None in row or None in row.values():
                    count = len(reader.fieldnames or ())
                    raise wrong(path, reader.line_num, f"{count} fields are expected")
                yield reader.line_num, row
    except OSError as error:
        raise wrong(path, None, f"cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise wrong(path, None, f"no UTF-8 CSV file ({error})") from error


def readable(value: object) -> str:
    """Return a JSON value as text that any table can hold: lists as JSON, None as ""."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    return "" if value is None else text.encode("utf-8", "replace").decode("utf-8").strip()


def of_split(samples: Iterable[Sample], split: Split | None) -> Iterator[Sample]:
    """Yield the samples of one split; all of them when `split` is None."""
    return (sample for sample in samples if split is None or sample.split == split)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise wrong(path, None, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise wrong(path, None, "no UTF-8 text; fetch it again or convert it") from error
