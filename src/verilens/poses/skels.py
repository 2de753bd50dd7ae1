"""PHOENIX14T skeletons as Progressive Transformers reads them: a sequence on each line.

A frame is 50 joints x 3 and the counter t / T, 151 numbers; other sets have other counts. Beside
x.skels may lie x.files, x.gloss and x.text with a line for each sequence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError
from verilens.poses.make import MAX_FRAMES, MAX_VALUES, guessed, make_pose
from verilens.records import Pose

FPS = 25.0
MAX_BYTES = MAX_VALUES * 10  # a number takes about nine characters


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A signed sentence. name, gloss and text are "" where their files are not there."""

    name: str
    gloss: str
    text: str
    pose: Pose


def read_sentences(path: Path) -> Iterator[Sentence]:
    """Yield the sequences of a .skels file with what lies beside it."""
    beside = {kind: _lines(path.with_suffix(f".{kind}")) for kind in ("files", "gloss", "text")}
    for number, pose in enumerate(_sequences(path)):
        said = {k: lines[number] if number < len(lines) else "" for k, lines in beside.items()}
        yield Sentence(name=said["files"], gloss=said["gloss"], text=said["text"], pose=pose)


def clips(path: Path) -> Iterator[tuple[str, list[Pose]]]:
    """Yield the sequences by name, or by number where there is no .files beside them."""
    for number, sentence in enumerate(read_sentences(path)):
        yield sentence.name or str(number), [sentence.pose]


def write_skels(path: Path, poses: Sequence[Pose]) -> None:
    """Write each pose as a line, coordinates to five digits and the counter to four."""
    with path.open("w", encoding="utf-8") as file:
        for pose in poses:
            frames = pose.joints.reshape(len(pose), -1)
            words = [
                " ".join(f"{value:.5f}" for value in values) + f" {number / len(pose):.4f}"
                for number, values in enumerate(frames)
            ]
            file.write(" ".join(words) + "\n")


def _sequences(path: Path) -> Iterator[Pose]:
    if path.stat().st_size > MAX_BYTES:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes of text")
    for number, line in enumerate(_lines(path)):
        if line.strip():
            yield _sequence(f"{path}:{number + 1}", line)


def _sequence(where: str, line: str) -> Pose:
    try:
        values = np.array(line.split(), np.float32)
    except ValueError as error:
        raise MediaError("corrupt", f"{where}: {error}") from error
    width = _width(where, values)
    frames = values.reshape(-1, width)
    joints = frames[:, :-1].reshape(len(frames), -1, 3)
    of = guessed(joints.shape[1])
    return make_pose(joints, None, of, FPS, units="norm", frame="camera")


def _width(where: str, values: NDArray[np.float32]) -> int:
    """Return how many numbers a frame has: joints x 3 and a counter that rises from 0."""
    for width in (151, 535):
        counter = values[width - 1 :: width]
        if len(values) and len(values) % width == 0 and len(counter) <= MAX_FRAMES:
            expected = np.arange(len(counter)) / len(counter)
            if np.abs(counter - expected).max() < 0.01:
                return width
    raise MediaError("corrupt", f"{where}: {len(values)} numbers are no frames of 50 or 178 joints")


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise MediaError("corrupt", f"{path}: no UTF-8 text") from error
