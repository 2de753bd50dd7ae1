"""Virtual cameras: a projection by hand, what is out of sight, and what a detector adds."""

import numpy as np
import pytest

from verilens.errors import ConfigError
from verilens.poses.cameras import Rig, aimed, disturbed, filmed, viewed
from verilens.records import Pose


def pose(joints: np.ndarray, **changes: object) -> Pose:
    joints = np.asarray(joints, np.float32)
    facts = {"skeleton": "human36m", "fps": 30.0, "units": "m", "frame": "world"} | changes
    return Pose(joints=joints, confidence=np.ones(joints.shape[:2], np.float32), **facts)


def front(distance: float = 4.0):
    """Return a camera on the z axis that looks back at the origin."""
    return aimed(np.array([0, 0, distance]), np.zeros(3), focal_px=500.0, size=(640, 480))


def test_a_projection_by_hand():
    seen = filmed(pose([[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.5, 2]]]), front())
    # Right of the world is right of the picture, up is towards row 0; 500 px / 4 m = 125 px / m.
    assert np.allclose(seen.joints[0], [[320, 240], [445, 240], [320, 115], [320, 115]])
    assert seen.units == "px" and seen.frame == "image"
    depths = viewed(pose([[[0, 0, 0], [0, 0, 2]]]), front()).joints[0, :, 2]
    assert np.allclose(depths, [4, 2])


def test_axes_are_right_handed_and_keep_distances():
    camera = Rig().draw(np.array([1.0, 2.0, 3.0]), np.random.default_rng(0))
    assert np.allclose(camera.rotation @ camera.rotation.T, np.eye(3))
    assert np.linalg.det(camera.rotation) == pytest.approx(1)
    joints = np.random.default_rng(1).normal(size=(3, 5, 3))
    gaps = [np.linalg.norm(np.diff(j, axis=1), axis=-1) for j in (joints, camera.view(joints))]
    assert np.allclose(*gaps)


def test_what_is_behind_or_outside_is_missing():
    seen = filmed(pose([[[0, 0, 0], [0, 0, 5], [3, 0, 0]]]), front())
    assert seen.confidence.tolist() == [[1, 0, 0]]
    assert (seen.joints[0, 1:] == 0).all() and np.isfinite(seen.joints).all()


def test_millimetres_are_metres_times_a_thousand():
    joints = np.random.default_rng(0).normal(size=(2, 4, 3)) * 0.3
    small, large = pose(joints), pose(joints * 1000, units="mm")
    assert np.allclose(filmed(small, front()).joints, filmed(large, front()).joints, atol=1e-3)


def test_cameras_are_drawn_within_the_rig():
    rig, rng = Rig(distance_m=(3, 4), elevation_deg=(10, 20), aim_m=0.0), np.random.default_rng(0)
    for _ in range(50):
        camera = rig.draw(np.zeros(3), rng)
        distance = np.linalg.norm(camera.position)
        assert 3 <= distance <= 4
        assert 10 <= np.rad2deg(np.arcsin(camera.position[1] / distance)) <= 20
        assert np.allclose(camera.project(camera.view(np.zeros(3))), [500, 500])
        up = camera.project(camera.view(np.array([[0, 0, 0], [0, 1, 0]])))
        assert up[1, 1] < up[0, 1] and up[1, 0] == pytest.approx(up[0, 0])


def test_noise_and_losses_are_what_they_say():
    clean = pose(np.ones((400, 17, 2)), frame="image", units="px")
    found = disturbed(clean, np.random.default_rng(0), noise=5.0, loss=0.2)
    kept = found.confidence > 0
    assert (1 - kept.mean()) == pytest.approx(0.2, abs=0.02)
    assert (found.joints[kept] - 1).std() == pytest.approx(5, rel=0.05)
    assert (found.joints[~kept] == 0).all()
    same = disturbed(clean, np.random.default_rng(0))
    assert np.array_equal(same.joints, clean.joints)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"frame": "camera"}, "frame 'camera'"), ({"units": "unknown"}, "not 'unknown'")],
)
def test_what_cannot_be_filmed_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        filmed(pose(np.zeros((1, 2, 3)), **changes), front())


def test_impossible_cameras_are_refused():
    with pytest.raises(ConfigError, match="straight"):
        aimed(np.array([0, 3.0, 0]), np.zeros(3), focal_px=1, size=(1, 1))
    with pytest.raises(ConfigError, match="distance_m"):
        Rig(distance_m=(5, 3))
