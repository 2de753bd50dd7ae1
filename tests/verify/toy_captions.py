"""A small dual encoder of pictures and words, and generated faces with the textures of attacks.

The encoder is trained by contrast on captioned pictures of textures, on faces and elsewhere, as
CLIP is on pictures from the web: it knows the words for what no spoof detector was shown.
"""

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


def picture(kind: str, scene: str, rng: np.random.Generator, shade: float = 0.0) -> Pixels:
    """Return a face, or a wall, with a texture, (3, SIDE, SIDE) in [0, 1].

    shade: how much brighter than usual the light is, with a colour cast.
    """
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    tint = rng.uniform(0.35, 0.65, 3)[:, None, None]
    light = rng.uniform(-0.1, 0.1, 2)
    base = tint + light[0] * (rows / SIDE - 0.5) + light[1] * (columns / SIDE - 0.5)
    if scene == "face":
        base = base + 0.1 * (np.hypot(rows - 16, (columns - 16) * 1.2) < 13)
        for row, column in ((12, 11), (12, 21), (22, 16)):
            near = np.hypot(rows - row - rng.uniform(-1, 1), columns - column - rng.uniform(-1, 1))
            base = base - 0.25 * np.exp(-((near / 2) ** 2))
    cast = shade * np.array([1.0, 0.4, -0.6])[:, None, None]
    return np.clip(base + texture(kind, rng) + cast, 0, 1).astype(np.float32)


def pictures(kind: str, count: int, seed: int, scene: str = "face", shade: float = 0.0) -> Tensor:
    rng = np.random.default_rng([seed, sum(map(ord, kind + scene))])
    return torch.from_numpy(np.stack([picture(kind, scene, rng, shade) for _ in range(count)]))


def caption(kind: str, scene: str) -> str:
    return f"a photo of a {scene} {TEXTURES[kind]}"


def contrasted(steps: int, seed: int = 0) -> Dual:
    """Return a dual encoder trained on captioned textures, half of them not on faces."""
    torch.manual_seed(seed)
    dual, rng = Dual(), np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(dual.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    classes = [(kind, scene) for kind in TEXTURES for scene in SCENES]
    for _ in range(steps):
        frames = torch.from_numpy(
            np.stack(
                [picture(k, s, rng, rng.uniform(-0.2, 0.2)) for k, s in classes for _ in range(5)]
            )
        )
        told = torch.arange(len(classes)).repeat_interleave(5)
        words = dual.words([caption(*each) for each in classes])
        likeness = dual.scale.exp() * dual.pictures(frames) @ words.T
        loss = cross_entropy(likeness, told)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return dual.eval().requires_grad_(False)
