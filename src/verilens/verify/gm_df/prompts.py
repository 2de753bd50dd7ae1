"""Sentences in learned words, one for every data set and class.

    start, context, [data set], [class], "face showing forgery clues", end            (Eq. 9)

The text encoder is frozen; it is run in training only.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from verilens.nn.clip import text, unit_features, worded
from verilens.verify.gm_df.config import Config

CLASSES = ("real", "fake")  # by label
CLUES = ("face", "showing", "forgery", "clues")


class Prompts(nn.Module):
    """Encodes the prompts of all data sets and classes."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = text(config.clip, config.pretrained).requires_grad_(not config.frozen)
        width, count = config.clip.text_width, len(config.domains)
        self.context = nn.Parameter(0.02 * torch.randn(config.context, width))
        if config.names == "learned":
            self.domains = nn.Parameter(0.02 * torch.randn(count, 1, width))
            self.classes = nn.Parameter(0.02 * torch.randn(len(CLASSES), 1, width))

    def forward(self) -> Tensor:
        """Return unit features, (domains x classes, projection), classes next to each other."""
        clues = self.worded(CLUES)
        sentences = [
            torch.cat([self.context, domain, kind, clues])
            for domain in self.named("domains", self.config.domains)
            for kind in self.named("classes", CLASSES)
        ]
        return unit_features(self.encoder, self.config.clip, sentences)

    def temperatures(self) -> Tensor:
        """Return each domain's temperature, (domains,), which grows with its vector (Eq. 10)."""
        names = torch.stack([n.mean(0) for n in self.named("domains", self.config.domains)])
        lengths: Tensor = names.norm(dim=1)
        return self.config.tau + self.config.tau_phi * lengths

    def named(self, what: str, names: Sequence[str]) -> Sequence[Tensor]:
        """Return the words of each name, (words, text width): learned, or as tokens."""
        if self.config.names == "learned":
            learned: Tensor = getattr(self, what)
            return learned.unbind(0)
        return [self.worded(name.split("_")) for name in names]

    def worded(self, words: Sequence[str]) -> Tensor:
        """Return the vectors of some words, (tokens, text width)."""
        config = self.config
        return worded(self.encoder, words, config.clip, config.pretrained)
