"""The three experts and their ensemble.

    frames -> providers -> derived videos -> one 3-D ResNet each -> two scores each -> ensemble

Training is softmax cross-entropy of every expert on the same clips; they share no weight.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.grad_cam import grad_cam, stretched
from verilens.nn.resnet3d import Layout, ResNet3d
from verilens.records import Clip, Evidence
from verilens.verify.detector import ClipDetector, stretches, tensor
from verilens.verify.what_matters import learned
from verilens.verify.what_matters.config import Config
from verilens.verify.what_matters.ensemble import Ensemble
from verilens.verify.what_matters.providers import Flow, Haze, Plugged, Provider, Texture, relative
from verilens.verify.what_matters.reading import Reading, cells, found, in_words, where


class Expert(nn.Module):
    """Calls one derived video genuine or fake: (N, C, T, h, w) to scores (N, 2), fake second."""

    def __init__(self, name: str, channels: int, config: Config) -> None:
        super().__init__()
        self.is_relative = name == "geometry"
        self.stage = config.cam_stage
        layout = Layout(
            width=config.width,
            depths=config.depths,
            bottleneck=config.bottleneck,
            time_strides=config.time_strides,
        )
        self.reduce = nn.Sequential()
        if name == "appearance":
            self.reduce = nn.Sequential(
                nn.Conv3d(channels, config.reduced, 1, bias=False),
                nn.BatchNorm3d(config.reduced),
                nn.ReLU(inplace=True),
            )
            channels = config.reduced
            # Features are small already: the stem must not shrink them over space.
            layout = dataclasses.replace(
                layout, stem=(3, 3, 3), stem_strides=(2, 1, 1), pool_strides=None
            )
        self.network = ResNet3d(channels, 2, layout)

    def forward(self, video: Tensor) -> Tensor:
        return self.scores(self.maps(video))

    def maps(self, video: Tensor) -> Tensor:
        """Return what Grad-CAM looks at, (N, K, T', h', w')."""
        video = relative(video) if self.is_relative else video
        return self.network.maps(self.reduce(video), self.stage)

    def scores(self, maps: Tensor) -> Tensor:
        """Return the scores, (N, 2), that these maps lead to."""
        return self.network.after(maps, self.stage)

    def odds(self, maps: Tensor) -> Tensor:
        """Return the log-odds of fake, (N,): only the difference of the two scores decides."""
        scores = self.scores(maps)
        return scores[:, 1] - scores[:, 0]


class WhatMatters(ClipDetector):
    """Asks experts for appearance, motion and geometry.

    providers: by the expert's name, what replaces the configured one; a function of frames is
        enough for motion (2 channels) and geometry (1), appearance also needs `channels`.
    """

    name = "what_matters"
    config: Config

    def __init__(
        self, config: Config | None = None, providers: Mapping[str, Provider] | None = None
    ) -> None:
        super().__init__()
        self.config = config = config or Config()
        given = providers or {}
        if unknown := set(given) - set(config.experts):
            raise ConfigError(f"what_matters: no expert reads a provider of {sorted(unknown)}")
        made = {
            name: _plugged(name, given[name]) if name in given else _built(name, config)
            for name in config.experts
        }
        self.providers = nn.ModuleDict(made).requires_grad_(False)
        self.experts = nn.ModuleDict(
            {name: Expert(name, int(made[name].channels), config) for name in config.experts}  # type: ignore[arg-type]
        )
        self.ensemble = Ensemble(len(config.experts), config.ensemble)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the experts; providers always evaluate."""
        super().train(mode)
        self.providers.eval()
        return self

    @torch.no_grad()
    def derived(self, frames: Tensor) -> dict[str, Tensor]:
        """Return the video each expert reads, (N, C, T', h, w). frames: (N, T, 3, H, W)."""
        if frames.shape[1] < 2:
            raise ConfigError(
                "what_matters reads several moments; train it with data.frames=16, not 1"
            )
        return {name: provider(frames) for name, provider in self.providers.items()}

    def scores(self, derived: Mapping[str, Tensor]) -> Tensor:
        """Return every expert's scores before the softmax, (N, E, 2), fake second."""
        return torch.stack([expert(derived[name]) for name, expert in self.experts.items()], 1)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.ensemble(self.scores(self.derived(frames)))
        return logits

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the sum of the experts' cross-entropies; none of them sees the others' answer."""
        return self.loss(self.derived(batch.frames), batch.labels)

    def loss(self, derived: Mapping[str, Tensor], labels: Tensor) -> Loss:
        """Return the loss of videos derived before. labels: (N,), 1 is fake."""
        scores = self.scores(derived).float()
        parts = {
            name: cross_entropy(scores[:, n], labels.long(), reduction="none")
            for n, name in enumerate(self.config.experts)
        }
        each = torch.stack(list(parts.values())).sum(0)
        told = {name: part.detach().mean() for name, part in parts.items()}
        return Loss(total=each.mean(), parts=told, each=each)

    @torch.no_grad()
    def fit_ensemble(self, batches: Iterable[ClipBatch]) -> Self:
        """Return self with the ensemble fitted on validation clips, never on test ones."""
        self.eval()
        scores, labels = [], []
        for batch in batches:
            scores.append(self.scores(self.derived(batch.frames.to(self.device))).cpu())
            labels.append(batch.labels.cpu())
        self.ensemble.fit(torch.cat(scores), torch.cat(labels))
        return self

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip, with the expert that speaks and its Grad-CAM."""
        return [self._inspected(clip) for clip in clips]

    def _inspected(self, clip: Clip) -> Evidence:
        grid = cells(clip.size)
        moments = stretches(len(clip.frames), self.config.view.frames)
        readings = [self.read(clip.frames[places], places, grid) for places in moments]
        seen = found(readings, len(clip.frames))
        evidence = self.evidence(clip, seen.logits)
        timeline = self.evidence(clip, seen.shaped).where.timeline
        spoken = in_words(self.config.experts, readings, clip.times_s)
        place = where(self.config.experts, readings, clip.times_s)
        return dataclasses.replace(
            evidence,
            where=dataclasses.replace(place, timeline=timeline),
            why=spoken.why,
            limits=spoken.limits,
        )

    @torch.no_grad()
    def read(
        self, frames: NDArray[np.uint8], places: NDArray[np.int64], grid: tuple[int, int]
    ) -> Reading:
        """Return what the experts see in one stretch.

        frames: RGB in order of time, (T, H, W, 3) uint8. places: their numbers in the clip, (T,).
        grid: rows and columns of the heat.
        """
        derived = self.derived(tensor(frames)[None].to(self.device))
        scores, heats = [], []
        for name, module in self.experts.items():
            expert = cast(Expert, module)
            maps = expert.maps(derived[name])
            scores.append(expert.scores(maps))
            heat = grad_cam(maps.float(), expert.odds)
            heats.append(stretched(heat, (len(frames), *grid))[0])
        joined = torch.stack(scores, 1)
        return Reading(
            places=places,
            logit=float(self.ensemble(joined)),
            fake=joined[0].double().softmax(1)[:, 1].cpu().numpy(),
            heat=torch.stack(heats).cpu().numpy(),
        )


def _built(name: str, config: Config) -> nn.Module:
    """Return the provider that the configuration asks for."""
    if name == "motion":
        return Flow(config.motion)
    if name == "geometry":
        folder = config.geometry_folder
        return learned.depth_in(folder) if config.geometry == "folder" else Haze(config.haze_patch)
    if config.appearance == "folder":
        return learned.features_in(config.appearance_folder)
    return learned.dinov2(config.dinov2) if config.appearance == "dinov2" else Texture()


def _plugged(name: str, provider: Provider) -> nn.Module:
    """Return a provider of one's own as a module, frozen with the others."""
    channels = {"motion": 2, "geometry": 1}.get(name) or getattr(provider, "channels", None)
    if channels is None:
        raise ConfigError("what_matters: a provider of appearance must say its 'channels'")
    if isinstance(provider, nn.Module) and hasattr(provider, "channels"):
        return provider
    return Plugged(provider, channels)
