"""The two networks of GenConViT.

    A: crop -> autoencoder -> reconstruction         crop, reconstruction -> backbone -> 2 outputs
    B: crop -> variational autoencoder -> x_hat      crop, x_hat          -> backbone -> 2 outputs

Outputs are (fake, genuine). The published training is Adam at 1e-4 for both the rate and the weight
decay, a tenth of the rate every 15 epochs, batches of 32; each network has a loss of its own and no
weight in common, so training both at once equals training them one after the other.
"""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.nn.normalise import Normalise
from verilens.records import Clip, Evidence
from verilens.verify.detector import PASS_PIXELS, Detector, sigmoid, tensor
from verilens.verify.genconvit.backbone import HybridBackbone, resized
from verilens.verify.genconvit.config import Config
from verilens.verify.genconvit.vote import averaged_logit, released_logit

CLASSES = 2


def encoder_a(widths: Sequence[int]) -> nn.Sequential:
    """Return convolutions that halve the sides at every level, (N, 3, H, W) to (N, widths[-1])."""
    layers: list[nn.Module] = []
    for before, after in pairwise((3, *widths)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def encoder_b(widths: Sequence[int]) -> nn.Sequential:
    """Return strided convolutions that halve the sides at every level."""
    layers: list[nn.Module] = []
    for before, after in pairwise((3, *widths)):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.LeakyReLU()]
    return nn.Sequential(*layers)


def decoder(widths: Sequence[int], activation: type[nn.Module]) -> nn.Sequential:
    """Return transposed convolutions that double the sides at every level, down to 3 channels."""
    layers: list[nn.Module] = []
    for before, after in pairwise((*widths, 3)):
        layers += [nn.ConvTranspose2d(before, after, 2, 2), activation()]
    return nn.Sequential(*layers)


class NetworkA(nn.Module):
    """Judges a crop beside its autoencoder's reconstruction."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        outputs = 2 * config.backbone.outputs
        self.encoder = encoder_a(config.widths_a)
        self.decoder = decoder(config.widths_a[::-1], nn.ReLU)
        self.backbone = HybridBackbone(
            config.backbone, config.view.size, config.faithful, config.hybrid
        )
        self.head = nn.Sequential(
            nn.GELU(), nn.Linear(outputs, outputs // 4), nn.GELU(), nn.Linear(outputs // 4, CLASSES)
        )

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the reconstruction, (N, 3, H, W), never negative. x: normalised crops."""
        decoded: Tensor = self.decoder(self.encoder(x))
        return decoded

    def forward(self, x: Tensor) -> Tensor:
        """Return (fake, genuine) outputs, (N, 2). x: normalised crops, (N, 3, H, W)."""
        both = torch.cat([self.backbone(self.reconstruct(x)), self.backbone(x)], 1)
        outputs: Tensor = self.head(both)
        return outputs


class Latent(nn.Module):
    """The two linear layers that hold 629 of network B's 695 million weights.

    is_faithful: the mean doubles as log-variance and `var` is never run.
    """

    def __init__(self, features: int, latent: int, is_faithful: bool) -> None:
        super().__init__()
        self.is_faithful = is_faithful
        self.mu = nn.Linear(features, latent)
        self.var = nn.Linear(features, latent)
        self.var.requires_grad_(not is_faithful)

    def forward(self, features: Tensor, draws: bool) -> tuple[Tensor, Tensor]:
        """Return the latent, (N, latent), and each sample's KL divergence to N(0, 1), (N,).

        features: (N, features). draws: at random; else the mean. Faithful networks' divergence is 0
        because nothing reads it.
        """
        mean = self.mu(features)
        log_variance = mean if self.is_faithful else self.var(features)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance) if draws else mean
        if self.is_faithful:
            return z, mean.new_zeros(len(mean))
        terms = 1 + log_variance - mean.square() - log_variance.exp()
        return z, -0.5 * terms.sum(1)


class OutputsB(NamedTuple):
    """What network B gives.

    outputs: (fake, genuine), (N, 2). small: the decoder's picture, (N, 3, H / 2, W / 2); x_hat: the
    same at the crop's size. divergence: of the latent, (N,).
    """

    outputs: Tensor
    small: Tensor
    x_hat: Tensor
    divergence: Tensor


