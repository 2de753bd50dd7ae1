"""Human3.6M as VideoPose3D and those after it pack it: .npz files around a pickle.

positions_3d: {subject: {action: (T, 32 or 17, 3)}} in metres, world; positions_2d: {subject:
{action: [(T, 17, 2) for each camera]}} in pixels. The pickle goes through our own reader. Of 32
joints the 17 that are used are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verilens.errors import ConfigError, MediaError
from verilens.poses.arrays import read_objects
from verilens.poses.make import make_pose, same_kind
from verilens.poses.unpickle import unpickle
from verilens.records import Pose

FPS = 50.0
USED = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)  # of the 32 joints
SYMMETRY = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]


def clips(path: Path) -> Iterator[tuple[str, list[Pose]]]:
    """Yield (subject/action or subject/action/camera, [its one person])."""
    for key in ("positions_3d", "positions_2d"):
        held = read_objects(path, key, unpickle)
        if held is not None:
            break
    if not isinstance(held, dict):
        raise MediaError("unsupported", f"{path}: no positions_2d or positions_3d")
    for subject, actions in held.items():
        if not isinstance(actions, dict):
            raise MediaError("corrupt", f"{path}: {subject} has no actions")
        for action, arrays in actions.items():
            cameras = arrays if isinstance(arrays, list | tuple) else [arrays]
            for camera, array in enumerate(cameras):
                name = f"{subject}/{action}" + (f"/{camera}" if cameras is arrays else "")
                yield name, [_pose(path, name, array)]


def write_h36m(path: Path, named: Mapping[tuple[str, str], Sequence[Pose]]) -> None:
    """Write poses by (subject, action): one a camera in 2D, one alone in 3D."""
    held: dict[str, dict[str, Any]] = {}
    first = same_kind([poses[0] for poses in named.values()][:1])
    if first.skeleton.name != "h36m17":
        raise ConfigError("Human3.6M files hold h36m17; convert first")
    three = first.joints.shape[2] == 3
    for (subject, action), poses in named.items():
        arrays = [pose.joints for pose in poses]
        held.setdefault(subject, {})[action] = arrays[0] if three else arrays
    if three:
        np.savez_compressed(path, positions_3d=np.array(held, dtype=object))
        return
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": SYMMETRY}
    np.savez_compressed(
        path,
        positions_2d=np.array(held, dtype=object),
        metadata=np.array(metadata, dtype=object),
    )


def _pose(path: Path, name: str, array: Any) -> Pose:
    if not isinstance(array, np.ndarray) or array.ndim != 3 or array.dtype.kind not in "fiu":
        raise MediaError("corrupt", f"{path}: {name} is no array of frames, joints and axes")
    if array.shape[1] == 32:
        array = array[:, USED]
    if array.shape[2] == 3:
        return make_pose(array, None, "h36m17", FPS, units="m", frame="world")
    return make_pose(array[..., :2], None, "h36m17", FPS, units="px")
