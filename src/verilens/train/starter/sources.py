"""Extract further training media from git snapshots of public repositories.

    python -m verilens.train.starter.sources SNAPSHOTS OUT

SNAPSHOTS holds git directories named OWNER+NAME/repo. What is taken, and as what, stands in
`sources.toml`; OUT gets the files and a manifest.csv in the layout of the corpus' other parts. A
repository that is absent is named and left out.
"""

import argparse
import csv
import io
import logging
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from PIL import Image

SUFFIXES = {"image": (".jpg", ".jpeg", ".png", ".webp"), "video": (".mp4", ".gif", ".webm", ".mov")}
LEAST_BYTES, LEAST_SIDE_PX, LONGEST = 9000, 200, 2.4
UNFIT = re.compile(
    "mask|depth|canny|pose|seg|logo|teaser|screenshot|comparison|grid|chart|input|original|ref"
)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One entry of `sources.toml`."""

    repository: str
    commit: str
    files: str
    kind: str
    label: str
    generator: str = ""

    def takes(self, name: str, size: int) -> bool:
        """Return whether a file of this path and size in bytes is wanted."""
        path = Path(name.lower())
        is_unfit = self.label == "ai" and UNFIT.search(path.name)
        fits = path.suffix in SUFFIXES[self.kind] and size >= LEAST_BYTES
        return fits and not is_unfit and re.search(self.files, name) is not None


class Blob(NamedTuple):
    name: str
    key: str
    size: int


def sources() -> list[Source]:
    """Return the entries of `sources.toml`."""
    text = (files("verilens.train.starter") / "sources.toml").read_text(encoding="utf-8")
    return [Source(**entry) for entry in tomllib.loads(text)["source"]]


def blobs(git_dir: Path, commit: str) -> Iterator[Blob]:
    """Yield the files of a commit that the snapshot holds."""
    for line in _git(git_dir, "ls-tree", "-lrz", commit).decode(errors="replace").split("\0"):
        facts, _, name = line.partition("\t")
        if name and facts.split()[3].isdigit():
            yield Blob(name, facts.split()[2], int(facts.split()[3]))


def extract(source: Source, snapshots: Path, out: Path, seen: set[str]) -> Iterator[dict[str, str]]:
    """Write the source's files below `out` and yield their manifest rows. seen: blobs taken."""
    git_dir = snapshots / source.repository.replace("/", "+") / "repo"
    git_dir = git_dir / ".git" if (git_dir / ".git").is_dir() else git_dir
    if not git_dir.is_dir():
        logger.warning("%s: no snapshot at %s; left out", source.repository, git_dir)
        return
    for blob in blobs(git_dir, source.commit):
        if blob.key in seen or not source.takes(blob.name, blob.size):
            continue
        content = _git(git_dir, "cat-file", "blob", blob.key)
        size = _size(content) if source.kind == "image" else (0, 0)
        if size is None:
            continue
        seen.add(blob.key)
        path = Path(source.kind) / source.label / (blob.key[:16] + Path(blob.name).suffix.lower())
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)
        yield _row(source, blob, path, size)


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
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    seen: set[str] = set()
    rows = []
    for source in sources():
        found = list(extract(source, args.snapshots, args.out, seen))
        logger.info("%5d %s %s %s", len(found), source.kind, source.label, source.repository)
        rows += found
    with (args.out / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
