"""The part that writes: InstructBLIP's ViT and Q-Former, and T5.

picture -> ViT -> tokens -> Q-Former (32 queries, reads the question too) -> T5 -> report
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from verilens.nn.library import transformers
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise
from verilens.nn.tokens import Bytes, Saved, Tokens, Words
from verilens.nn.vlm import Lora, add_lora, saved
from verilens.verify.forgerytalker.config import Config

IGNORED = -100
OFFICIAL = ("InstructBlip", "instructblip-flan-t5-xl")  # the family of the base, one of it


class Reporter(nn.Module):
    """Writes reports about pictures."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.tokens: Tokens = Words(config.words) if config.words else Bytes()
        self.reader_tokens: Tokens = self.tokens
        if config.base:
            self.tokens = Saved(config.base)
            inner = Path(config.base) / "qformer_tokenizer"
            self.reader_tokens = Saved(str(inner))
        net = saved(config.base, *OFFICIAL) if config.base else built(config, self.tokens)
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)
        self.vision, self.reader, self.language = net.vision_model, net.qformer, net.language_model
        self.queries, self.project = net.query_tokens, net.language_projection
        if config.frozen:
            freeze(self.vision, self.language, config.adapters)

    def see(self, frames: Tensor) -> Tensor:
        """Return the ViT's tokens, class token first, (N, T, width)."""
        tokens: Tensor = self.vision(pixel_values=self.normalise(frames)).last_hidden_state
        return tokens

    def asked(self, picture: Tensor, questions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return what T5 reads of pictures and questions, (N, L, width), and which of it counts."""
        ids, seen = stacked(self.reader_tokens, questions, picture.device)
        queries = self.queries.expand(len(picture), -1, -1)
        counts = torch.ones(queries.shape[:2], dtype=seen.dtype, device=seen.device)
        read = self.reader(
            input_ids=ids,
            attention_mask=torch.cat([counts, seen], 1),
            query_embeds=queries,
            encoder_hidden_states=picture,
        ).last_hidden_state[:, : queries.shape[1]]
        ids, seen = stacked(self.tokens, questions, picture.device)
        words = self.language.get_input_embeddings()(ids)
        return torch.cat([self.project(read), words], 1), torch.cat([counts, seen], 1)

    def loss(self, picture: Tensor, questions: Sequence[str], reports: Sequence[str]) -> Tensor:
        """Return the mean cross-entropy of the reports' tokens."""
        given, counts = self.asked(picture, questions)
        ids, seen = stacked(self.tokens, reports, picture.device, ended=True)
        labels = ids.masked_fill(seen == 0, IGNORED)
        found: Tensor = self.language(
            inputs_embeds=given, attention_mask=counts, labels=labels
        ).loss
        return found

    @torch.no_grad()
    def say(self, picture: Tensor, questions: Sequence[str], config: Config) -> list[str]:
        """Return a report of each picture."""
        given, counts = self.asked(picture, questions)
        tokens = self.language.generate(
            inputs_embeds=given,
            attention_mask=counts,
            num_beams=config.beams,
            min_new_tokens=config.least,
            max_new_tokens=config.most,
            do_sample=False,
        )
        return [self.tokens.text(row[1:]).strip() for row in tokens.tolist()]

    def embedded(self, names: Sequence[str]) -> Tensor:
        """Return the mean of T5's embeddings of each name's words, (K, width)."""
        table = self.language.get_input_embeddings()
        device = table.weight.device
        rows = [table(torch.tensor(self.tokens.ids(name), device=device)).mean(0) for name in names]
        return torch.stack(rows)


def stacked(
    tokens: Tokens, texts: Sequence[str], device: torch.device, ended: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the numbers of texts, padded at the right, (N, L), and which count."""
    rows = [tokens.ids(text) + [tokens.end] * ended for text in texts]
    longest = max(1, *map(len, rows))
    ids = torch.full((len(rows), longest), tokens.pad, device=device)
    seen = torch.zeros_like(ids)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.tensor(row, device=device)
        seen[n, : max(1, len(row))] = 1
    return ids, seen


def freeze(vision: nn.Module, language: nn.Module, adapters: Lora) -> None:
    """Leave ViT and T5 as they are, but for adapters in the ViT."""
    language.requires_grad_(False)
    if adapters.rank:
        add_lora(vision, adapters, r".*(qkv|projection|fc1|fc2)", kept=())
    else:
        vision.requires_grad_(False)


def built(config: Config, tokens: Tokens) -> Any:
    """Return an untrained InstructBLIP of the configured sizes."""
    hub = transformers("forgerytalker", "mllm")
    vision, reader, language = config.vision, config.reader, config.language
    settings = hub.InstructBlipConfig(
        vision_config=hub.InstructBlipVisionConfig(
            hidden_size=vision.width,
            num_hidden_layers=vision.layers,
            num_attention_heads=vision.heads,
            intermediate_size=vision.inner,
            image_size=config.image,
            patch_size=config.patch,
            initializer_range=0.02,
        ),
        qformer_config=hub.InstructBlipQFormerConfig(
            vocab_size=max(config.reader_vocabulary, tokens.size),
            hidden_size=reader.width,
            num_hidden_layers=reader.layers,
            num_attention_heads=reader.heads,
            intermediate_size=reader.inner,
            encoder_hidden_size=vision.width,
        ),
        text_config=hub.T5Config(
            vocab_size=max(config.vocabulary, tokens.size),
            d_model=language.width,
            d_kv=language.width // language.heads,
            d_ff=language.inner,
            num_layers=language.layers,
            num_heads=language.heads,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            pad_token_id=tokens.pad,
            eos_token_id=tokens.end,
            decoder_start_token_id=tokens.pad,
        ),
        num_query_tokens=config.queries,
        image_token_index=tokens.image,
    )
    net = hub.InstructBlipForConditionalGeneration(settings)
    nn.init.normal_(net.query_tokens, std=0.02)
    head = net.language_model.lm_head  # its own in Flan-T5; transformers ties it to the words
    head.weight = nn.Parameter(head.weight.detach().clone())
    return net
