"""Scores made elsewhere: CSV (also .gz), JSON, JSON Lines or Parquet with id, score and label.

Columns are recognised by their usual names or named by the caller. Some peers are known by their
header: DeepSafe's `id,modality,label,generator,ensemble_score,prob_<method>`, ClipBased's
`filename,typ` (typ is "real" or the generator), mllm-defake's `path,label,pred,response` (0 is
fake there). Pickles are never loaded: they run code. Whatever is wrong names file and line.
"""

import csv
import gzip
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, cast

from verilens import tables
from verilens.bench.predictions import Prediction
from verilens.errors import ConfigError, DatasetError

# The usual names of a column, the likeliest first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "id": (
        *("id", "sample_id", "filename", "file_name", "file", "path", "image_path", "img_path"),
        *("video_path", "name", "video_name", "image", "video"),
    ),
    "score": (
        *("score", "prob_fake", "fake_prob", "p_fake", "prob", "probability", "ensemble_score"),
        *("llr", "logit", "output", "prediction", "pred"),
    ),
    "label": (
        *("label", "target", "y_true", "y", "gt", "ground_truth", "correct_label", "is_fake"),
        *("class", "klass", "typ"),
    ),
    "generator": ("generator", "generative_model", "typ"),
    "dataset": ("dataset", "data_set"),
    "source": ("source", "original"),
    "identity": ("identity", "subject", "subject_id"),
    "split": ("split",),
    "kind": ("kind", "modality"),
    "frame": ("frame", "frame_index"),
}
NEEDED = ("id", "score", "label")
GENUINE = ("real", "genuine", "live", "bonafide", "bona fide", "authentic", "nature", "0_real")
FAKE = (
    "fake",
    "ai",
    "generated",
    "synthetic",
    "spoof",
    "attack",
    "forged",
    "manipulated",
    "1_fake",
)
NOTHING = ("", "null", "none", "unknown")
LONGEST = 200  # characters of an attribute; longer text (a model's answer) is left out
PLAIN = "CSV, JSON, JSON Lines or Parquet with the columns id,score,label (1 is fake)"

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column plays which part. typed: the label is "real" or a generator's name.

    inverted: 0 is fake. rising: False when the score is 1 for genuine and 0 for fake.
    nothing: what stands where there is no score.
    """

    columns: Mapping[str, str]
    typed: bool = False
    inverted: bool = False
    rising: bool = True
    nothing: tuple[str, ...] = ()


def read(
    path: Path, columns: Mapping[str, str] | None = None, inverted: bool = False
) -> Iterator[Prediction]:
    """Yield the predictions of a file of someone else's.

    columns: part -> column, e.g. {"score": "prob_npr"}, where names are not the usual ones.
    inverted: labels in the file are 0 for fake and 1 for genuine.
    """
    seen: dict[tuple[object, ...], str] = {}
    layout: Layout | None = None
    for place, row in rows(path):
        if layout is None:
            layout = recognise(list(row), path, columns or {})
            layout = replace(layout, inverted=layout.inverted or inverted)
        found = prediction(row, layout, place)
        key = (found.dataset, found.generator, found.id, found.frame)
        if key in seen:
            raise DatasetError(f"{place}: id '{found.id}' again, first at {seen[key]}; keep one")
        seen[key] = place
        yield found
    if layout is None:
        raise DatasetError(f"{path}: holds no rows; expected {PLAIN}")


def recognise(header: list[str], path: Path, columns: Mapping[str, str]) -> Layout:
    """Return which column plays which part; DatasetError says how to name one that is not found."""
    for part, column in columns.items():
        if part not in NAMES:
            raise ConfigError(
                f"no part '{part}' in a file of scores; there are: {', '.join(NAMES)}"
            )
        if column not in header:
            raise DatasetError(f"{path}: no column '{column}'; there are: {', '.join(header)}")
    if not columns and {"path", "label", "pred", "response"} <= set(header):
        own = {"id": "path", "label": "label", "score": "pred"}
        return Layout(columns=own, inverted=True, rising=False, nothing=("-1",))
    lower = {name.lower().strip(): name for name in reversed(header)}
    found = dict(columns)
    for part, names in NAMES.items():
        usual = [lower[name] for name in names if name in lower]
        if part not in found and usual:
            found[part] = usual[0]
    for part in NEEDED:
        if part not in found:
            raise DatasetError(
                f"{path}: no column that looks like '{part}' among {', '.join(header)}; name it "
                f"with --columns {part}=COLUMN"
            )
    return Layout(columns=found, typed=found["label"].lower() == "typ")


def prediction(row: Row, layout: Layout, place: str) -> Prediction:
    """Return one row as a prediction; DatasetError names the place of what cannot be read."""
    value = {part: row[column] for part, column in layout.columns.items()}
    generator = _text(value.get("generator"))
    label = _label(value["label"], layout, place)
    score = _score(value["score"], layout, place)
    split = _text(value.get("split")).lower()
    used = set(layout.columns.values())
    rest = {name: _text(cell) for name, cell in row.items() if name not in used}
    return Prediction(
        id=_text(value["id"]),
        label=label,
        score=score,
        frame=_frame(value.get("frame"), place),
        dataset=_text(value.get("dataset")),
        generator="" if not label and generator.lower() in GENUINE else generator,
        source=_text(value.get("source")),
        identity=_text(value.get("identity")),
        split={"valid": "val", "validation": "val"}.get(split, split),
        kind=_text(value.get("kind")),
        attributes={name: cell for name, cell in rest.items() if cell and len(cell) <= LONGEST},
        error="" if score is not None else "no score in the file",
    )


def rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield (place in words, row) of a table in any format read here."""
    if not path.is_file():
        raise DatasetError(f"{path}: no such file")
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    kind = suffixes[0] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else path.suffix.lower()
    with path.open("rb") as stream:
        first = stream.read(2)
    if kind in (".pkl", ".pickle", ".pt", ".pth", ".npy", ".npz") or first[:1] == b"\x80":
        raise DatasetError(
            f"{path}: pickled files run code when they are loaded, so none is; write {PLAIN} "
            "where it was made"
        )
    if kind in (".csv", ".tsv", ".txt"):
        return _csv(path)
    if kind in (".json", ".jsonl", ".ndjson"):
        return _json(path, kind != ".json")
    if kind == ".parquet":
        return ((f"{path}: row {n}", row) for n, row in enumerate(tables.read(path), 1))
    raise DatasetError(f"{path}: not a format of scores; expected {PLAIN}")


