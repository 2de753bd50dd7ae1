"""Virtual cameras: what a picture shows of a movement that was captured in three dimensions.

A pinhole without distortion. Lifters are trained and tested on what such cameras see, because
films with true three-dimensional poses may not be passed on.

Convention: see `Pose`; the world is right-handed with y up, in metres; in a camera x is to the
right, y down, z ahead.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.records import Pose

NEAR_M = 0.1  # what is nearer than this, or behind, is not seen
METRES = {"m": 1.0, "mm": 1e-3}

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole. rotation: from world to camera axes, (3, 3); its rows are right, down, ahead.

    position: in the world, (3,), metres. focal_px: focal length in pixels. size: of the picture,
    (width, height); the optical axis meets its centre.
    """

    rotation: Floats
    position: Floats
    focal_px: float
    size: tuple[int, int]

    def view(self, joints: Floats) -> Floats:
        """Return joints in camera axes, metres. joints: in the world, (..., 3)."""
        seen: Floats = (joints - self.position) @ self.rotation.T
        return seen

    def project(self, seen: Floats) -> Floats:
        """Return pixels, (..., 2). seen: in camera axes, (..., 3), z above 0."""
        pixels: Floats = self.focal_px * seen[..., :2] / seen[..., 2:] + np.array(self.size) / 2
        return pixels


@dataclass(frozen=True, kw_only=True)
class Rig:
    """Where cameras are drawn from, evenly within each range.

    distance_m: from the aim. elevation_deg: above the horizon; azimuth_deg: around the person.
    focal: in picture widths. aim_m: how far the aim may lie from the root, along each axis.
    """

    distance_m: tuple[float, float] = (3.5, 6.0)
    elevation_deg: tuple[float, float] = (-5.0, 25.0)
    azimuth_deg: tuple[float, float] = (-180.0, 180.0)
    focal: tuple[float, float] = (1.0, 1.3)
    aim_m: float = 0.3
    size: tuple[int, int] = (1000, 1000)

    def __post_init__(self) -> None:
        for name in ("distance_m", "elevation_deg", "azimuth_deg", "focal"):
            low, high = getattr(self, name)
            if low > high:
                raise ConfigError(f"rig: {name} must be (low, high), not ({low}, {high})")
        if self.distance_m[0] <= NEAR_M or self.focal[0] <= 0:
            raise ConfigError(f"rig: distance_m must exceed {NEAR_M} and focal 0")

    def draw(self, root: Floats, rng: np.random.Generator) -> Camera:
        """Return a camera that looks at about `root`, (3,) in metres."""
        azimuth, elevation = np.deg2rad(
            [rng.uniform(*self.azimuth_deg), rng.uniform(*self.elevation_deg)]
        )
        towards = np.array(
            [
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
                np.cos(elevation) * np.cos(azimuth),
            ]
        )
        aim = root + rng.uniform(-self.aim_m, self.aim_m, 3)
        position = aim + rng.uniform(*self.distance_m) * towards
        focal_px = rng.uniform(*self.focal) * self.size[0]
        return aimed(position, aim, focal_px=focal_px, size=self.size)


def aimed(position: Floats, aim: Floats, *, focal_px: float, size: tuple[int, int]) -> Camera:
    """Return the upright camera at `position` that looks at `aim`; both (3,), metres."""
    ahead = np.asarray(aim, float) - position
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    if not np.linalg.norm(right) > 1e-9 * np.linalg.norm(ahead):
        raise ConfigError("a camera that looks straight up or down, or nowhere, is not upright")
    down = np.cross(ahead, right)
    axes = np.stack([axis / np.linalg.norm(axis) for axis in (right, down, ahead)])
    return Camera(rotation=axes, position=np.asarray(position, float), focal_px=focal_px, size=size)


def viewed(pose: Pose, camera: Camera) -> Pose:
    """Return a world pose in the camera's axes, in metres."""
    seen = camera.view(_world(pose))
    return replace(pose, joints=seen.astype(np.float32), frame="camera", units="m")


def filmed(pose: Pose, camera: Camera) -> Pose:
    """Return what the camera's picture shows of a world pose, in pixels.

    Joints behind the camera or outside the picture are missing.
    """
    seen = camera.view(_world(pose))
    ahead = seen[..., 2] > NEAR_M
    pixels = camera.project(np.where(ahead[..., None], seen, 1.0))
    inside = ((pixels >= 0) & (pixels < camera.size)).all(-1) & ahead & (pose.confidence > 0)
    return replace(
        pose,
        joints=np.where(inside[..., None], pixels, 0).astype(np.float32),
        confidence=np.where(inside, pose.confidence, 0).astype(np.float32),
        frame="image",
        units="px",
        size=camera.size,
    )


def disturbed(pose: Pose, rng: np.random.Generator, noise: float = 0.0, loss: float = 0.0) -> Pose:
    """Return a pose as a detector might have found it.

    noise: standard deviation added to every coordinate, in the pose's unit. loss: chance of every
    joint of every frame to be missing.
    """
    kept = (rng.random(pose.confidence.shape) >= loss) & (pose.confidence > 0)
    shifted = pose.joints + rng.normal(0, noise, pose.joints.shape)
    return replace(
        pose,
        joints=np.where(kept[..., None], shifted, 0).astype(np.float32),
        confidence=np.where(kept, pose.confidence, 0).astype(np.float32),
    )


def _world(pose: Pose) -> Floats:
    if pose.frame != "world" or pose.joints.shape[-1] != 3:
        raise ConfigError(f"a camera films poses of the world in 3D, not of frame '{pose.frame}'")
    if pose.units not in METRES:
        raise ConfigError(
            f"a camera needs poses in m or mm, not '{pose.units}'; say what the unit is"
        )
    return pose.joints.astype(float) * METRES[pose.units]
