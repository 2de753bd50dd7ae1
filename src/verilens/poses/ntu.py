"""NTU RGB+D .skeleton files: text of Kinect v2, 25 joints a body, up to two bodies and more.

Frames; then for each frame the bodies; for each body a line of ten fields that begins with its
number, the joints, and a line of twelve fields a joint: x y z (m), depth x y, colour x y, the
rotation w x y z, and how well it is tracked (0 not, 1 inferred, 2 tracked).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from verilens.errors import ConfigError, MediaError
from verilens.poses.make import MAX_FRAMES, MAX_PEOPLE, make_pose, same_kind
from verilens.poses.skeletons import skeleton
from verilens.records import Pose

FPS = 30.0
JOINTS = 25
TRACKED = np.array([0.0, 0.5, 1.0])  # confidence of each state: a convention of ours
MAX_BYTES = 1 << 28


def read_ntu(path: Path) -> list[Pose]:
    """Return the bodies of a file in the order of their first frame; absent frames are missing."""
    if path.stat().st_size > MAX_BYTES:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes")
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        frames = _frames(_Lines(lines))
    except (UnicodeDecodeError, ValueError, IndexError, StopIteration, RuntimeError) as error:
        raise MediaError("corrupt", f"{path}: no NTU skeleton file ({error})") from error
    bodies = list(dict.fromkeys(body for frame in frames for body in frame))
    if not bodies:
        raise MediaError("empty", f"{path}: nobody is in its {len(frames)} frames")
    if len(bodies) > MAX_PEOPLE:
        raise MediaError("too-large", f"{path}: {len(bodies)} persons")
    missing = np.zeros((JOINTS, 4))
    poses = []
    for person, body in enumerate(bodies):
        values = np.stack([frame.get(body, missing) for frame in frames])
        poses.append(
            make_pose(
                values[..., :3],
                values[..., 3],
                "ntu25",
                FPS,
                units="m",
                frame="world",
                person=person,
            )
        )
    return poses


def write_ntu(path: Path, poses: Sequence[Pose]) -> None:
    """Write bodies; what a pose does not know (pixels, rotations, lean) is written as 0."""
    first = same_kind(poses)
    if first.skeleton != skeleton("ntu25") or first.joints.shape[2] != 3:
        raise ConfigError("an NTU file holds ntu25 in 3D; convert first (--skeleton ntu25)")
    lines = [str(len(first))]
    for frame in range(len(first)):
        present = [pose for pose in poses if pose.confidence[frame].any()]
        lines.append(str(len(present)))
        for pose in present:
            lines += [f"{pose.person + 1} 0 0 0 0 0 0 0 0 2", str(JOINTS)]
            states = np.digitize(pose.confidence[frame], [0.01, 0.75])
            for (x, y, z), state in zip(pose.joints[frame].tolist(), states, strict=True):
                lines.append(f"{x!r} {y!r} {z!r} 0 0 0 0 0 0 0 0 {state}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self.lines: Iterator[str] = iter(lines)

    def words(self) -> list[str]:
        try:
            return next(self.lines).split()
        except StopIteration:
            raise ValueError("it ends too early") from None

    def count(self, most: int) -> int:
        (word,) = self.words()
        count = int(word)
        if not 0 <= count <= most:
            raise ValueError(f"{count} where at most {most} is possible")
        return count


def _frames(lines: _Lines) -> list[dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]]:
    frames = []
    for _ in range(lines.count(MAX_FRAMES)):
        bodies = {}
        for _ in range(lines.count(MAX_PEOPLE)):
            body = lines.words()[0]
            if lines.count(JOINTS) != JOINTS:
                raise ValueError("a body without 25 joints")
            rows = np.array([lines.words() for _ in range(JOINTS)], float)
            state = np.clip(rows[:, 11].astype(int), 0, 2)
            bodies[body] = np.concatenate([rows[:, :3], TRACKED[state][:, None]], 1)
        frames.append(bodies)
    return frames
