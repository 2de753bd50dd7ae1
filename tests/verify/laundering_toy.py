"""A small auto-encoder and what it makes: laundered pictures and pictures of latent noise."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

LATENT = 4
COLOURS = torch.tensor([[0.8, 0.15, 0.1], [0.8, -0.15, 0.1], [0.8, 0.0, -0.2]])  # mostly grey


class AutoEncoder(nn.Module):
    """A variational auto-encoder: a latent of 4 channels for each 8 x 8 block, as SD's."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        wide = 2 * width
        layers: list[nn.Module] = []
        for inside, outside in ((3, width), (width, wide), (wide, wide)):
            layers += [nn.Conv2d(inside, outside, 4, 2, 1), nn.GroupNorm(4, outside), nn.SiLU()]
        self.encoder = nn.Sequential(*layers, nn.Conv2d(wide, 2 * LATENT, 1))
        layers = [nn.Conv2d(LATENT, wide, 1), nn.SiLU()]
        for inside, outside in ((wide, wide), (wide, width), (width, width)):
            layers += [nn.ConvTranspose2d(inside, outside, 4, 2, 1)]
            layers += [nn.GroupNorm(4, outside), nn.SiLU()]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(width, 3, 3, 1, 1))

    def fit(self, pictures: Tensor, steps: int) -> None:
        """Learn to give back pictures from latents close to normal noise."""
        optimiser = torch.optim.Adam(self.parameters(), lr=3e-3)
        for _ in range(steps):
            wanted = pictures[torch.randint(len(pictures), (16,))]
            mean, spread = self.encoder(wanted).chunk(2, 1)
            latent = mean + torch.randn_like(mean) * (spread / 2).exp()
            divergence = (mean**2 + spread.exp() - 1 - spread).mean() / 2
            loss = ((self.decoder(latent) - wanted) ** 2).mean() + 1e-4 * divergence
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    @torch.inference_mode()
    def launder(self, pictures: Tensor) -> Tensor:
        """Return what the auto-encoder makes of pictures: strength 0, no noise."""
        return self.decoder(self.encoder(pictures).chunk(2, 1)[0]).clamp(0, 1)

    @torch.inference_mode()
    def invent(self, count: int, side: int) -> Tensor:
        """Return pictures decoded from latent noise."""
        return self.decoder(torch.randn(count, LATENT, side // 8, side // 8)).clamp(0, 1)


def pictures(count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Return soft textures in muted colours with sensor noise, (count, 3, side, side)."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(count, 3, side, side))) / frequency**1.7
    fields = np.fft.irfft2(spectrum, s=(side, side))
    fields -= fields.mean((2, 3), keepdims=True)
    fields /= fields.std((2, 3), keepdims=True)
    coloured = torch.einsum("oc,nchw->nohw", COLOURS, torch.from_numpy(fields).float())
    return grainy(0.5 + 0.25 * coloured, rng)


def grainy(clean: Tensor, rng: np.random.Generator) -> Tensor:
    """Return pictures with sensor noise, as 8-bit files hold them."""
    noisy = clean + torch.from_numpy(rng.normal(0, 0.02, tuple(clean.shape))).float()
    return (noisy.clamp(0, 1) * 255).round() / 255


class Origins(NamedTuple):
    """Pictures of the three origins, and which they are: 0 real, 1 laundered, 2 synthetic."""

    frames: Tensor
    kinds: Tensor


def origins(coder: AutoEncoder, count: int, side: int, rng: np.random.Generator) -> Origins:
    """Return `count` pictures of each origin with the same grain, half hidden by a plain panel.

    A patch that falls on the panel says nothing.
    """
    real = pictures(count, side, rng)
    laundered = coder.launder(pictures(count, side, rng))
    frames = torch.cat([real, grainy(laundered, rng), grainy(coder.invent(count, side), rng)])
    half = side // 2
    for frame in frames:
        start = int(rng.integers(half))
        hidden = (
            frame[:, start : start + half]
            if rng.random() < 0.5
            else frame[:, :, start:][:, :, :half]
        )
        hidden.fill_(float(rng.random()))
    return Origins(frames, torch.arange(3).repeat_interleave(count))
