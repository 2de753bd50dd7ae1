"""StgcDiff: an encoder that rebuilds movements, and a denoiser that listens to it.

    movement -> encoder -> decoder -> movement                              (first)
    noise in the gap, encoder of what is seen -> denoiser -> the gap        (then)

Movements are measured in extents of the body around the place where it stands beside the gap, so
neither the unit nor the place matters.
"""

from collections.abc import Sequence
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.method import Loss, Method
from verilens.motion.fillers import with_bones
from verilens.motion.stgcdiff import noise
from verilens.motion.stgcdiff.config import Config
from verilens.motion.stgcdiff.graph import SignGcn, adjacency
from verilens.motion.stgcdiff.passage import (
    Floats,
    Measure,
    Span,
    beside,
    crossed,
    hidden,
    within,
)
from verilens.poses.skeletons import skeleton
from verilens.records import Skeleton

AXES = 3
TOLD = 64  # numbers that say how strong the noise is


class Network(nn.Module):
    """Graph blocks between two linear layers: (N, T, V, inputs) to (N, T, V, outputs)."""

    def __init__(
        self, layers: Sequence[SignGcn], width: int, inputs: int, outputs: int = 0
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(layers)
        self.leave = nn.Linear(width, outputs) if outputs else None

    def forward(self, x: Tensor, told: Tensor | None = None) -> Tensor:
        x = self.enter(x).permute(0, 2, 3, 1).contiguous()  # (N, V, C, T)
        for block in self.blocks:
            x = block(x, told)
        x = x.permute(0, 3, 1, 2)
        return x if self.leave is None else cast(Tensor, self.leave(x))


class Autoencoder(Method[PoseBatch]):
    """The first phase: rebuild whole movements from what the encoder says of them."""

    def __init__(self, config: Config, edges: Tensor) -> None:
        super().__init__()
        self.config = config
        width, more = config.width, 0 if config.told == "base" else AXES
        self.says = width + more  # channels of a description
        self.encoder = Network(blocks(config, edges, config.encoder_layers), width, AXES + more)
        self.decoder = Network(blocks(config, edges, config.decoder_layers), width, self.says, AXES)

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return the mean squared error of rebuilt joints; nothing is hidden."""
        x = batch.joints[:, 0]
        span = hidden(self.config.hidden, x.shape[1])
        return self.rebuilding(Measure.of(beside(x, span)).measured(x), span)

    def rebuilding(self, x: Tensor, span: Span) -> Loss:
        """Return the same of measured movements, (N, T, V, 3)."""
        each = (self.decoder(self.describe(x, x, span)) - x).square().mean((1, 2, 3))
        return Loss(each.mean(), {"rebuilt": each.mean().detach()}, each)

    def describe(self, shown: Tensor, x: Tensor, span: Span) -> Tensor:
        """Return what the encoder says of movements, (N, T, V, C).

        shown: what is in the gap too. x: the same where it is seen. With told = "cubic" the last
        three channels are how far `shown` departs from the base.
        """
        if self.config.told == "base":
            return cast(Tensor, self.encoder(shown))
        departs = (shown - crossed(x, span, self.config.base)) / self.config.spread
        said = self.encoder(torch.cat([shown, departs], -1))
        return torch.cat([said, departs], -1)

    def describe_seen(self, x: Tensor, span: Span) -> Tensor:
        """Return what the encoder says of the frames around the gap; those in it are not read."""
        kind = self.config.base if self.config.told == "base" else "cubic"
        return self.describe(crossed(x, span, kind), x, span)


class StgcDiff(Method[PoseBatch]):
    """Fills gaps of movements.

    of: the skeleton, where it is not the config's; a network without learned masks fits any.
    """

    name: ClassVar[str] = "stgcdiff"

    def __init__(self, config: Config | None = None, of: Skeleton | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.skeleton = of or skeleton(config.skeleton)
        edges = adjacency(self.skeleton)
        self.autoencoder = Autoencoder(config, edges)
        layers = blocks(config, edges, config.layers, TOLD)
        inputs = AXES + 1 + self.autoencoder.says
        self.denoiser = Network(layers, config.width, inputs, AXES)
        if config.told == "cubic":  # begins with the cubic passage
            nn.init.zeros_(cast(nn.Linear, self.denoiser.leave).weight)
            nn.init.zeros_(cast(nn.Linear, self.denoiser.leave).bias)
        self.register_buffer("kept", noise.kept(config), persistent=False)
        self.kept: Tensor

    def freeze(self) -> None:
        """End the first phase: the encoder and its decoder stay as they are."""
        self.autoencoder.requires_grad_(False)

    @property
    def is_frozen(self) -> bool:
        """Return whether the first phase is over."""
        return not next(self.autoencoder.parameters()).requires_grad

    def train(self, mode: bool = True) -> "StgcDiff":
        """Switch between training and evaluation; what is frozen stays in evaluation."""
        super().train(mode)
        if self.is_frozen:
            self.autoencoder.eval()
        return self

    def fitted_to(self, other: Skeleton) -> "StgcDiff":
        """Return the network on another skeleton; ConfigError when its weights are tied to one."""
        if other == self.skeleton:
            return self
        if self.config.mask:
            raise ConfigError(
                f"these weights were trained for the joints of {self.skeleton.name}, not for those "
                f"of {other.name}"
            )
        network = StgcDiff(self.config, other)
        network.load_state_dict(self.state_dict())
        return network.eval()

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return the error of hidden frames; before `freeze` that of rebuilding too.

        joints: (B, 1, T, J, 3), of which a stretch is hidden, another one in every batch.
        """
        x = batch.joints[:, 0]
        span = hidden(self.config.hidden, x.shape[1])
        x = Measure.of(beside(x, span)).measured(x)
        loss = self.denoising(x, span)
        if self.is_frozen:
            return loss
        rebuilt = self.autoencoder.rebuilding(x, span)
        return Loss(loss.total + rebuilt.total, {**loss.parts, **rebuilt.parts})

    def denoising(self, x: Tensor, span: Span) -> Loss:
        """Return the error of the hidden frames of measured movements, (N, T, V, 3)."""
        config = self.config
        clean = (x - crossed(x, span, config.base)) / config.spread
        drawn = torch.randn_like(clean)
        step = torch.randint(config.steps, (len(x),), device=x.device)
        level = self.kept[step]
        state = within(noise.noised(clean, drawn, level), self._around(clean, drawn, level), span)
        with torch.no_grad():
            told = self.autoencoder.describe_seen(x, span)
        found = self.denoised(state, told, step, span)
        wanted = clean if config.predict == "clean" else drawn
        each = self._error(found, wanted)[:, slice(*span)].mean((1, 2, 3))
        parts = {"hidden": each.mean().detach()}
        if config.velocity:
            around = slice(span.start - 1, span.end + 1)
            gap = (within(found, clean, span) - clean)[:, around].diff(dim=1)
            moving = gap.square().mean((1, 2, 3))
            parts["velocity"] = moving.mean().detach()
            each = each + config.velocity * moving
        return Loss(each.mean(), parts, each)

    def denoised(self, state: Tensor, told: Tensor, step: Tensor, span: Span) -> Tensor:
        """Return what the denoiser finds, (N, T, V, 3): clean frames, or the noise in them.

        state: noisy in the gap. told: of the encoder, (N, T, V, C). step: of noise, (N,).
        """
        flag = torch.zeros_like(state[..., :1])
        flag[:, slice(*span)] = 1
        found: Tensor = self.denoiser(torch.cat([state, flag, told], -1), strength(step))
        return found if self.config.told == "base" else found + told[..., -AXES:]

    @torch.inference_mode()
    def sample(self, x: Tensor, span: Span, told: Tensor | None = None) -> Tensor:
        """Return measured movements, (N, T, V, 3), with the gap filled; the rest is as given.

        told: what the encoder says, where it is not to be asked.
        """
        config = self.config
        base = crossed(x, span, config.base)
        told = self.autoencoder.describe_seen(x, span) if told is None else told
        seen = within(torch.zeros_like(x), (x - base) / config.spread, span)
        drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x)
        state, steps = config.temperature * drawn, noise.visited(config)
        for step, later in zip(steps, [*steps[1:], -1], strict=True):
            level = self.kept[step].expand(len(x))
            state = within(state, self._around(seen, drawn, level), span)
            at = torch.full((len(x),), step, device=x.device)
            found = self.denoised(state, told, at, span)
            if config.predict == "clean":
                clean, error = found, noise.noise_of(state, found, level)
            else:
                clean, error = noise.clean_of(state, found, level), found
            state = clean if later < 0 else noise.noised(clean, error, self.kept[later].view(1))
        return within(base + config.spread * state, x, span)

    def between(self, before: Floats, after: Floats, frames: int) -> Floats:
        """Return the frames of a gap, (frames, J, D); see `Fills`. Flat movements stay flat."""
        if not frames:
            return before[:0]
        joints, axes = before.shape[1:]
        if joints != len(self.skeleton):
            raise ConfigError(f"{joints} joints are not those of {self.skeleton.name}")
        left, right = before[-self.config.context :], after[: self.config.context]
        whole = np.zeros((len(left) + frames + len(right), joints, AXES))
        span = Span(len(left), len(left) + frames)
        whole[: span.start, :, :axes], whole[span.end :, :, :axes] = left, right
        x = torch.from_numpy(whole).float()[None].to(self.kept.device)
        measure = Measure.of(beside(x, span))
        filled = measure.placed(self.sample(measure.measured(x), span))[0].double().cpu().numpy()
        found: Floats = filled[slice(*span), :, :axes]
        if self.config.bones == "kept":
            return with_bones(found, before[-1], after[0], self.skeleton)
        return found

    def _around(self, seen: Tensor, drawn: Tensor, level: Tensor) -> Tensor:
        """Return the visible frames as the denoiser is shown them."""
        if self.config.visible == "clean":
            return seen
        return noise.noised(seen, drawn, level)

    def _error(self, found: Tensor, wanted: Tensor) -> Tensor:
        if self.config.error == "squared":
            return (found - wanted).square()
        return smooth_l1_loss(found, wanted, reduction="none", beta=0.1)


def blocks(config: Config, edges: Tensor, count: int, told: int = 0) -> list[SignGcn]:
    """Return so many graph blocks."""
    return [SignGcn(config, edges, told) for _ in range(count)]


def strength(step: Tensor) -> Tensor:
    """Return steps of noise, (N,), as sines and cosines, (N, TOLD)."""
    rates = torch.exp(torch.arange(TOLD // 2, device=step.device) * (-9.21 / (TOLD // 2)))
    angles = step[:, None] * rates  # 9.21 is the logarithm of 10,000
    return torch.cat([angles.sin(), angles.cos()], 1)
