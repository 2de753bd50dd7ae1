"""A small dual encoder of pictures and words, and generated faces with the textures of attacks.

The encoder is trained by contrast on captioned pictures of textures, on faces and elsewhere, as
CLIP is on pictures from the web: it knows the words for what no spoof detector was shown.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from verilens.nn.clip import ClipSizes, embedded, read, text, tokens, vision
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise

SIDE, PATCH = 32, 8
SIZES = ClipSizes(
    width=48, blocks=2, heads=4, patch=PATCH, text_width=48, text_blocks=2, text_heads=4,
    vocabulary=512, projection=32,
)  # fmt: skip
TEXTURES = {
    "skin": "live skin with pores",
    "moire": "a screen with moire stripes",
    "print": "flat print of dots on paper",
    "mask": "a mask with a visible edge",
    "plain": "a smooth plain surface",
}
SCENES = ("face", "wall")
EXTRAS = {"none": "", "hat": "under a dark hat", "sun": "in the evening sun"}

Pixels = NDArray[np.float32]


class Dual(nn.Module):
    """Both encoders, as the methods build them."""

    def __init__(self) -> None:
        super().__init__()
        self.vision = vision(SIZES, SIDE, projected=True)
        self.text = text(SIZES)
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)
        self.scale = nn.Parameter(torch.tensor(10.0).log())

    def words(self, captions: list[str]) -> Tensor:
        ends = embedded(self.text, SIZES.ends)
        found = [embedded(self.text, tokens(caption.split(), SIZES)) for caption in captions]
        whole = [torch.cat([ends[:1], words, ends[1:]]) for words in found]
        return normalize(read(self.text, whole), dim=1)

    def pictures(self, frames: Tensor) -> Tensor:
        found: Tensor = self.vision(pixel_values=self.normalise(frames)).image_embeds
        return normalize(found, dim=1)


def texture(kind: str, rng: np.random.Generator) -> Pixels:
    """Return what a kind of surface adds to shades, about zero, (SIDE, SIDE)."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, 2)
    if kind == "skin":
        return rng.normal(0, 0.09, (SIDE, SIDE)).astype(np.float32)
    if kind == "moire":
        slope = rng.uniform(-0.5, 0.5)
        return (0.16 * np.sin(1.7 * (columns + slope * rows) + phase[0])).astype(np.float32)
    if kind == "print":
        return (
            0.2 * np.sin(np.pi / 2 * rows + phase[0]) * np.sin(np.pi / 2 * columns + phase[1])
        ).astype(np.float32)
    if kind == "mask":
        edge = np.abs(np.hypot(rows - 15.5, columns - 15.5) - rng.uniform(8, 10)) < 1
        return (-0.35 * edge).astype(np.float32)
    return np.zeros((SIDE, SIDE), np.float32)


def picture(kind: str, scene: str, wears: str, rng: np.random.Generator) -> Pixels:
    """Return a face, or a wall, with a texture and an extra, (3, SIDE, SIDE) in [0, 1]."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    tint = rng.uniform(0.35, 0.65, 3)[:, None, None]
    light = rng.uniform(-0.1, 0.1, 2)
    base = tint + light[0] * (rows / SIDE - 0.5) + light[1] * (columns / SIDE - 0.5)
    if scene == "face":
        base = base + 0.1 * (np.hypot(rows - 16, (columns - 16) * 1.2) < 13)
        for row, column in ((12, 11), (12, 21), (22, 16)):
            near = np.hypot(rows - row - rng.uniform(-1, 1), columns - column - rng.uniform(-1, 1))
            base = base - 0.25 * np.exp(-((near / 2) ** 2))
    found = base + texture(kind, rng)
    if wears == "hat":
        found = np.where(rows < rng.uniform(6, 10), 0.15, found)
    if wears == "sun":
        found = found + np.array([0.35, 0.05, -0.3])[:, None, None]
    return np.clip(found, 0, 1).astype(np.float32)


def pictures(kind: str, count: int, seed: int, extras: Sequence[str] = ("none",)) -> Tensor:
    """Return faces with a texture and any of these extras, (count, 3, SIDE, SIDE)."""
    rng = np.random.default_rng([seed, sum(map(ord, kind))])
    made = [picture(kind, "face", extras[n % len(extras)], rng) for n in range(count)]
    return torch.from_numpy(np.stack(made))


def caption(kind: str, scene: str, wears: str) -> str:
    return f"a photo of a {scene} {TEXTURES[kind]} {EXTRAS[wears]}".strip()


def contrasted(steps: int, seed: int = 0) -> Dual:
    """Return a dual encoder trained on captioned textures, half of them not on faces."""
    torch.manual_seed(seed)
    dual, rng = Dual(), np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(dual.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    classes = [(k, s, w) for k in TEXTURES for s in SCENES for w in EXTRAS]
    told = torch.arange(len(classes)).repeat(2)
    for _ in range(steps):
        frames = torch.from_numpy(np.stack([picture(*each, rng) for each in [*classes, *classes]]))
        words = dual.words([caption(*each) for each in classes])
        loss = cross_entropy(dual.scale.exp() * dual.pictures(frames) @ words.T, told)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return dual.eval().requires_grad_(False)
