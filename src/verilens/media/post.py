"""Posts: the words that somebody published with a picture or a video, in one JSON file.

    {"text": "The bridge opened today.", "media": "bridge.jpg", "author": "@news", "language": "en"}

The fields are published as JSON Schema in `report/schema/post-v1.json`. Posts are written by
strangers: the size is bounded, an unknown field is refused with a suggestion, and the media must
lie in the post's own folder or below. Nothing is fetched.
"""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from verilens.errors import MediaError
from verilens.media.names import shown
from verilens.media.opened import Limits
from verilens.media.sources import Source, UrlRules, expand
from verilens.records import Post

SCHEMA = "verilens/post-v1"
MOST_BYTES = 1 << 20
# Most characters of each field, and of one comment.
LONGEST = {
    "text": 100_000,
    "media": 1024,
    "title": 10_000,
    "author": 1000,
    "time": 64,
    "language": 35,
    "ocr": 100_000,
    "transcript": 100_000,
}
LONGEST_COMMENT, MOST_COMMENTS = 10_000, 10_000
PATTERNS = {
    "time": r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}([T ][0-9:.,]+(Z|[+-][0-9:]+)?)?)?)?",
    "language": r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*",
}
EXAMPLES = {"time": "2026-11-30T09:30:00Z", "language": "en"}
OWN = "x-"  # what fields of one's own begin with; nothing reads them
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def sources(arguments: Sequence[str], urls: UrlRules | None = None) -> Iterator[Source]:
    """Yield the posts that the arguments mean, each with the media to open.

    What is no post becomes a source with an error.
    """
    return map(opened, listed(arguments, urls=urls))


def listed(
    arguments: Sequence[str], *, urls: UrlRules | None = None, fetching: bool = True
) -> Iterator[Source]:
    """Yield the files of the posts that the arguments mean, unread; see `sources.expand`.

    Of a folder only its .json files are posts.
    """
    for argument in arguments:
        for source in expand([argument], urls=urls, fetching=fetching):
            is_named = source.name == argument or not os.path.isdir(argument)
            if is_named or source.name.lower().endswith(".json"):
                yield source


def opened(source: Source) -> Source:
    """Return the source of a post's media, with the post; with an error when there is none."""
    if source.path is None:
        return source
    post = None
    try:
        post = read(source.path, shown(source.name))
        if source.temporary and post.media:
            message = "it was piped in or fetched, so no media lie beside it; save it beside them"
            raise MediaError("refused", message)
        path = media_path(post, source.path.parent)
    except MediaError as error:
        return Source(name=source.name, error=error, post=post)
    finally:
        source.discard()
    return Source(name=source.name, path=path, post=post)


def read(path: Path, name: str = "") -> Post:
    """Return the post in a file; MediaError says what is wrong with it and what to do."""
    from verilens.media.read import open_regular  # not above: decoders stay out of the scan

    name = name or shown(path)
    with open_regular(path, name, Limits()) as file:
        data = file.read(MOST_BYTES + 1)
        size = os.fstat(file.fileno()).st_size
    if len(data) > MOST_BYTES:
        what = f"{size / 2**20:.1f} MiB of words, over the limit of {MOST_BYTES >> 20} MiB"
        raise MediaError("too-large", f"{name}: {what}; leave out comments or shorten the text")
    facts = _object(data, name)
    _refuse_unknown(facts, name)
    words = {field: _words(facts, field, name) for field in LONGEST}
    digest = hashlib.sha256(data).hexdigest()
    return Post(sha256=digest, comments=_comments(facts, name), **words)


def media_path(post: Post, folder: Path) -> Path:
    """Return where a post's media lie, below `folder`; MediaError when they cannot be opened."""
    name = shown(post.media)
    if not post.media:
        message = "the post has no picture or video (field 'media'): its words alone prove nothing"
        raise MediaError("missing", message)
    place = PurePosixPath(post.media)
    if _ADDRESS.match(post.media):
        raise MediaError("refused", f"media {name} is an address; save it beside the post first")
    if place.is_absolute() or ".." in place.parts or "\\" in post.media or "\0" in post.media:
        message = f"media {name} leads out of the post's folder; put the file there"
        raise MediaError("refused", message)
    path = folder / place
    if not os.path.lexists(path):
        raise MediaError("missing", f"media {name} is missing; put it beside the post")
    if not path.resolve().is_relative_to(folder.resolve()):
        message = f"media {name} is a link that leads out of the post's folder; copy the file there"
        raise MediaError("refused", message)
    return path


def _object(data: bytes, name: str) -> Mapping[str, Any]:
    if not data.strip():
        raise MediaError("empty", f"{name}: the file is empty; a post is a JSON object")
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _wrong(name, "this is no UTF-8 text; a post is a JSON file, convert it") from error
    except json.JSONDecodeError as error:
        what = f"line {error.lineno} is no JSON ({error.msg}); a post is a JSON object with 'text'"
        raise _wrong(name, what) from error
    except (ValueError, RecursionError) as error:
        raise _wrong(name, "its JSON has a number too long or is nested too deeply") from error
    if not isinstance(found, dict):
        raise _wrong(name, "this is no JSON object; a post is one, with the field 'text'")
    return found


def _refuse_unknown(facts: Mapping[str, Any], name: str) -> None:
    known = [*LONGEST, "comments", "schema"]
    for field in facts:
        if field not in known and not field.startswith(OWN):
            close = difflib.get_close_matches(field, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}."
            what = f"unknown field '{shown(field[:40])}'; {hint} Your own begin with '{OWN}'"
            raise _wrong(name, what)
    if facts.get("schema", SCHEMA) != SCHEMA:
        raise _wrong(name, f"its schema is {facts['schema']!r:.40}; '{SCHEMA}' is read here")
    if "text" not in facts:
        raise _wrong(name, "the field 'text' is missing; it may be empty")


def _words(facts: Mapping[str, Any], field: str, name: str) -> str:
    found = facts.get(field, "")
    if not isinstance(found, str):
        raise _wrong(name, f"'{field}' must be text, not {type(found).__name__}")
    if len(found) > LONGEST[field]:
        what = f"'{field}' has {len(found):,} characters, over the limit of {LONGEST[field]:,}"
        raise MediaError("too-large", f"{name}: {what}; shorten it")
    pattern = PATTERNS.get(field)
    if found and pattern and not re.fullmatch(pattern, found):
        what = f"'{field}' is {shown(found)!r}; write it as in '{EXAMPLES[field]}'"
        raise _wrong(name, what)
    return _encodable(found)


def _comments(facts: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = facts.get("comments", [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise _wrong(name, "'comments' must be a list of texts")
    longest = max(map(len, found), default=0)
    if len(found) > MOST_COMMENTS or longest > LONGEST_COMMENT:
        what = f"over {MOST_COMMENTS:,} comments, or one over {LONGEST_COMMENT:,} characters"
        raise MediaError("too-large", f"{name}: {what}; leave some out")
    return tuple(map(_encodable, found))


def _encodable(text: str) -> str:
    """Return text without lone surrogates, as long as before: positions in it stay right."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _wrong(name: str, what: str) -> MediaError:
    return MediaError("unsupported", f"{name}: {what}; see post-v1.json")
