"""Tables of lifters and fillers: baselines, noise alike for all, seams against real ones."""

import numpy as np
import pytest

from verilens.bench import filling, lifting
from verilens.errors import ConfigError
from verilens.motion.fillers import SIMPLE
from verilens.motion.lifter import Window
from verilens.poses.cameras import Rig
from verilens.poses.make import make_pose
from verilens.poses.skeletons import skeleton
from verilens.train.lifting import Filmed, Views, shots

RIG = Rig(elevation_deg=(0, 0), azimuth_deg=(-30, 30), aim_m=0.0)


def waving(seed: int, frames: int = 40) -> object:
    """Return a body that sways: every joint on a circle of its own around a standing pose."""
    rng = np.random.default_rng(seed)
    place = np.random.default_rng(0).normal(size=(1, 17, 3)) / 4
    time = np.arange(frames)[:, None] / 6 + rng.uniform(0, 6, 17)
    circle = np.stack([np.cos(time), np.sin(time), np.sin(time / 2)], -1)
    return make_pose(place + 0.1 * circle, None, "h36m17", 30, units="m", frame="world")


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    return Filmed(
        [waving(n) for n in range(40)], Window(frames=1), Views(rig=RIG, flip=False), 64, 60
    )


def test_the_linear_lifter_beats_the_mean_pose(filmed):
    seen = shots([(str(n), waving(n)) for n in (77, 88)], RIG, cameras=2)
    mean, linear = lifting.Linear.mean(filmed), lifting.Linear.fit(filmed)
    rows = [lifting.judged(lifter, seen) for lifter in (mean, linear)]
    figures = [row.figure("MPJPE") for row in rows]
    assert figures[1].value < 0.7 * figures[0].value
    assert figures[0].low <= figures[0].value <= figures[0].high
    assert rows[1].figure("P-MPJPE").value < figures[1].value


def test_the_mean_pose_is_the_mean(filmed):
    found = lifting.Linear.mean(filmed, batches=3).lift(shots([("a", waving(1))], RIG, 1)[0].seen)
    batches = [batch for _, batch in zip(range(3), filmed.epoch(0), strict=False)]
    space = np.concatenate([b.targets[:, 0].numpy() for b in batches])
    assert np.allclose(found.joints[5], (space - space[:, :1]).mean(0), atol=1e-5)


def test_perfect_lifters_have_no_error_and_noise_is_the_same_for_all():
    seen = shots([("a", waving(1)), ("b", waving(2))], RIG, cameras=1)

    class Told:
        """Knows the answer, and keeps what it was shown."""

        def __init__(self) -> None:
            self.shown, self.answers = [], iter([shot.space for shot in seen])

        def lift(self, pose2d):
            self.shown.append(pose2d.joints)
            return next(self.answers)

    first, second = Told(), Told()
    row = lifting.judged(first, seen, noise_px=5, loss=0.1)
    lifting.judged(second, seen, noise_px=5, loss=0.1)
    assert all(row.figure(name).value < 1e-3 for name in lifting.METRICS)
    assert all(np.array_equal(a, b) for a, b in zip(first.shown, second.shown, strict=True))
    assert not np.array_equal(first.shown[0], seen[0].seen.joints)


def test_fillers_are_judged_on_gaps_of_real_movement():
    bones = skeleton("h36m17").edges
    over = filling.cut([(str(n), "sway", waving(n)) for n in range(3)], context=8, frames=8, step=8)
    assert len(over) == 9 and over[0].inside.shape == (8, 17, 3)
    rows = {name: filling.judged(SIMPLE[name], over, bones) for name in SIMPLE}
    error = {name: row.figure("error").value for name, row in rows.items()}
    assert error["spline"] < error["linear"] < error["hold"]
    assert rows["hold"].figure("seam").value > 2 > 1.2 > rows["spline"].figure("seam").value

    class Truth:
        def __init__(self) -> None:
            self.answers = iter([gap.inside for gap in over])

        def between(self, before, after, frames):
            return next(self.answers)

    perfect = filling.judged(Truth(), over, bones)
    assert perfect.figure("error").value == 0
    assert perfect.figure("seam").value == pytest.approx(1)
    assert filling.cut_hard(over) > 2


def test_a_fitted_passage_follows_what_it_was_fitted_to():
    fitted = filling.Fitted.fit([waving(n) for n in range(6)], 8, 6)
    over = filling.cut([(str(n), "", waving(n)) for n in (77, 88)], 8, 6, 5)
    edges = skeleton("h36m17").edges
    ours, cubic = (filling.judged(one, over, edges) for one in (fitted, SIMPLE["cubic"]))
    assert ours.error.mean() < 0.7 * cubic.error.mean()
    before, after = over[0].before, over[0].after
    found = fitted.between(before, after, 6)
    assert np.allclose(fitted.between(10 * before + 3, 10 * after + 3, 6), 10 * found + 3)
    even = np.linspace(0, 21, 22)[:, None, None] * np.ones((1, 17, 3))
    assert np.allclose(fitted.between(even[:8], even[14:], 6), even[8:14])
    with pytest.raises(ConfigError, match="gaps of 6 frames between 8"):
        fitted.between(before, after, 5)
    with pytest.raises(ConfigError, match="gaps of 6 frames between 8"):
        fitted.between(before[1:], after, 6)
    with pytest.raises(ConfigError, match="as long as 46 frames"):
        filling.Fitted.fit([waving(0)], 20, 6)
