"""What the papers claim, on small real recordings, against what learns nothing."""

from typing import NamedTuple

import numpy as np
import pytest
from real_motion import precision, real, saved, scored, trained

from verilens.bench.metrics.recognition import top
from verilens.motion import nearest
from verilens.motion.streams import fuse
from verilens.poses.sets import divide, joined

# Measured elsewhere on clips resampled to 32 frames: nearest clip, nearest class mean.
UCLA_NEAREST, SFINGE_MEAN = 0.651, 0.718


def reference(name: str, kind: str) -> float:
    motion = real(name)
    train, test = divide(motion)
    found = nearest.recognised(kind, train, test, len(motion.actions))
    return top(found, np.array([clip.label for clip in test]))


@pytest.mark.parametrize(
    ("name", "one", "mean"),
    [
        ("nw_ucla", 0.651, 0.403),
        ("msr_action3d", 0.707, 0.703),
        ("utkinect", 0.909, 0.818),
        ("sfinge3d", 0.966, 0.718),
    ],
)
def test_references_are_near_those_measured_elsewhere(name, one, mean):
    assert reference(name, "1nn") == pytest.approx(one, abs=0.035)
    assert reference(name, "mean") == pytest.approx(mean, abs=0.035)


@pytest.mark.slow
def test_protogcn_beats_the_nearest_clip_in_a_view_it_never_saw():
    motion = real("nw_ucla")
    joints, first = scored(trained(motion, "protogcn"), motion)
    bones, second = scored(trained(motion, "protogcn", "config.stream=b"), motion)
    assert joints >= 0.75 > UCLA_NEAREST
    labels = np.array([clip.label for clip in divide(motion).test])
    assert top(fuse({"j": first, "b": second}), labels) >= max(joints, bones) - 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("name", "one"), [("msr_action3d", 0.707), ("sfinge3d", 0.966)])
def test_streams_together_beat_the_nearest_clip(name, one):
    motion = real(name)
    streams = {
        stream: scored(trained(motion, "stgcnpp", f"config.stream={stream}"), motion)[1]
        for stream in ("j", "b", "jm")
    }
    labels = np.array([clip.label for clip in divide(motion).test])
    assert top(fuse(streams), labels) > one


@pytest.mark.slow
def test_streams_that_start_from_other_sets_beat_the_nearest_clip_of_five_people(tmp_path):
    others = joined([real("nw_ucla"), real("msr_action3d")])
    motion = real("utkinect")
    streams = {}
    for stream in ("j", "b", "jm"):
        change = f"config.stream={stream}"
        first = trained(others, "stgcnpp", change, recipe="small_kinect")
        start = f"init={saved(first, tmp_path / f'{stream}.safetensors')}"
        tuned = trained(motion, "stgcnpp", change, start, recipe="small_utkinect_tuned")
        streams[stream] = scored(tuned, motion)[1]
    labels = np.array([clip.label for clip in divide(motion).test])
    assert top(fuse(streams), labels) > 0.909


@pytest.mark.slow
def test_protogcn_beats_the_class_mean_on_fingers():
    motion = real("sfinge3d")
    assert scored(trained(motion, "protogcn"), motion)[0] > SFINGE_MEAN


@pytest.mark.slow
def test_posec3d_beats_the_class_mean_on_fingers_seen_flat():
    motion = real("sfinge3d")
    assert scored(trained(motion, "miga_posec3d"), motion)[0] >= 0.80 > SFINGE_MEAN


@pytest.mark.slow
def test_names_of_classes_do_not_harm_with_five_clips_each():
    """Real names against shuffled ones and against none, over three seeds."""
    motion = real("msr_action3d")
    shuffled = np.random.default_rng(0).permutation(motion.actions).tolist()
    found: dict[str, list[float]] = {"none": [], "real": [], "shuffled": []}
    for seed in range(3):
        for kind, scores in found.items():
            weight = 0.0 if kind == "none" else 0.5
            changes = [f"plan.seed={seed}", f"config.semantic.weight={weight}"]
            names = shuffled if kind == "shuffled" else None
            network = trained(motion, "miga_posec3d", *changes, per_class=5, names=names)
            scores.append(scored(network, motion)[0])
    none, right, wrong = (float(np.mean(found[kind])) for kind in ("none", "real", "shuffled"))
    assert right >= none - 0.01, found
    assert right >= wrong, found


class FewLabels(NamedTuple):
    """Mean Top-1 and precision of what was learned from, by scheme: three seeds."""

    accuracy: dict[str, float]
    right: dict[str, float]


@pytest.fixture(scope="module")
def a_tenth() -> FewLabels:
    motion = real("sfinge3d")
    accuracy, right = {}, {}
    for scheme in ("supervised", "fixmatch", "aplt"):
        figures = []
        for seed in range(3):
            changes = (f"config.scheme={scheme}", f"plan.seed={seed}")
            network = trained(motion, "aplt", *changes)
            figures.append((scored(network, motion)[0], precision(network, motion, *changes)))
        accuracy[scheme], right[scheme] = np.mean(figures, axis=0).tolist()
    print(accuracy, right)
    return FewLabels(accuracy, right)


@pytest.mark.slow
def test_aplt_learns_from_clips_without_labels(a_tenth):
    """Measured: 0.866, 0.786 with a tenth of the labels alone."""
    assert a_tenth.accuracy["aplt"] >= a_tenth.accuracy["supervised"] + 0.03, a_tenth


@pytest.mark.slow
@pytest.mark.xfail(
    reason="Top-1 0.866, FixMatch 0.877, whose kept labels are right in 0.937 of cases, not 0.895",
    strict=False,
)
def test_aplt_learns_more_than_fixmatch(a_tenth):
    assert a_tenth.accuracy["aplt"] >= a_tenth.accuracy["fixmatch"], a_tenth
    assert a_tenth.right["aplt"] >= a_tenth.right["fixmatch"], a_tenth
