"""The training loop: `for step in fit(method, batches, plan)`.

Everything random in step n (dropout, patches a method draws) comes from generators seeded with
(seed, n, device), and the learning rate is a function of n. So a run that starts again from the
snapshot of a step goes on exactly as it would have: on a CPU with equal numbers, bit for bit.
Accelerate moves it to the devices that `accelerate launch` gives; a batch is shared among them.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from verilens.batch import Batch
from verilens.errors import MissingExtra, TrainingError
from verilens.method import Loss, Method, Trained
from verilens.nn.memory import channels_last
from verilens.train import schedule
from verilens.train.boost import Difficulty, boosted, weights
from verilens.train.ema import MovingAverage
from verilens.train.recipe import Plan

if TYPE_CHECKING:
    from accelerate import Accelerator

Given = TypeVar("Given", bound=Batch, covariant=True)
Snapshot = dict[str, Any]  # tensors, numbers and strings only


class Batches(Protocol[Given]):
    """What `fit` trains on; `train.data.Training` reads it from files."""

    @property
    def samples(self) -> int:
        """Return how many samples there are; `Batch.index` is below it."""

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Given]:
        """Yield this device's share of the batches of an epoch, without the first `skip`."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimiser step.

    n: counted over the run, from 1 to `total`. epoch: from 0. batch: of the epoch, from 1.
    loss: mean over the batch, as minimised; parts: as the method names them.
    norm: of the gradient before clipping, None when nothing is clipped.
    seconds: from step to step; waited_s of them went by waiting for the batch, worked_s in the
        forward and backward passes.
    snapshot: all that is needed to go on from here, valid until the next step.
    average: the moving average of the weights, None without one; valid until the next step.
    """

    n: int
    total: int
    epoch: int
    batch: int
    ends_epoch: bool
    loss: float
    parts: Mapping[str, float]
    lr: float
    seconds: float
    waited_s: float = 0.0
    worked_s: float = 0.0
    norm: float | None = None
    snapshot: Callable[[], Snapshot] = field(repr=False, compare=False, default=dict)
    average: Mapping[str, Tensor] | None = field(repr=False, compare=False, default=None)


def fit(
    method: Method[Trained], batches: Batches[Trained], plan: Plan, start: Snapshot | None = None
) -> Iterator[Step]:
    """Train `method` in place and yield every step; it is in training mode in between.

    start: the snapshot of an earlier step, to go on after it.

    Raises TrainingError when the loss is no number; the weights are those of the step before.
    """
    learner = Learner(method, batches, plan)
    if start is not None:
        learner.restore(start)
    n = 0 if start is None else int(start["n"])
    limit = schedule.total_steps(plan, batches.steps)
    while n < limit:
        epoch, done = divmod(n, batches.steps)
        begun = time.perf_counter()
        for batch in batches.epoch(epoch, skip=done):
            step = learner.step(batch, n, begun)
            begun = time.perf_counter()
            n += 1
            yield step
            if n == limit:
                return


def accelerator() -> "Accelerator":
    """Return accelerate's view of the devices; MissingExtra when it is not installed."""
    try:
        from accelerate import Accelerator
    except ImportError as error:
        message = "training needs accelerate: pip install 'verilens[train]'"
        raise MissingExtra(message) from error
    return Accelerator()


class _Stepper(nn.Module):
    """Makes a training step the forward pass, which is what gradients are shared after."""

    def __init__(self, method: Method[Any], precision: str) -> None:
        super().__init__()
        self.method = method
        self.halved = precision == "bfloat16"

    def forward(self, batch: Batch) -> dict[str, Any]:
        kind = batch.labels.device.type
        with torch.autocast(kind, torch.bfloat16) if self.halved else nullcontext():
            loss = self.method.training_step(batch)
        return {"total": loss.total, "parts": dict(loss.parts), "each": loss.each}


