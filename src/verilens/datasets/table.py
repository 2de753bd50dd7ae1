"""One's own media listed in a table: a CSV or Parquet file with a path and a label in each row.

The file lies in the folder that its paths start from and is called manifest.csv, samples.csv or the
like. Columns called as the fields of a sample become those; all others become attributes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from verilens import layout, tables
from verilens.card import DataCard
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature
from verilens.records import Sample, SampleKind, Split

CARD = DataCard(
    name="table",
    title="A table of files",
    summary="one's own media in a CSV or Parquet file: a path and a label in each row",
    tasks=("ai-image", "ai-video", "face-forgery", "spoof", "post", "localize"),
    layout="{manifest,samples}.{csv,parquet} with columns path (or uri), label, and any of "
    "kind, generator, source, identity, split, mask, text, licence, id",
    paper="",
    licence="one's own",
    access="on one's own disk",
    consent="known to whoever collected it",
    year=2026,
    traps=("words such as real, ai, fake or manipulated are labels; a bare 0 is genuine",),
)

NAMES = ("manifest.csv", "samples.csv", "manifest.parquet", "samples.parquet")
GENUINE = frozenset(("0", "real", "genuine", "nature", "authentic", "bonafide", "live", "false"))
FORGED = frozenset(("1", "fake", "ai", "generated", "manipulated", "forged", "spoof", "true"))
SPLITS: dict[str, Split] = {"": "", "train": "train", "training": "train", "val": "val"}
SPLITS |= {"valid": "val", "validation": "val", "dev": "val", "test": "test", "testing": "test"}
# Other words for the columns.
ALIASES = {
    "uri": "path",
    "file": "path",
    "filename": "path",
    "license": "licence",
    "source_repo": "source",
    "subject_id": "identity",
}
FIELDS = frozenset(
    ("id", "path", "label", "kind", "generator", "source", "identity", "split", "mask", "text")
) | {"licence"}


def fits(root: Path) -> bool:
    """Return whether the folder holds such a table."""
    path = layout.first(*(root / name for name in NAMES))
    try:
        return path is not None and {"path", "label"} <= {_column(name) for name in _header(path)}
    except DatasetError:  # a stray file of that name, which says nothing of the layout
        return False


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the rows in order."""
    return layout.of_split(_samples(root), split)


def _column(name: str) -> str:
    plain = name.strip().lower()
    return ALIASES.get(plain, plain)


def _header(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(tables.opened(path).schema_arrow.names)
    first = next(layout.lines(path), (0, ""))[1]
    return [name.strip('"') for name in first.split(",")]


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    if path.suffix == ".parquet":
        for number, row in enumerate(tables.read(path), 1):
            yield number, {k: "" if v is None else str(v) for k, v in row.items()}
    else:
        yield from layout.rows(path, ())


def _samples(root: Path) -> Iterator[Sample]:
    path = layout.first(*(root / name for name in NAMES))
    if path is None:
        raise layout.wrong(root, None, f"no table here; it must be called one of {NAMES}")
    for number, row in _rows(path):
        named = {_column(name): value.strip() for name, value in row.items()}
        if not named.get("path"):
            raise layout.wrong(path, number, "the row has no path")
        yield _sample(root, path, number, named)


def _sample(root: Path, path: Path, number: int, row: Mapping[str, str]) -> Sample:
    word, split = row.get("label", "").lower(), row.get("split", "").lower()
    if word not in GENUINE | FORGED:
        known = "0, 1, real, fake, ai, manipulated and the like"
        raise layout.wrong(path, number, f"label '{word}' is unknown; write {known}")
    if split not in SPLITS:
        raise layout.wrong(path, number, f"split '{split}' is none of train, val, test")
    place, label = row["path"], int(word in FORGED)
    mask = row.get("mask", "")
    facts = {"class": word} if word not in "01" else {}
    return Sample(
        id=row.get("id") or place,
        uri=place if "://" in place else str(root / place),
        kind=_kind(row.get("kind", ""), place),
        label=label,
        generator=(row.get("generator") or word) if label else "",
        source=row.get("source", ""),
        identity=row.get("identity", ""),
        split=SPLITS[split],
        mask=str(root / mask) if mask else "",
        text=row.get("text", ""),
        licence=row.get("licence", ""),
        attributes=facts | {k: v for k, v in row.items() if k not in FIELDS and v},
    )


def _kind(said: str, place: str) -> SampleKind:
    if said in ("image", "video", "post"):
        return said  # type: ignore[return-value]
    return "video" if layout.suffix(place) in layout.VIDEOS else "image"


def fake(root: Path) -> None:
    """Write pictures and a video of two sources and one generator, and their table."""
    mini = Miniature(root)
    lines = ["path,label,generator,source,split,camera"]
    for n, split in enumerate(("train", "val", "test")):
        mini.picture(f"media/r{n}.jpg")
        mini.picture(f"media/f{n}.png", forged=True)
        lines.append(f"media/r{n}.jpg,real,,photographer {n},{split},phone")
        lines.append(f"media/f{n}.png,ai,GAN,,{split},")
    mini.video("media/v.mp4", forged=True)
    mini.text("manifest.csv", *lines, "media/v.mp4,fake,Sora,,test,")
