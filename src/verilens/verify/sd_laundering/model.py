"""Two stages over random patches: real or synthetic, then laundered or fully synthetic.

    picture -> 800 patches -> first stage -> mean of the best -> positive? -> second stage

Convention: scores are logits; above 0 is synthetic in the first stage, laundered in the second.
"""

import dataclasses
import random
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.efficientnet import EfficientNet
from verilens.nn.normalise import Normalise
from verilens.records import Clip, Evidence
from verilens.verify.detector import Detector, tensor
from verilens.verify.sd_laundering.config import Config

PASS = 32  # patches of one forward pass

Origin = Literal["real", "laundered", "synthetic"]
Place = tuple[int, int]  # top, left
SAYS = {
    "real": "real: its patches bear no trace of a generator",
    "laundered": "laundered: a photograph whose pixels went through a generator's auto-encoder",
    "synthetic": "synthetic: its patches bear the traces of a picture made from nothing",
}


class Judgement(NamedTuple):
    """What a picture is. second: None when the first stage found it real."""

    origin: Origin
    first: float
    second: float | None


def judge(first: float, second: Callable[[], float]) -> Judgement:
    """Return what the scores of the two stages mean; the second is computed only when needed."""
    if first <= 0:
        return Judgement("real", first, None)
    score = second()
    return Judgement("laundered" if score > 0 else "synthetic", first, score)


def best_mean(scores: Tensor, best: int) -> Tensor:
    """Return the mean of the `best` largest scores. scores: (..., patches)."""
    return scores.topk(best, dim=-1).values.mean(-1)


@lru_cache(maxsize=64)
def places(
    height: int, width: int, side: int, count: int, seed: int
) -> tuple[tuple[int, int], ...]:
    """Return where `count` patches lie, (top, left) each: the same for pictures of one size."""
    draw = random.Random(seed).random
    return tuple(
        (int((height - side + 1) * draw()), int((width - side + 1) * draw())) for _ in range(count)
    )


class Stage(nn.Module):
    """Maps patches (N, 3, P, P) in [0, 1] to two logits, (N, 2)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.trunk = EfficientNet(config.scale, pretrained=config.pretrained)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = opposed(self.trunk.out_channels)
        self.normalise = Normalise()

    def forward(self, patches: Tensor) -> Tensor:
        x = self.trunk(self.normalise(patches)).mean((2, 3))  # (N, 1792)
        logits: Tensor = self.classifier(self.dropout(x))
        return logits


def opposed(channels: int) -> nn.Linear:
    """Return a layer to two logits, one the negative of the other.

    Cross-entropy reads their difference only and keeps them opposed. So the second alone, which is
    the score, has its threshold at 0.
    """
    layer = nn.Linear(channels, 2)
    with torch.no_grad():
        layer.weight[0], layer.bias[0] = -layer.weight[1], -layer.bias[1]
    return layer


class SDLaundering(Detector):
    """Scores patches twice; its logit is the first stage's."""

    name = "sd_laundering"
    needs = frozenset({"kinds"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        self.first = Stage(self.config)
        self.second = Stage(self.config)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the score of the first stage, (N,): positive is laundered or synthetic."""
        return self.scores(self.first, frames)

    def scores(self, stage: Stage, frames: Tensor) -> Tensor:
        """Return a stage's mean of the best patch scores, (N,). frames: (N, 3, H, W) in [0, 1]."""
        best = [best_mean(self.patch_scores(stage, frame), self.config.best) for frame in frames]
        return torch.stack(best)

    def patch_scores(self, stage: Stage, frame: Tensor) -> Tensor:
        """Return a stage's score of each patch, (patches,). frame: (3, H, W) in [0, 1]."""
        return torch.cat([stage(patches)[:, 1] for patches in self._patches(frame)])

    def _patches(self, frame: Tensor) -> Iterator[Tensor]:
        """Yield the patches of a frame, at most PASS at a time, (N, 3, P, P)."""
        config = self.config
        frame = enlarged(frame[None], config.shortest)[0]
        _, height, width = frame.shape
        drawn = places(height, width, config.patch, config.patches, config.seed)
        for start in range(0, len(drawn), PASS):
            yield torch.stack([_cut(frame, *at, config.patch) for at in drawn[start:][:PASS]])

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the cross-entropy of both stages; the second sees fakes only.

        ConfigError when the batch does not say what made each sample.
        """
        if batch.kinds is None:
            raise ConfigError(
                "sd_laundering: training needs to know what made each sample (batch.kinds); give "
                "the manifest a generator for every fake, with laundered ones first by alphabet"
            )
        count = len(batch)
        patches = self._drawn(batch.frames.flatten(0, 1))  # (B x T x patches, 3, P, P)
        share = len(patches) // count
        labels = batch.labels.long().repeat_interleave(share)
        each = cross_entropy(self.first(patches), labels, reduction="none").view(count, -1).mean(1)
        total, parts = each.mean(), {"real": each.mean().detach()}
        is_fake = labels > 0
        if is_fake.any():
            wanted = torch.tensor(self.config.laundered, device=batch.kinds.device)
            laundered = torch.isin(batch.kinds, wanted).long().repeat_interleave(share)
            second = cross_entropy(self.second(patches[is_fake]), laundered[is_fake])
            total, parts["laundered"] = total + second, second.detach()
        return Loss(total=total, parts=parts, each=each)

    def _drawn(self, frames: Tensor) -> Tensor:
        """Return random patches, `train_patches` of each frame, those of a frame together."""
        side = self.config.patch
        frames = enlarged(frames, self.config.shortest)
        _, _, height, width = frames.shape
        count = len(frames) * self.config.train_patches
        tops = torch.randint(height - side + 1, (count,)).tolist()
        lefts = torch.randint(width - side + 1, (count,)).tolist()
        found = frames.repeat_interleave(self.config.train_patches, 0)
        return torch.stack([_cut(*at, side) for at in zip(found, tops, lefts, strict=True)])

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip; its `why` names which of the three it is."""
        return [self._inspected(clip) for clip in clips]

    def _inspected(self, clip: Clip) -> Evidence:
        evidence = self.evidence(clip, self.crop_logits(clip.frames))
        found = judge(evidence.logit, lambda: self._second_logit(clip.frames))
        second = "" if found.second is None else f", second stage {found.second:+.2f}"
        why = f"{SAYS[found.origin]} (first stage {found.first:+.2f}{second}; 0 decides)"
        evidence = dataclasses.replace(evidence, why=why)
        if found.origin != "laundered":
            return evidence
        limit = "what a laundered picture shows may be true: only its pixels were made again"
        return dataclasses.replace(evidence, claim="edited", limits=(*evidence.limits, limit))

    @torch.inference_mode()
    def _second_logit(self, frames: NDArray[np.uint8]) -> float:
        """Return the second stage's score, the mean over frames. frames: (N, H, W, 3) uint8."""
        scores = [self.scores(self.second, tensor(f[None]).to(self.device)) for f in frames]
        return float(torch.cat(scores).mean())


def enlarged(frames: Tensor, shortest: int) -> Tensor:
    """Return frames whose shorter side has at least `shortest` pixels. frames: (N, 3, H, W)."""
    height, width = frames.shape[2:]
    if min(height, width) >= shortest:
        return frames
    factor = shortest / min(height, width)
    size = (round(height * factor), round(width * factor))
    return interpolate(frames, size, mode="bilinear", align_corners=False)


def _cut(frame: Tensor, top: int, left: int, side: int) -> Tensor:
    return frame[:, top : top + side, left : left + side]
