"""StgcDiff: an encoder that rebuilds movements, and a denoiser that listens to it.

    movement -> encoder -> decoder -> movement                              (first)
    noise in the gap, encoder of what is seen -> denoiser -> the gap        (then)

Movements are measured in extents of the body around the place where it stands beside the gap, so
neither the unit nor the place matters.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.method import Loss, Method
from verilens.motion.fillers import hermite_weights, shares
from verilens.motion.stgcdiff import noise
from verilens.motion.stgcdiff.config import Config
from verilens.motion.stgcdiff.graph import SignGcn, adjacency
from verilens.poses.skeletons import skeleton
from verilens.records import Skeleton

Floats = NDArray[np.float64]
AXES = 3
SMALL = 1e-6
TOLD = 64  # numbers that say how strong the noise is


class Span(NamedTuple):
    """Which frames are hidden: from `start` up to, not with, `end`."""

    start: int
    end: int


class Measure(NamedTuple):
    """Where a movement is and how large. centre: (N, 1, 1, 3); extent: (N, 1, 1, 1)."""

    centre: Tensor
    extent: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Measure":
        """Return that of movements, (N, T, V, 3): the middle of all joints, and their spread."""
        centre = x.mean((1, 2), keepdim=True)
        extent = (x - centre).square().mean((1, 2, 3), keepdim=True).sqrt()
        return cls(centre, extent.clamp_min(SMALL))

    def measured(self, x: Tensor) -> Tensor:
        """Return movements in extents around the centre."""
        return (x - self.centre) / self.extent

    def placed(self, x: Tensor) -> Tensor:
        """Return measured movements as they were."""
        return x * self.extent + self.centre


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
        width = config.width
        self.encoder = Network(blocks(config, edges, config.encoder_layers), width, AXES)
        self.decoder = Network(blocks(config, edges, config.decoder_layers), width, width, AXES)

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return the mean squared error of rebuilt joints."""
        x = batch.joints[:, 0]
        return self.rebuilding(Measure.of(x).measured(x))

    def rebuilding(self, x: Tensor) -> Loss:
        """Return the same of measured movements, (N, T, V, 3)."""
        each = (self.decoder(self.encoder(x)) - x).square().mean((1, 2, 3))
        return Loss(each.mean(), {"rebuilt": each.mean().detach()}, each)


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
        self.denoiser = Network(layers, config.width, AXES + 1 + config.width, AXES)
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
        span = self.hidden(x.shape[1])
        x = Measure.of(beside(x, span)).measured(x)
        loss = self.denoising(x, span)
        if self.is_frozen:
            return loss
        rebuilt = self.autoencoder.rebuilding(x)
        return Loss(loss.total + rebuilt.total, {**loss.parts, **rebuilt.parts})

    def hidden(self, frames: int) -> Span:
        """Return which frames of a training window are hidden, drawn anew."""
        low, high = (max(1, round(share * frames)) for share in self.config.hidden)
        length = min(int(torch.randint(low, high + 1, ())), frames - 2)
        start = int(torch.randint(1, frames - length, ()))
        return Span(start, start + length)

    def denoising(self, x: Tensor, span: Span) -> Loss:
        """Return the error of the hidden frames of measured movements, (N, T, V, 3)."""
        config = self.config
        base = self.base(x, span)
        clean = (x - base) / config.spread
        drawn = torch.randn_like(clean)
        step = torch.randint(config.steps, (len(x),), device=x.device)
        state = noise.noised(clean, drawn, self.kept[step])
        with torch.no_grad():
            told = self.autoencoder.encoder(base)
        found = self.denoised(self._shown(state, clean, span), told, step, span)
        wanted = clean if config.predict == "clean" else drawn
        each = (found - wanted)[:, slice(*span)].square().mean((1, 2, 3))
        parts = {"hidden": each.mean().detach()}
        if config.velocity:
            around = slice(span.start - 1, span.end + 1)
            held = self._shown(found, clean, span)
            gap = (held - clean)[:, around].diff(dim=1).square().mean((1, 2, 3))
            parts["velocity"] = gap.mean().detach()
            each = each + config.velocity * gap
        return Loss(each.mean(), parts, each)

    def denoised(self, state: Tensor, told: Tensor, step: Tensor, span: Span) -> Tensor:
        """Return what the denoiser finds, (N, T, V, 3): clean frames, or the noise in them.

        state: noisy in the gap. told: of the encoder, (N, T, V, C). step: of noise, (N,).
        """
        flag = torch.zeros_like(state[..., :1])
        flag[:, slice(*span)] = 1
        found: Tensor = self.denoiser(torch.cat([state, flag, told], -1), strength(step))
        return found

    def base(self, x: Tensor, span: Span) -> Tensor:
        """Return movements whose hidden frames are what they are measured from."""
        between = x.new_zeros(())
        frames = span.end - span.start
        if self.config.base != "zero":
            before, after = x[:, : span.start], x[:, span.end :]
            known = torch.stack([before[:, max(0, span.start - 2)], before[:, -1], after[:, 0],
                                 after[:, min(1, after.shape[1] - 1)]], 1)  # fmt: skip
            weights = hermite_weights(frames) if self.config.base == "cubic" else straight(frames)
            between = torch.einsum("gk,nkvc->ngvc", torch.from_numpy(weights).to(x), known)
        filled = x.clone()
        filled[:, slice(*span)] = between
        return filled

    def _shown(self, inside: Tensor, around: Tensor, span: Span) -> Tensor:
        """Return `inside` in the gap and `around` outside."""
        both = around.clone()
        both[:, slice(*span)] = inside[:, slice(*span)]
        return both

    @torch.inference_mode()
    def sample(self, x: Tensor, span: Span, told: Tensor | None = None) -> Tensor:
        """Return measured movements, (N, T, V, 3), with the gap filled; the rest is as given.

        told: what the encoder says, where it is not to be asked.
        """
        config = self.config
        base = self.base(x, span)
        told = self.autoencoder.encoder(base) if told is None else told
        seen = (x - base) / config.spread  # 0 where a passage is the base
        drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x)
        state, steps = config.temperature * drawn, noise.visited(config)
        for step, later in zip(steps, [*steps[1:], -1], strict=True):
            level = self.kept[step].expand(len(x))
            state = self._shown(state, self.around(seen, drawn, level), span)
            found = self.denoised(state, told, torch.full((len(x),), step), span)
            if config.predict == "clean":
                clean, error = found, noise.noise_of(state, found, level)
            else:
                clean, error = noise.clean_of(state, found, level), found
            state = clean if later < 0 else noise.noised(clean, error, self.kept[later].view(1))
        return self._shown(base + config.spread * state, x, span)

    def around(self, seen: Tensor, drawn: Tensor, level: Tensor) -> Tensor:
        """Return the visible frames as the denoiser is shown them."""
        if self.config.visible == "clean":
            return seen
        return noise.noised(seen, drawn, level)

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


