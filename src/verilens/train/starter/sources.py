"""Extract further training media from git snapshots of public repositories.

    python -m verilens.train.starter.sources SNAPSHOTS OUT
    python -m verilens.train.starter.sources SNAPSHOTS FACES --list faces

SNAPSHOTS holds git directories named OWNER+NAME/repo. What is taken, and as what, stands in the
lists of the folder `sources`; OUT gets the files and a manifest.csv in the layout of the corpus'
other parts. A repository that is absent is named and left out, and so is a file that an earlier
source has given already.
"""

import argparse
import csv
import io
import logging
import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from PIL import Image

LISTS = ("stills_generated", "stills_genuine", "clips_generated", "clips_genuine")
APART = ("faces",)  # lists that are taken when they are named alone
SUFFIXES = {"image": (".jpg", ".jpeg", ".png", ".webp"), "video": (".mp4", ".gif", ".webm", ".mov")}
LEAST_BYTES, LEAST_SIDE_PX, LONGEST = 9000, 200, 2.4
UNFIT = re.compile(
    "mask|depth|canny|pose|seg|logo|teaser|screenshot|comparison|grid|chart|input|original|ref"
)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One entry of a list: the files of a commit that are one kind of media, of one label."""

    repository: str
    commit: str
    files: tuple[str, ...]  # regular expressions; a path must contain one of them
    kind: str
    label: str
    generator: str = ""

    def takes(self, name: str, size: int) -> bool:
        """Return whether a file of this path and size in bytes is wanted."""
        path = Path(name.lower())
        is_unfit = self.label == "ai" and UNFIT.search(path.name)
        fits = path.suffix in SUFFIXES[self.kind] and size >= LEAST_BYTES
        return fits and not is_unfit and any(re.search(part, name) for part in self.files)


class Blob(NamedTuple):
    name: str
    key: str
    size: int


def sources(lists: Sequence[str] = LISTS) -> list[Source]:
    """Return the entries of some lists, in their order."""
    folder = files("verilens.train.starter") / "sources"
    texts = [(folder / f"{name}.toml").read_text(encoding="utf-8") for name in lists]
    return [source for text in texts for source in parsed(text)]


def parsed(text: str) -> Iterator[Source]:
    """Yield the entries of one list, whose head states the kind and the label of them all."""
    content = tomllib.loads(text)
    for entry in content["source"]:
        wanted = entry.pop("files")
        parts = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        yield Source(**entry, files=parts, kind=content["kind"], label=content["label"])


def blobs(git_dir: Path, commit: str) -> Iterator[Blob]:
    """Yield the files of a commit that the snapshot holds."""
    for line in _git(git_dir, "ls-tree", "-lrz", commit).decode(errors="replace").split("\0"):
        facts, _, name = line.partition("\t")
        if name and facts.split()[3].isdigit():
            yield Blob(name, facts.split()[2], int(facts.split()[3]))


def extract(
    source: Source, snapshots: Path, out: Path, taken: dict[str, Source]
) -> Iterator[dict[str, str]]:
    """Write the source's files below `out` and yield their manifest rows.

    taken: which source gave each blob so far; the blobs of this one are added.
    """
    git_dir = snapshots / source.repository.replace("/", "+") / "repo"
    git_dir = git_dir / ".git" if (git_dir / ".git").is_dir() else git_dir
    if not git_dir.is_dir():
        logger.warning("%s: no snapshot at %s; left out", source.repository, git_dir)
        return
    for blob in blobs(git_dir, source.commit):
        if not source.takes(blob.name, blob.size) or _is_repeated(blob, source, taken):
            continue
        content = _git(git_dir, "cat-file", "blob", blob.key)
        size = _size(content) if source.kind == "image" else (0, 0)
        if size is None:
            continue
        taken[blob.key] = source
        path = Path(source.kind) / source.label / (blob.key[:16] + Path(blob.name).suffix.lower())
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)
        yield _row(source, blob, path, size)


def _is_repeated(blob: Blob, source: Source, taken: dict[str, Source]) -> bool:
    """Return whether the blob is taken; one that another source gave is named."""
    first = taken.get(blob.key)
    if first is not None and first != source:
        told = "%s: %s is left out, %s has given it as %s %s"
        origin = (first.repository, first.label, first.generator or first.kind)
        logger.warning(told, source.repository, blob.name, *origin)
    return first is not None


def _row(source: Source, blob: Blob, path: Path, size: tuple[int, int]) -> dict[str, str]:
    return {
        "path": str(path),
        "kind": source.kind,
        "label": source.label,
        "generator": source.generator,
        "source_repo": source.repository,
        "commit": source.commit,
        "blob": blob.key,
        "name": blob.name,
        "license": "see repository",
        "width": str(size[0]),
        "height": str(size[1]),
    }


def _size(content: bytes) -> tuple[int, int] | None:
    """Return a picture's size, None if it is no picture, too small or too long."""
    try:
        width, height = Image.open(io.BytesIO(content)).size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    shorter, longer = sorted((width, height))
    return (width, height) if shorter >= LEAST_SIDE_PX and longer <= LONGEST * shorter else None


def _git(git_dir: Path, *arguments: str) -> bytes:
    command = ["git", f"--git-dir={git_dir}", *arguments]
    return subprocess.run(command, capture_output=True, check=False).stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verilens.train.starter.sources")
    parser.add_argument("snapshots", type=Path, help="folder of OWNER+NAME/repo git directories")
    parser.add_argument("out", type=Path)
    parser.add_argument("--list", action="append", choices=(*LISTS, *APART), help="only these")
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    taken: dict[str, Source] = {}
    rows = []
    for source in sources(args.list or LISTS):
        found = list(extract(source, args.snapshots, args.out, taken))
        logger.info("%5d %s %s %s", len(found), source.kind, source.label, source.repository)
        rows += found
    with (args.out / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
