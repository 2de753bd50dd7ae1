"""The .pose format: a header that names components, then all coordinates, then all confidences.

Little-endian. Header: float version; uint16 width, height, depth, components; for each component
its name, the letters of a point such as XYZC, uint16 points, limbs, colours; the names; pairs of
points; RGB triples of uint16. Body 0.1: uint16 fps, frames, people; body 0.2: float fps, uint32
frames, uint16 people; then float32 (frames, people, points, letters - 1) and (frames, people,
points). The frames of 0.1 are counted from the length, since two bytes hold 65,535 at most.

The library pose-format writes nothing but 0.2, so it cannot give a 0.1 file back as it was, and it
believes the counts of a header. Therefore this reader, which checks each count against the bytes
that are left.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError
from verilens.poses.make import MAX_JOINTS, MAX_VALUES

VERSIONS = (0.0, 0.1, 0.2)


class Component(NamedTuple):
    """A part of the body. axes: letters of a point, the last for confidence."""

    name: str
    axes: str
    points: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PoseFile:
    """What a .pose file holds, nothing interpreted.

    version: 0.0, 0.1 or 0.2. size: width, height, depth. values: (frames, people, points, axes - 1)
    float32; confidence: (frames, people, points) float32.
    """

    version: float
    size: tuple[int, int, int]
    components: tuple[Component, ...]
    fps: float
    values: NDArray[np.float32]
    confidence: NDArray[np.float32]


def load(path: Path) -> PoseFile:
    """Return what a file holds; MediaError when it is damaged or larger than its bytes."""
    if path.stat().st_size > MAX_VALUES * 4:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes")
    try:
        return parse(path.read_bytes())
    except MediaError as error:
        raise MediaError(error.kind, f"{path}: {error.message}") from error


def parse(data: bytes) -> PoseFile:
    """Return what the bytes of a .pose file hold."""
    source = _Bytes(data)
    version = round(source.one("f"), 3) + 0.0  # no minus zero
    if version not in VERSIONS:
        raise MediaError("unsupported", f"version {version} of .pose; known are 0.0, 0.1 and 0.2")
    width, height, depth, count = source.some("4H")
    components = tuple(source.component() for _ in range(count))
    points = sum(len(component.points) for component in components)
    axes = max((len(component.axes) for component in components), default=0) - 1
    if not 0 < points <= MAX_JOINTS or not 1 < axes <= 8:
        raise MediaError("corrupt", f"{points} points with {axes} coordinates")
    body = _body_0_0 if version == 0.0 else _body
    fps, values, confidence = body(source, version, components, (points, axes))
    return PoseFile(
        version=version,
        size=(width, height, depth),
        components=components,
        fps=fps,
        values=values,
        confidence=confidence,
    )


def dump(file: PoseFile) -> bytes:
    """Return the bytes of a .pose file; those it was read from, for versions 0.1 and 0.2."""
    parts = [struct.pack("<f4H", file.version, *file.size, len(file.components))]
    for part in file.components:
        parts += [_text(part.name), _text(part.axes)]
        parts.append(struct.pack("<3H", len(part.points), len(part.limbs), len(part.colours)))
        parts += [_text(point) for point in part.points]
        parts += [struct.pack("<2H", *limb) for limb in part.limbs]
        parts += [struct.pack("<3H", *colour) for colour in part.colours]
    frames, people = file.values.shape[:2]
    if file.version == 0.1:
        parts.append(struct.pack("<3H", round(file.fps), frames & 0xFFFF, people))
    elif file.version == 0.2:
        parts.append(struct.pack("<fIH", file.fps, frames, people))
    else:
        raise MediaError("unsupported", f"version {file.version} of .pose is not written")
    return b"".join((*parts, file.values.tobytes(), file.confidence.tobytes()))


def _body(
    source: "_Bytes", version: float, components: tuple[Component, ...], each: tuple[int, int]
) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
    points, axes = each
    fps, frames, people = source.some("3H") if version == 0.1 else source.some("fIH")
    size = people * points * (axes + 1) * 4
    if version == 0.1 and size:
        frames = source.left // size
    values = source.array((int(frames), int(people), points, axes))
    return float(fps), values, source.array((int(frames), int(people), points))


def _body_0_0(
    source: "_Bytes", version: float, components: tuple[Component, ...], each: tuple[int, int]
) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
    """Frame by frame and person by person; of several persons the first is read."""
    points, axes = each
    fps, frames = source.some("2H")
    values = np.zeros((frames, 1, points, axes), np.float32)
    confidence = np.zeros((frames, 1, points), np.float32)
    for frame in range(frames):
        for person in range(source.one("H")):
            source.one("h")  # number of the person
            start = 0
            for part in components:
                end = start + len(part.points)
                point = source.array((len(part.points), len(part.axes)))
                if person == 0:
                    values[frame, 0, start:end, : len(part.axes) - 1] = point[:, :-1]
                    confidence[frame, 0, start:end] = point[:, -1]
                start = end
    return float(fps), values, confidence


class _Bytes:
    """Reads one thing after the other, and never beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def some(self, kinds: str) -> tuple[Any, ...]:
        size = struct.calcsize(f"<{kinds}")
        return struct.unpack(f"<{kinds}", self._take(size))

    def one(self, kind: str) -> Any:
        return self.some(kind)[0]

    def text(self) -> str:
        try:
            return self._take(self.one("H")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise MediaError("corrupt", f"a name in its header is no UTF-8 ({error})") from error

    def component(self) -> Component:
        name, axes = self.text(), self.text()
        points, limbs, colours = self.some("3H")
        if len(axes) < 2 or points > MAX_JOINTS:
            raise MediaError("corrupt", f"{points} points of the form {axes!r}")
        return Component(
            name,
            axes,
            tuple(self.text() for _ in range(points)),
            tuple(self.some("2H") for _ in range(limbs)),  # type: ignore[misc]
            tuple(self.some("3H") for _ in range(colours)),  # type: ignore[misc]
        )

    def array(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        count = 1
        for side in shape:
            count *= side
        if not count or count > MAX_VALUES:
            raise MediaError("corrupt", f"a movement of {shape[0]} frames, {count} numbers")
        return np.frombuffer(self._take(count * 4), "<f4").reshape(shape)

    def _take(self, size: int) -> bytes:
        if size > self.left:
            raise MediaError("corrupt", f"it ends {size - self.left:,} bytes too early")
        self.at += size
        return self.data[self.at - size : self.at]


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<H", len(data)) + data
