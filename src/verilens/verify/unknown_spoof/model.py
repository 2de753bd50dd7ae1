"""Unknown spoof prompts: a frozen CLIP whose prompts alone are learned, from real faces.

    crop -> image encoder -> feature   \
                                        cosines -> log p(spoof) / p(real)
    1 + K prompts -> text encoder -> features /

Only the context tokens are trained: (1 + K) x 16 x 512 numbers.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.clip import text, unit_features, vision, worded
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise
from verilens.verify.detector import Detector
from verilens.verify.unknown_spoof.config import Config
from verilens.verify.unknown_spoof.loss import alike, from_prior, near_real, spoof_logits

SPREAD = 0.02  # of the context's first numbers


class Prompts(nn.Module):
    """One prompt of real faces and several of spoofing: learned context, then words."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = text(config.clip, config.pretrained).requires_grad_(False)
        size = (1 + config.prompts, config.context, config.clip.text_width)
        self.context = nn.Parameter(SPREAD * torch.randn(size))
        if config.begin == "sentences":
            self.begin()

    @torch.no_grad()
    def begin(self) -> None:
        """Set each spoof prompt's context to the last words of a sentence, one after the other."""
        for context, sentence in zip(self.context[1:], cycle(self.config.sentences), strict=False):
            words = self.worded(sentence)[-self.config.context :]
            context[: len(words)] = words

    def forward(self) -> Tensor:
        """Return unit features, the real prompt's first, (1 + K, projection)."""
        config = self.config
        names = [config.real] + [config.spoof] * config.prompts
        pairs = zip(self.context, names, strict=True)
        return self.features([torch.cat([context, self.worded(name)]) for context, name in pairs])

    @torch.no_grad()
    def sentences(self) -> Tensor:
        """Return unit features of what is known about attacks, (S, projection)."""
        return self.features([self.worded(sentence) for sentence in self.config.sentences])

    def worded(self, sentence: str) -> Tensor:
        """Return the vectors of a sentence's words, (tokens, text width)."""
        return worded(self.encoder, sentence.split(), self.config.clip, self.config.pretrained)

    def features(self, sentences: Sequence[Tensor]) -> Tensor:
        return unit_features(self.encoder, self.config.clip, sentences)


class UnknownSpoof(Detector):
    """Scores face crops by which prompt they fit; positive is a presentation attack."""

    name = "unknown_spoof"
    claim = "spoof"
    sign = "{} face crops fit words of spoofing better than those of a real face"
    one_class = True
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.encoder = vision(config.clip, config.view.size, config.pretrained, projected=True)
        self.encoder.requires_grad_(False)
        self.prompts: Prompts | None = Prompts(config)
        self.fixed: Tensor | None = None  # the prompts' features, where they no longer change
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)

    def forward(self, frames: Tensor) -> Tensor:
        return spoof_logits(self.seen(frames), self.worded(), self.config.tau)

    def seen(self, frames: Tensor) -> Tensor:
        """Return unit features of crops, (N, projection). frames: (N, 3, H, W) in [0, 1]."""
        features: Tensor = self.encoder(pixel_values=self.normalise(frames)).image_embeds
        return normalize(features.float(), dim=1)

    def worded(self) -> Tensor:
        """Return the prompts' unit features, (1 + K, projection)."""
        if self.fixed is not None:
            return self.fixed.to(self.device)
        if self.prompts is None:
            raise ConfigError("unknown_spoof: neither prompts nor their features are left")
        features: Tensor = self.prompts()
        return features

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the loss of real faces; ConfigError when an attack is among them."""
        if self.prompts is None:
            raise ConfigError("unknown_spoof: an optimised network has no prompts left to train")
        if batch.labels.any():
            raise ConfigError(
                f"unknown_spoof learns from genuine faces alone, but {int(batch.labels.sum())} of "
                f"{len(batch)} samples are attacks; leave them out of the training split"
            )
        config = self.config
        with torch.no_grad():
            features = self.seen(batch.frames.flatten(0, 1))
        prompts = self.prompts()
        each = softplus(spoof_logits(features, prompts, config.tau))
        parts = {
            "real": each.mean(),
            "prior": from_prior(prompts[1:], self.prompts.sentences(), config.delta, config.near),
            "distance": near_real(prompts, features, config.margin),
            "independence": alike(prompts[1:], config.independence),
        }
        total = (
            parts["real"]
            + config.weight_prior * parts["prior"]
            + config.weight_distance * parts["distance"]
            + config.weight_independence * parts["independence"]
        )
        shown = {name: part.detach() for name, part in parts.items()}
        return Loss(total=total, parts=shown, each=each.view(batch.frames.shape[:2]).mean(1))

    def optimised(self) -> Self:
        """Return self with the prompts read once and for all, without the text encoder."""
        self.fixed, self.prompts = self.worded().detach(), None
        return super().optimised()