def _csv(path: Path) -> Iterator[tuple[str, Row]]:
    with _opened(path) as stream:
        try:
            head = stream.readline()
            marks = {mark: head.count(mark) for mark in (",", ";", "\t")}
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(marks, key=lambda mark: marks[mark]))
            header = next(reader, [])
            if len(set(header)) < len(header):
                raise DatasetError(f"{path}:1: a column name comes twice in {header}")
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise DatasetError(
                        f"{path}:{reader.line_num}: {len(cells)} fields where the header has "
                        f"{len(header)}"
                    )
                yield f"{path}:{reader.line_num}", dict(zip(header, cells, strict=True))
        except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise DatasetError(f"{path}: not readable as CSV ({error})") from error


def _json(path: Path, is_lines: bool) -> Iterator[tuple[str, Row]]:
    try:
        with _opened(path) as stream:
            if is_lines:
                for number, line in enumerate(stream, 1):
                    if line.strip():
                        yield f"{path}:{number}", _object(json.loads(line), f"{path}:{number}")
                return
            found = json.load(stream)
    except (json.JSONDecodeError, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise DatasetError(f"{path}: not readable as JSON ({error})") from error
    for number, row in enumerate(_listed(found, path), 1):
        yield f"{path}: item {number}", _object(row, f"{path}: item {number}")


def _listed(found: Any, path: Path) -> list[Any]:
    """Return the rows of a list, of {id: row}, of columns {name: list}, or of one of these."""
    while isinstance(found, dict) and len(found) == 1:
        inner = next(iter(found.values()))
        if not isinstance(inner, dict):
            break
        if not all(isinstance(value, list | dict) for value in inner.values()):
            break
        found = inner
    if isinstance(found, dict) and found and all(isinstance(v, list) for v in found.values()):
        lengths = {name: len(column) for name, column in found.items()}
        if len(set(lengths.values())) > 1:
            raise DatasetError(f"{path}: columns of different lengths: {lengths}")
        return [dict(zip(found, cells, strict=True)) for cells in zip(*found.values(), strict=True)]
    if isinstance(found, dict):
        return [{"id": name, **_object(row, f"{path}: '{name}'")} for name, row in found.items()]
    if isinstance(found, list):
        return found
    raise DatasetError(f"{path}: neither a list of objects nor an object of rows")


def _object(row: Any, place: str) -> Row:
    if not isinstance(row, dict):
        raise DatasetError(f"{place}: expected an object with id, score and label")
    return row


def _opened(path: Path) -> TextIO:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    return cast(TextIO, opened(path, "rt", encoding="utf-8-sig", newline=""))


def _label(value: Any, layout: Layout, place: str) -> int:
    text = _text(value).lower()
    if layout.typed:
        return int(text not in GENUINE)
    if text in (*GENUINE, *FAKE):
        return int(text in FAKE)
    if text in ("0", "1", "0.0", "1.0"):
        return int(float(text)) ^ layout.inverted
    raise DatasetError(
        f"{place}: label '{_text(value)}' is none of 0, 1 (--inverted when 0 is fake), real, fake; "
        "leave out rows whose truth is unknown"
    )


def _score(value: Any, layout: Layout, place: str) -> float | None:
    text = _text(value).lower()
    if text in (*NOTHING, *layout.nothing):
        return None
    if text in (*GENUINE, *FAKE):  # a decision in words instead of a score
        return float(text in FAKE)
    try:
        score = float(text)
    except ValueError:
        raise DatasetError(f"{place}: score '{_text(value)}' is no number") from None
    if not math.isfinite(score):
        raise DatasetError(f"{place}: score is {score}; leave it empty where there is none")
    return score if layout.rising else 1 - score


def _frame(value: Any, place: str) -> int | None:
    text = _text(value)
    if text.lower() in NOTHING:
        return None
    if not text.isdecimal():
        raise DatasetError(f"{place}: frame '{text}' is no position in a video")
    return int(text)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
