"""Opens one file: recognise, hash, decode, cut. Runs inside the decoder process (see sandbox).

Nothing here trusts the name of the file, its header or its length.
"""

import contextlib
import hashlib
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from verilens.errors import MediaError
from verilens.media import spectral, still
from verilens.media.animation import read_animation
from verilens.media.film import Film
from verilens.media.integrity import check_png, refuse_protected
from verilens.media.names import shown
from verilens.media.opened import Limits, Opened
from verilens.media.provenance import provenance
from verilens.media.quality import quality
from verilens.media.sample import Moment, sampled
from verilens.media.sniff import HEAD_BYTES, Format, sniff
from verilens.media.video import read_film
from verilens.records import Media, Quality, View

UNHASHED = "0" * 64  # the hash of a file of which only the pixels were asked
_PIECE = 1 << 20
# The demuxer that samples an animated picture; None leaves it to Pillow.
_ANIMATED = {"GIF": "gif", "PNG": "apng", "WEBP": None, "AVIF": None}


class Facts(NamedTuple):
    """What is known of a file before it is decoded."""

    path: str
    name: str
    sha256: str
    form: Format
    size_bytes: int


def read(
    path: Path, views: Sequence[View], limits: Limits, name: str = "", examined: bool = True
) -> Opened:
    """Return the file's facts and one clip per view that is for its kind.

    name: what messages call the file; its path by default. examined: also hash it and look at its
        provenance and quality; the pixels alone come several times faster.

    Raises MediaError; its message is one line that names the file and the way out.
    """
    name = name or shown(path)
    with open_regular(path, name, limits) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        form = sniff(file.read(HEAD_BYTES), name)
        sha256 = digest(file) if examined else UNHASHED
        size_bytes = os.fstat(file.fileno()).st_size
        refuse_protected(file, form, name)
        wanted = max((view.frames for view in views), default=1)
        facts = Facts(str(path), name, sha256, form, size_bytes)
        if form.demuxer:
            return _opened_film(read_film(file, form.demuxer, wanted, name, limits), facts, views)
        if form.name in spectral.FORMATS:
            cube = spectral.read(path, file, form.name, name, limits)
            if examined and cube.beside:
                with open_regular(cube.beside, cube.beside.name, limits) as colours:
                    facts = facts._replace(sha256=digest(file, colours))
            return _opened_cube(cube, facts, views)
        if form.name == "PNG":
            check_png(file, name)
        image = still.open_header(file, form.name, name, limits)
        asked = {view.bands for view in views} - {3}
        if form.name == "TIFF" and getattr(image, "n_frames", 1) in asked:
            return _opened_cube(spectral.read_pages(image, name, limits), facts, views)
        if not getattr(image, "is_animated", False) or form.name not in _ANIMATED:
            return _opened_still(still.decode(image, name), facts, views)
        if demuxer := _ANIMATED[form.name]:
            file.seek(0)
            film = read_film(file, demuxer, wanted, name, limits)
        else:
            film = read_animation(image, file, wanted, name, limits)
        return _opened_film(film, facts, views)


def _opened_still(found: still.Still, facts: Facts, views: Sequence[View]) -> Opened:
    width, height = found.picture.size
    media = Media(
        path=facts.path,
        sha256=facts.sha256,
        kind="image",
        format=facts.form.name,
        size_bytes=facts.size_bytes,
        width=width,
        height=height,
        quality=Quality(notes=found.notes),
    )
    moment = Moment(0.0, lambda: found.picture, found.to_srgb)
    return _opened(media, [moment], views, found.stored)


