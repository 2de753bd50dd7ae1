"""Poses out of any file that holds some, and into one.

What a file is, its suffix says, and its first bytes where several formats share one. A reader gives
the persons of one clip; files that hold many clips give them by name.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from verilens.errors import ConfigError, MediaError
from verilens.poses import h36m, packs, pyskl, skels
from verilens.poses.amc import read_amc, write_amc
from verilens.poses.arrays import array_names
from verilens.poses.bvh import read_bvh, write_bvh
from verilens.poses.holistic import read_pose, write_pose
from verilens.poses.imigue import is_imigue, read_imigue
from verilens.poses.keypoints import read_keypoints, write_keypoints
from verilens.poses.ntu import read_ntu, write_ntu
from verilens.poses.plain import read_csv, read_npz, write_csv, write_npz
from verilens.records import Pose

Clips = Iterator[tuple[str, list[Pose]]]

READERS: dict[str, Callable[[Path], list[Pose]]] = {
    ".pose": read_pose,
    ".npz": read_npz,
    ".csv": read_csv,
    ".json": read_keypoints,
    ".skeleton": read_ntu,
    ".bvh": read_bvh,
    ".amc": read_amc,
}
MANY: dict[str, Callable[[Path], Clips]] = {
    ".pkl": pyskl.clips,
    ".pickle": pyskl.clips,
    ".skels": skels.clips,
}
WRITERS: dict[str, Callable[[Path, Sequence[Pose]], None]] = {
    ".pose": write_pose,
    ".npz": write_npz,
    ".csv": write_csv,
    ".json": write_keypoints,
    ".skeleton": write_ntu,
    ".bvh": write_bvh,
    ".amc": write_amc,
    ".pkl": pyskl.write_pickle,
    ".skels": skels.write_skels,
}


def read(path: Path, clip: str = "") -> list[Pose]:
    """Return the persons that a file holds, one pose each; MediaError says why there are none.

    clip: which one, for files that hold many. A folder holds OpenPose frames.
    """
    if path.is_dir():
        return read_keypoints(path)
    many = _many(path)
    if many is None:
        return _reader(path)(path)
    if clip:
        found = next((poses for name, poses in many(path) if name == clip), None)
        if found is None:
            raise ConfigError(f"{path}: no clip {clip!r}; it has {_some(many(path))}")
        return found
    first = list(islice(many(path), 2))
    if not first:
        raise MediaError("empty", f"{path}: no clip in it")
    if len(first) > 1:
        raise ConfigError(f"{path}: it holds many clips; choose one of {_some(many(path))}")
    return first[0][1]


def clips(path: Path) -> Clips:
    """Yield every clip of a file with its name; a file of one clip names it after itself."""
    many = None if path.is_dir() else _many(path)
    if many is None:
        yield path.stem, read(path)
    else:
        yield from many(path)


def write(path: Path, poses: Sequence[Pose]) -> None:
    """Write the persons of a clip in the format that the suffix says; without one, a folder."""
    writer = WRITERS.get(path.suffix.lower(), None if path.suffix else write_keypoints)
    if writer is None:
        raise ConfigError(f"{path}: poses are written to {', '.join(WRITERS)}")
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {path}: there is no folder {path.parent}")
    writer(path, poses)


def _many(path: Path) -> Callable[[Path], Clips] | None:
    """Return the reader of a file that holds many clips; None for one that holds one."""
    if not path.is_file():
        raise MediaError("missing", f"{path}: no such file")
    if not path.stat().st_size:
        raise MediaError("empty", f"{path}: the file is empty")
    if path.suffix.lower() == ".npz":
        held = array_names(path)
        if "positions_3d" in held or "positions_2d" in held:
            return h36m.clips
        if "names" in held and "lengths" in held:
            return packs.clips
    return MANY.get(path.suffix.lower())


def _reader(path: Path) -> Callable[[Path], list[Pose]]:
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8", errors="replace") as file:
            if is_imigue("".join(islice(file, 2))):
                return read_imigue
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join([*READERS, *MANY])
        raise MediaError("unsupported", f"{path}: poses are read from {known}")
    return reader


def _some(found: Clips) -> str:
    names = [name for name, _ in islice(found, 9)]
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
