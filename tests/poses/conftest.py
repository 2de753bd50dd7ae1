"""Movement that somebody recorded, for the tests that need real files, and movement made up."""

import os
from pathlib import Path

import numpy as np
import pytest

from verilens.poses.make import make_pose


@pytest.fixture(scope="session")
def motion():
    """The folder of real motion data: $VERILENS_MOTION, or where it lies beside the project."""
    beside = Path(__file__).parents[3] / "shared" / "data" / "motion"
    folder = Path(os.environ.get("VERILENS_MOTION", beside))
    if not folder.is_dir():
        pytest.skip("no real motion data; set VERILENS_MOTION to its folder")
    return folder


@pytest.fixture
def waving():
    """Return a person of any skeleton who moves smoothly, ten frames at 25 fps."""

    def make(name, axes=3, frames=10, **about):
        from verilens.poses.skeletons import skeleton

        numbers = np.random.default_rng(len(name))
        rest = numbers.uniform(-1, 1, (1, len(skeleton(name)), axes))
        times = np.linspace(0, 2, frames)[:, None, None]
        joints = rest + 0.1 * np.sin(times + numbers.uniform(0, 6, rest.shape))
        return make_pose(joints, None, name, 25, **about)

    return make
