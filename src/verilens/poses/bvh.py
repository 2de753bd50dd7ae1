"""BVH motion capture: a tree of joints with offsets, then its channels frame by frame.

Rotations multiply in the order of a joint's channels; a joint with position channels lies where
they say instead of at its offset. Ends of bones are joints too, "<joint>_end".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from verilens.errors import MediaError
from verilens.poses.kinematics import Floats, Rig, euler_zxy, places, rotations, turned
from verilens.poses.make import MAX_FRAMES, MAX_JOINTS, make_pose, own_skeleton
from verilens.poses.rig import rig_of
from verilens.records import Pose

MAX_BYTES = 1 << 28
CHANNELS = {f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation")}


class Bvh(NamedTuple):
    """channels: their names for each joint; values: (T, channels of all joints)."""

    rig: Rig
    channels: tuple[tuple[str, ...], ...]
    seconds: float
    values: Floats


def read_bvh(path: Path) -> list[Pose]:
    """Return the movement of a file as joint positions in its own units, y up."""
    if path.stat().st_size > MAX_BYTES:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes")
    try:
        bvh = parse(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, IndexError) as error:
        raise MediaError("corrupt", f"{path}: no BVH file ({error})") from error
    rig = bvh.rig
    of = own_skeleton(path.stem, rig.names, rig.edges)
    fps = 1 / bvh.seconds
    whole = round(fps)
    fps = float(whole) if abs(fps - whole) < 2e-4 * fps else fps
    return [make_pose(positions(bvh), None, of, fps, frame="world")]


def positions(bvh: Bvh) -> Floats:
    """Return where the joints are, (T, J, 3)."""
    local = np.broadcast_to(np.eye(3), (len(bvh.values), len(bvh.rig.names), 3, 3)).copy()
    root = np.broadcast_to(bvh.rig.offsets[0], (len(bvh.values), 3)).copy()
    at = 0
    for joint, channels in enumerate(bvh.channels):
        values = bvh.values[:, at : at + len(channels)]
        turns = [n for n, name in enumerate(channels) if name.endswith("rotation")]
        local[:, joint] = turned([channels[n][0].lower() for n in turns], values[:, turns])
        if joint == 0:
            for n, name in enumerate(channels):
                if name.endswith("position"):
                    root[:, "XYZ".index(name[0])] = values[:, n]
        at += len(channels)
    return places(bvh.rig, local, root)


def parse(text: str) -> Bvh:
    """Return what the text of a BVH file says; ValueError where it is none."""
    head, found, tail = text.partition("MOTION")
    if not found:
        raise ValueError("no MOTION")
    rig, channels = _hierarchy(head.split())
    lines = tail.split("\n")
    words = [line.split() for line in lines if line.strip()]
    if len(words) < 2 or words[0][0] != "Frames:" or words[1][:2] != ["Frame", "Time:"]:
        raise ValueError("no Frames and Frame Time")
    frames, seconds = int(words[0][1]), float(words[1][2])
    width = sum(len(each) for each in channels)
    if not 0 < frames <= MAX_FRAMES or frames != len(words) - 2:
        raise ValueError(f"{frames} frames are promised, {len(words) - 2} are there")
    if not 1e-4 <= seconds <= 1e4:
        raise ValueError(f"a frame of {seconds} s")
    if any(len(row) != width for row in words[2:]):
        raise ValueError(f"a frame without its {width} numbers")
    return Bvh(rig, channels, seconds, np.array(words[2:], float))


def write_bvh(path: Path, poses: Sequence[Pose]) -> None:
    """Write one person; bones keep their median length, so places move where theirs changes."""
    pose, rig, order = rig_of(poses)
    joints = pose.joints[:, order].astype(float)
    angles = euler_zxy(rotations(rig, joints))
    rows = np.concatenate([joints[:, 0], angles.reshape(len(pose), -1)], 1)
    lines = ["HIERARCHY", *_tree(rig, 0, 0), "MOTION", f"Frames: {len(pose)}"]
    lines.append(f"Frame Time: {1 / pose.fps:.8f}")
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tree(rig: Rig, joint: int, depth: int) -> list[str]:
    pad = "\t" * depth
    x, y, z = rig.offsets[joint]
    channels = "3 Zrotation Xrotation Yrotation"
    if depth == 0:
        channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    lines = [f"{pad}{'JOINT' if depth else 'ROOT'} {rig.names[joint]}", f"{pad}{{"]
    lines += [f"{pad}\tOFFSET {x:.6f} {y:.6f} {z:.6f}", f"{pad}\tCHANNELS {channels}"]
    for child, parent in enumerate(rig.parents):
        if parent == joint:
            lines += _tree(rig, child, depth + 1)
    return [*lines, f"{pad}}}"]


def _hierarchy(words: list[str]) -> tuple[Rig, tuple[tuple[str, ...], ...]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int] = []
    at = 1 if words[:1] == ["HIERARCHY"] else len(words)
    while at < len(words):
        word = words[at]
        if word in ("ROOT", "JOINT", "End"):
            above = open_joints[-1] if open_joints else -1
            if (above < 0) != (not names) or len(names) >= MAX_JOINTS:
                raise ValueError("more than one root, or too many joints")
            names.append(words[at + 1] if word != "End" else f"{names[above]}_end")
            parents.append(above)
            offsets.append([0.0, 0.0, 0.0])
            channels.append(())
            at += 2
        elif word == "{":
            open_joints.append(len(names) - 1)
            at += 1
        elif word == "}":
            open_joints.pop()
            at += 1
        elif word == "OFFSET":
            offsets[open_joints[-1]] = [float(value) for value in words[at + 1 : at + 4]]
            at += 4
        elif word == "CHANNELS":
            count = int(words[at + 1])
            channels[open_joints[-1]] = tuple(words[at + 2 : at + 2 + count])
            at += 2 + count
        else:
            raise ValueError(f"{word!r} in its hierarchy")
    if not names or open_joints or not {name for each in channels for name in each} <= CHANNELS:
        raise ValueError("a hierarchy that is not closed, or channels that do not exist")
    return Rig(tuple(names), tuple(parents), np.array(offsets).reshape(-1, 3)), tuple(channels)
