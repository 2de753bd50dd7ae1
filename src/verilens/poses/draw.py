"""Skeletons as pictures: a GIF, an MP4 film, and a strip of moments as SVG."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from verilens.errors import ConfigError
from verilens.poses.look import Layout, View, colour, edge_colour, layouts
from verilens.poses.make import same_kind
from verilens.poses.timing import at, resample
from verilens.records import Pose

if TYPE_CHECKING:
    from PIL import Image

Pictures = Callable[[Sequence[Pose], View, int], Iterator["Image.Image"]]
PAPER = "#ffffff"
FINE = 2  # drawn larger, then reduced, so that lines are smooth
GIF_FPS = 25.0  # what browsers show; frames last whole hundredths of a second
FILM_FPS = 60.0
MAX_GIF_FRAMES = 2000
FACE = 60  # joints above which points are drawn small


def pictures(
    poses: Sequence[Pose], view: View = "front", size: int = 480
) -> Iterator["Image.Image"]:
    """Yield each frame of a clip as an RGB picture whose longer side is about `size` pixels."""
    from PIL import Image, ImageDraw

    same_kind(poses)
    persons, (width, height) = layouts(poses, view, size * FINE)
    for frame in range(len(poses[0])):
        picture = Image.new("RGB", (width, height), PAPER)
        pen = ImageDraw.Draw(picture)
        for pose, person in zip(poses, persons, strict=True):
            _person(pen, pose, person, frame, size * FINE)
        yield picture.resize((width // FINE // 2 * 2, height // FINE // 2 * 2))


def write_gif(
    path: Path,
    poses: Sequence[Pose],
    view: View = "front",
    size: int = 480,
    drawn: Pictures = pictures,
) -> None:
    """Write a GIF that repeats; above 25 frames a second it shows 25. drawn: makes its pictures."""
    shown = [resample(pose, min(pose.fps, GIF_FPS)) for pose in poses]
    if len(shown[0]) > MAX_GIF_FRAMES:
        raise ConfigError(f"{len(shown[0])} frames are too many for a GIF; write an .mp4")
    first, *rest = drawn(shown, view, size)
    ends = np.round(np.arange(1, len(shown[0]) + 1) * 100 / shown[0].fps)
    lasts = np.maximum(np.diff(ends, prepend=0), 2) * 10  # shorter ones are shown slowly
    durations = [int(each) for each in lasts]
    first.save(path, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def write_mp4(
    path: Path,
    poses: Sequence[Pose],
    view: View = "front",
    size: int = 480,
    drawn: Pictures = pictures,
) -> None:
    """Write an H.264 film at the frame rate of the clip, at most 60 a second.

    drawn: makes its pictures.
    """
    import av

    poses = [resample(pose, min(pose.fps, FILM_FPS)) for pose in poses]
    rate = Fraction(poses[0].fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=rate, options={"crf": "20"})
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(drawn(poses, view, size)):
            if number == 0:
                stream.width, stream.height = picture.size
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = number, 1 / rate
            film.mux(stream.encode(frame))
        film.mux(stream.encode())


def write_svg(
    path: Path, poses: Sequence[Pose], view: View = "front", size: int = 240, moments: int = 8
) -> None:
    """Write a strip of evenly spaced moments, first and last included."""
    first = same_kind(poses)
    times = np.linspace(0, len(first) - 1, min(moments, len(first)))
    still = [at(pose, times) for pose in poses]
    persons, (width, height) = layouts(still, view, size)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(times)} {height + 16}" '
        f'font-family="sans-serif" font-size="11" stroke-linecap="round">',
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
    ]
    for number, time in enumerate(times / first.fps):
        parts.append(f'<g transform="translate({number * width} 0)">')
        for pose, person in zip(still, persons, strict=True):
            parts += _svg_person(pose, person, number, size)
        parts.append(f'<text x="4" y="{height + 11}" fill="#444">{time:.2f} s</text></g>')
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def _person(pen: "object", pose: Pose, person: Layout, frame: int, size: int) -> None:
    from PIL import ImageDraw

    assert isinstance(pen, ImageDraw.ImageDraw)
    points, seen = person.points[frame], person.seen[frame]
    width = _width(pose, size)
    for a, b in pose.skeleton.edges:
        if seen[a] and seen[b]:
            line = [*points[a].tolist(), *points[b].tolist()]
            pen.line(line, fill=edge_colour(pose, (a, b)), width=max(round(width), 1))
    for joint in np.flatnonzero(seen):
        x, y = points[joint].tolist()
        r = width * 0.9
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour(pose.skeleton.joints[joint]))


def _svg_person(pose: Pose, person: Layout, frame: int, size: int) -> Iterator[str]:
    points, seen = person.points[frame], person.seen[frame]
    width = _width(pose, size)
    for a, b in pose.skeleton.edges:
        if seen[a] and seen[b]:
            (x1, y1), (x2, y2) = points[a].tolist(), points[b].tolist()
            yield (
                f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" '
                f'stroke="{edge_colour(pose, (a, b))}" stroke-width="{width:.1f}"/>'
            )
    for joint in np.flatnonzero(seen):
        x, y = points[joint].tolist()
        fill = colour(pose.skeleton.joints[joint])
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width * 0.9:.1f}" fill="{fill}"/>'


def _width(pose: Pose, size: int) -> float:
    """Return how wide lines are: thinner where there are many joints."""
    return size / (280 if len(pose.skeleton) > FACE else 150)
