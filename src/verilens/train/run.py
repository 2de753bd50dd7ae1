"""A training run from a manifest to weights that a scan can use.

    manifest -> train and val samples -> batches -> fit -> validation -> best weights, their card

It yields every step and every finished epoch, so that a command can show them. Validation samples
decide what is best and when to stop; the test split is never opened.
"""

import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from verilens import catalog, weights
from verilens.errors import ConfigError
from verilens.records import Sample
from verilens.train import checkpoint, posts
from verilens.train.cache import PixelCache
from verilens.train.data import Share, Training, Wanted
from verilens.train.ema import swapped_in
from verilens.train.folder import Folder
from verilens.train.loop import Batches, Snapshot, Step, accelerator, fit
from verilens.train.pixels import Reader
from verilens.train.posts import PostBatches
from verilens.train.recipe import Recipe
from verilens.train.select import Chosen, choose
from verilens.train.validate import Scores, Trainee, validate
from verilens.verify.detector import ClipDetector, Detector
from verilens.verify.post_detector import PostDetector

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train, on what, where to.

    recipe: resolved, see `resolve.resolve`. data: a manifest or a data set's root folder.
    out: the run's folder. resume: go on with the run in it; a new folder starts one.
    workers: threads that read, each with a decoder process; None keeps
        every core busy.
    cache: folder for decoded pixels, kept afterwards; None is one in `out`, deleted at the end.
    cache_bytes: its largest size; 0 keeps nothing.
    """

    recipe: Recipe
    data: Path
    out: Path
    resume: bool = False
    workers: int | None = None
    cache: Path | None = None
    cache_bytes: int = 8 << 30


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One finished epoch. loss: mean over its steps. broken: files that could not be read so far.

    scores: of the validation split, None without one. is_best: its weights were exported.
    stops: the run ends here, by patience or because all is done.
    """

    number: int
    n: int
    loss: float
    scores: Scores | None
    is_best: bool
    stops: bool
    seconds: float
    broken: int


@dataclass
class Progress:
    """What a run must remember between checkpoints."""

    best: Scores | None = None
    best_epoch: int = 0
    stale: int = 0
    stopped: bool = False
    loss_sum: float = 0.0
    loss_count: int = 0


def run(job: Job) -> Iterator[Step | Epoch]:
    """Train; yield each step, and each epoch after its validation.

    Raises ConfigError, DatasetError, TrainingError, StoreError, MissingExtra, MissingWeights.
    """
    chosen = choose(job.data, job.recipe.data)
    if job.recipe.plan.patience and not chosen.val:
        raise ConfigError(
            f"{job.data} has no validation split to stop early by, and the test split is never "
            "used for that; cut one off with --set data.val_share=0.1, or leave out --early-stop"
        )
    device = accelerator()
    with Folder(job.out, device.is_main_process) as folder:
        method = built(job.recipe).to(device.device)
        job = dataclasses.replace(job, recipe=fitted(job.recipe, method))
        folder.check(job.recipe, chosen, job.resume)
        device.wait_for_everyone()
        folder.begin(job.recipe, chosen, {"devices": device.num_processes})
        faces = job.recipe.data.faces
        with Reader(job.workers, _cache(job, device), faces=faces) as reader:
            yield from Run(job, chosen, folder, device, method, reader).epochs()
    if job.cache is None and device.is_main_process:
        shutil.rmtree(job.out / "cache", ignore_errors=True)


def built(recipe: Recipe) -> Trainee:
    """Return the recipe's method as training begins with it."""
    torch.manual_seed(recipe.plan.seed)
    method = catalog.build(recipe.method, recipe.config)
    if not isinstance(method, Detector | PostDetector):
        raise ConfigError(f"{recipe.method} is no detector; 'verilens train' cannot train it")
    if isinstance(method, PostDetector):
        posts.check(recipe.data)
    if recipe.init:
        weights.load_into(method, weights.find(catalog.card(recipe.method), recipe.init))
    return method


def fitted(recipe: Recipe, method: Trainee) -> Recipe:
    """Return the recipe with clips as long as the method reads them, unless it says how long."""
    if not isinstance(method, ClipDetector) or recipe.data.frames > 1:
        return recipe
    frames = method.config.view.frames
    moments = max(recipe.data.moments, frames)
    return dataclasses.replace(
        recipe, data=dataclasses.replace(recipe.data, frames=frames, moments=moments)
    )


def batches(
    recipe: Recipe, method: Trainee, train: list[Sample], reader: Reader, device: "Accelerator"
) -> "Batches[Any]":
    """Return what the method is trained on, this device's share."""
    share = Share(device.process_index, device.num_processes)
    if isinstance(method, PostDetector):
        return PostBatches(train, reader, method, recipe.plan, share)
    wanted = Wanted(method.config.view, method.needs)
    return Training(train, reader, wanted, recipe.data, recipe.plan, share)


