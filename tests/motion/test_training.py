"""Training on a motion set: it learns, goes on exactly, and never opens the test clips."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_clips import labels_of, toy_set

from verilens import catalog
from verilens.bench.metrics.recognition import top
from verilens.errors import ConfigError, MissingWeights
from verilens.motion import nearest
from verilens.motion.recognizer import Recognizer
from verilens.poses.make import make_pose
from verilens.poses.sets import divide, joined, labelled
from verilens.train.loop import Step
from verilens.train.motion import MotionEpoch, MotionJob, PoseBatches, built, resolved_for, run
from verilens.train.recipe import Plan
from verilens.train.resolve import resolve

SMALL = (
    "config.width=12", "config.blocks=3", "config.grown=[2]", "config.stretch.frames=12",
    "config.stretch.persons=1", "config.stretch.views=1", "plan.batch=12", "plan.lr=1e-2",
)  # fmt: skip


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return toy_set(tmp_path_factory.mktemp("motion"))


def job(motion, out, *changes, method="stgcnpp", **more) -> MotionJob:
    recipe = resolved_for(resolve(method, None, [*SMALL, *changes]), motion, is_own=False)
    return MotionJob(recipe=recipe, motion=motion, out=out, **more)


def test_learns_to_recognise_views_it_never_saw(motion, tmp_path):
    items = list(run(job(motion, tmp_path / "run", "plan.epochs=15", "plan.batch=8")))
    losses = [item.loss for item in items if isinstance(item, MotionEpoch)]
    assert len(losses) == 15 and losses[-1] < 0.4 * losses[0]
    method = catalog.load("stgcnpp", str(tmp_path / "run" / "best.safetensors"))
    assert isinstance(method, Recognizer) and method.config.labels == motion.actions
    test = divide(motion).test
    found = method.probabilities([[clip.pose] for clip in test])
    assert top(found, labels_of(test)) >= 0.75  # chance is a third
    card = json.loads((tmp_path / "run" / "best.json").read_text())
    assert "protocol cross-view" in card["limits"][0] and "48 clips" in card["corpus"]


def test_goes_on_as_if_it_had_never_stopped(motion, tmp_path, monkeypatch):
    monkeypatch.setattr("verilens.train.motion.SAVE_S", 0.0)
    whole = job(motion, tmp_path / "whole", "plan.epochs=3")
    list(run(whole))
    half = job(motion, tmp_path / "half", "plan.epochs=3")
    for item in run(half):
        if isinstance(item, MotionEpoch) and item.number == 1:
            break
    assert not (half.out / "best.safetensors").exists() and list(half.out.glob("last/*.pt"))
    rest = [
        item.n for item in run(dataclasses.replace(half, resume=True)) if isinstance(item, Step)
    ]
    assert rest[0] > 4  # the first epoch is not done again
    first, second = (load_file(j.out / "best.safetensors") for j in (whole, half))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_validation_clips_are_whole_subjects_and_decide_what_is_best(motion, tmp_path):
    changes = ("data.val_share=0.3", "plan.epochs=4", "plan.patience=1", "plan.lr=1e-9")
    items = [i for i in run(job(motion, tmp_path / "run", *changes)) if isinstance(i, MotionEpoch)]
    assert len(items) == 2 and items[-1].stops  # nothing improves
    told = json.loads((tmp_path / "run" / "environment.json").read_text())["data"]["samples"]
    assert told == {"train": 36, "val": 12}  # one of four subjects
    with pytest.raises(ConfigError, match="no validation clips to stop early by"):
        list(run(job(motion, tmp_path / "other", "plan.patience=1")))


def test_every_clip_is_seen_and_the_seed_fixes_the_batches(motion):
    recipe = resolved_for(resolve("stgcnpp", None, SMALL), motion, is_own=False)
    method = catalog.build("stgcnpp", recipe.config)
    clips = divide(motion).train
    batches = PoseBatches(clips, method, Plan(batch=12, seed=1))
    first, again = list(batches.epoch(0)), list(batches.epoch(0))
    assert batches.steps == len(first) == 4
    assert sorted(torch.cat([batch.index for batch in first]).tolist()) == list(range(48))
    assert all(torch.equal(a.joints, b.joints) for a, b in zip(first, again, strict=True))
    later = list(batches.epoch(0, skip=2))
    assert torch.equal(later[0].joints, first[2].joints)
    other = next(iter(batches.epoch(1)))
    assert not torch.equal(other.index, first[0].index)
    for batch in first:
        assert batch.labels.tolist() == labels_of(clips)[batch.index].tolist()


def test_half_of_a_batch_hides_its_labels_where_some_are_hidden(motion):
    recipe = resolved_for(resolve("aplt", None, SMALL), motion, is_own=False)
    method = catalog.build("aplt", recipe.config)
    clips = divide(motion).train
    shown = labelled(clips, 0.25, 0)
    batches = PoseBatches(clips, method, Plan(batch=12, seed=1), shown)
    for batch in batches.epoch(0):
        known = batch.labels >= 0
        assert known.tolist() == [True] * 6 + [False] * 6
        assert set(batch.index[known].tolist()) <= set(np.flatnonzero(shown).tolist())
        assert batch.index[~known].max() < (~shown).sum()
    method = catalog.build("stgcnpp", resolved_for(resolve("stgcnpp"), motion, False).config)
    with pytest.raises(ConfigError, match="learns from labels alone"):
        PoseBatches(clips, method, Plan(batch=12), shown)


def test_another_run_in_the_folder_is_not_overwritten(motion, tmp_path):
    first = job(motion, tmp_path / "run", "plan.epochs=1")
    assert any(isinstance(item, Step) for item in run(first))
    with pytest.raises(ConfigError, match="holds a run"):
        list(run(first))
    with pytest.raises(ConfigError, match="other settings"):
        list(run(job(motion, tmp_path / "run", "plan.epochs=1", "plan.lr=5", resume=True)))


@pytest.mark.parametrize("method", ["stgcnpp", "protogcn"])
def test_starts_from_weights_of_other_classes(motion, tmp_path, method):
    """The trunk is taken over; what knows the classes begins anew, unless they are the same."""
    more = ["config.graphs=2"] if method == "protogcn" else []
    first = job(motion, tmp_path / "run", "plan.epochs=1", *more, method=method)
    list(run(first))
    path = first.out / "best.safetensors"
    before = load_file(path)
    fewer = dataclasses.replace(
        motion,
        clips=tuple(clip for clip in motion.clips if clip.label < 2),
        actions=("nod", "shake"),
    )
    changes = (f"init={path}", *more)
    other = built(job(fewer, tmp_path / "x", *changes, method=method).recipe).state_dict()
    same = built(job(motion, tmp_path / "y", *changes, method=method).recipe).state_dict()
    assert set(other) == set(same) == set(before)
    anew = {"classify.weight", "classify.bias", "contrast.memory"} & set(before)
    assert all(torch.equal(other[name], before[name]) for name in set(before) - anew)
    assert all(len(other[name]) == 2 for name in anew)
    assert all(torch.equal(same[name], before[name]) for name in before)
    narrow = job(fewer, tmp_path / "z", *changes, "config.width=18", method=method)
    with pytest.raises(MissingWeights, match="does not fit"):
        built(narrow.recipe)


def test_trains_on_every_clip_of_joined_sets(motion, tmp_path):
    both = joined([motion, dataclasses.replace(motion, name="mine")])
    list(run(job(both, tmp_path / "run", "plan.epochs=1", "data.protocol=all")))
    card = json.loads((tmp_path / "run" / "best.json").read_text())
    assert "nw_ucla+mine, 144 clips" in card["corpus"]
    assert "--data nw_ucla --data mine" in card["command"]


def test_joined_sets_are_read_in_the_skeleton_of_the_first(motion):
    pose = make_pose(np.ones((4, 20, 3)), None, "msr20", 15.0)
    clip = dataclasses.replace(motion.clips[0], pose=pose)
    both = joined([motion, dataclasses.replace(motion, name="mine", clips=(clip,))])
    recipe = resolved_for(resolve("stgcnpp", None, SMALL), both, is_own=False)
    assert recipe.config["stretch"]["skeleton"] == "kinect20"
    batches = PoseBatches(both.clips, catalog.build("stgcnpp", recipe.config), Plan())
    assert batches.whole[-1].joints.shape == (1, 4, 20, 3)
    lacking = make_pose(np.ones((4, 20, 3)), None, "sfinge20", 15.0)
    odd = dataclasses.replace(clip, pose=lacking)
    with pytest.raises(ConfigError, match="no joint in common"):
        PoseBatches([odd], catalog.build("stgcnpp", recipe.config), Plan())


def test_methods_of_other_families_are_refused(motion, tmp_path):
    with pytest.raises(ConfigError, match="does not recognise movement"):
        list(run(MotionJob(recipe=resolve("npr"), motion=motion, out=tmp_path / "run")))


def test_reference_rows_know_the_nearest_movement(motion):
    train, test = divide(motion, "index")
    for reference in ("mean", "1nn"):
        found = nearest.recognised(reference, train, train, 3)
        assert np.allclose(found.sum(1), 1)
        if reference == "1nn":
            assert top(found, labels_of(train)) == 1.0  # each is nearest to itself
    assert top(nearest.recognised("1nn", train, test, 3), labels_of(test)) > 0.9


def test_time_warping_does_not_mind_who_is_late():
    pytest.importorskip("numba")
    time = np.linspace(0, 1, 32)
    early, late, other = (
        np.tanh(20 * (time - t))[:, None] * s for t, s in ((0.2, 1), (0.7, 1), (0.5, 0.4))
    )
    asked, known = early[None], np.stack([late, other])
    assert nearest.distances(asked, known)[0].argmin() == 1
    assert nearest.warped(asked, known)[0].argmin() == 0
