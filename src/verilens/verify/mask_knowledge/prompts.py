"""Two prompts with learned context, the sentences of the facts, and the filter that joins them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from verilens.nn.clip import text, unit_features, worded
from verilens.verify.mask_knowledge.config import Config
from verilens.verify.mask_knowledge.knowledge import Knowledge

SPREAD = 0.02  # of the first numbers of what is learned


class Prompts(nn.Module):
    """Reads the classes' prompts and the sentences with a frozen text encoder."""

    def __init__(self, config: Config, known: Knowledge) -> None:
        super().__init__()
        self.config = config
        self.known = known
        self.encoder = text(config.clip, config.pretrained).requires_grad_(False)
        size = (len(known.classes), config.context, config.clip.text_width)
        self.context = nn.Parameter(SPREAD * torch.randn(size))

    def forward(self) -> Tensor:
        """Return unit features of the classes, genuine first, (2, projection)."""
        pairs = zip(self.context, self.known.classes, strict=True)
        return self.features([torch.cat([context, self.worded(name)]) for context, name in pairs])

    @torch.no_grad()
    def sentences(self) -> Tensor:
        """Return unit features of the facts, (K, projection)."""
        return self.features([self.worded(sentence) for sentence in self.known.sentences])

    def worded(self, sentence: str) -> Tensor:
        """Return the vectors of a sentence's words, (tokens, text width)."""
        return worded(self.encoder, sentence.split(), self.config.clip, self.config.pretrained)

    def features(self, sentences: Sequence[Tensor]) -> Tensor:
        return unit_features(self.encoder, self.config.clip, sentences)


class Filter(nn.Module):
    """Attention of a picture to sentences; it begins as plain likeness, adding next to nothing."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        nn.init.eye_(self.query.weight)
        nn.init.eye_(self.key.weight)
        nn.init.normal_(self.value.weight, std=SPREAD)

    def forward(self, pictures: Tensor, facts: Tensor) -> Tensor:
        """Return what is added to a prompt for each picture, (N, F).

        pictures: (N, F); facts: (K, F).
        """
        values = self.value(facts).unflatten(1, (self.heads, -1))  # (K, H, F / H)
        return torch.einsum("nhk,khf->nhf", self.weights(pictures, facts), values).flatten(1)

    def weights(self, pictures: Tensor, facts: Tensor) -> Tensor:
        """Return how much each picture attends to each sentence, (N, heads, K), summing to 1."""
        query = self.query(pictures).unflatten(1, (self.heads, -1))
        key = self.key(facts).unflatten(1, (self.heads, -1))
        scores: Tensor = torch.einsum("nhf,khf->nhk", query, key) / query.shape[2] ** 0.5
        return scores.softmax(2)
