"""Sentences in learned words, one for every data set and class.

    start, context, [data set], [class], "face showing forgery clues", end            (Eq. 9)

The text encoder is frozen; it is run in training only. CLIP reads from left to right, so what
pads a sentence behind its end changes nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

from verilens.verify.gm_df.clip import text, tokens
from verilens.verify.gm_df.config import Config

CLASSES = ("real", "fake")  # by label
CLUES = ("face", "showing", "forgery", "clues")


class Prompts(nn.Module):
    """Encodes the prompts of all data sets and classes."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = text(config).requires_grad_(not config.frozen)
        width, count = config.clip.text_width, len(config.domains)
        self.context = nn.Parameter(0.02 * torch.randn(config.context, width))
        if config.names == "learned":
            self.domains = nn.Parameter(0.02 * torch.randn(count, 1, width))
            self.classes = nn.Parameter(0.02 * torch.randn(len(CLASSES), 1, width))

    def forward(self) -> Tensor:
        """Return unit features, (domains x classes, projection), classes next to each other."""
        ends = self.embedded([self.config.clip.vocabulary - n for n in (2, 1)])
        clues = self.embedded(tokens(CLUES, self.config))
        sentences = [
            torch.cat([ends[:1], self.context, domain, kind, clues, ends[1:]])
            for domain in self.named("domains", self.config.domains)
            for kind in self.named("classes", CLASSES)
        ]
        last = torch.tensor([len(sentence) - 1 for sentence in sentences], device=ends.device)
        return normalize(self.read(pad_sequence(sentences, batch_first=True), last), dim=1)

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
        return [self.embedded(tokens(name.split("_"), self.config)) for name in names]

    def embedded(self, ids: list[int]) -> Tensor:
        table: Tensor = self.encoder.text_model.embeddings.token_embedding.weight
        return table[ids]

    def read(self, words: Tensor, last: Tensor) -> Tensor:
        """Return the features at each sentence's end. words: (P, L, text width); last: (P,)."""
        body = self.encoder.text_model
        x = body.embeddings(inputs_embeds=words)
        length = x.shape[1]
        later = x.new_full((length, length), -torch.inf).triu(1)
        x = body.encoder(inputs_embeds=x, attention_mask=later[None, None]).last_hidden_state
        ends = x[torch.arange(len(last), device=x.device), last]
        features: Tensor = self.encoder.text_projection(body.final_layer_norm(ends))
        return features
