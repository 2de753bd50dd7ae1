"""Train a localizer of stills on edited faces that are drawn anew for every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.batch import ClipBatch
from verilens.train.starter.edits import KINDS, Edited, Tools, edited
from verilens.train.starter.face_crops import Person
from verilens.train.starter.face_training import rate, source_chances
from verilens.train.starter.fakes import Maker
from verilens.train.starter.views import Pixels
from verilens.verify.detector import tensor
from verilens.verify.xception_unet.model import XceptionUNet

PAIRS = 12  # a batch
EVERY = 100  # steps between checkpoints
LR, DECAY = 3e-3, 1e-2
TRIES = 20  # draws until an edit is large enough

Ints = NDArray[np.int64]


class Pool(NamedTuple):
    """Pairs of genuine and edited faces.

    genuine, fake: (N, S, S, 3) uint8. masks: (N, S, S) uint8. kinds: places in KINDS, (N,).
    owners: number of the file that shows the person, (N,).
    """

    genuine: Pixels
    fake: Pixels
    masks: Pixels
    kinds: Ints
    owners: Ints

    def of(self, kinds: Sequence[str]) -> Ints:
        """Return the places of the pairs that were made in these ways."""
        return np.flatnonzero(np.isin(self.kinds, [KINDS.index(kind) for kind in kinds]))

    def at(self, rows: Ints) -> Pool:
        """Return some of the pairs."""
        pixels = (self.genuine[rows], self.fake[rows], self.masks[rows])
        return Pool(*pixels, self.kinds[rows], self.owners[rows])


class Studio:
    """Edits faces of some persons with some autoencoders; a source counts with its root."""

    def __init__(self, persons: Sequence[Person], makers: Sequence[Maker]) -> None:
        self.persons, self.makers = persons, tuple(makers)
        self.chances = source_chances(persons)
        files = {item: n for n, item in enumerate(dict.fromkeys(p.item for p in persons))}
        self.owners = [files[person.item] for person in persons]

    def pair(self, kind: str, rng: np.random.Generator) -> tuple[Edited, int] | None:
        """Return a face edited in this way, and its owner; None when no draw was large enough."""
        for _ in range(TRIES):
            one, other = (int(k) for k in rng.choice(len(self.persons), 2, p=self.chances))
            found = edited(self.persons[one], kind, Tools(self.persons[other], self.makers), rng)
            if found is not None:
                return found, self.owners[one]
        return None

    def pool(self, each: int, seed: int, kinds: Sequence[str] = KINDS) -> Pool:
        """Return `each` pairs of every kind, but for those that could not be made."""
        drawn = [
            (kind, self.pair(kind, np.random.default_rng([seed, KINDS.index(kind), n])))
            for kind in kinds
            for n in range(each)
        ]
        return _pool([(kind, *found) for kind, found in drawn if found])

    def batch(self, seed: int, step: int, kinds: Sequence[str] = KINDS) -> Pool:
        """Return fresh pairs for one step; the kinds take turns."""
        drawn = []
        for n in range(step * PAIRS, (step + 1) * PAIRS):
            kind = kinds[n % len(kinds)]
            found = self.pair(kind, np.random.default_rng([seed, len(KINDS), n]))
            drawn += [(kind, *found)] if found else []
        return _pool(drawn)


def _pool(drawn: Sequence[tuple[str, Edited, int]]) -> Pool:
    genuine, fake, masks = (np.stack(column) for column in zip(*(d[1] for d in drawn), strict=True))
    kinds = np.array([KINDS.index(kind) for kind, _, _ in drawn])
    return Pool(genuine, fake, masks, kinds, np.array([owner for _, _, owner in drawn]))


def fit(
    method: XceptionUNet, draw: Callable[[int], Pool], steps: int, checkpoint: Path
) -> Iterator[tuple[int, float]]:
    """Yield (step, loss) of a training in place. draw: the pairs of a step, from 0 on.

    A run that was stopped goes on from its checkpoint as if it had not been.
    """
    method.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(method.parameters(), LR, weight_decay=DECAY)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        first = int(state["step"])
        method.load_state_dict(state["method"])
        optimiser.load_state_dict(state["optimiser"])
    for step in range(first, steps):
        for group in optimiser.param_groups:
            group["lr"] = LR * rate(step, steps)
        loss = learn(method, optimiser, batch_of(draw(step)))
        if (step + 1) % EVERY == 0:
            parts = {"method": method.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save({"step": step + 1, **parts}, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
        yield step + 1, loss


def learn(method: XceptionUNet, optimiser: torch.optim.Optimizer, batch: ClipBatch) -> float:
    """Take one step; return the loss."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.training_step(batch).total
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(method.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def batch_of(pool: Pool) -> ClipBatch:
    """Return the genuine faces of a pool, then the edited ones, each a clip of one frame."""
    count = len(pool.kinds)
    frames = tensor(np.concatenate([pool.genuine, pool.fake]))
    masks = torch.zeros(2 * count, 1, 1, *frames.shape[-2:])
    masks[count:, 0, 0] = torch.from_numpy(pool.masks).float() / 255
    labels: Tensor = torch.arange(2).repeat_interleave(count).float()
    return ClipBatch(frames=frames[:, None], labels=labels, masks=masks)
