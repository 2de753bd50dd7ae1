"""Fine-tune the face detector on genuine faces and their self-blended copies.

What a batch holds depends on the seed and the step alone, so a run that was stopped goes on as if
it had not been. Validation shows self-blended and swapped faces of sources that do not train; the
weights that rank them best are kept.
"""

from __future__ import annotations

import math
import queue
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.bench import metrics
from verilens.train.starter.face_crops import Person
from verilens.train.starter.face_fakes import Pair, drawn
from verilens.train.starter.views import Pixels
from verilens.verify.blending.model import Blending
from verilens.verify.detector import tensor

PAIRS = 8  # a batch
WARMUP = 30  # steps
LR, DECAY, SMOOTHING, RANKING = 4e-4, 1e-3, 0.05, 0.5
EVERY = 75  # steps between validations
VALIDATED, OF_SOURCE = 80, 12  # persons, and of one source


@dataclass(frozen=True)
class Step:
    number: int
    loss: float
    self_blended: float  # AUC of the last validation
    swapped: float


class Exam(NamedTuple):
    """Crops of validation persons: (N, size, size, 3) each; genuine ones got the same draws."""

    genuine: Pixels
    self_blended: Pixels
    swapped: Pixels


def train(
    method: Blending, persons: Sequence[Person], exam: Exam, steps: int, checkpoint: Path, seed: int
) -> Iterator[Step]:
    """Train in place up to `steps`; afterwards the method has the weights that did best."""
    method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(method.parameters(), LR, weight_decay=DECAY)
    state: dict[str, Any] = {"step": 0, "best": -1.0, "aucs": (0.5, 0.5), "weights": {}}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=False)
        method.load_state_dict(state["now"])
        optimiser.load_state_dict(state["optimiser"])
    for batch in prefetched(persons, range(state["step"], steps), seed):
        for group in optimiser.param_groups:
            group["lr"] = LR * rate(state["step"], steps)
        torch.manual_seed(seed + state["step"])
        loss = _learn(method.train(), optimiser, batch)
        state["step"] += 1
        if state["step"] % EVERY == 0 or state["step"] == steps:
            state["aucs"] = validated(method.eval(), exam)
            if sum(state["aucs"]) > state["best"]:
                best = {k: v.clone() for k, v in method.state_dict().items()}
                state |= {"best": sum(state["aucs"]), "weights": best}
            _save(checkpoint, state, method, optimiser)
        yield Step(state["step"], loss, *state["aucs"])
    method.load_state_dict(state["weights"])
    method.eval()


def rate(step: int, steps: int) -> float:
    """Return the share of the learning rate: up in a line, down in a cosine."""
    return min(1.0, (step + 1) / WARMUP) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / steps)))


def _learn(method: Blending, optimiser: torch.optim.Optimizer, batch: Tensor) -> float:
    """Take one step on genuine crops and, in the second half, their copies; return the loss."""
    logits = method.logits(batch)
    labels = torch.arange(2).repeat_interleave(len(batch) // 2)
    genuine, fake = (logits[:, 1] - logits[:, 0]).chunk(2)
    loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
    loss = loss + RANKING * F.softplus(genuine - fake).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(method.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def _save(
    file: Path, state: Mapping[str, Any], method: Blending, optimiser: torch.optim.Optimizer
) -> None:
    partial = file.with_suffix(".part")
    now = {"now": method.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save({**state, **now}, partial)
    partial.replace(file)


def prefetched(persons: Sequence[Person], steps: range, seed: int) -> Iterator[Tensor]:
    """Yield a batch a step, (2 PAIRS, 3, size, size) in [0, 1]; a thread makes them."""
    ready: queue.Queue[Pixels] = queue.Queue(4)
    chances = source_chances(persons)

    def fill() -> None:
        for step in steps:
            rng = np.random.default_rng([seed, step])
            pairs: list[Pair] = []
            while len(pairs) < PAIRS:
                person = persons[int(rng.choice(len(persons), p=chances))]
                pair = drawn(person, [int(rng.integers(len(person.frames)))], rng)
                pairs += [pair] if pair else []
            ready.put(np.concatenate([*(p.genuine for p in pairs), *(p.fake for p in pairs)]))

    threading.Thread(target=fill, daemon=True).start()
    for _ in steps:
        yield tensor(ready.get())


def source_chances(persons: Sequence[Person]) -> NDArray[np.float64]:
    """Return how likely each person is drawn: a source counts with the root of its persons."""
    sizes = Counter(person.item.source for person in persons)
    raw = np.array([sizes[person.item.source] ** -0.5 for person in persons])
    return np.asarray(raw / raw.sum())


def exam_of(persons: Sequence[Person], seed: int) -> Exam:
    """Return the validation crops, of one frame a person."""
    chosen = spread(persons, OF_SOURCE)[:VALIDATED]
    genuine, blended, swapped = [], [], []
    for n, person in enumerate(chosen):
        rng = np.random.default_rng([seed, person.key])
        frame = [len(person.frames) // 2]
        donor = chosen[(n + 1 + int(rng.integers(len(chosen) - 1))) % len(chosen)]
        own, other = drawn(person, frame, rng), drawn(person, frame, rng, donor)
        if own and other:
            genuine += [own.genuine, other.genuine]
            blended.append(own.fake)
            swapped.append(other.fake)
    return Exam(*(np.concatenate(part) for part in (genuine, blended, swapped)))


def spread(persons: Sequence[Person], limit: int) -> list[Person]:
    """Return at most `limit` persons of a source, in an order that depends on the files alone."""
    seen: Counter[str] = Counter()
    kept = []
    for person in sorted(persons, key=lambda p: p.key):
        seen[person.item.source] += 1
        if seen[person.item.source] <= limit:
            kept.append(person)
    return kept


def validated(method: Blending, exam: Exam) -> tuple[float, float]:
    """Return the AUC of self-blended and of swapped faces against genuine ones."""
    genuine = method.crop_logits(exam.genuine)
    return _auc(genuine, method.crop_logits(exam.self_blended)), _auc(
        genuine, method.crop_logits(exam.swapped)
    )


def _auc(genuine: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
    labels = np.repeat([0, 1], [len(genuine), len(fake)])
    return float(metrics.auc(np.concatenate([genuine, fake]), labels))