def _opened_cube(cube: spectral.Cube, facts: Facts, views: Sequence[View]) -> Opened:
    height, width, bands = cube.pixels.shape
    of = f"those of {cube.beside.name}" if cube.beside else "the first three"
    media = Media(
        path=facts.path,
        sha256=facts.sha256,
        kind="image",
        format=facts.form.name,
        size_bytes=facts.size_bytes,
        width=width,
        height=height,
        quality=Quality(notes=(f"a spectral cube of {bands} bands, its colours {of}",)),
    )
    colours = Image.fromarray(np.ascontiguousarray(cube.pixels[..., :3]))
    opened = _opened(media, [Moment(0.0, lambda: colours)], views, colours)
    further = {v: spectral.clip(v, cube) for v in views if v.bands > 3 and v.reads("image", bands)}
    both = {view: {**opened.clips, **further}[view] for view in views if view.reads("image", bands)}
    return replace(opened, clips=both, bands=bands)


def _opened_film(film: Film, facts: Facts, views: Sequence[View]) -> Opened:
    media = Media(
        path=facts.path,
        sha256=facts.sha256,
        kind="video",
        format=facts.form.name,
        size_bytes=facts.size_bytes,
        width=film.size[0],
        height=film.size[1],
        duration_s=film.duration_s,
        fps=film.fps,
        frames=film.frames,
        has_audio=film.has_audio,
        codec=film.codec,
        quality=Quality(notes=film.notes),
    )
    return _opened(media, film.moments, views, film.moments[0].picture())


def _opened(
    media: Media, moments: Sequence[Moment], views: Sequence[View], first: Image.Image
) -> Opened:
    asked = [view for view in views if view.reads(media.kind)]
    clips, faces = sampled(asked, moments, (media.width, media.height))
    if media.sha256 != UNHASHED:
        media = examine(media, first)
    return Opened(media=media, clips=clips, faces=faces)


def examine(media: Media, first: Image.Image) -> Media:
    """Return the facts with provenance and quality; what fails there becomes a note.

    first: the first frame at native resolution, of a still as the file holds it.
    """
    path = Path(media.path)
    found, seen = media.provenance, media.quality
    try:
        found = provenance(path, media.format, first)
    except Exception as error:  # a damaged manifest must not cost the file
        found = replace(found, notes=(f"provenance could not be read ({still.said(error)})",))
    try:
        seen = quality(path, media, first)
        seen = replace(seen, notes=(*media.quality.notes, *seen.notes))
    except Exception as error:
        seen = replace(seen, notes=(*seen.notes, f"quality not measured ({still.said(error)})"))
    return replace(media, provenance=found, quality=seen)


@contextlib.contextmanager
def open_regular(path: Path, name: str, limits: Limits) -> Iterator[BinaryIO]:
    """Open a plain file for reading; never blocks on a FIFO and never reads a device."""
    try:
        check_kind(os.stat(path).st_mode, name)
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except FileNotFoundError as error:
        what = "a link that leads nowhere" if os.path.islink(path) else "no such file"
        raise MediaError("missing", f"{name}: {what}; check the path") from error
    except PermissionError as error:
        raise MediaError(
            "permission", f"{name}: no permission to read it; check its mode and folder"
        ) from error
    except (OSError, ValueError) as error:
        raise MediaError("missing", f"{name}: cannot be opened ({still.said(error)})") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        check_kind(status.st_mode, name)
        if status.st_size > limits.max_bytes:
            raise MediaError(
                "too-large",
                f"{name}: {status.st_size / 2**30:.1f} GiB, over the limit of "
                f"{limits.max_bytes / 2**30:.1f} GiB; cut out the part in question",
            )
        yield file


def check_kind(mode: int, name: str) -> None:
    """Raise MediaError "not-a-file" for anything but a plain file."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISCHR, "a device"),
    )
    for is_kind, what in kinds:
        if is_kind(mode):
            raise MediaError("not-a-file", f"{name}: this is {what}; give a picture or video file")


def digest(*files: BinaryIO) -> str:
    """Return the SHA-256 of whole files, one after the other, in hex, read in pieces."""
    total = hashlib.sha256()
    for file in files:
        file.seek(0)
        while piece := file.read(_PIECE):
            total.update(piece)
    return total.hexdigest()
