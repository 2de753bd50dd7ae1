"""Poses as plain arrays and plain text.

.npz: joints (M, T, J, D) or (T, J, D); and, where they are known, confidence of the same shape
without D, skeleton (its name), joint_names, edges, root, fps, units, frame, size.

.csv: a line a frame; columns <joint>_x, <joint>_y, <joint>_z, <joint>_c, and person where there are
several. The first line may be "# skeleton=coco17 fps=25 units=px frame=image".
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError
from verilens.poses.arrays import read_arrays
from verilens.poses.make import (
    MAX_FRAMES,
    MAX_PEOPLE,
    frame_of,
    guessed,
    make_pose,
    own_skeleton,
    same_kind,
    units_of,
)
from verilens.poses.skeletons import names, skeleton
from verilens.records import Pose, Skeleton

FPS = 25.0  # where a file does not say
MAX_CSV_BYTES = 1 << 29


def read_npz(path: Path) -> list[Pose]:
    """Return the persons of an .npz file with an array `joints`."""
    arrays = read_arrays(path)
    if "joints" not in arrays:
        held = ", ".join(sorted(arrays)[:8]) or "nothing"
        raise MediaError("unsupported", f"{path}: no array 'joints'; it holds {held}")
    joints = arrays["joints"]
    joints = joints[None] if joints.ndim == 3 else joints
    if joints.ndim != 4 or joints.dtype.kind not in "fiu" or len(joints) > MAX_PEOPLE:
        raise MediaError("corrupt", f"{path}: joints are {joints.dtype} of {joints.shape}")
    sure = arrays.get("confidence", np.ones(joints.shape[:3], np.float32))
    if sure.dtype.kind not in "fiub":
        raise MediaError("corrupt", f"{path}: confidence is {sure.dtype}")
    sure = sure.reshape(joints.shape[:3]) if sure.size == joints[..., 0].size else sure
    width, height = _numbers(arrays, "size", (0, 0))[:2]
    return [
        make_pose(
            joints[person],
            sure[person],
            _skeleton(arrays, joints.shape[2]),
            _numbers(arrays, "fps", (FPS,))[0],
            units=units_of(_text(arrays, "units")),
            frame=frame_of(_text(arrays, "frame")),
            person=person,
            size=(int(width), int(height)),
        )
        for person in range(len(joints))
    ]


def write_npz(path: Path, poses: Sequence[Pose]) -> None:
    """Write persons of one skeleton and length; `read_npz` gives them back as they are."""
    first = same_kind(poses)
    np.savez_compressed(
        path,
        joints=np.stack([pose.joints for pose in poses]),
        confidence=np.stack([pose.confidence for pose in poses]),
        skeleton=np.array(first.skeleton.name),
        joint_names=np.array(first.skeleton.joints),
        edges=np.array(first.skeleton.edges, np.int32).reshape(-1, 2),
        root=np.array(first.skeleton.root),
        fps=np.array(first.fps),
        units=np.array(first.units),
        frame=np.array(first.frame),
        size=np.array(first.size),
    )


def read_csv(path: Path) -> list[Pose]:
    """Return the persons of a .csv file whose header names the joints."""
    if path.stat().st_size > MAX_CSV_BYTES:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes of text")
    try:
        text = path.read_text(encoding="utf-8-sig")
        first, _, rest = text.partition("\n")
        about = dict(word.split("=", 1) for word in first[1:].split() if "=" in word)
        rows = list(csv.reader(io.StringIO(rest if first.startswith("#") else text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise MediaError("corrupt", f"{path}: no UTF-8 CSV file ({error})") from error
    if len(rows) < 2 or len(rows) > MAX_FRAMES:
        raise MediaError("empty" if len(rows) < 2 else "too-large", f"{path}: {len(rows)} lines")
    return _persons(path, rows[0], _table(path, rows), about if first.startswith("#") else {})


def write_csv(path: Path, poses: Sequence[Pose]) -> None:
    """Write persons as text, six digits behind the point."""
    first = same_kind(poses)
    axes = "xyz"[: first.joints.shape[2]] + "c"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(
            f"# skeleton={first.skeleton.name.replace(' ', '_')} fps={first.fps:g} "
            f"units={first.units} frame={first.frame}\n"
        )
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["person", *(f"{j}_{axis}" for j in first.skeleton.joints for axis in axes)])
        for pose in poses:
            values = np.concatenate([pose.joints, pose.confidence[..., None]], 2)
            for row in values.reshape(len(pose), -1):
                table.writerow([pose.person, *(f"{value:.6f}" for value in row)])


def _table(path: Path, rows: list[list[str]]) -> NDArray[np.float64]:
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise MediaError("corrupt", f"{path}:{line}: {len(row)} of {len(rows[0])} fields")
    try:
        return np.array([[float(value or "nan") for value in row] for row in rows[1:]])
    except ValueError as error:
        raise MediaError("corrupt", f"{path}: {error}") from error


def _persons(
    path: Path, header: list[str], table: NDArray[np.float64], about: dict[str, str]
) -> list[Pose]:
    column = {name: place for place, name in enumerate(header)}
    joints = [name.removesuffix("_x") for name in header if name.endswith("_x")]
    axes = [axis for axis in "xyz" if joints and f"{joints[0]}_{axis}" in column]
    lacking = [f"{j}_{axis}" for j in joints for axis in axes if f"{j}_{axis}" not in column]
    if not joints or lacking:
        what = lacking[0] if lacking else "<joint>_x and <joint>_y"
        raise MediaError("unsupported", f"{path}: the header lacks {what}")
    places = [[column[f"{joint}_{axis}"] for axis in axes] for joint in joints]
    sure = [column.get(f"{joint}_c", -1) for joint in joints]
    ones = np.concatenate([table, np.ones((len(table), 1))], 1)  # for -1: no such column
    who = table[:, column["person"]] if "person" in column else np.zeros(len(table))
    of = own_skeleton(about.get("skeleton", path.stem), joints)
    people = np.unique(who)
    if len(people) > MAX_PEOPLE:
        raise MediaError("too-large", f"{path}: {len(people)} persons")
    return [
        make_pose(
            ones[who == person][:, places],
            ones[who == person][:, sure],
            of,
            _number(about.get("fps", ""), FPS),
            units=units_of(about.get("units", "")),
            frame=frame_of(about.get("frame", "")),
            person=number,
        )
        for number, person in enumerate(people)
    ]


def _skeleton(arrays: dict[str, NDArray[Any]], count: int) -> Skeleton:
    name = _text(arrays, "skeleton")
    if name in names():
        return skeleton(name)
    joints = arrays.get("joint_names")
    if joints is None or joints.dtype.kind != "U":
        return guessed(count) if not name else skeleton(name)
    edges = arrays.get("edges", np.zeros((0, 2), np.int32))
    if edges.dtype.kind not in "iu" or edges.ndim != 2 or edges.shape[1] != 2:
        raise MediaError("corrupt", f"edges are {edges.dtype} of {edges.shape}")
    bones = [(int(a), int(b)) for a, b in edges]
    root = int(_numbers(arrays, "root", (0,))[0])
    return own_skeleton(name, joints.ravel().tolist(), bones, min(max(root, 0), count - 1))


def _text(arrays: dict[str, NDArray[Any]], name: str) -> str:
    value = arrays.get(name)
    return str(value.ravel()[0]) if value is not None and value.dtype.kind == "U" else ""


def _numbers(
    arrays: dict[str, NDArray[Any]], name: str, default: tuple[float, ...]
) -> tuple[float, ...]:
    value = arrays.get(name)
    if value is None or value.dtype.kind not in "fiu" or value.size < len(default):
        return default
    return tuple(float(number) for number in value.ravel()[: len(default)])


def _number(text: str, default: float) -> float:
    try:
        return float(text)
    except ValueError:
        return default
