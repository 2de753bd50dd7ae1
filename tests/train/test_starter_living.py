"""What living_motion is trained on: generators, and changes that treat both classes alike."""

import sys
from pathlib import Path

import numpy as np
import pytest

from verilens import catalog
from verilens.bench.metrics import auc
from verilens.poses.make import make_pose
from verilens.train.starter import living
from verilens.train.starter.captured import Piece, changed, cut, filtered, folds
from verilens.train.starter.made_movement import cropped, made, makers

sys.path.insert(0, str(Path(__file__).parents[1] / "verify"))
sys.path.insert(0, str(Path(__file__).parents[1] / "motion"))
import moving
from captured import DATA, needs_data

MAKERS = {
    (family, name): maker
    for family, inner in makers(catalog.load("stgcdiff"), {}).items()
    for name, maker in inner.items()
}


def piece(seed=0, of="set", source="a"):
    rng = np.random.default_rng(seed)
    joints = make_pose(
        moving.gesturing(2.5, 30, seed).joints[:, [0] * 20] + rng.normal(size=(1, 20, 3)),
        None,
        "kinect20",
        30,
        units="m",
    )
    return Piece(pose=joints, of=of, source=source, text="wave")


@pytest.mark.parametrize("key", MAKERS, ids=": ".join)
def test_makers_make_a_movement_of_the_same_joints(key):
    pieces = [piece(n) for n in range(3)]
    one = made(MAKERS[key], pieces[0], pieces, np.random.default_rng(0))
    assert one is not None and np.isfinite(one.pose.joints).all()
    assert one.pose.skeleton == pieces[0].pose.skeleton and len(one.is_made) == len(one.pose)
    assert one.is_made.mean() > 0.5
    if key[0] == "fills":
        same = one.pose.joints == pieces[0].pose.joints
        assert same[~one.is_made].all() and not same[one.is_made].all()
    again = made(MAKERS[key], pieces[0], pieces, np.random.default_rng(0))
    assert np.array_equal(one.pose.joints, again.pose.joints)


def test_what_was_made_is_no_longer_than_the_piece():
    pieces = [piece(n) for n in range(3)]
    one = made(MAKERS["stitching", "motion_lexicon"], pieces[0], pieces, np.random.default_rng(0))
    short = cropped(one, 2.5, np.random.default_rng(0))
    assert len(short.pose) == 75 == len(short.is_made)


def test_both_classes_go_through_the_same_changes():
    """Equal draws change equal movements equally: nothing else is looked at."""
    one, other = piece(), piece()
    first, second = (changed(p.pose, np.random.default_rng(5)) for p in (one, other))
    assert np.array_equal(first.joints, second.joints) and first.fps == second.fps
    found = [changed(one.pose, np.random.default_rng(n)) for n in range(60)]
    assert {pose.joints.shape[2] for pose in found} == {2, 3}
    assert {pose.fps for pose in found} == {15, 20, 25, 30}
    assert {pose.skeleton.name for pose in found} == {"kinect20", "h36m17"}


def test_filters_keep_lines():
    line = np.arange(20.0)[:, None, None]
    kernel = np.array([-3, 12, 17, 12, -3]) / 35
    assert np.allclose(filtered(line, kernel)[2:-2], line[2:-2])


def test_a_source_is_in_one_fold_and_a_set_in_all():
    pieces = [piece(of=of, source=f"{of}{n % 8}") for of in "xy" for n in range(20)]
    found = folds((p.of, p.source) for p in pieces)
    assert {found[f"x{n}"] for n in range(8)} == set(range(living.FOLDS))
    assert len(found) == 16


def test_pieces_cover_a_movement():
    pose = moving.gesturing(20)
    parts = list(cut(pose))
    assert np.array_equal(np.concatenate([p.joints for p in parts]), pose.joints)
    assert max(len(p) / p.fps for p in parts) <= 6.1


def test_sets_classes_and_families_weigh_alike():
    clips = [living.Clip("a", "s", "", "")] * 6 + [living.Clip("a", "s", "g", "f")] * 2
    clips += [living.Clip("a", "s", "h", "k"), living.Clip("b", "t", "", "")]
    w = living.fair(clips)
    total = {key: w[[c[0::3] == key for c in clips]].sum() for key in {c[0::3] for c in clips}}
    assert total["a", ""] == pytest.approx(total["b", ""])
    assert total["a", "f"] == pytest.approx(total["a", "k"]) == pytest.approx(total["a", ""] / 2)


@needs_data
@pytest.mark.slow
def test_unseen_generators_of_unseen_persons_are_told(monkeypatch):
    """An eighth of the pieces; for all of them see docs/results/motion-evidence.md."""
    monkeypatch.setattr(living, "BATCH", 64)
    clips, rows = living.gathered(DATA, 0.12, 0)
    scores = living.crossed(clips, rows, 0)
    fake = np.array([bool(c.generator) for c in clips])
    kept = np.isfinite(scores["new"]) & np.array([c.family != "lifted" for c in clips])
    for name in ("known", "new"):
        area = auc(scores[name][kept], fake[kept])
        print(f"{name}: AUC {area:.3f} of {kept.sum()} clips")
        assert area > {"known": 0.8, "new": 0.65}[name]
    assert 0.4 < living.blind(clips, rows) < 0.6