def _cache(job: Job, device: "Accelerator") -> PixelCache | None:
    if not job.cache_bytes:
        return None
    return PixelCache(job.cache or job.out / "cache", job.cache_bytes // device.num_processes)


class Run:
    """One run under way."""

    def __init__(
        self, job: Job, chosen: Chosen, folder: Folder, device: "Accelerator", method: Trainee,
        reader: Reader,
    ) -> None:  # fmt: skip
        self.job = job
        self.plan = job.recipe.plan
        self.chosen = chosen
        self.folder = folder
        self.device = device
        self.method = method
        self.reader = reader
        train = [s for s in chosen.train if not (s.label and method.one_class)]
        self.batches = batches(job.recipe, method, train, reader, device)
        self.progress = Progress()
        self._begun = time.perf_counter()

    def epochs(self) -> Iterator[Step | Epoch]:
        """Train from the last checkpoint, or from the start, to the end."""
        start = self._restored()
        n = int(start["n"]) if start else 0
        self.folder.open_logs(n)
        if self.progress.stopped and self.progress.stale >= self.plan.patience > 0:
            return
        for step in fit(self.method, self.batches, self.plan, start):
            self._log(step)
            yield step
            if step.ends_epoch or step.n == step.total:
                epoch = self._finished(step)
                self._save(step)
                yield epoch
                if epoch.stops:
                    return
            elif self.plan.save_every_steps and step.n % self.plan.save_every_steps == 0:
                self._save(step)

    def _log(self, step: Step) -> None:
        self.progress.loss_sum += step.loss
        self.progress.loss_count += 1
        values: dict[str, Any] = {"epoch": step.epoch, "batch": step.batch, "loss": step.loss}
        values |= {"lr": step.lr, "seconds": step.seconds, "waited_s": step.waited_s, **step.parts}
        if step.norm is not None:
            values["norm"] = step.norm
        self.folder.log("step", step.n, values)

    def _finished(self, step: Step) -> Epoch:
        """Validate, export what is best, and say whether to stop."""
        progress = self.progress
        scores: Scores | None = None
        with swapped_in(self.method, step.average):
            if self.chosen.val:
                scores = validate(self.method, self.chosen.val, self.reader, self.device)
            is_best = scores is None or scores.better(progress.best, self.plan.watch)
            if is_best:
                progress.best, progress.best_epoch, progress.stale = scores, step.epoch, 0
                self._export(step, scores)
            else:
                progress.stale += 1
        progress.stopped = step.n == step.total or progress.stale >= self.plan.patience > 0
        epoch = Epoch(
            number=step.epoch,
            n=step.n,
            loss=progress.loss_sum / max(1, progress.loss_count),
            scores=scores,
            is_best=is_best,
            stops=progress.stopped,
            seconds=time.perf_counter() - self._begun,
            broken=len(self.reader.broken),
        )
        self._begun = time.perf_counter()
        progress.loss_sum, progress.loss_count = 0.0, 0
        values = {"epoch": epoch.number, "loss": epoch.loss, "is_best": is_best}
        values |= {"seconds": epoch.seconds, "broken": epoch.broken}
        if scores:
            values |= {f"val_{k}": v for k, v in dataclasses.asdict(scores).items()}
        self.folder.log("epoch", step.n, values)
        return epoch

    def _export(self, step: Step, scores: Scores | None) -> None:
        """Write the weights and the card that lies beside them."""
        if not self.folder.is_main:
            return
        recipe, path = self.job.recipe, self.job.out / "best.safetensors"
        facts = weights.metadata(recipe.method, recipe.config)
        checkpoint.save_weights(path, self.method.state_dict(), facts)
        measured = {f"val_{k}": v for k, v in dataclasses.asdict(scores).items()} if scores else {}
        card = {
            "sha256": weights.sha256(path),
            "licence": "what the licences of the training data allow",
            "corpus": f"{self.chosen.dataset}, {len(self.chosen.train)} samples, digest "
            f"{self.chosen.digest[:16]}",
            "recipe": f"{recipe.table or 'own settings'}; epoch {step.epoch + 1}, step {step.n}; "
            "config.toml beside this file holds every setting",
            "command": f"verilens train {recipe.method} --data {self.job.data} "
            "--recipe config.toml",
            "seed": recipe.plan.seed,
            "measured": measured,
            "limits": list(self.chosen.notes) or ["measured on the validation split only"],
        }
        checkpoint.write_text(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")

    def _save(self, step: Step) -> None:
        if not self.folder.is_main:
            return
        facts = dataclasses.asdict(self.progress)
        checkpoint.save(self.job.out / "last", step.snapshot(), facts)
        broken = json.dumps(self.reader.broken, indent=1, sort_keys=True)
        checkpoint.write_text(self.job.out / "broken.json", broken + "\n")

    def _restored(self) -> Snapshot | None:
        found = checkpoint.load(self.job.out / "last") if self.job.resume else None
        if found is None:
            return None
        snapshot, facts = found
        best = facts.pop("best")
        self.progress = Progress(best=Scores(**best) if best else None, **facts)
        broken = self.job.out / "broken.json"
        if broken.exists():
            self.reader.broken.update(json.loads(broken.read_text(encoding="utf-8")))
        return snapshot
