"""Keypoints in JSON as detectors write them: OpenPose, COCO and COCO WholeBody, MediaPipe.

Which of them a file is, its names tell. Coordinates are pixels for OpenPose and COCO, parts of the
picture for MediaPipe. None of them says the frame rate.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verilens.errors import ConfigError, DatasetError, MediaError
from verilens.layout import natural, read_json
from verilens.poses.follow import Floats, followed
from verilens.poses.make import MAX_FRAMES, make_pose, same_kind
from verilens.poses.skeletons import skeleton
from verilens.records import Pose

FPS = 25.0
MAX_BYTES = 1 << 29

OPENPOSE = ("pose", "face", "hand_left", "hand_right")
COCO_PARTS = {"foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
MEDIAPIPE = {"pose_landmarks": 33, "face_landmarks": 468}
MEDIAPIPE |= {"left_hand_landmarks": 21, "right_hand_landmarks": 21}


def read_keypoints(path: Path) -> list[Pose]:
    """Return the persons of a JSON file, or of a folder with an OpenPose file for each frame."""
    if path.is_dir():
        return _openpose([_json(path / name) for name in _frames_of(path)], path)
    held = _json(path)
    if isinstance(held, dict) and "people" in held:
        return _openpose([held], path)
    if _is_coco(held):
        return _coco(held, path)
    frames = held.get("frames") if isinstance(held, dict) else held
    if (
        isinstance(frames, list)
        and frames
        and isinstance(frames[0], dict)
        and "people" in frames[0]
    ):
        return _openpose(frames, path)
    if isinstance(frames, list) and frames:
        return _mediapipe(frames, held.get("fps", FPS) if isinstance(held, dict) else FPS, path)
    raise MediaError("unsupported", f"{path}: neither OpenPose, COCO nor MediaPipe keypoints")


def write_keypoints(path: Path, poses: Sequence[Pose]) -> None:
    """Write what the skeleton says: OpenPose into a folder or file, COCO, or MediaPipe."""
    first = same_kind(poses)
    name = first.skeleton.name
    if name in ("openpose25", "openpose137", "openpose18"):
        _write_openpose(path, poses)
    elif not path.suffix:
        raise ConfigError(f"{path}: only OpenPose joints go into a folder of frames, not {name}")
    elif name in ("coco17", "coco133"):
        path.write_text(json.dumps(_coco_results(poses)), encoding="utf-8")
    elif name in ("mediapipe33", "holistic543"):
        frames = [_mediapipe_frame(first, at) for at in range(len(first))]
        path.write_text(json.dumps({"fps": first.fps, "frames": frames}), encoding="utf-8")
    else:
        raise ConfigError(
            f"JSON holds OpenPose, COCO or MediaPipe joints, not {name}; convert first, "
            "for example with --skeleton coco17"
        )


def _json(path: Path) -> Any:
    if path.stat().st_size > MAX_BYTES:
        raise MediaError("too-large", f"{path}: {path.stat().st_size:,} bytes")
    try:
        return read_json(path)
    except DatasetError as error:
        raise MediaError("corrupt", str(error)) from error


def _frames_of(folder: Path) -> list[str]:
    names = [each.name for each in folder.iterdir() if each.name.endswith(".json")]
    if not names:
        raise MediaError("empty", f"{folder}: no .json file with keypoints in it")
    if len(names) > MAX_FRAMES:
        raise MediaError("too-large", f"{folder}: {len(names)} files")
    return sorted(names, key=lambda name: natural((re.findall(r"\d+", name) or ["0"])[-1]))


def _openpose(frames: list[Any], path: Path) -> list[Pose]:
    people = [[_openpose_person(one, path) for one in _list(f, "people", path)] for f in frames]
    widths = {len(person) for found in people for person in found}
    if not widths:
        raise MediaError("empty", f"{path}: nobody is in its {len(frames)} frames")
    full = max(widths)
    names = {18: "openpose18", 25: "openpose25", 137: "openpose137"}
    if full not in names or len(widths - {full}):
        raise MediaError("corrupt", f"{path}: {sorted(widths)} keypoints are not of OpenPose")
    return _poses(people, names[full], FPS, "px")


def _openpose_person(person: Any, path: Path) -> Floats:
    parts = [
        _triples(person.get(f"{part}_keypoints_2d") or [], path)
        for part in OPENPOSE
        if isinstance(person, dict)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 3))


def _is_coco(held: Any) -> bool:
    if isinstance(held, dict):
        return isinstance(held.get("annotations"), list)
    return isinstance(held, list) and bool(held) and _is_person(held[0])


def _is_person(value: Any) -> bool:
    return isinstance(value, dict) and "keypoints" in value and "image_id" in value


def _coco(held: Any, path: Path) -> list[Pose]:
    """A list of results, or annotations whose third number is 0 absent, 1 hidden, 2 visible."""
    annotated = isinstance(held, dict)
    persons = [p for p in (held["annotations"] if annotated else held) if _is_person(p)]
    if not persons:
        raise MediaError("empty", f"{path}: nobody has keypoints in it")
    images = sorted({str(p["image_id"]) for p in persons}, key=natural)
    frames: dict[str, list[Floats]] = {image: [] for image in images}
    for person in persons:
        points = _triples(person["keypoints"], path)
        if len(points) == 17 and any(part in person for part in COCO_PARTS):
            more = [_triples(person.get(p) or [0] * 3 * n, path) for p, n in COCO_PARTS.items()]
            points = np.concatenate([points, *more])
        if annotated:
            points[:, 2] = np.clip(points[:, 2] / 2, 0, 1)
        frames[str(person["image_id"])].append(points)
    widths = {len(points) for found in frames.values() for points in found}
    if widths not in ({17}, {133}):
        raise MediaError("corrupt", f"{path}: {sorted(widths)} keypoints, where COCO has 17 or 133")
    return _poses([frames[image] for image in images], f"coco{widths.pop()}", FPS, "px")


def _coco_results(poses: Sequence[Pose]) -> list[dict[str, Any]]:
    results = []
    for frame in range(len(poses[0])):
        for pose in poses:
            points = np.concatenate([pose.joints[frame, :, :2], pose.confidence[frame, :, None]], 1)
            if points[:, 2].any():
                results.append(
                    {
                        "image_id": frame,
                        "category_id": 1,
                        "keypoints": [float(value) for value in points.ravel()],
                        "score": float(pose.confidence[frame].mean()),
                    }
                )
    return results


def _mediapipe(frames: list[Any], fps: Any, path: Path) -> list[Pose]:
    """Each frame is a list of landmarks, or names its lists; Tasks puts a list of persons there."""
    sequence = [_mediapipe_persons(frame, path) for frame in frames]
    full = max((len(p) for found in sequence for p in found), default=0)
    if full not in (33, 543):
        raise MediaError("corrupt", f"{path}: {full} landmarks, where MediaPipe has 33 or 543")
    people = [[p for p in found if len(p) == full] for found in sequence]
    rate = float(fps) if isinstance(fps, int | float) else FPS
    return _poses(people, "mediapipe33" if full == 33 else "holistic543", rate, "norm")


def _mediapipe_persons(frame: Any, path: Path) -> list[Floats]:
    if isinstance(frame, list):
        return [_landmarks(frame, path)] if frame else []
    if not isinstance(frame, dict):
        raise MediaError("corrupt", f"{path}: a frame is a {type(frame).__name__}")
    named = {re.sub(r"(?<!^)([A-Z])", r"_\1", key).lower(): value for key, value in frame.items()}
    body = named.get("pose_landmarks", named.get("landmarks"))
    if isinstance(body, list) and body and isinstance(body[0], list):
        return [_landmarks(person, path) for person in body]
    if not any(part in named for part in list(MEDIAPIPE)[1:]):
        return [_landmarks(body, path)] if isinstance(body, list) and body else []
    parts = []
    for part, count in MEDIAPIPE.items():
        held = body if part == "pose_landmarks" else named.get(part)
        found = _landmarks(held, path) if isinstance(held, list) and held else np.zeros((count, 4))
        if len(found) < count:
            raise MediaError("corrupt", f"{path}: {len(found)} of {count} {part}")
        parts.append(found[:count])  # the irises of a face of 478 are left out
    return [np.concatenate(parts)]


def _landmarks(points: list[Any], path: Path) -> Floats:
    rows = []
    for point in points:
        if not isinstance(point, dict) or not {"x", "y"} <= set(point):
            raise MediaError("corrupt", f"{path}: a landmark without x and y")
        values = [point["x"], point["y"], point.get("z", 0), point.get("visibility", 1)]
        if not all(isinstance(value, int | float) for value in values):
            raise MediaError("corrupt", f"{path}: a landmark that is no number")
        rows.append(values)
    return _floats(rows, path).reshape(-1, 4)


def _mediapipe_frame(pose: Pose, at: int) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    start = 0
    for part, count in MEDIAPIPE.items():
        if start < len(pose.skeleton):
            stretch = slice(start, start + count)
            sure = pose.confidence[at, stretch]
            rows = zip(pose.joints[at, stretch].tolist(), sure.tolist(), strict=True)
            parts[part] = [
                dict(zip("xyz", (*row, 0.0)[:3], strict=True), visibility=c) for row, c in rows
            ]
            start += count
    return parts


def _write_openpose(path: Path, poses: Sequence[Pose]) -> None:
    """Write a file for each frame when the name has no suffix, else one file with all of them."""
    frames = [_openpose_frame(poses, at) for at in range(len(poses[0]))]
    if path.suffix:
        path.write_text(json.dumps({"frames": frames}), encoding="utf-8")
        return
    path.mkdir(exist_ok=True)
    for at, frame in enumerate(frames):
        text = json.dumps(frame)
        (path / f"{path.name}_{at:012d}_keypoints.json").write_text(text, encoding="utf-8")


def _openpose_frame(poses: Sequence[Pose], at: int) -> dict[str, Any]:
    people = []
    for pose in poses:
        values = np.concatenate([pose.joints[at, :, :2], pose.confidence[at, :, None]], 1)
        if not values[:, 2].any():
            continue
        body = len(values) if len(values) < 137 else 25
        edges = [0, body, body + 70, body + 91, body + 112]
        person: dict[str, Any] = {"person_id": [-1]}
        for part, start, end in zip(OPENPOSE, edges, edges[1:], strict=False):
            person[f"{part}_keypoints_2d"] = [float(v) for v in values[start:end].ravel()]
        people.append(person)
    return {"version": 1.3, "people": people}


def _poses(people: list[list[Floats]], name: str, fps: float, units: str) -> list[Pose]:
    of = skeleton(name)
    persons = followed(people)
    if not persons:
        raise MediaError("empty", "nobody is in any frame")
    return [
        make_pose(
            values[..., :-1],
            values[..., -1],
            of,
            fps,
            units=units,
            frame="camera" if values.shape[2] == 4 else "image",
            person=number,
        )
        for number, values in enumerate(persons)
    ]


def _triples(values: Any, path: Path) -> Floats:
    if not isinstance(values, list) or len(values) % 3:
        raise MediaError("corrupt", f"{path}: keypoints are no list of x, y, confidence")
    if not all(isinstance(value, int | float) for value in values):
        raise MediaError("corrupt", f"{path}: a keypoint that is no number")
    return _floats(values, path).reshape(-1, 3)


def _floats(values: list[Any], path: Path) -> Floats:
    try:
        return np.array(values, float)
    except OverflowError as error:
        raise MediaError("corrupt", f"{path}: a keypoint too large for a number") from error


def _list(frame: Any, key: str, path: Path) -> Iterator[Any]:
    found = frame.get(key) if isinstance(frame, dict) else None
    if not isinstance(found, list):
        raise MediaError("corrupt", f"{path}: a frame without its {key}")
    return iter(found)
