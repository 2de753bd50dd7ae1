"""Movement in a scan: a file of joints is a medium of its own, or lies beside a film.

clip.pose -> the persons in it, and a film drawn of them for the report
clip.mp4 and clip.pose -> the persons, once both are found to be as long and as fast
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from verilens.errors import ConfigError, MediaError, UnknownName
from verilens.media.names import shown
from verilens.media.opened import Opened
from verilens.poses.draw import pictures
from verilens.poses.make import same_kind
from verilens.poses.read import MANY, READERS, read
from verilens.poses.timing import at
from verilens.records import Clip, Media, Pose, View

SUFFIXES = frozenset({*READERS, *MANY})
FPS_APART, LENGTH_APART = 0.01, 0.03  # relative
LEAST_APART_S = 0.15
MOMENTS = 12  # drawn for the report


def is_movement(path: Path) -> bool:
    """Tell whether a file may hold joints, by its suffix; reading it says for sure."""
    return path.suffix.lower() in SUFFIXES


def persons(path: Path) -> tuple[Pose, ...]:
    """Return the persons of a file of joints, or of a folder of OpenPose frames.

    MediaError also for a file of many clips: it says how to take one out.
    """
    try:
        found = tuple(read(path))
    except (ConfigError, UnknownName) as error:
        said = str(error)
        if "many clips" in said:
            said += "; take it out with 'verilens motion convert FILE OUT --clip NAME'"
        raise MediaError("unsupported", said) from error
    if not found or not max(len(pose) for pose in found):
        raise MediaError("no-frames", f"{shown(str(path))}: nobody is in it")
    return found


def opened(path: Path, sha256: str, views: Iterable[View] = ()) -> Opened:
    """Return a file of joints as media. views: what of its film the report shows."""
    found = persons(path)
    first = found[0]
    media = Media(
        path=str(path),
        sha256=sha256,
        kind="movement",
        format=path.suffix.lower().lstrip("."),
        size_bytes=path.stat().st_size,
        width=first.size[0],
        height=first.size[1],
        duration_s=max(len(pose) / pose.fps for pose in found),
        fps=first.fps,
        frames=max(len(pose) for pose in found),
        codec=first.skeleton.name,
    )
    return Opened(media=media, clips=drawn(found, tuple(views)), poses=found)


def beside(film: Opened, found: tuple[Pose, ...]) -> Opened:
    """Return a film with the movement in it; MediaError unless both are as long and as fast."""
    media, first = film.media, found[0]
    if media.kind != "video":
        raise MediaError("unsupported", "--poses goes with a video, not with an image")
    if media.fps and abs(first.fps - media.fps) > FPS_APART * media.fps:
        raise MediaError(
            "unsupported",
            f"the poses have {first.fps:g} frames a second, the video {media.fps:g}; where their "
            "file does not say its own, 'verilens motion convert --as-fps' does",
        )
    seconds = len(first) / first.fps
    apart = abs(seconds - (media.duration_s or seconds))
    if apart > max(LEAST_APART_S, LENGTH_APART * seconds):
        raise MediaError(
            "unsupported",
            f"the poses last {seconds:.2f} s, the video {media.duration_s:.2f} s; are they of this "
            "video, and of all of it?",
        )
    return replace(film, poses=found)


def drawn(found: Sequence[Pose], views: Sequence[View]) -> Mapping[View, Clip]:
    """Return pictures of the joints for views of whole frames, at moments evenly in time."""
    whole = [view for view in views if view.fit == "contain"]
    if not whole:
        return {}
    try:
        first = same_kind(found)
    except ConfigError:  # persons of several skeletons are not drawn together
        found, first = found[:1], found[0]
    made: dict[View, Clip] = {}
    for view in whole:
        count = min(view.frames, MOMENTS, len(first))
        moments = np.linspace(0, len(first) - 1, count)
        side = min(view.size, 480)
        frames = np.stack(
            [np.asarray(p) for p in pictures([at(p, moments) for p in found], size=side)]
        )
        height, width = frames.shape[1:3]
        made[view] = Clip(
            frames=frames,
            times_s=moments / first.fps,
            boxes=np.tile(np.array([0, 0, width, height], np.int32), (count, 1)),
            size=(width, height),
            view=view,
        )
    return made
