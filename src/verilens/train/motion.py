"""A training run on a motion set: batches of poses, and the run itself.

    set -> protocol -> training clips -> batches -> fit -> weights, their card

The test clips are never opened. Validation clips are cut off the training ones, whole subjects at a
time where the set names them; without any, the last epoch's weights are kept.
"""

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from verilens import catalog, weights
from verilens.batch import PoseBatch
from verilens.bench.metrics.recognition import log_loss, mean_class_accuracy, top
from verilens.errors import ConfigError
from verilens.motion.recognizer import PartlyTaught, Recognizer, stacked
from verilens.motion.stretch import Cut, Stretch, finished, sampled, together
from verilens.poses.packs import Labelled
from verilens.poses.sets import MotionSet, digest, divide, labelled
from verilens.train import checkpoint
from verilens.train.ema import swapped_in
from verilens.train.folder import Folder
from verilens.train.loop import Step, fit
from verilens.train.recipe import Plan, Recipe

Bools = NDArray[np.bool_]
UNKNOWN = -1
SAVE_S = 5.0  # between checkpoints at the ends of epochs, which may be short; the last is kept too


class PoseBatches:
    """The batches of a plan, held in memory; see `loop.Batches`.

    is_labelled: which clips show their label, (N,). Where some do not, half of every batch does
    and half does not, and the method looks at all clips before every epoch.
    """

    def __init__(
        self, clips: Sequence[Labelled], method: Recognizer, plan: Plan,
        is_labelled: Bools | None = None,
    ) -> None:  # fmt: skip
        self.method, self.plan = method, plan
        self.stretch: Stretch = method.config.stretch
        self.whole = [together(clip.persons, self.stretch) for clip in clips]
        self.labels = np.array([clip.label for clip in clips])
        shown = np.ones(len(clips), bool) if is_labelled is None else is_labelled
        self.known, self.unknown = np.flatnonzero(shown), np.flatnonzero(~shown)
        if len(self.unknown) and not method.learns_unlabelled:
            raise ConfigError(f"{method.name} learns from labels alone; leave out data.labelled")

    @property
    def samples(self) -> int:
        """Return how many clips there are."""
        return len(self.whole)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has; a last one that is not full is left out."""
        steps = max(1, self.samples // self.plan.batch)
        return min(steps, self.plan.epoch_steps) if self.plan.epoch_steps else steps

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[PoseBatch]:
        """Yield the batches of an epoch, without the first `skip`."""
        rng = np.random.default_rng([self.plan.seed, epoch])
        if self.method.learns_unlabelled:
            taught = cast(PartlyTaught, self.method)
            taught.relabel(epoch, self.all_of(self.known), self.all_of(self.unknown))
        half = self.plan.batch // 2 if len(self.unknown) else self.plan.batch
        known = _endless(self.known, self.steps * half, rng)
        unknown = _endless(self.unknown, self.steps * (self.plan.batch - half), rng)
        for step in range(skip, self.steps):
            first = known[step * half :][:half]
            second = unknown[step * (self.plan.batch - half) :][: self.plan.batch - half]
            yield self._batch(first, second, np.random.default_rng([self.plan.seed, epoch, step]))

    def all_of(self, chosen: NDArray[np.int64]) -> PoseBatch:
        """Return these clips as they are when they are recognised, in one batch."""
        return self._made([self._cut(n, None) for n in chosen], chosen, chosen)

    def _batch(
        self, known: NDArray[np.int64], unknown: NDArray[np.int64], rng: np.random.Generator
    ) -> PoseBatch:
        both = np.concatenate([known, unknown])
        return self._made([self._cut(n, rng) for n in both], known, both)

    def _made(
        self, cuts: list[Cut], known: NDArray[np.int64], both: NDArray[np.int64]
    ) -> PoseBatch:
        stretch = self.stretch
        joints, confidence = stacked(cuts, stretch)
        hidden = np.full(len(both) - len(known), UNKNOWN)
        index = both.copy()
        if len(self.unknown):  # the place among those without labels, as `relabel` gets them
            index[len(known) :] = np.searchsorted(self.unknown, both[len(known) :])
        return PoseBatch(
            joints=joints,
            confidence=confidence,
            labels=torch.from_numpy(np.concatenate([self.labels[known], hidden])).long(),
            index=torch.from_numpy(index),
        )

    def _cut(self, n: int, rng: np.random.Generator | None) -> Cut:
        view = self.stretch.views // 2
        return finished(sampled(self.whole[n], self.stretch, view, rng), self.stretch)


def _endless(members: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `count` members, each about as often, in an order drawn anew every time round."""
    if not len(members):
        return members
    rounds = -(-count // len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:count]


@dataclass(frozen=True, kw_only=True)
class MotionJob:
    """What to train, on what, where to.

    recipe: resolved; `data.protocol`, `data.labelled` and `data.val_share` say what of the set.
    out: the run's folder. resume: go on with the run in it; a new folder starts one.
    """

    recipe: Recipe
    motion: MotionSet
    out: Path
    resume: bool = False


class Scores(NamedTuple):
    """Figures on the validation clips."""

    accuracy: float
    mean_class_accuracy: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class MotionEpoch:
    """One finished epoch. loss: mean over its steps. scores: None without validation clips."""

    number: int
    n: int
    loss: float
    scores: Scores | None
    is_best: bool
    stops: bool
    seconds: float


class Parts(NamedTuple):
    """The clips of a run, as its folder tells of them."""

    dataset: str
    train: tuple[Labelled, ...]
    val: tuple[Labelled, ...]
    digest: str
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many clips of each part there are."""
        return {"train": len(self.train), "val": len(self.val)}


def parts(recipe: Recipe, motion: MotionSet) -> Parts:
    """Return the training and validation clips; test clips are left behind here."""
    train = divide(motion, recipe.data.protocol).train
    val: tuple[Labelled, ...] = ()
    if recipe.data.val_share:
        groups = np.array([clip.subject or clip.index for clip in train])
        rng = np.random.default_rng(recipe.plan.seed)
        known = rng.permutation(np.unique(groups))
        chosen = set(known[: max(1, round(recipe.data.val_share * len(known)))].tolist())
        val = tuple(clip for clip, group in zip(train, groups, strict=True) if group in chosen)
        train = tuple(c for c, group in zip(train, groups, strict=True) if group not in chosen)
    protocol = recipe.data.protocol or motion.usual
    notes = (f"protocol {protocol}; {recipe.data.labelled:.0%} of the training labels are read",)
    return Parts(motion.name, train, val, digest((*train, *val)), notes)


def run(job: MotionJob) -> Iterator[Step | MotionEpoch]:
    """Train; yield each step, and each epoch after its validation.

    Raises ConfigError, DatasetError, TrainingError, StoreError, MissingExtra, MissingWeights.
    """
    chosen = parts(job.recipe, job.motion)
    if job.recipe.plan.patience and not chosen.val:
        raise ConfigError(
            "no validation clips to stop early by; cut some off with --set data.val_share=0.2, or "
            "leave out plan.patience"
        )
    with Folder(job.out) as folder:
        folder.check(job.recipe, chosen, job.resume)
        folder.begin(job.recipe, chosen, {"devices": 1})
        yield from _MotionRun(job, chosen, folder).epochs()


def built(recipe: Recipe) -> Recognizer:
    """Return the recipe's method as training begins with it: untrained, or with `init`."""
    torch.manual_seed(recipe.plan.seed)
    method = catalog.build(recipe.method, recipe.config)
    if not isinstance(method, Recognizer):
        raise ConfigError(f"{recipe.method} does not recognise movement; see 'verilens methods'")
    if recipe.init:
        _begin(method, weights.find(catalog.card(recipe.method), recipe.init))
    return method


def _begin(method: Recognizer, path: Path) -> None:
    """Load weights; what knows the classes begins anew where those at `path` were others."""
    before = weights.config_of(path, method.name)
    is_same = tuple(before.get("labels", ())) == method.config.labels
    weights.load_into(method, path, but=() if is_same else method.of_classes)


class _MotionRun:
    """One run under way."""

    def __init__(self, job: MotionJob, chosen: Parts, folder: Folder) -> None:
        self.job, self.chosen, self.folder = job, chosen, folder
        self.plan = job.recipe.plan
        self.method = built(job.recipe)
        share = job.recipe.data.labelled
        shown = labelled(chosen.train, share, self.plan.seed) if share < 1 else None
        self.batches = PoseBatches(chosen.train, self.method, self.plan, shown)
        self.best: Scores | None = None
        self.stale = 0

    def epochs(self) -> Iterator[Step | MotionEpoch]:
        """Train from the last checkpoint, or from the start, to the end."""
        start = self._restored()
        self.folder.open_logs(int(start["n"]) if start else 0)
        if start and self.stale >= self.plan.patience > 0:
            return
        begun, losses = time.perf_counter(), list[float]()
        saved = begun
        for step in fit(self.method, self.batches, self.plan, start):
            losses.append(step.loss)
            values = {"epoch": step.epoch, "batch": step.batch, "loss": step.loss, "lr": step.lr}
            self.folder.log("step", step.n, {**values, **step.parts})
            yield step
            if not (step.ends_epoch or step.n == step.total):
                continue
            epoch = self._finished(step, float(np.mean(losses)), time.perf_counter() - begun)
            if epoch.stops or time.perf_counter() - saved >= SAVE_S:
                facts = {"best": list(self.best) if self.best else None, "stale": self.stale}
                checkpoint.save(self.job.out / "last", step.snapshot(), facts)
                saved = time.perf_counter()
            begun, losses = time.perf_counter(), []
            yield epoch
            if epoch.stops:
                return

    def _finished(self, step: Step, loss: float, seconds: float) -> MotionEpoch:
        """Validate, export what is best, and say whether to stop."""
        with swapped_in(self.method, step.average):
            scores = validated(self.method, self.chosen.val)
            is_best = scores is None or self.best is None or self._better(scores, self.best)
            if is_best:
                self.best, self.stale = scores, 0
                if scores or step.n == step.total:  # without validation the last one counts
                    self._export(step, scores)
            else:
                self.stale += 1
        stops = step.n == step.total or self.stale >= self.plan.patience > 0
        values: dict[str, Any] = {"epoch": step.epoch, "loss": loss, "is_best": is_best}
        values |= {f"val_{k}": v for k, v in scores._asdict().items()} if scores else {}
        self.folder.log("epoch", step.n, {**values, "seconds": seconds})
        return MotionEpoch(
            number=step.epoch,
            n=step.n,
            loss=loss,
            scores=scores,
            is_best=is_best,
            stops=stops,
            seconds=seconds,
        )

    def _better(self, scores: Scores, best: Scores) -> bool:
        if self.plan.watch == "loss":
            return scores.loss < best.loss
        return scores.accuracy > best.accuracy

    def _export(self, step: Step, scores: Scores | None) -> None:
        """Write the weights and the card that lies beside them."""
        recipe, path = self.job.recipe, self.job.out / "best.safetensors"
        facts = weights.metadata(recipe.method, recipe.config)
        checkpoint.save_weights(path, self.method.state_dict(), facts)
        measured = {f"val_{k}": v for k, v in scores._asdict().items()} if scores else {}
        card = {
            "sha256": weights.sha256(path),
            "licence": "what the licences of the training data allow",
            "corpus": f"{self.chosen.dataset}, {len(self.chosen.train)} clips, digest "
            f"{self.chosen.digest[:16]}",
            "recipe": f"{recipe.table or 'own settings'}; epoch {step.epoch + 1}, step {step.n}; "
            "config.toml beside this file holds every setting",
            "command": f"verilens motion train {recipe.method} {_options(self.chosen.dataset)} "
            "--recipe config.toml",
            "seed": recipe.plan.seed,
            "measured": measured,
            "limits": list(self.chosen.notes),
        }
        checkpoint.write_text(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")

    def _restored(self) -> dict[str, Any] | None:
        found = checkpoint.load(self.job.out / "last") if self.job.resume else None
        if found is None:
            return None
        snapshot, facts = found
        self.best = Scores(*facts["best"]) if facts["best"] else None
        self.stale = int(facts["stale"])
        return snapshot


def _options(dataset: str) -> str:
    """Return the options that name a set, or the sets it was joined of."""
    return " ".join(f"--data {name}" for name in dataset.split("+"))


def validated(method: Recognizer, clips: Sequence[Labelled]) -> Scores | None:
    """Return how well a method recognises clips, None when there are none."""
    if not clips:
        return None
    labels = np.array([clip.label for clip in clips])
    found = method.probabilities([clip.persons for clip in clips])
    return Scores(top(found, labels), mean_class_accuracy(found, labels), log_loss(found, labels))


def resolved_for(recipe: Recipe, motion: MotionSet, is_own: bool) -> Recipe:
    """Return the recipe with the set's classes and, unless `is_own`, the set's skeleton."""
    changes: dict[str, Any] = {"classes": len(motion.actions), "labels": motion.actions}
    settings = dict(recipe.config) | changes
    if not is_own:
        dims = motion.clips[0].pose.joints.shape[2]
        stretch = dict(cast(dict[str, Any], settings["stretch"]))
        stretch |= {"skeleton": motion.skeleton, "origin": "", "dims": min(dims, stretch["dims"])}
        settings["stretch"] = stretch
    full = catalog.settings(recipe.method, settings)
    return dataclasses.replace(recipe, config=dataclasses.asdict(full))
