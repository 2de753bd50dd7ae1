"""What lifters learn of real movement: the shipped weights at once, trainings when asked for."""

import pytest
from captured import DATA, cmu_shots, needs_data

from verilens import catalog, weights
from verilens.bench.lifting import Linear, Row, judged
from verilens.motion.lifter import Window
from verilens.poses.convert import convert
from verilens.train.lifting import Filmed, Views
from verilens.train.starter import movement

NAMES = ("g_sformer", "temporal_conv")
MEAN_POSE_UNITS = 208.0  # error of the mean pose in the body's own axes, all 38 joints
SHIPPED = [name for name in NAMES if weights.available(catalog.card(name))]
pytestmark = needs_data


@pytest.fixture(scope="module")
def simple() -> dict[str, Linear]:
    """Return the two lifters without a network, fitted as the learned ones were trained."""
    movements = [convert(pose, "h36m17") for pose in movement.training(DATA)]
    filmed = Filmed(movements, Window(frames=1), Views(noise_px=movement.NOISE_PX), 256, 60)
    return {"mean": Linear.mean(filmed, 60), "linear": Linear.fit(filmed, 60)}


def figure(row: Row) -> float:
    return row.figure("MPJPE").value


def check(lifter, simple: dict[str, Linear], frames: int) -> dict[str, float]:
    """Assert what a trained lifter must be better than; return its errors and theirs."""
    seen = cmu_shots(1, frames)
    lifters = {**simple, "learned": lifter}
    clean = {name: figure(judged(one, seen)) for name, one in lifters.items()}
    noisy = {name: figure(judged(one, seen, noise_px=5)) for name, one in lifters.items()}
    assert clean["learned"] <= MEAN_POSE_UNITS / 2
    assert clean["learned"] <= clean["mean"] / 2
    assert clean["learned"] < clean["linear"]
    assert noisy["learned"] - clean["learned"] < noisy["linear"] - clean["linear"]
    return {**clean, **{f"{name}, 5 px": value for name, value in noisy.items()}}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_lifters_beat_the_mean_pose_and_a_linear_lifter(name, simple):
    check(catalog.load(name), simple, frames=40)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_new_training_does_so_too(name, simple):
    """At most five minutes of one core."""
    lifter = movement.trained(name, movement.training(DATA), seed=1)
    check(lifter, simple, frames=10_000)
