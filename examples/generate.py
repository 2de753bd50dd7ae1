"""Make the shipped example `ai-like.png`: a picture that a small generator network painted.

A landscape is rendered from fractal noise, and an up-sampling decoder learns to paint it from an
8 times smaller code ("deep image prior"). The result carries the trace of a decoder, which is what
detectors look for, and no third party's work. Takes a few minutes; run it to renew the example:

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


def fractal(rng: np.random.Generator, height: int, width: int, slope: float) -> NDArray[np.float64]:
    """Return noise with a 1/f^slope amplitude spectrum, scaled to [0, 1]."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    amplitude = np.maximum(np.hypot(fy, fx), 1 / width) ** -slope
    spectrum = amplitude * np.exp(2j * np.pi * rng.random(amplitude.shape))
    field = np.fft.irfft2(spectrum, (height, width))
    return (field - field.min()) / np.ptp(field)


def landscape(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return ranges of hills under a cloudy evening sky, RGB in [0, 1], (H, W, 3)."""
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    sky = (1 - rows) * np.array([0.25, 0.42, 0.70]) + rows * np.array([0.98, 0.72, 0.48])
    clouds = fractal(rng, HEIGHT, WIDTH, 1.7)[..., None] ** 2
    picture = sky * (1 - 0.6 * clouds) + 0.6 * clouds
    for depth in range(5):
        ridge = fractal(rng, 64, WIDTH, 1.4)[depth * 9] - 0.5
        top = HEIGHT * (0.42 + 0.12 * depth) - ridge * 190 * (1 - 0.12 * depth)
        hill = np.arange(HEIGHT)[:, None] > top[None]
        near = (depth + 1) / 5
        grass = np.array([0.16, 0.30, 0.12]) * near + np.array([0.62, 0.60, 0.62]) * (1 - near)
        shade = 0.6 + 0.8 * fractal(rng, HEIGHT, WIDTH, 0.9)
        picture = np.where(hill[..., None], grass * shade[..., None], picture)
    return np.clip(picture + rng.normal(0, 0.015, picture.shape), 0, 1)


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


def paint(target: Tensor, steps: int = 700) -> Tensor:
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
    scene = landscape(np.random.default_rng(SEED))
    target = torch.from_numpy(scene).permute(2, 0, 1)[None].float()
    painting = paint(target)[0].permute(1, 2, 0).numpy()
    Image.fromarray((painting * 255).round().astype(np.uint8)).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
