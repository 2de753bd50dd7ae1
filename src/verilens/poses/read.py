"""Poses out of any file that holds some."""

from collections.abc import Callable
from pathlib import Path

from verilens.errors import MediaError
from verilens.poses.holistic import read_pose
from verilens.poses.plain import read_csv, read_npz
from verilens.poses.skels import read_skels
from verilens.records import Pose

READERS: dict[str, Callable[[Path], list[Pose]]] = {
    ".pose": read_pose,
    ".npz": read_npz,
    ".csv": read_csv,
    ".skels": read_skels,
}


def read(path: Path) -> list[Pose]:
    """Return the persons that a file holds, one pose each; MediaError says why there are none."""
    if not path.is_file():
        raise MediaError("missing", f"{path}: no such file")
    if not path.stat().st_size:
        raise MediaError("empty", f"{path}: the file is empty")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise MediaError("unsupported", f"{path}: poses are read from {', '.join(READERS)}")
    return reader(path)
