"""The same movement on another skeleton, by a table of joints: `convert.toml`."""

import tomllib
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.poses.skeletons import LEFT, skeleton
from verilens.records import Pose, Skeleton

Sum = dict[str, float]


def convert(pose: Pose, to: str) -> Pose:
    """Return the pose on a named skeleton; ConfigError when they share no joint.

    A joint that the source has is taken as it is; one that it lacks is the sum that the table
    names, sure as its least sure part; what cannot be made is missing.
    """
    target = skeleton(to)
    if pose.skeleton.joints == target.joints:
        return pose
    weights = table(pose.skeleton, target)
    used = weights != 0
    if not used.any():
        raise ConfigError(f"{pose.skeleton.name} and {to} have no joint in common")
    parts = np.where(used[None], pose.confidence[:, None, :], np.inf)
    sure = np.where(used.any(1), parts.min(2), 0).astype(np.float32)
    joints = np.einsum("ij,tjd->tid", weights, pose.joints)
    found = sure > 0
    return Pose(
        joints=np.where(found[..., None], joints, 0).astype(np.float32),
        confidence=sure,
        skeleton=target,
        fps=pose.fps,
        units=pose.units,
        frame=pose.frame,
        person=pose.person,
        size=pose.size,
    )


@lru_cache(maxsize=256)
def table(source: Skeleton, target: Skeleton) -> NDArray[np.float32]:
    """Return how much of each source joint a target joint is, (J target, J source)."""
    weights = np.zeros((len(target), len(source)), np.float32)
    for row, joint in enumerate(target.joints):
        for name, weight in (made_of(joint, source, ()) or {}).items():
            weights[row, source.index(name)] += weight
    weights.setflags(write=False)  # it is shared
    return weights


def made_of(joint: str, source: Skeleton, asked: tuple[str, ...]) -> Sum | None:
    """Return the joints of the source whose weighted sum stands for a joint; None without any.

    asked: joints that wait for this one, so that none waits for itself.
    """
    if joint in source.joints:
        return {joint: 1.0}
    if joint in asked:
        return None
    for words in _stand_ins().get(joint, ()):
        parts = [(w, made_of(name, source, (*asked, joint))) for name, w in words.items()]
        if all(part is not None for _, part in parts):
            found: Sum = {}
            for weight, part in parts:
                for name, share in (part or {}).items():
                    found[name] = found.get(name, 0.0) + weight * share
            return found
    return None


@cache
def _stand_ins() -> dict[str, list[Sum]]:
    held = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    for joint in [name for name in held if LEFT.search(name)]:
        held.setdefault(_right(joint), [_right(text) for text in held[joint]])
    return {joint: [_sum(text) for text in texts] for joint, texts in held.items()}


def _right(text: str) -> str:
    return " ".join(LEFT.sub(r"\1right\2", word) for word in text.split())


def _sum(text: str) -> Sum:
    words = text.split()
    if len(words) == 1:
        return {words[0]: 1.0}
    return {name: float(weight) for weight, name in zip(words[::2], words[1::2], strict=True)}
