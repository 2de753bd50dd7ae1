"""The network that reads the figures of movement, and what is said of them.

figures -> standardised, cut, zero where unknown -> hidden layers -> logit of a stretch -> mean
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from verilens.batch import Batch
from verilens.method import Loss
from verilens.records import Evidence, Pose, Where
from verilens.verify.calibrate import flag_level
from verilens.verify.detector import cross_entropy, sigmoid
from verilens.verify.living_motion import words
from verilens.verify.living_motion.config import Config
from verilens.verify.living_motion.eyes import eyes
from verilens.verify.living_motion.figures import FIGURES, GROUPS, NAMES, figures
from verilens.verify.living_motion.movement import (
    LEAST_JOINTS,
    Floats,
    Stretch,
    count,
    spans,
    stretches,
)
from verilens.verify.movement_detector import MovementDetector
from verilens.verify.segments import segments

BOUND = 4.0  # standardised figures are cut here


@dataclass(frozen=True, kw_only=True)
class FigureBatch(Batch):
    """Figures of stretches, (B, F) float32, NaN where unknown; labels: 1 is generated, (B,).

    weights: how much each counts, (B,) float32; all alike where None.
    """

    figures: Tensor
    weights: Tensor | None = None


class LivingMotion(MovementDetector[FigureBatch]):
    """Tells generated movement by its figures."""

    name = "living_motion"

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        count = len(NAMES)
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))
        layers: list[nn.Module] = []
        for units in config.hidden:
            layers += [nn.Linear(count, units), nn.ReLU(), nn.Dropout(config.dropout)]
            count = units
        self.head = nn.Sequential(*layers, nn.Linear(count, 1))
        self.centre: Tensor
        self.spread: Tensor

    def measure(self, living: Tensor) -> None:
        """Take centre and spread of each figure from captured movement, (N, F), NaN unknown."""
        middle = living.nanmedian(0).values
        self.centre.copy_(middle.nan_to_num())
        spread = 1.4826 * (living - middle).abs().nanmedian(0).values
        self.spread.copy_(spread.nan_to_num(nan=1.0).clamp(min=0.02))

    def standardised(self, figures: Tensor) -> Tensor:
        """Return figures in spreads from those of captured movement, cut; 0 where unknown."""
        return ((figures - self.centre) / self.spread).clamp(-BOUND, BOUND).nan_to_num()

    def forward(self, figures: Tensor) -> Tensor:
        """Return one logit a stretch, (N,). figures: (N, F) float32 as NAMES, NaN where unknown."""
        logits: Tensor = self.head(self.standardised(figures))
        return logits.squeeze(1)

    def training_step(self, batch: FigureBatch) -> Loss:
        """Return cross-entropy, some figures of each group hidden at random."""
        shown = batch.figures
        if self.training and self.config.group_loss:
            hidden = torch.rand(len(batch), len(GROUPS)) < self.config.group_loss
            hidden &= ~hidden.all(1, keepdim=True)
            away = hidden.repeat_interleave(len(FIGURES), 1).to(shown.device)
            shown = shown.masked_fill(away, torch.nan)
        loss = cross_entropy(self(shown), batch.labels)
        if batch.weights is None or loss.each is None:
            return loss
        total = (loss.each * batch.weights).sum() / batch.weights.sum()
        return Loss(total=total, parts={"bce": total.detach()}, each=loss.each)

    @torch.inference_mode()
    def logits(self, rows: Floats) -> Floats:
        """Return the logits of stretches, (N,). rows: figures, (N, F), NaN where unknown."""
        found = self(torch.from_numpy(rows).float().to(self.centre.device))
        return found.double().cpu().numpy()

    def inspect(self, poses: Sequence[Pose]) -> list[Evidence]:
        """Return a piece of evidence on each person of whom enough is seen."""
        found = [self._judged(pose) for pose in poses]
        tracks = [None] if len(poses) == 1 else range(1, len(poses) + 1)
        return [
            replace(evidence, track=track)
            for evidence, track in zip(found, tracks, strict=True)
            if evidence is not None
        ]

    def unable(self, pose: Pose) -> str:
        config = self.config
        if pose.fps < config.least_rate:
            return f"only {pose.fps:g} frames a second, {config.least_rate:g} are needed"
        seconds = len(pose) / pose.fps
        if not spans(count(pose, config.rate), min(pose.fps, config.rate), config):
            return f"too short: {len(pose)} frames in {seconds:.2g} s, {config.least_s:g} s needed"
        if next(stretches(pose, config), None) is None:
            return f"too few joints: {LEAST_JOINTS} must be seen for {config.least_s:g} s"
        return ""

    def _judged(self, pose: Pose) -> Evidence | None:
        if self.unable(pose):
            return None
        parts = list(stretches(pose, self.config))
        rows = np.stack([figures(stretch) for stretch in parts])
        logits = self.logits(rows)
        pooled = float(logits.mean())
        said = words.why(rows, self.moved(rows), self._centre(), looks_made=pooled > 0)
        lids = eyes(pose)
        return Evidence(
            method=self.name,
            claim=self.claim,
            score=float(sigmoid(pooled)),
            logit=pooled,
            why=f"{said}; {lids.said()} (not counted)" if lids and lids.said() else said,
            where=_where(parts, logits, len(pose) / pose.fps),
            limits=words.limits(rows, parts),
        )

    def moved(self, rows: Floats) -> Floats:
        """Return how far each figure moves the logit, (N, F), by setting it to the usual."""
        whole = self.logits(rows)
        changes = np.zeros_like(rows)
        for column in range(rows.shape[1]):
            usual = rows.copy()
            usual[:, column] = np.nan
            changes[:, column] = whole - self.logits(usual)
        return changes

    def _centre(self) -> Floats:
        return self.centre.double().cpu().numpy()


def _where(parts: Sequence[Stretch], logits: Floats, duration_s: float) -> Where:
    scores = sigmoid(logits)
    middles = [(part.start_s + part.end_s) / 2 for part in parts]
    timeline = tuple((float(t), float(s)) for t, s in zip(middles, scores, strict=True))
    return Where(
        by="plausibility of stretches of two seconds",
        timeline=timeline,
        segments=segments(timeline, duration_s, flag_level(LivingMotion.name, "movement")),
    )
