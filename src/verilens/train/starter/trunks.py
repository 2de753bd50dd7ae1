"""Train a pixel trunk (NPR, PatchCraft) on photographs beside their own re-synthesis.

Each batch holds pairs; scale, crop, flip, noise and JPEG are one draw for both halves of a pair,
while sharpness is drawn for each picture alone, so that blur is no cue.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from verilens.train.starter.fakes import BASE
from verilens.train.starter.views import Pixels
from verilens.verify.detector import Detector
from verilens.verify.npr.model import NPR
from verilens.verify.patchcraft.config import Config as PatchCraftConfig
from verilens.verify.patchcraft.model import PatchCraft

CROP = 128
PAIRS = 16  # a batch


class Phase(NamedTuple):
    """The learning rate warms up for 40 steps and falls linearly to nothing."""

    steps: int
    lr: float


PLANS = {
    "npr": (Phase(340, 1e-3), Phase(200, 8e-4)),
    "patchcraft": (Phase(180, 1e-3),),
}


def network(method: str) -> Detector:
    """Return an untrained trunk at full size; PatchCraft learns on fewer patches of a picture."""
    return NPR() if method == "npr" else PatchCraft(PatchCraftConfig(side=4, patches=48))


@dataclass(frozen=True)
class Step:
    loss: float
    ordered: float  # share of pairs whose fake outscores its own original


def train(method: str, real: Pixels, fake: Pixels, seed: int) -> tuple[Detector, Iterator[Step]]:
    """Return the trunk and the generator that trains it. real, fake: (N, BASE, BASE, 3), paired."""
    torch.manual_seed(seed)
    trunk = network(method).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return trunk, _steps(trunk, PLANS[method], prefetched(real, fake, seed))


def _steps(trunk: Detector, phases: Sequence[Phase], batches: Iterator[Tensor]) -> Iterator[Step]:
    compile_parts(trunk)
    labels = torch.cat([torch.zeros(PAIRS), torch.ones(PAIRS)])
    for phase in phases:
        optimiser = torch.optim.AdamW(
            trunk.parameters(), phase.lr, betas=(0.9, 0.99), weight_decay=1e-4
        )
        for n in range(phase.steps):
            for group in optimiser.param_groups:
                group["lr"] = phase.lr * min(1.0, (n + 1) / 40) * max(0.02, 1 - n / phase.steps)
            with torch.autocast("cpu", torch.bfloat16):
                logits = trunk(next(batches))
            yield _step(trunk, optimiser, logits.float(), labels)


def _step(
    trunk: Detector, optimiser: torch.optim.Optimizer, logits: Tensor, labels: Tensor
) -> Step:
    real, fake = logits[:PAIRS], logits[PAIRS:]
    loss = F.binary_cross_entropy_with_logits(logits, labels) + 0.5 * F.softplus(real - fake).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(trunk.parameters(), 2.0)
    optimiser.step()
    return Step(float(loss.detach()), float((fake > real).float().mean()))


def compile_parts(trunk: Detector) -> None:
    """Compile what torch can trace; it halves the time of a step on a CPU."""
    parts = (trunk.block, trunk.classifier) if isinstance(trunk, PatchCraft) else (trunk,)
    for part in parts:
        part.compile()  # type: ignore[union-attr]


def prefetched(real: Pixels, fake: Pixels, seed: int) -> Iterator[Tensor]:
    """Yield batches (2 PAIRS, 3, CROP, CROP) in [0, 1], originals first; a thread makes them."""
    ready: queue.Queue[Pixels] = queue.Queue(8)

    def fill() -> None:
        rng = np.random.default_rng(seed)
        while True:
            rows = rng.integers(0, len(real), PAIRS)
            pairs = [augmented(real[n], fake[n], rng) for n in rows]
            ready.put(np.stack([*(p[0] for p in pairs), *(p[1] for p in pairs)]))

    threading.Thread(target=fill, daemon=True).start()
    while True:
        x = torch.from_numpy(ready.get()).permute(0, 3, 1, 2).float().div(255)
        yield x.contiguous(memory_format=torch.channels_last)


def augmented(real: Pixels, fake: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Return both halves of a pair after one draw, (CROP, CROP, 3) each."""
    pair = [real, fake]
    if rng.random() < 0.5:
        side = max(CROP, round(BASE * rng.uniform(0.7, 1.6)))
        larger = cv2.INTER_LANCZOS4 if side > BASE else cv2.INTER_AREA
        pick = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, larger)[rng.integers(3)]
        pair = [cv2.resize(p, (side, side), interpolation=pick) for p in pair]
    top, left = rng.integers(0, len(pair[0]) - CROP + 1, 2)
    pair = [p[top : top + CROP, left : left + CROP] for p in pair]
    if rng.random() < 0.5:
        pair = [p[:, ::-1] for p in pair]
    pair = [sharpened(np.ascontiguousarray(p), rng) for p in pair]
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(1, 6), pair[0].shape)
        pair = [np.clip(p + noise, 0, 255).astype(np.uint8) for p in pair]
    if rng.random() < 0.85:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 99))]
        pair = [_recoded(p, quality) for p in pair]
    return pair[0], pair[1]


def _recoded(pixels: Pixels, quality: list[int]) -> Pixels:
    file = cv2.imencode(".jpg", pixels, quality)[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def sharpened(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return the picture blurred, sharpened or as it was."""
    draw = rng.random()
    if draw < 0.35:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 0.9)), np.uint8)
    if draw < 0.65:
        amount, blurred = (
            rng.uniform(0.2, 1.2),
            cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 1.5)),
        )
        return np.asarray(cv2.addWeighted(pixels, 1 + amount, blurred, -amount, 0), np.uint8)
    return pixels
