"""iMiGUE skeletons: CSV rows of a frame number and x, y, confidence of 25 or 35 OpenPose joints.

<video>_light.csv has the body, <video>_light_hand.csv the finger tips too; 105 or 75 columns lack
the frame number. A header line may come first. Which hand the first five tips are of is our own
reading.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from verilens.errors import ConfigError, MediaError
from verilens.poses.make import MAX_FRAMES, make_pose, same_kind
from verilens.records import Pose

FPS = 30.0  # the files do not say
NAMES = {25: "openpose25", 35: "imigue35"}
WIDTHS = {count * 3 + extra: (count, extra) for count in NAMES for extra in (0, 1)}


def is_imigue(head: str) -> bool:
    """Return whether the first lines of a CSV file look like this format."""
    widths = {line.count(",") + 1 for line in head.split("\n")[:2] if line.strip()}
    return len(widths) == 1 and widths <= set(WIDTHS) and "_x" not in head.split("\n")[0]


def read_imigue(path: Path) -> list[Pose]:
    """Return the one person of a file."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        rows = rows[0 if rows and _is_number(rows[0][0]) else 1 :]
        values = np.array(rows, float)
    except (UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise MediaError("corrupt", f"{path}: no iMiGUE skeleton ({error})") from error
    if values.ndim != 2 or values.shape[1] not in WIDTHS or len(values) > MAX_FRAMES:
        raise MediaError("corrupt", f"{path}: no rows of 25 or 35 joints, but {values.shape}")
    count, extra = WIDTHS[values.shape[1]]
    points = values[:, extra:].reshape(len(values), count, 3)
    return [make_pose(points[..., :2], points[..., 2], NAMES[count], FPS, units="px")]


def write_imigue(path: Path, poses: Sequence[Pose]) -> None:
    """Write one person of 25 or 35 joints."""
    pose = same_kind(poses)
    if len(poses) > 1 or pose.skeleton.name not in NAMES.values():
        raise ConfigError("an iMiGUE file holds one person of openpose25 or imigue35")
    points = np.concatenate([pose.joints[..., :2], pose.confidence[..., None]], 2)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        for at, row in enumerate(points.reshape(len(pose), -1)):
            table.writerow([at, *(f"{value:.6g}" for value in row)])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
