"""Captured movement for `train.starter.living`, and what both classes go through alike.

sets -> pieces of at most six seconds, with the person or recording each is of
piece, captured or made -> another skeleton, flat, slower, smoothed, noisy, rounded: drawn at random

Without the second step a classifier would learn cameras and file formats. Every set gives both
classes, and nothing in the step knows which class it is given.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from verilens.errors import DatasetError
from verilens.poses.convert import convert
from verilens.poses.packs import packed
from verilens.poses.read import read
from verilens.poses.skels import read_sentences
from verilens.poses.timing import resample
from verilens.records import Pose, Skeleton
from verilens.verify.living_motion.movement import at_rate

LONGEST_S, LEAST_S = 6.0, 1.0
MOST = 120  # pieces of a set
FOLDS = 4
BODIES = ("cmu38", "kinect20", "msr20")
SLOWER = (15.0, 20.0, 25.0, 30.0)
FILTERS = (np.ones(3) / 3, np.array([-3, 12, 17, 12, -3]) / 35)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of captured movement. source: person or recording; text: what is done or said."""

    pose: Pose
    of: str
    source: str
    text: str = ""


def captured(root: Path, seed: int) -> list[Piece]:
    """Return pieces of every set below `root`, at most MOST of each, drawn at random."""
    rng = np.random.default_rng(seed)
    found: list[Piece] = []
    for name, pieces in _sets(root).items():
        kept = [piece for piece in pieces if len(piece.pose) / piece.pose.fps >= LEAST_S]
        if not kept:
            raise DatasetError(f"{root}: no movement of {name} lasts a second")
        chosen = sorted(rng.permutation(len(kept))[:MOST])
        found += [kept[n] for n in chosen]
    return found


def folds(sources: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the fold of each source; those of a set are spread evenly. sources: (set, source)."""
    by_set: dict[str, set[str]] = {}
    for of, source in sources:
        by_set.setdefault(of, set()).add(source)
    return {source: n % FOLDS for own in by_set.values() for n, source in enumerate(sorted(own))}


def changed(pose: Pose, rng: np.random.Generator) -> Pose:
    """Return a movement as another device or program might have written it down."""
    if pose.skeleton.name in BODIES and rng.random() < 0.3:
        pose = convert(pose, "h36m17")
    if pose.joints.shape[2] == 3 and rng.random() < 0.4:
        pose = flat(pose, rng)
    fps = rng.choice([*SLOWER, pose.fps])
    if fps < pose.fps:
        pose = resample(pose, fps) if rng.random() < 0.5 else at_rate(pose, fps)
    joints = pose.joints.astype(float)
    size = max(float(np.median((joints - joints.mean(1, keepdims=True)).std((1, 2)))), 1e-9)
    if rng.random() < 0.35:
        joints = filtered(joints, FILTERS[rng.integers(len(FILTERS))])
    if rng.random() < 0.5:
        joints = joints + size * 10 ** rng.uniform(-3.5, -2) * rng.normal(size=joints.shape)
    if rng.random() < 0.3:
        step = size * 10 ** rng.uniform(-3, -1.7)
        joints = np.round(joints / step) * step
    joints = np.where(pose.confidence[..., None] > 0, joints, 0)
    return replace(pose, joints=joints.astype(np.float32))


def flat(pose: Pose, rng: np.random.Generator) -> Pose:
    """Return what a distant camera sees from a random side, x and y."""
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    seen = np.where(pose.confidence[..., None] > 0, pose.joints @ turn[:, :2], 0)
    return replace(pose, joints=seen.astype(np.float32), frame="image", units="px")


def filtered(joints: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return joints filtered over time, the ends held. joints: (T, J, D)."""
    reach = len(kernel) // 2
    held = np.pad(joints, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    found: np.ndarray = sum(w * held[n : n + len(joints)] for n, w in enumerate(kernel))
    return found


def _sets(root: Path) -> dict[str, list[Piece]]:
    of_packs = ("cmu_mocap", "nw_ucla", "msr_action3d", "utkinect", "sfinge3d")
    found = {name: list(_packed(root, name)) for name in of_packs}
    return {**found, "phoenix14t": list(_phoenix(root)), "films": list(_films(root))}


def _packed(root: Path, name: str) -> Iterator[Piece]:
    """Yield a pack's clips by person where it names any, else by recording.

    SFINGE3D names nobody: what has the same number in every class is taken for one person.
    """
    for clip in packed(root, name):
        who = clip.name if name == "cmu_mocap" else str(clip.subject or clip.index)
        for pose in cut(clip.pose):
            yield Piece(pose=pose, of=name, source=f"{name}/{who}", text=clip.action)


def _phoenix(root: Path) -> Iterator[Piece]:
    for split in ("train", "dev", "test"):
        path = root / "phoenix14t_skels_sample" / f"{split}.skels"
        for sentence in read_sentences(path):
            for pose in cut(sentence.pose):
                yield Piece(
                    pose=pose, of="phoenix14t", source=f"p/{sentence.name}", text=sentence.text
                )


def _films(root: Path) -> Iterator[Piece]:
    """Yield signers as MediaPipe found them in films, without the mesh of the face."""
    for path in sorted((root / "pose_files").rglob("*.pose")):
        if path.parent.name == "pose_format_tests":
            continue
        for pose in read(path):
            names = pose.skeleton.joints
            own = [n for n, name in enumerate(names) if not name.startswith(("mesh_", "face_"))]
            small = replace(
                pose,
                joints=pose.joints[:, own, :2],
                confidence=pose.confidence[:, own],
                skeleton=_smaller(pose, own),
                frame="image",
            )
            for piece in cut(small):
                yield Piece(pose=piece, of="films", source=f"films/{path.stem}")


def _smaller(pose: Pose, own: Sequence[int]) -> Skeleton:
    place = {joint: n for n, joint in enumerate(own)}
    edges = [(place[a], place[b]) for a, b in pose.skeleton.edges if a in place and b in place]
    names = tuple(pose.skeleton.joints[n] for n in own)
    return replace(pose.skeleton, name="signer", joints=names, edges=tuple(edges), root=0, pairs=())


def cut(pose: Pose) -> Iterator[Pose]:
    """Yield pieces of at most LONGEST_S, of nearly equal length."""
    count = max(1, int(np.ceil(len(pose) / pose.fps / LONGEST_S)))
    edges = np.linspace(0, len(pose), count + 1).round().astype(int)
    for start, end in pairwise(edges.tolist()):
        if end > start:
            yield replace(
                pose, joints=pose.joints[start:end], confidence=pose.confidence[start:end]
            )
