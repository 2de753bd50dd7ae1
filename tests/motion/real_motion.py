"""The small real sets, where they lie beside the repository, and a training on them in one call."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from verilens.bench.metrics.recognition import top
from verilens.motion.recognizer import Recognizer
from verilens.poses.sets import MotionSet, divide, labelled, open_set
from verilens.train.checkpoint import save_weights
from verilens.train.loop import fit
from verilens.train.motion import PoseBatches, built, parts, resolved_for
from verilens.train.resolve import resolve
from verilens.weights import metadata

DATA = Path(__file__).parents[3] / "shared" / "data" / "motion"


def real(name: str) -> MotionSet:
    """Return a real set; the test is skipped where it is absent."""
    if not (DATA / name).is_dir():
        pytest.skip(f"no {DATA / name}")
    return open_set(DATA / name)


def trained(
    motion: MotionSet, method: str, *changes: str, per_class: int = 0,
    names: list[str] | None = None, recipe: str = "",
) -> Recognizer:  # fmt: skip
    """Return a recogniser trained by its small recipe, or the one that is named.

    per_class: use that many clips of each. names: of the classes, in place of their own.
    """
    torch.set_num_threads(1)
    resolved = resolve(method, recipe or f"small_{motion.name}", changes)
    called = dataclasses.replace(motion, actions=tuple(names)) if names else motion
    resolved = resolved_for(resolved, called, is_own=False)
    clips = parts(resolved, motion).train
    if per_class:
        rng = np.random.default_rng(resolved.plan.seed)
        kept = [
            rng.permutation([n for n, clip in enumerate(clips) if clip.label == label])[:per_class]
            for label in range(len(motion.actions))
        ]
        clips = tuple(clips[n] for n in np.concatenate(kept))
    share = resolved.data.labelled
    shown = labelled(clips, share, resolved.plan.seed) if share < 1 else None
    network = built(resolved)
    for _ in fit(network, PoseBatches(clips, network, resolved.plan, shown), resolved.plan):
        pass
    return network


def saved(network: Recognizer, path: Path) -> Path:
    """Write a network's weights as a training run does."""
    facts = metadata(network.name, dataclasses.asdict(network.config))
    save_weights(path, network.state_dict(), facts)
    return path


def scored(network: Recognizer, motion: MotionSet) -> tuple[float, np.ndarray]:
    """Return Top-1 on the test clips of the usual protocol, and the probabilities."""
    test = divide(motion).test
    found = network.probabilities([clip.persons for clip in test])
    return top(found, np.array([clip.label for clip in test])), found


def precision(network: Recognizer, motion: MotionSet, *changes: str) -> float:
    """Return the share of right labels among those that APLT or FixMatch would learn from."""
    recipe = resolved_for(resolve("aplt", f"small_{motion.name}", changes), motion, is_own=False)
    clips = parts(recipe, motion).train
    shown = labelled(clips, recipe.data.labelled, recipe.plan.seed)
    batches = PoseBatches(clips, network, recipe.plan, shown)
    taught = network.taught(batches.all_of(batches.known), batches.all_of(batches.unknown))
    kept = taught.share.numpy() > 0
    truth = np.array([clips[n].label for n in batches.unknown])
    return float((taught.labels.numpy() == truth)[kept].mean())