class Learner:
    """A method with its optimiser, its moving average and the difficulty of its samples."""

    def __init__(self, method: Method[Any], batches: Batches[Any], plan: Plan) -> None:
        self.method = method
        channels_last(method)
        self.plan = plan
        self.epoch_steps = batches.steps
        self.device = accelerator()
        self.difficulty = Difficulty(batches.samples, plan.boost) if plan.boost.on else None
        stepper = _Stepper(method, plan.precision).to(self.device.device)
        self.average = MovingAverage(method, plan.ema) if plan.ema else None
        prepared = self.device.prepare(stepper, schedule.optimiser(method.parameter_groups(), plan))
        self.stepper, self.optimiser = prepared
        method.train()

    def step(self, batch: Batch, n: int, begun: float) -> Step:
        """Do step `n`, counted from 0; `begun` is when the one before ended."""
        waited_s = time.perf_counter() - begun
        seed(self.plan.seed, n, self.device.process_index)
        lr = schedule.rate(self.plan, n, self.epoch_steps)
        schedule.set_rate(self.optimiser, self.plan, lr)
        self.method.train()
        working = time.perf_counter()
        loss, parts = self._backward(batch.to(self.device.device), n)
        worked_s = time.perf_counter() - working
        norm = None
        if self.plan.clip_norm:
            clipped = self.device.clip_grad_norm_(self.stepper.parameters(), self.plan.clip_norm)
            norm = float(clipped)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average:
            self.average.update(n)
        epoch, done = divmod(n, self.epoch_steps)
        return Step(
            n=n + 1,
            total=schedule.total_steps(self.plan, self.epoch_steps),
            epoch=epoch,
            batch=done + 1,
            ends_epoch=done + 1 == self.epoch_steps,
            loss=loss,
            parts=parts,
            lr=lr,
            seconds=time.perf_counter() - begun,
            waited_s=waited_s,
            worked_s=worked_s,
            norm=norm,
            snapshot=lambda: self._snapshot(n + 1),
            average=self.average.tensors if self.average else None,
        )

    def _backward(self, batch: Batch, n: int) -> tuple[float, dict[str, float]]:
        """Fill the gradients, piece by piece; return the loss and its parts, meant over pieces."""
        pieces = batch.split(self.plan.accumulate)
        total, parts = 0.0, dict[str, float]()
        for number, piece in enumerate(pieces, 1):
            share = len(piece) / len(batch)
            waits = self.device.no_sync(self.stepper) if number < len(pieces) else nullcontext()
            with waits:
                found = Loss(**self.stepper(piece))
                loss = self._weighted(found, piece, n)
                value = float(loss.detach())
                if not np.isfinite(value):
                    raise TrainingError(self._told(n, value))
                self.device.backward(loss * share)
            total += share * value
            for name, part in found.parts.items():
                parts[name] = parts.get(name, 0.0) + share * float(part)
        return total, parts

    def _weighted(self, loss: Loss, batch: Batch, n: int) -> Tensor:
        if self.difficulty is None:
            return loss.total
        if loss.each is None or batch.index is None:
            return boosted(loss, torch.ones(len(batch)))  # says what is missing
        found = self.difficulty.of(loss.each)
        if self.device.num_processes > 1:  # every device follows all samples
            both = torch.stack([batch.index.double(), found.double()]).T
            index, each = self.device.gather(both.to(self.device.device)).cpu().T
            self.difficulty.update(index.long(), each)
            momentum = self.difficulty.momentum[batch.index]
        else:
            momentum = self.difficulty.update(batch.index, found)
        if n < self.plan.boost.warmup_epochs * self.epoch_steps:
            return loss.total
        return boosted(loss, weights(momentum, self.plan.boost))

    def _told(self, n: int, value: float) -> str:
        return (
            f"the loss of step {n + 1} is {value}; lower --set plan.lr={self.plan.lr / 10:g}, clip "
            "with --set plan.clip_norm=1, or warm up with --set plan.warmup_steps=500"
        )

    def _snapshot(self, n: int) -> Snapshot:
        return {
            "n": n,
            "seed": self.plan.seed,
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.tensors if self.average else None,
            "difficulty": self.difficulty.momentum if self.difficulty else None,
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Become what `_snapshot` was taken of."""
        self.method.load_state_dict(snapshot["method"])
        self.optimiser.load_state_dict(snapshot["optimiser"])
        if self.average and snapshot["average"] is not None:
            self.average.load(snapshot["average"])
        if self.difficulty and snapshot["difficulty"] is not None:
            self.difficulty.momentum.copy_(snapshot["difficulty"])


def seed(run: int, n: int, process: int) -> None:
    """Set every global generator for step `n` of a run on one process."""
    drawn = int(np.random.SeedSequence([run, n, process]).generate_state(1)[0])
    random.seed(drawn)
    np.random.seed(drawn)
    torch.manual_seed(drawn)
