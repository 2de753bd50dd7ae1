"""Drawn portraits with one part edited: the part's pixels get a grain of checks."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from toy_faces import SIDE, face

from verilens.datasets.mmtt import REGIONS
from verilens.nn.vlm import Lora
from verilens.records import View
from verilens.verify.forgerytalker.config import Config, Transformer
from verilens.verify.forgerytalker.model import ForgeryTalker
from verilens.verify.forgerytalker.portraits import Portraits, written
from verilens.verify.forgerytalker.regions import ATLAS, caption, multi_hot

PARTS = ("eye", "nose", "mouth", "cheek", "forehead", "chin", "hair")
WORDS = (
    "Suspect", "regions:", "No", "region", "is", "suspect.", "What", "was", "edited", "in", "this",
    "face?", "the", "and", "looks", "look", "edited.", "nothing", "none",
    *(f"{region}." for region in REGIONS), *(f"{region}," for region in REGIONS), *REGIONS,
)  # fmt: skip


class Drawn(NamedTuple):
    """frames (N, 3, H, W), masks (N, 1, H, W), regions (N, 21), the edited part of each."""

    frames: Tensor
    masks: Tensor
    regions: Tensor
    parts: list[str]


def drawn(count: int, seed: int) -> Drawn:
    """Return portraits, each with one edited part; of a part with two places one or both."""
    rng = np.random.default_rng(seed)
    frames, masks, hot, parts = [], [], [], []
    for n in range(count):
        part = PARTS[n % len(PARTS)]
        picture, mask = face(rng).astype(float), np.zeros((SIDE, SIDE))
        for left, top, right, bottom in ATLAS[part]:
            edges = SIDE * np.array([left, top, right, bottom]) + rng.normal(0, 0.7, 4)
            x0, y0, x1, y1 = np.clip(np.rint(edges), 0, SIDE).astype(int)
            mask[y0 : max(y1, y0 + 3), x0 : max(x1, x0 + 3)] = 1
        rows, columns = np.indices((SIDE, SIDE)) // 2
        grain = ((rows + columns) % 2 * 2 - 1)[:, :, None]
        picture = picture + rng.uniform(25, 45) * grain * mask[:, :, None]
        frames.append(np.clip(picture, 0, 255).transpose(2, 0, 1) / 255)
        masks.append(mask[None])
        hot.append(multi_hot([part]))
        parts.append(part)
    return Drawn(
        torch.tensor(np.stack(frames), dtype=torch.float32),
        torch.tensor(np.stack(masks), dtype=torch.float32),
        torch.stack(hot),
        parts,
    )


def talker() -> ForgeryTalker:
    """Return an untrained talker in small: a ViT of 4 layers of 128, a tiny T5."""
    torch.manual_seed(0)
    vit = Transformer(width=128, layers=4, heads=4, inner=256)
    small = Transformer(width=64, layers=1, heads=4, inner=128)
    config = Config(
        words=WORDS, prompter=vit, vision=small, reader=small, language=small, gate=small,
        queries=4, vocabulary=0, reader_vocabulary=0, image=SIDE, patch=8, prompter_patch=8,
        branches=False, heads=4, mask_inner=128, mask=32, frozen=False, adapters=Lora(rank=0),
        beams=1, least=1, most=8,
        view=View(size=SIDE, frames=1, fit="resize"),
    )  # fmt: skip
    return ForgeryTalker(config)


def trained(steps: int, batch: int = 14) -> ForgeryTalker:
    """Return a talker trained on fresh portraits."""
    method = talker().train()
    optimiser = torch.optim.AdamW(method.parameters(), lr=1e-3, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.1)
    data = drawn(980, seed=1)
    torch.manual_seed(1)
    for _ in range(steps):
        chosen = torch.randint(len(data.frames), (batch,))
        given = Portraits(
            frames=data.frames[chosen, None],
            labels=torch.ones(batch),
            masks=data.masks[chosen, None],
            regions=data.regions[chosen],
            captions=written([caption(row.tolist()) for row in data.regions[chosen]]),
        )
        optimiser.zero_grad()
        method.training_step(given).total.backward()
        torch.nn.utils.clip_grad_norm_(method.parameters(), 1.0)
        optimiser.step()
        rate.step()
    return method.eval()
