"""Xception-UNet on one face crop.

    crop in [-1, 1] -> Xception, maps of five resolutions -> decoder -> mask
                                        coarsest -> ReLU, mean -> 2-, 3- or 16-way head -> logit

Of n classes the first is genuine; the logit compares the sum of the others with it, so its sigmoid
is one minus the probability of "genuine".
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, pad

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.xception import Xception, load_imagenet
from verilens.records import Clip, Evidence
from verilens.verify.detector import PASS_PIXELS, Detector, sigmoid, tensor
from verilens.verify.xception_unet.config import Config
from verilens.verify.xception_unet.decoder import Linear, UNet
from verilens.verify.xception_unet.front import COLOURS, Colours, Noise

POINTS = 4  # a side, of the points whose mean is a cell of a picture's mask
CELLS = 64  # longer side of a picture's mask
Floats = NDArray[np.float64]


class Read(NamedTuple):
    """What crops give. scores: of the classes, (N, classes). masks: logits, (N, H, W)."""

    scores: Tensor
    masks: Tensor


class XceptionUNet(Detector):
    """Marks the forged pixels of face crops, and classifies them."""

    name = "xception_unet"
    claim = "face-swap"
    needs = frozenset({"masks", "kinds"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.front = Noise() if config.front == "noise" else Colours()
        channels = self.front.channels
        self.backbone = Xception(channels, widths=config.widths, middle=config.middle)
        self.decoder = UNet(config) if config.decoder == "unet" else Linear(config)
        self.head = nn.Linear(self.backbone.out_channels, config.classes)
        if config.pretrained:
            further = (0, 0, 0, 0, 0, channels - COLOURS)  # maps that start unread
            load_imagenet(self.backbone, config.pretrained, lambda kernel: pad(kernel, further))

    def read(self, frames: Tensor) -> Read:
        """Return class scores and masks at the crops' size. frames: RGB in [0, 1], (N, 3, H, W)."""
        taps = self.backbone.taps(self.front(frames))
        height, width = frames.shape[-2:]
        masks = self.decoder(taps, (height, width))
        return Read(self.head(taps[-1].relu().mean((2, 3))), masks[:, 0])

    def forward(self, frames: Tensor) -> Tensor:
        taps = self.backbone.taps(self.front(frames))
        return fakeness(self.head(taps[-1].relu().mean((2, 3))))

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return mask loss and classification loss over all frames."""
        if batch.masks is None:
            raise ConfigError(
                "xception_unet learns from samples with masks, and these have none; use a data "
                "set with masks, such as forgerynet"
            )
        moments = batch.frames.shape[1]
        found = self.read(batch.frames.flatten(0, 1))
        truth = batch.masks.flatten(0, 1)[:, 0]
        mask = binary_cross_entropy_with_logits(found.masks.float(), truth)
        kinds = self._kinds(batch).repeat_interleave(moments)
        each = cross_entropy(found.scores.float(), kinds, reduction="none").view(-1, moments)
        weights = self.config
        total = weights.mask_weight * mask + weights.class_weight * each.mean()
        parts = {"mask": mask.detach(), "class": each.mean().detach()}
        return Loss(total=total, parts=parts, each=each.mean(1))

    def _kinds(self, batch: ClipBatch) -> Tensor:
        """Return the class of each clip, (B,); ConfigError when the batch does not fit the head."""
        if self.config.classes == 2:
            return batch.labels.long()
        if batch.kinds is None or int(batch.kinds.max()) >= self.config.classes:
            what = "no kinds" if batch.kinds is None else f"kind {int(batch.kinds.max())}"
            raise ConfigError(
                f"xception_unet: the head has {self.config.classes} classes and the batch {what}; "
                "set classes to the number of generators + 1"
            )
        return batch.kinds

    @torch.inference_mode()
    def crop_masks(self, frames: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return one logit a crop, (N,), and masks in [0, 1], (N, H, W).

        frames: RGB, (N, H, W, 3) uint8.
        """
        batch = max(1, PASS_PIXELS // (frames.shape[1] * frames.shape[2]))
        parts = [
            self.read(tensor(frames[n : n + batch]).to(self.device))
            for n in range(0, len(frames), batch)
        ]
        logits = torch.cat([fakeness(part.scores) for part in parts])
        masks = torch.cat([part.masks for part in parts]).sigmoid()
        return logits.double().cpu().numpy(), masks.double().cpu().numpy()

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip; that on a still has a mask over the picture."""
        return [self.marked(clip) for clip in clips]

    def marked(self, clip: Clip) -> Evidence:
        """Return the pooled score, the share of marked pixels and, of a still, the mask.

        A still that does not score above `config.sure` gets no mask.
        """
        logits, masks = self.crop_masks(clip.frames)
        share = float((masks > self.config.level).mean())
        why = f"the look of forged pixels: {share:.0%} of the face crop marked"
        found = dataclasses.replace(self.evidence(clip, logits), claim=self.config.claim, why=why)
        if len(np.unique(clip.times_s)) > 1:
            return found
        if found.score <= self.config.sure:
            return dataclasses.replace(found, why="not sure enough to mark any part of the face")
        by = f"mask of forged pixels by {self.name}"
        where = dataclasses.replace(found.where, by=by, heatmap=laid_out(clip, masks, CELLS))
        return dataclasses.replace(found, where=where)

    def heatmap(self, tiles: Clip, cells: int = CELLS) -> NDArray[np.float32] | None:
        """Return its mask over the picture, (rows, columns) in [0, 1], longer side `cells`.

        None where it is not sure enough to show one.
        """
        logits, masks = self.crop_masks(tiles.frames)
        if sigmoid(logits.mean()) <= self.config.sure:
            return None
        return laid_out(tiles, masks, cells)


def fakeness(scores: Tensor) -> Tensor:
    """Return the logit of "not genuine", (N,). scores: (N, classes), genuine first."""
    return scores[:, 1:].logsumexp(1) - scores[:, 0]


def laid_out(clip: Clip, masks: Floats, cells: int) -> NDArray[np.float32]:
    """Return masks of crops laid over the whole picture, the highest where crops overlap.

    masks: (N, H, W) in [0, 1]. What no crop shows is 0: nothing there was found forged.
    """
    width, height = clip.size
    columns = max(1, round(cells * width / max(width, height)))
    rows = max(1, round(cells * height / max(width, height)))
    whole = np.zeros((rows * POINTS, columns * POINTS))
    y = (np.arange(rows * POINTS) + 0.5) * height / (rows * POINTS)
    x = (np.arange(columns * POINTS) + 0.5) * width / (columns * POINTS)
    for mask, (left, top, right, bottom) in zip(masks, clip.boxes.tolist(), strict=True):
        down = np.floor((y - top) / (bottom - top) * mask.shape[0]).astype(int)
        along = np.floor((x - left) / (right - left) * mask.shape[1]).astype(int)
        inside_y = np.flatnonzero((down >= 0) & (down < mask.shape[0]))
        inside_x = np.flatnonzero((along >= 0) & (along < mask.shape[1]))
        place = np.ix_(inside_y, inside_x)
        whole[place] = np.maximum(whole[place], mask[np.ix_(down[inside_y], along[inside_x])])
    cell_means = whole.reshape(rows, POINTS, columns, POINTS).mean((1, 3))
    found: NDArray[np.float32] = cell_means.astype(np.float32)
    return found
