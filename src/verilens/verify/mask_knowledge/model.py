"""Knowledge-based prompts: a frozen CLIP, two prompts, and a filter of facts between them.

    crop  -> image encoder -> feature, 196 patches -> most relevant half -> mean \
    facts -> text encoder  -> sentences  -> filter by the image feature          -> cosines -> logit
    two prompts -> text encoder -> features, refined by the filter               /

    loss = CE(image) + CE(kept patches) + KL(even || dropped patches)
"""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.clip import vision
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise
from verilens.verify.detector import Detector, sigmoid
from verilens.verify.mask_knowledge.config import Config
from verilens.verify.mask_knowledge.knowledge import PACKAGED, load
from verilens.verify.mask_knowledge.patches import kept, pooled, relevance
from verilens.verify.mask_knowledge.prompts import Filter, Prompts

EDGE = 1e-12  # of probabilities, so that their logit is finite


class Seen(NamedTuple):
    """image: (N, F). patches: (N, P, F). Both of unit length, in the space of the words."""

    image: Tensor
    patches: Tensor


class Told(NamedTuple):
    """classes: unit features of the prompts, (2, F). facts: of the sentences, (K, F)."""

    classes: Tensor
    facts: Tensor


class MaskKnowledge(Detector):
    """Scores face crops by facts about faces and masks; positive is a 3D mask."""

    name = "mask_knowledge"
    claim = "spoof"
    sign = "facts about masks fit better than those about skin: {} face crops"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.known = load(Path(config.knowledge) if config.knowledge else PACKAGED)
        self.encoder = vision(config.clip, config.view.size, config.pretrained, projected=True)
        self.encoder.requires_grad_(False)
        self.prompts: Prompts | None = Prompts(config, self.known)
        self.filter = Filter(config.clip.projection, config.heads)
        self.fixed: Told | None = None  # what was told, where it no longer changes
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)

    def forward(self, frames: Tensor) -> Tensor:
        seen, told = self.seen(frames), self.told()
        chosen = kept(relevance(seen.patches, self.means(told.facts)), self.config.share)
        looked_at = pooled(seen.patches, chosen) if self.config.judge == "kept" else seen.image
        scores = self.scores(looked_at, self.refined(seen.image, told))
        return scores[:, 1] - scores[:, 0]

    def seen(self, frames: Tensor) -> Seen:
        """Return what is seen in crops. frames: (N, 3, H, W) in [0, 1]."""
        found = self.encoder(pixel_values=self.normalise(frames))
        model = self.encoder.vision_model
        hidden = model.post_layernorm(found.last_hidden_state[:, 1:])
        patches = self.encoder.visual_projection(hidden)
        return Seen(normalize(found.image_embeds.float(), dim=1), normalize(patches.float(), dim=2))

    def told(self) -> Told:
        """Return the features of prompts and facts."""
        if self.fixed is not None:
            return Told(*(tensor.to(self.device) for tensor in self.fixed))
        if self.prompts is None:
            raise ConfigError("mask_knowledge: neither prompts nor their features are left")
        return Told(self.prompts(), self.prompts.sentences())

    def means(self, facts: Tensor) -> Tensor:
        """Return the mean sentence of each class, of unit length, (2, F). facts: (K, F)."""
        found = [facts[list(members)].mean(0) for members in self.known.members]
        return normalize(torch.stack(found), dim=1)

    def refined(self, image: Tensor, told: Told) -> Tensor:
        """Return the classes' features as each picture refines them, (N, 2, F)."""
        added = [self.filter(image, told.facts[list(m)]) for m in self.known.members]
        return normalize(told.classes + torch.stack(added, 1), dim=2)

    def scores(self, looked_at: Tensor, classes: Tensor) -> Tensor:
        """Return cosines over temperature, (N, 2). looked_at: (N, F); classes: (N, 2, F)."""
        return torch.einsum("nf,ncf->nc", looked_at, classes) / self.config.tau

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return cross-entropy of image and kept patches, and how much dropped ones still tell."""
        if self.prompts is None:
            raise ConfigError("mask_knowledge: an optimised network has no prompts left to train")
        config = self.config
        with torch.no_grad():
            seen = self.seen(batch.frames.flatten(0, 1))
        labels = batch.labels.long().repeat_interleave(batch.frames.shape[1])
        told = self.told()
        classes = self.refined(seen.image, told)
        chosen = kept(relevance(seen.patches, self.means(told.facts), labels), config.share)
        each = cross_entropy(self.scores(seen.image, classes), labels, reduction="none")
        by_kept = self.scores(pooled(seen.patches, chosen), classes)
        parts = {"image": each.mean(), "kept": cross_entropy(by_kept, labels)}
        total = parts["image"] + config.weight_kept * parts["kept"]
        if not chosen.all():
            by_dropped = self.scores(pooled(seen.patches, ~chosen), classes)
            parts["dropped"] = unevenness(by_dropped)
            total = total + config.weight_dropped * parts["dropped"]
        by_sample = each.view(batch.frames.shape[:2]).mean(1)
        shown = {name: part.detach() for name, part in parts.items()}
        return Loss(total=total, parts=shown, each=by_sample)

    def pool(self, logits: NDArray[np.float64], times_s: NDArray[np.float64]) -> float:
        """Return the logit of the mean score over crops and moments."""
        mean = float(np.clip(sigmoid(logits).mean(), EDGE, 1 - EDGE))
        return float(np.log(mean) - np.log1p(-mean))

    def optimised(self) -> Self:
        """Return self with prompts and facts read once and for all, without the text encoder."""
        with torch.no_grad():
            self.fixed, self.prompts = Told(*(tensor.clone() for tensor in self.told())), None
        return super().optimised()


def unevenness(scores: Tensor) -> Tensor:
    """Return the divergence of the predictions from even ones, KL(even || p). scores: (N, C)."""
    logs = scores.log_softmax(1)
    return -logs.mean() - float(np.log(scores.shape[1]))
