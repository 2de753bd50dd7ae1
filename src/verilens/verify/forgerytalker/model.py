"""Regions, mask and report of a portrait.

    picture -> prompter -> regions -> question -> reporter -> report
                             \\-> gate -> slots -> mask decoder -> mask -> logit

Training is stage 2's: report + mask + 0.5 gate, and the prompter's own losses beside them.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, interpolate

from verilens.batch import ClipBatch
from verilens.datasets.mmtt import REGIONS
from verilens.method import Loss
from verilens.nn.learned import LearnedOnly
from verilens.records import Clip, Evidence
from verilens.verify.detector import Detector, tensor
from verilens.verify.forgerytalker import loss as losses
from verilens.verify.forgerytalker import regions
from verilens.verify.forgerytalker.config import Config
from verilens.verify.forgerytalker.mask import Gate, MaskDecoder
from verilens.verify.forgerytalker.portraits import Portraits, texts_of
from verilens.verify.forgerytalker.prompter import Found, Prompter
from verilens.verify.forgerytalker.reporter import Reporter, stacked

TOP = 0.01  # of a mask's pixels, whose mean is the logit
CELLS = 32  # longer side of the heat map
SURE = 1e-6


class Seen(NamedTuple):
    """What is found in portraits: regions, gate (N, 21), mask logits (N, 1, H, W), ViT tokens."""

    regions: Found
    gate: Tensor
    mask: Tensor
    picture: Tensor


class ForgeryTalker(LearnedOnly, Detector):
    """Masks what was edited in a portrait, and reports on it."""

    name = "forgerytalker"
    sign = "parts of the portrait look edited: in {} portraits"
    claim = "edited"
    needs = frozenset({"masks"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.reporter = Reporter(config)
        self.prompter = Prompter(config)
        self.gate = Gate(config, self.reporter.tokens.size)
        self.decoder = MaskDecoder(config)

    def forward(self, frames: Tensor) -> Tensor:
        flat = self.seen(frames).mask.flatten(1)
        return flat.topk(max(1, round(TOP * flat.shape[1])), 1).values.mean(1)

    def seen(self, frames: Tensor, truth: Tensor | None = None) -> Seen:
        """Return regions, gate and mask of portraits. frames: RGB in [0, 1], (N, 3, H, W).

        truth: regions to ask by instead of the predicted ones, (N, 21).
        """
        found = self.prompter(frames)
        hot = (found.last.sigmoid() > self.config.threshold).float() if truth is None else truth
        picture = self.reporter.see(frames)
        names = [", ".join(regions.listed(row.tolist())) or "none" for row in hot]
        gate = self.gate(*stacked(self.reporter.tokens, names, frames.device), picture)
        slots = self.reporter.embedded(REGIONS)[None] * (hot * gate)[..., None]
        return Seen(found, gate, self.decoder(slots, picture), picture)

    def report(self, frames: Tensor) -> list[str]:
        """Return a report of each portrait."""
        found = self.seen(frames)
        questions = self._questions(found.regions.last.sigmoid())
        return self.reporter.say(found.picture, questions, self.config)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return stage 2's loss and the prompter's. Frames of a clip are portraits of their own."""
        frames = batch.frames.flatten(0, 1)
        assert batch.masks is not None  # asked for by `needs`
        masks = batch.masks.flatten(0, 1)
        moments = batch.frames.shape[1]
        if isinstance(batch, Portraits):
            hot = batch.regions.repeat_interleave(moments, 0)
            captions = [text for text in texts_of(batch.captions) for _ in range(moments)]
        else:
            hot = regions.of_masks(masks)
            captions = [regions.caption(row.tolist()) for row in hot]
        found = self.seen(frames, truth=hot)
        parts = self._prompted(found.regions, hot)
        parts["words"] = self.reporter.loss(found.picture, self._questions(hot), captions)
        parts["mask"] = self._masked(found.mask, masks)
        gate = binary_cross_entropy(found.gate.clamp(SURE, 1 - SURE), hot)
        parts["gate"] = self.config.gate_weight * gate
        total = torch.stack(list(parts.values())).sum()
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return evidence with a map of the edited pixels and the report as its reason."""
        return [
            self._told(clip, found)
            for clip, found in zip(clips, super().inspect(clips), strict=True)
        ]

    @torch.inference_mode()
    def _told(self, clip: Clip, evidence: Evidence) -> Evidence:
        logits = self.crop_logits(clip.frames)
        frame = tensor(clip.frames[[int(logits.argmax())]]).to(self.device)
        found = self.seen(frame)
        said = self.reporter.say(
            found.picture, self._questions(found.regions.last.sigmoid()), self.config
        )[0]
        names = regions.listed(found.regions.last.sigmoid()[0].tolist(), self.config.threshold)
        why = f"suspect regions: {', '.join(names) or 'none'}; {said}"[:600]
        if len(np.unique(clip.times_s)) > 1:
            return dataclasses.replace(evidence, why=why)
        width, height = clip.size
        scale = CELLS / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        heat = cv2.resize(
            found.mask[0, 0].sigmoid().cpu().numpy(), size, interpolation=cv2.INTER_AREA
        )
        where = dataclasses.replace(evidence.where, heatmap=np.clip(heat, 0, 1).astype(np.float32))
        return dataclasses.replace(evidence, why=why, where=where)

    @property
    def stands_on_base(self) -> bool:
        return bool(self.config.base)

    def _questions(self, hot: Tensor) -> list[str]:
        return [regions.prompt(row.tolist(), self.config.threshold) for row in hot]

    def _prompted(self, found: Found, hot: Tensor) -> dict[str, Tensor]:
        config = self.config
        each = []
        for logits in found:
            kinds = (
                losses.weighted_bce(logits, hot, config.negative_weight),
                losses.focal(logits, hot, config.focal),
                losses.dice(logits, hot),
                losses.jaccard(logits, hot),
            )
            each += [w * kind / 2 for w, kind in zip(config.prompt_weights, kinds, strict=True)]
        return {"regions": torch.stack(each).sum()}

    def _masked(self, logits: Tensor, masks: Tensor) -> Tensor:
        config = self.config
        small = interpolate(masks, logits.shape[-2:], mode="area")
        return losses.mask_loss(
            logits.flatten(1), small.flatten(1), config.mask_weight, config.double_sigmoid
        )