class NetworkB(nn.Module):
    """Judges a crop beside its variational autoencoder's reconstruction."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        outputs = 2 * config.backbone.outputs
        features = config.widths_b[-1] * config.grid_b**2
        self.encoder = encoder_b(config.widths_b)
        self.latent = Latent(features, config.latent, config.faithful)
        widths = (config.latent_channels, *config.widths_b[-2::-1])
        self.decoder = decoder(widths, nn.LeakyReLU)
        self.backbone = HybridBackbone(
            config.backbone, config.view.size, config.faithful, config.hybrid
        )
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(outputs, outputs // 4), nn.ReLU(), nn.Linear(outputs // 4, CLASSES)
        )
        if config.faithful:
            self.idle = idle(features, outputs)

    def forward(self, x: Tensor) -> OutputsB:
        """x: normalised crops, (N, 3, H, W)."""
        draws = self.training or self.config.sample_at_test
        z, divergence = self.latent(self.encoder(x).flatten(1), draws)
        side = self.config.grid_b // 2
        small = self.decoder(z.unflatten(1, (-1, side, side)))
        both = torch.cat([self.backbone(x), self.backbone(small)], 1)
        return OutputsB(self.head(both), small, resized(small, x.shape[-1]), divergence)


def idle(features: int, outputs: int) -> nn.ModuleDict:
    """Return the layers that the release carries along and never runs."""
    layers = nn.ModuleDict(
        {
            "fc1": nn.Linear(features, 256),
            "fc2": nn.Linear(256, 128),
            "fc3": nn.Linear(outputs // 2, outputs // 4),
        }
    )
    return layers.requires_grad_(False)


class GenConViT(Detector):
    """The networks of a configuration, side by side."""

    name = "genconvit"
    claim = "face-swap"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        if config.networks != "b":
            self.network_a = NetworkA(config)
        if config.networks != "a":
            self.network_b = NetworkB(config)
        self.normalise = Normalise()

    def outputs(self, frames: Tensor) -> Tensor:
        """Return every network's outputs, (N, networks, 2). frames: RGB in [0, 1]."""
        x = self.normalise(frames)
        found = []
        if self.config.networks != "b":
            found.append(self.network_a(x))
        if self.config.networks != "a":
            found.append(self.network_b(x).outputs)
        return torch.stack(found, 1)

    def forward(self, frames: Tensor) -> Tensor:
        return self.pooled(self.outputs(frames)).float()

    def pooled(self, outputs: Tensor) -> Tensor:
        """Return one logit from V votes of frames and networks. (..., V, 2) to (...) float64."""
        return released_logit(outputs) if self.config.faithful else averaged_logit(outputs)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return cross-entropy of each network, and for B how far it reconstructs the crop.

        The squared error is taken on normalised pixels; KL enters only when not `faithful`.
        """
        moments = batch.frames.shape[1]
        x = self.normalise(batch.frames.flatten(0, 1))
        classes = (1 - batch.labels).long().repeat_interleave(moments)  # FAKE is class 0
        each, rest, parts = x.new_zeros(len(batch)), x.new_zeros(()), dict[str, Tensor]()
        if self.config.networks != "b":
            found = entropy(self.network_a(x), classes, moments)
            each, parts["ce_a"] = each + found, found.mean().detach()
        if self.config.networks != "a":
            b = self.network_b(x)
            found = entropy(b.outputs, classes, moments)
            each, parts["ce_b"] = each + found, found.mean().detach()
            rest = rest + mse_loss(b.x_hat, x)
            parts["mse"] = rest.detach()
            if not self.config.faithful:
                rest = rest + self.config.kl_weight * b.divergence.mean()
                parts["kl"] = b.divergence.mean().detach()
        return Loss(total=each.mean() + rest, parts=parts, each=each)

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip, by one vote of all frames and networks."""
        return [self.judged(clip) for clip in clips]

    @torch.inference_mode()
    def judged(self, clip: Clip) -> Evidence:
        """Return the evidence of one clip; the timeline has a vote of every moment."""
        size = max(1, PASS_PIXELS // (clip.frames.shape[1] * clip.frames.shape[2]))
        pieces = [clip.frames[n : n + size] for n in range(0, len(clip.frames), size)]
        outputs = torch.cat([self.outputs(tensor(piece).to(self.device)) for piece in pieces]).cpu()
        found = self.evidence(clip, self.pooled(outputs).numpy())
        logit = float(self.pooled(outputs.flatten(0, 1)))
        suspicious = int((self.pooled(outputs) > 0).sum())
        why = f"beside its reconstruction, {suspicious} of {len(outputs)} face crops look forged"
        return dataclasses.replace(found, score=float(sigmoid(logit)), logit=logit, why=why)


def entropy(outputs: Tensor, classes: Tensor, moments: int) -> Tensor:
    """Return cross-entropy a sample, (B,). outputs: (B x moments, 2); classes: (B x moments,)."""
    each = cross_entropy(outputs.float(), classes, reduction="none")
    return each.view(-1, moments).mean(1)
