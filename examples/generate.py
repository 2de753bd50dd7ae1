"""Make the shipped example `ai-like.png`: a picture that a small generator network painted.

A radiant pattern is computed, and an up-sampling decoder learns to paint it from an 8 times smaller
code ("deep image prior"): the way of a generator, and no third party's work. The subject was picked
because the shipped detectors call it generated; it shows what a finding looks like, not how often
one is made. Takes a few minutes; run it to renew the example:

    python examples/generate.py examples/ai-like.png
"""

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

HEIGHT, WIDTH, SEED = 512, 768, 7


def mandala() -> NDArray[np.float64]:
    """Return a radiant pattern of petals, RGB in [0, 1], (H, W, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / HEIGHT - np.array([0.5, 0.75])[:, None, None]
    angle, radius = np.arctan2(y, x), np.hypot(y, x)
    petals = np.cos(8 * angle + 6 * np.sin(9 * radius)) * np.exp(-2 * radius)
    colours = [np.sin(rate * petals + phase) for rate, phase in ((3, 2), (5, 3), (7, 2))]
    return np.clip((0.5 + 0.5 * np.stack(colours, -1)) * (1.1 - 0.8 * radius[..., None]), 0, 1)


class Decoder(nn.Sequential):
    """Paint a picture from a code an eighth its size: three up-samplings, as generators have."""

    def __init__(self, code: int = 32, width: int = 48) -> None:
        layers: list[nn.Module] = [nn.Conv2d(code, width, 3, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(3):
            layers += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(0.2),
            ]
        super().__init__(*layers, nn.Conv2d(width, 3, 3, padding=1), nn.Sigmoid())


def paint(target: Tensor, steps: int = 500) -> Tensor:
    """Return the decoder's painting of `target`, both (1, 3, H, W) in [0, 1]."""
    torch.manual_seed(SEED)
    decoder = Decoder().to(memory_format=torch.channels_last)
    code = nn.Parameter(torch.randn(1, 32, HEIGHT // 8, WIDTH // 8) * 0.1)
    optimiser = torch.optim.Adam([code, *decoder.parameters()], lr=4e-3)
    for step in range(steps):
        with torch.autocast("cpu", torch.bfloat16):
            painting = decoder(code.contiguous(memory_format=torch.channels_last)).float()
        loss = (painting - target).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 0:
            print(f"step {step}: mean absolute difference {loss.item():.4f}", flush=True)
    with torch.no_grad():
        return decoder(code)


def main(out: Path) -> None:
    target = torch.from_numpy(mandala()).permute(2, 0, 1)[None].float()
    painting = paint(target)[0].permute(1, 2, 0).numpy()
    Image.fromarray((painting * 255).round().astype(np.uint8)).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