def blocks(config: Config, edges: Tensor, count: int, told: int = 0) -> list[SignGcn]:
    """Return so many graph blocks."""
    return [SignGcn(config, edges, told) for _ in range(count)]


def beside(x: Tensor, span: Span) -> Tensor:
    """Return the two frames on the sides of a gap, (N, 2, V, 3)."""
    return torch.stack([x[:, span.start - 1], x[:, span.end]], 1)


def straight(frames: int) -> Floats:
    """Return the weights of an even passage, as `hermite_weights` gives them."""
    passed = shares(frames)[:, 0, 0]
    still = np.zeros(frames)
    return np.stack([still, 1 - passed, passed, still], 1)


def strength(step: Tensor) -> Tensor:
    """Return steps of noise, (N,), as sines and cosines, (N, TOLD)."""
    rates = torch.exp(torch.arange(TOLD // 2, device=step.device) * (-9.21 / (TOLD // 2)))
    angles = step[:, None] * rates  # 9.21 is the logarithm of 10,000
    return torch.cat([angles.sin(), angles.cos()], 1)


def with_bones(gap: Floats, first: Floats, last: Floats, of: Skeleton) -> Floats:
    """Return a gap whose bones pass evenly from their length in `first` to that in `last`.

    gap: (frames, J, D); first, last: the frames beside it, (J, D). Directions stay.
    """
    passed = shares(len(gap))[:, 0]
    fixed = gap.copy()
    for joint, parent in from_root(of):
        lengths = [np.linalg.norm(frame[joint] - frame[parent]) for frame in (first, last)]
        wanted = lengths[0] + (lengths[1] - lengths[0]) * passed
        bone = gap[:, joint] - gap[:, parent]
        actual = np.linalg.norm(bone, axis=-1, keepdims=True)
        scale = np.divide(wanted, actual, out=np.ones_like(actual), where=actual > SMALL)
        fixed[:, joint] = fixed[:, parent] + bone * scale
    return fixed


def from_root(of: Skeleton) -> list[tuple[int, int]]:
    """Return (joint, parent), parents first."""
    placed = {joint for joint, parent in enumerate(of.parents) if parent < 0}
    waiting = [(joint, parent) for joint, parent in enumerate(of.parents) if parent >= 0]
    order: list[tuple[int, int]] = []
    while waiting:
        ready = [pair for pair in waiting if pair[1] in placed]
        order += ready
        placed |= {joint for joint, _ in ready}
        waiting = [pair for pair in waiting if pair[0] not in placed]
    return order
