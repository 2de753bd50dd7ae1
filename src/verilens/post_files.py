"""Posts of a data set as post files with their media, so that a scan can read them.

    sample of kind "post" -> <folder>/<number>/post.json, its media beside it

What is known of the truth goes into fields of one's own, which no scan reads: x-label, x-id,
x-class, x-box, x-words. Media are linked where the disk allows it, else copied.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from verilens.errors import DatasetError
from verilens.media.post import LONGEST, LONGEST_COMMENT, MOST_COMMENTS, PATTERNS, SCHEMA
from verilens.records import Post, Sample

TRUTH = ("class", "box", "words", "event")
NAME = "post.json"


def write(samples: Iterable[Sample], folder: Path) -> Iterator[Path]:
    """Write the posts among the samples and yield each file; other samples are left out.

    DatasetError when the media of one are missing, or `folder` holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DatasetError(f"{folder} is not empty; name a new folder for the posts")
    posts = (sample for sample in samples if sample.kind == "post")
    for number, sample in enumerate(posts, 1):
        source = Path(sample.uri)
        if not source.is_file():
            raise DatasetError(f"{sample.id}: its media {source} are missing; see 'data doctor'")
        place = folder / f"{number:06d}"
        place.mkdir(parents=True)
        media = f"media{source.suffix.lower()}"
        _place(source, place / media)
        facts = {"schema": SCHEMA, "media": media, **fields(sample)}
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        (place / NAME).write_text(text + "\n", encoding="utf-8")
        yield place / NAME


def fields(sample: Sample) -> dict[str, object]:
    """Return a sample's words as fields of a post, cut to what a post may hold."""
    said = sample.attributes
    found: dict[str, object] = {"text": sample.text[: LONGEST["text"]]}
    if ocr := said.get("ocr", ""):
        found["ocr"] = ocr[: LONGEST["ocr"]]
    if comments := _comments(said):
        found["comments"] = comments
    published = said.get("published", "")
    if re.fullmatch(PATTERNS["time"], published):
        found["time"] = published
    elif published:
        found["x-published"] = published
    truth = {f"x-{name}": said[name] for name in TRUTH if name in said}
    return found | {"x-label": sample.label, "x-id": sample.id} | truth


def as_post(sample: Sample) -> Post:
    """Return a sample as the post that `write` would write of it."""
    said = fields(sample)
    words = {name: str(said[name]) for name in ("text", "ocr", "time") if name in said}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    media = Path(sample.uri).name
    return Post(sha256=digest, media=media, comments=tuple(_comments(sample.attributes)), **words)


def _comments(said: Mapping[str, str]) -> list[str]:
    """Return the comments of an attribute, which holds a JSON list or one text."""
    text = said.get("comments", "")
    try:
        found = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        found = [text]
    kept = [comment for comment in found if isinstance(comment, str) and comment]
    return [comment[:LONGEST_COMMENT] for comment in kept][:MOST_COMMENTS]


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(source, target)
