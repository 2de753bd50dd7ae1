"""Small autoencoders with randomly drawn up-samplers: stand-ins for the decoders of unknown
generators.

Each draws its depth, latent width, up-sampler, normalisation, activation and quantiser from a seed,
and is trained for a minute on genuine photographs, so that its reconstruction differs from the
photograph only in the decoder's trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

UPSAMPLERS = ("nearest", "bilinear", "transposed", "shuffle")


@dataclass(frozen=True, kw_only=True)
class Draw:
    upsampler: str
    levels: int
    width: int
    latent: int
    normalised: bool
    quantised: bool
    smooth: bool  # SiLU, else leaky ReLU

    @classmethod
    def from_seed(cls, seed: int) -> Draw:
        """Return an architecture; consecutive seeds walk through the up-samplers."""
        rng = np.random.default_rng(seed)
        levels = int(rng.choice([1, 2, 2]))
        return cls(
            upsampler=UPSAMPLERS[seed % len(UPSAMPLERS)],
            levels=levels,
            width=int(rng.choice([24, 32])),
            latent=int(rng.choice([4, 6]) if levels == 1 else rng.choice([12, 20])),
            normalised=bool(rng.random() < 0.5),
            quantised=bool(rng.random() < 0.4),
            smooth=bool(rng.random() < 0.5),
        )


class Autoencoder(nn.Module):
    """forward: RGB in [0, 1], (B, 3, H, W), sides divisible by 8 -> reconstruction, same shape."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.draw = draw
        width = draw.width
        down: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), self._activation()]
        for _ in range(draw.levels):
            down += [nn.Conv2d(width, width, 4, 2, 1), self._activation(), *self._layer()]
        self.encoder = nn.Sequential(*down, nn.Conv2d(width, draw.latent, 1))
        up: list[nn.Module] = [nn.Conv2d(draw.latent, width, 3, padding=1), self._activation()]
        for _ in range(draw.levels):
            up += [*self._layer(), *self._upsample(), self._activation()]
        self.decoder = nn.Sequential(*up, nn.Conv2d(width, 3, 3, padding=1))

    def _activation(self) -> nn.Module:
        return nn.SiLU() if self.draw.smooth else nn.LeakyReLU(0.1)

    def _layer(self) -> list[nn.Module]:
        width = self.draw.width
        norm = [nn.GroupNorm(8, width)] if self.draw.normalised else []
        return [nn.Conv2d(width, width, 3, padding=1), *norm, self._activation()]

    def _upsample(self) -> list[nn.Module]:
        width = self.draw.width
        match self.draw.upsampler:
            case "transposed":
                return [nn.ConvTranspose2d(width, width, 4, 2, 1)]
            case "shuffle":
                return [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2)]
            case mode:
                return [
                    nn.Upsample(scale_factor=2, mode=mode),
                    nn.Conv2d(width, width, 3, padding=1),
                ]

    def forward(self, x: Tensor) -> Tensor:
        latent = torch.tanh(self.encoder(x * 2 - 1))
        if self.draw.quantised:  # finite scalar quantisation, straight-through
            latent = latent + ((latent * 7).round() / 7 - latent).detach()
        pixels: Tensor = self.decoder(latent) * 0.5 + 0.5
        return pixels


class Critic(nn.Module):
    """A small patch critic that lets the autoencoders keep texture instead of blur."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 64, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 3, 1, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        verdicts: Tensor = self.layers(x)
        return verdicts


def gradients(x: Tensor) -> Tensor:
    """Return horizontal and vertical differences, flattened together."""
    return torch.cat(
        [(x[..., 1:] - x[..., :-1]).flatten(), (x[..., 1:, :] - x[..., :-1, :]).flatten()]
    )


def train_autoencoder(model: Autoencoder, crops: Iterator[Tensor], steps: int) -> float:
    """Train in place on crops (B, 3, H, W) in [0, 1]; return the last absolute error."""
    critic = Critic().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.99))
    judge = torch.optim.AdamW(critic.parameters(), lr=4e-4, betas=(0.5, 0.9))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    error = 1.0
    for step in range(steps):
        x = next(crops)
        with torch.autocast("cpu", torch.bfloat16):
            y = model(x)
        y = y.float()
        difference = F.l1_loss(y, x)
        loss = difference + 0.5 * F.l1_loss(gradients(y), gradients(x))
        if step > steps // 2:
            loss = loss + 0.02 * _adversarial(critic, judge, x, y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        error = float(difference.detach())
    return error


def _adversarial(critic: Critic, judge: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        verdicts = critic(x), critic(y.detach())
    hinge = F.relu(1 - verdicts[0].float()).mean() + F.relu(1 + verdicts[1].float()).mean()
    judge.zero_grad()
    hinge.backward()  # type: ignore[no-untyped-call]
    judge.step()
    with torch.autocast("cpu", torch.bfloat16):
        loss: Tensor = -critic(y).float().mean()
    return loss
