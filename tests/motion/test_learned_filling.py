"""What StgcDiff learns of real movement: the shipped weights at once, trainings when asked for."""

import dataclasses

import numpy as np
import pytest
import torch
from captured import DATA, FAST, cmu_gaps, needs_data

from verilens import catalog
from verilens.bench.filling import Gap, cut_hard, judged
from verilens.bench.metrics.poses import mpjpe
from verilens.motion.fillers import SIMPLE, from_root, joined
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.motion.stgcdiff.passage import Measure, Span, beside
from verilens.poses.read import read
from verilens.poses.skeletons import skeleton
from verilens.train.starter import movement

pytestmark = needs_data
BONES = skeleton("cmu38").edges


def check(filler: StgcDiff, over: list[Gap]) -> dict[str, float]:
    """Assert that gaps are filled better than by a straight passage, smoothly; return figures."""
    fast = np.array([gap.kind in FAST for gap in over])
    rows = {
        name: judged(one, over, BONES)
        for name, one in {"linear": SIMPLE["linear"], "hold": SIMPLE["hold"], "own": filler}.items()
    }
    error = {name: row.error.mean() for name, row in rows.items()}
    quick = {name: row.error[fast].mean() for name, row in rows.items()}
    assert quick["own"] <= 0.8 * quick["linear"]
    assert error["own"] <= error["linear"] and error["own"] < error["hold"]
    assert rows["own"].seam.mean() <= 1.2 and cut_hard(over) > 2
    return {"error": error["own"], "fast": quick["own"], "seam": rows["own"].seam.mean()}


def told_by_another(filler: StgcDiff, over: list[Gap]) -> float:
    """Return how much the error rises when the encoder describes another clip."""
    context, frames = filler.config.context, len(over[0].inside)
    windows = [np.concatenate([g.before[-context:], g.inside, g.after[:context]]) for g in over]
    x = torch.from_numpy(np.stack(windows)).float()
    span = Span(context, context + frames)
    measure = Measure.of(beside(x, span))
    x = measure.measured(x)
    own = filler.autoencoder.describe_seen(x, span)
    errors = [
        mpjpe(measure.placed(filler.sample(x, span, told))[:, slice(*span)].double().numpy(),
              measure.placed(x)[:, slice(*span)].double().numpy())
        for told in (own, own.roll(len(own) // 2, 0))
    ]  # fmt: skip
    return errors[1] / errors[0]


def test_the_shipped_filler_beats_a_straight_passage():
    filler = catalog.load("stgcdiff")
    assert isinstance(filler, StgcDiff)
    over = cmu_gaps(step=90)
    check(filler, over)
    with torch.inference_mode():
        assert told_by_another(filler, over) >= 1.3


@pytest.mark.slow
def test_a_new_training_does_so_too():
    """At most five minutes of one core."""
    filler = movement.trained("stgcdiff", movement.training(DATA), seed=1)
    assert isinstance(filler, StgcDiff)
    check(filler, cmu_gaps())
    with torch.inference_mode():
        assert told_by_another(filler, cmu_gaps()) >= 1.3


def test_joins_two_signs_of_a_lexicon():
    signs = [read(DATA / "pose_files" / "dummy_lexicon" / "sgg" / name)[0] for name in SIGNS]
    first, second = (dataclasses.replace(sign, fps=signs[0].fps) for sign in signs)
    filler = catalog.load("stgcdiff")
    assert isinstance(filler, StgcDiff)
    whole = joined(first, second, filler.fitted_to(first.skeleton), 8)
    assert len(whole) == len(first) + 8 + len(second) and np.isfinite(whole.joints).all()
    gap = whole.joints[len(first) : len(first) + 8]
    sure = whole.confidence[len(first) : len(first) + 8] > 0
    for joint, parent in from_root(first.skeleton):
        both = [np.concatenate([lengths(s.joints, joint, parent, s.confidence) for s in signs])]
        if sure[:, [joint, parent]].all() and len(both[0]):
            found = lengths(gap, joint, parent)
            assert found.min() >= 0.9 * both[0].min() - 1e-3
            assert found.max() <= 1.1 * both[0].max() + 1e-3


SIGNS = ("kinder.pose", "essen.pose")


def lengths(joints, joint, parent, confidence=None):
    bone = np.linalg.norm(joints[:, joint] - joints[:, parent], axis=-1)
    if confidence is None:
        return bone
    return bone[(confidence[:, [joint, parent]] > 0).all(1)]
