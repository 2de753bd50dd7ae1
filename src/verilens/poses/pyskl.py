"""Pickles of pyskl, PoseC3D and ProtoGCN: a data set of skeletons with labels and splits.

dict(split={name: [frame_dir]}, annotations=[dict(frame_dir, label, keypoint (M, T, V, C),
keypoint_score (M, T, V) in 2D, total_frames, img_shape (height, width))]); older files are the list
alone. Joints that are exactly 0 in 3D are missing.
"""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError, UnknownName
from verilens.poses.make import MAX_PEOPLE, MAX_VALUES, make_pose, same_kind
from verilens.poses.skeletons import skeleton
from verilens.poses.unpickle import unpickle
from verilens.records import Pose, Skeleton

FPS = 30.0  # the files do not say; NTU and Kinetics mostly have 30
LAYOUTS = {(17, 2): "coco17", (20, 2): "coco_new20", (25, 3): "ntu25", (20, 3): "kinect20"}
LAYOUTS |= {(22, 2): "imigue22", (41, 2): "imigue41", (18, 2): "openpose18", (133, 2): "coco133"}


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A clip of the data set. splits: which of its lists name it."""

    name: str
    label: int
    poses: list[Pose]
    splits: tuple[str, ...] = ()


def read_annotations(path: Path) -> Iterator[Annotation]:
    """Yield the clips of a file in its order."""
    if path.stat().st_size > MAX_VALUES * 8:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes")
    try:
        held = unpickle(path.read_bytes())
    except MediaError as error:
        raise MediaError(error.kind, f"{path}: {error.message}") from error
    annotations = held.get("annotations") if isinstance(held, dict) else held
    if not isinstance(annotations, list):
        raise MediaError("unsupported", f"{path}: a pickle without a list of annotations")
    splits = _splits(held.get("split") if isinstance(held, dict) else None)
    for number, each in enumerate(annotations):
        where = f"{path}: annotation {number}"
        if not isinstance(each, dict) or "keypoint" not in each:
            raise MediaError("corrupt", f"{where} has no keypoint")
        name = str(each.get("frame_dir", number))
        label = each.get("label", -1)
        yield Annotation(
            name=name,
            label=label if isinstance(label, int) else -1,
            poses=_persons(where, each),
            splits=tuple(s for s, names in splits.items() if name in names),
        )


def clips(path: Path) -> Iterator[tuple[str, list[Pose]]]:
    """Yield the name and the persons of each clip."""
    yield from ((each.name, each.poses) for each in read_annotations(path))


def write_annotations(path: Path, annotations: Sequence[Annotation]) -> None:
    """Write clips as pyskl reads them."""
    splits: dict[str, list[str]] = {}
    for each in annotations:
        for name in each.splits:
            splits.setdefault(name, []).append(each.name)
    held = {"split": splits, "annotations": [_annotation(each) for each in annotations]}
    path.write_bytes(pickle.dumps(held, protocol=4))


def write_pickle(path: Path, poses: Sequence[Pose]) -> None:
    """Write one clip."""
    write_annotations(path, [Annotation(name=path.stem, label=-1, poses=list(poses))])


def _annotation(each: Annotation) -> dict[str, Any]:
    first = same_kind(each.poses)
    held: dict[str, Any] = {
        "frame_dir": each.name,
        "label": each.label,
        "total_frames": len(first),
        "keypoint": np.stack([pose.joints for pose in each.poses]),
    }
    if first.joints.shape[2] == 2:
        width, height = first.size
        held["keypoint_score"] = np.stack([pose.confidence for pose in each.poses])
        held["img_shape"] = held["original_shape"] = (height, width)
    return held


def _persons(where: str, each: dict[str, Any]) -> list[Pose]:
    points = _numbers(where, each["keypoint"], 4)
    scores = each.get("keypoint_score")
    sure = None if scores is None else _numbers(where, scores, 3)
    if sure is not None and sure.shape != points.shape[:3]:
        raise MediaError("corrupt", f"{where}: {sure.shape} scores for {points.shape} points")
    if len(points) > MAX_PEOPLE:
        raise MediaError("too-large", f"{where}: {len(points)} persons")
    of = _layout(where, points)
    three = points.shape[3] == 3
    about: dict[str, Any] = {"units": "m", "frame": "world"} if three else {"units": "px"}
    shape = each.get("img_shape")
    if isinstance(shape, tuple | list) and len(shape) == 2 and all(type(n) is int for n in shape):
        about["size"] = (shape[1], shape[0])
    return [
        make_pose(
            points[person],
            (points[person] != 0).any(2) if sure is None else sure[person],
            of,
            FPS,
            person=person,
            **about,
        )
        for person in range(len(points))
    ]


def _layout(where: str, points: NDArray[Any]) -> Skeleton:
    joints, axes = points.shape[2:]
    if (joints, axes) not in LAYOUTS:
        raise UnknownName(f"{where}: {joints} joints in {axes}D are of no skeleton known here")
    return skeleton(LAYOUTS[joints, axes])


def _numbers(where: str, value: Any, axes: int) -> NDArray[Any]:
    if not isinstance(value, np.ndarray) or value.ndim != axes or value.dtype.kind not in "fiu":
        raise MediaError("corrupt", f"{where}: keypoints are no array of {axes} axes")
    return value


def _splits(held: Any) -> dict[str, set[str]]:
    if not isinstance(held, dict):
        return {}
    return {str(k): {str(n) for n in names} for k, names in held.items() if isinstance(names, list)}
