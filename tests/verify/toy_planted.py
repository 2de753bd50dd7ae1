"""Faces of skin and of plastic before a wall whose colour gives the class away, until it does not.

The dual encoder is trained so that every patch is near the words for what it shows, as CLIP's
patches are, more or less.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from verilens.nn.clip import ClipSizes, embedded, read, text, tokens, vision
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise

SIDE, PATCH = 32, 4
SIZES = ClipSizes(
    width=48, blocks=2, heads=4, patch=PATCH, text_width=48, text_blocks=2, text_heads=4,
    vocabulary=512, projection=32,
)  # fmt: skip
SURFACES = ("skin with pores", "smooth plastic")
WALLS = {
    "a red wall": (0.75, 0.3, 0.3),
    "a green wall": (0.3, 0.7, 0.3),
    "a blue wall": (0.3, 0.35, 0.8),
}
WORDS = (*SURFACES, *WALLS)
BEFORE = ("", "a photo of", "real face has", "3D mask has")  # said of anything
RADIUS = 11.5


def inside(rng: np.random.Generator) -> np.ndarray:
    """Return where a face is, (SIDE, SIDE) bool; its middle varies a little."""
    middle = 15.5 + rng.uniform(-1.5, 1.5, 2)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - middle[0], columns - middle[1]) < RADIUS


def picture(surface: int, wall: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture, (3, SIDE, SIDE) in [0, 1], and where its face is."""
    face = inside(rng)
    colour = np.array(list(WALLS.values())[wall])[:, None, None] + rng.uniform(-0.05, 0.05)
    tone = np.array([0.75, 0.6, 0.5])[:, None, None] + rng.uniform(-0.12, 0.12)
    grain = rng.normal(0, 0.02, (SIDE, SIDE))
    if surface == 0:
        grain[1::PATCH, 1::PATCH] -= 0.3  # a pore in each patch
    found = np.where(face, tone + grain, colour + rng.normal(0, 0.01, (3, SIDE, SIDE)))
    return np.clip(found, 0, 1).astype(np.float32), face


def planted(count: int, share: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return pictures, labels (1 is plastic) and where each patch is wall, (count, patches) bool.

    share: of the pictures in which plastic comes before green and skin before red; the others have
    it the other way.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    walls = np.where(rng.random(count) < share, labels, 1 - labels)
    made = [picture(label, wall, rng) for label, wall in zip(labels, walls, strict=True)]
    faces = np.stack([face for _, face in made])
    cells = faces.reshape(count, SIDE // PATCH, PATCH, SIDE // PATCH, PATCH).mean((2, 4))
    frames = torch.from_numpy(np.stack([pixels for pixels, _ in made]))
    return (
        frames,
        torch.from_numpy(labels).float(),
        torch.from_numpy(cells.reshape(count, -1) < 0.5),
    )


class Dual(nn.Module):
    """Both encoders, as the methods build them."""

    def __init__(self) -> None:
        super().__init__()
        self.vision = vision(SIZES, SIDE, projected=True)
        self.text = text(SIZES)
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)

    def words(self, captions: tuple[str, ...]) -> Tensor:
        ends = embedded(self.text, SIZES.ends)
        found = [embedded(self.text, tokens(caption.split(), SIZES)) for caption in captions]
        whole = [torch.cat([ends[:1], words, ends[1:]]) for words in found]
        return normalize(read(self.text, whole), dim=1)

    def seen(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of pictures and of their patches."""
        found = self.vision(pixel_values=self.normalise(frames))
        hidden = self.vision.vision_model.post_layernorm(found.last_hidden_state[:, 1:])
        patches = self.vision.visual_projection(hidden)
        return normalize(found.image_embeds, dim=1), normalize(patches, dim=2)


def contrasted(steps: int, seed: int) -> Dual:
    """Return an encoder trained on surfaces before walls of every colour, none tied to another."""
    torch.manual_seed(seed)
    dual, rng = Dual(), np.random.default_rng(100 + seed)
    optimiser = torch.optim.AdamW(dual.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    classes = [(s, w) for s in range(len(SURFACES)) for w in range(len(WALLS))]
    captions = tuple(f"{SURFACES[s]} before {list(WALLS)[w]}" for s, w in classes)
    for _ in range(steps):
        made = [picture(s, w, rng) for s, w in classes for _ in range(6)]
        frames = torch.from_numpy(np.stack([pixels for pixels, _ in made]))
        whole = torch.arange(len(classes)).repeat_interleave(6)
        faces = np.stack([face for _, face in made])
        cells = faces.reshape(len(made), SIDE // PATCH, PATCH, SIDE // PATCH, PATCH).mean((2, 4))
        shows = torch.tensor([[s, len(SURFACES) + w] for s, w in classes]).repeat_interleave(6, 0)
        told = torch.where(
            torch.from_numpy(cells.reshape(len(made), -1)) > 0.5, shows[:, :1], shows[:, 1:]
        )
        images, patches = dual.seen(frames)
        words = dual.words(tuple(f"{BEFORE[rng.integers(4)]} {word}".strip() for word in WORDS))
        loss = cross_entropy(10 * (images @ dual.words(captions).T), whole)
        loss = loss + cross_entropy(10 * (patches @ words.T).flatten(0, 1), told.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return dual.eval().requires_grad_(False)
