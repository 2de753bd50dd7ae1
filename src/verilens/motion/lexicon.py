"""A lexicon of signs: a folder with one recording a sign and `index.csv`, as SignSuisse has it.

Columns: path, spoken_language, signed_language, start, end, words, glosses, priority; start and end
are milliseconds, end 0 is the end of the file; the lowest priority comes first. A sign that is not
there is named, never made up.
"""

import csv
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from verilens.errors import DatasetError, UnknownName
from verilens.motion.joining import Fill, Joining, join, part
from verilens.poses.read import read
from verilens.records import Pose

INDEX = "index.csv"
MAX_INDEX_BYTES = 1 << 27
SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
NUMBERS = ("start", "end", "priority")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the index; see the columns above."""

    path: str
    spoken_language: str
    signed_language: str
    start: int = 0
    end: int = 0
    words: str = ""
    glosses: str = ""
    priority: int = 0


class Said(NamedTuple):
    """pose: the movement. signs: what is in it, in order. missing: words without a sign."""

    pose: Pose
    signs: tuple[Entry, ...]
    missing: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


class Lexicon:
    """Signs of one pair of languages, found by word or gloss."""

    def __init__(self, folder: Path, spoken: str = "de", signed: str = "") -> None:
        """Read a lexicon; DatasetError when it has no sound index.

        signed: one of its signed languages; "" when it has only one.
        """
        self.folder = folder
        rows = [entry for entry in read_index(folder) if entry.spoken_language == spoken]
        languages = sorted({entry.signed_language for entry in rows})
        if not signed and len(languages) > 1:
            raise DatasetError(f"{folder}: signs of {', '.join(languages)}; say which by --signed")
        self.entries = [e for e in rows if e.signed_language == (signed or e.signed_language)]
        if not self.entries:
            pair = f"{spoken} to {signed}" if signed else spoken
            raise DatasetError(f"{folder}: no sign of {pair}; see 'verilens motion lexicon list'")
        self.by_word = indexed(self.entries, "words")
        self.by_gloss = indexed(self.entries, "glosses")

    def find(self, word: str, gloss: str = "") -> Entry | None:
        """Return the sign of a word: by word, by a gloss like the word, by its gloss; or None."""
        for table, term in ((self.by_word, word), (self.by_gloss, word), (self.by_gloss, gloss)):
            found = table.get(key(term), []) if term else []
            exact = [e for e in found if term in (e.words, e.glosses)]
            if found:
                return (exact or found)[0]
        return None

    def sign(self, entry: Entry) -> Pose:
        """Return the recording of a sign."""
        path = (self.folder / entry.path).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise DatasetError(f"{self.folder / INDEX}: {entry.path} lies outside the lexicon")
        pose = read(path)[0]
        start = int(entry.start * pose.fps / 1000)
        end = -int(-entry.end * pose.fps // 1000) if entry.end else len(pose.joints)
        if not start < min(end, len(pose.joints)):
            raise DatasetError(f"{path}: no frames from {entry.start} to {entry.end} ms")
        return part(pose, start, min(end, len(pose.joints)))

    def say(self, text: str, settings: Joining | None = None, fill: Fill | None = None) -> Said:
        """Return the signs of a sentence's words, joined; UnknownName when there is none at all."""
        words = spoken_words(text)
        found = [(word, self.find(word)) for word in words]
        missing = tuple(word for word, entry in found if entry is None)
        signs = tuple(entry for _, entry in found if entry is not None)
        if not signs:
            told = ", ".join(missing) or "an empty sentence"
            raise UnknownName(
                f"{self.folder}: no sign for {told}; see 'verilens motion lexicon list'"
            )
        joined = join([self.sign(entry) for entry in signs], settings, fill)
        return Said(joined.pose, signs, missing, joined.signs)


def spoken_words(text: str) -> list[str]:
    """Return the words of a sentence without punctuation around them."""
    words = unicodedata.normalize("NFC", text).split()
    stripped = (word.strip(".,;:!?…()[]\"'„“”«»–") for word in words)
    return [word for word in stripped if word]


def key(term: str) -> str:
    """Return what a term is looked up by: lower case, umlauts and ß spelled out."""
    return unicodedata.normalize("NFC", term.strip()).lower().translate(SPELLED)


def indexed(entries: Sequence[Entry], column: str) -> dict[str, list[Entry]]:
    """Return entries by what stands in a column, the preferred first."""
    table: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.priority):
        if getattr(entry, column):
            table.setdefault(key(getattr(entry, column)), []).append(entry)
    return table


def read_index(folder: Path) -> list[Entry]:
    """Return the rows of a lexicon's index; DatasetError names the line that is wrong."""
    path = folder / INDEX
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; 'verilens motion lexicon add' begins a lexicon")
    if path.stat().st_size > MAX_INDEX_BYTES:
        raise DatasetError(f"{path}: more than {MAX_INDEX_BYTES:,} bytes")
    names = [field.name for field in fields(Entry)]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        if absent := set(names) - set(rows.fieldnames or ()):
            raise DatasetError(f"{path}: no column {', '.join(sorted(absent))}")
        return [_entry(path, rows.line_num, {n: row[n] or "" for n in names}) for row in rows]


def _entry(path: Path, line: int, row: dict[str, str]) -> Entry:
    try:
        numbers = {name: int(row[name] or 0) for name in NUMBERS}
        if min(numbers["start"], numbers["end"]) < 0:
            raise ValueError("times are not negative")
        values: dict[str, Any] = {**row, **numbers}
        return Entry(**values)
    except ValueError as error:
        raise DatasetError(f"{path}, line {line}: {error}") from error


def add(folder: Path, recording: Path, entry: Entry) -> Entry:
    """Copy a recording into a lexicon, which is begun when there is none; return its row.

    entry: its `path` is set here. DatasetError when the sign is there already.
    """
    if not entry.words and not entry.glosses:
        raise DatasetError("a sign needs a word or a gloss")
    people = read(recording)
    if len(people) != 1:
        raise DatasetError(f"{recording}: {len(people)} persons; a sign is one person's")
    known = read_index(folder) if (folder / INDEX).is_file() else []
    name = key(entry.words or entry.glosses).replace("/", "-").strip(".") or "sign"
    place = Path(entry.signed_language) / f"{name}{recording.suffix.lower()}"
    if any(row.path == place.as_posix() for row in known) or (folder / place).exists():
        raise DatasetError(f"{folder}: {place} is there already; one recording a sign")
    (folder / place).resolve().relative_to(folder.resolve())
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(recording.read_bytes())
    entry = replace(entry, path=place.as_posix())
    write_index(folder, [*known, entry])
    return entry


def write_index(folder: Path, entries: Sequence[Entry]) -> None:
    """Write the index of a lexicon, replacing the one that is there."""
    new = folder / f"{INDEX}.new"
    with new.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Entry)])
        writer.writeheader()
        writer.writerows(asdict(entry) for entry in entries)
    new.replace(folder / INDEX)
