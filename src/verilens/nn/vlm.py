"""A language model that sees: CLIP's ViT, a projector, and a LLaMA, as LLaVA-1.5 joins them.

    USER: <picture> question ASSISTANT: answer

Built from sizes, or taken from a local folder. Pictures are padded to squares. Training reads the
answer's tokens only. LoRA is peft's, on every linear layer of the language model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from verilens.errors import MissingExtra, MissingWeights
from verilens.nn.library import transformers
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise
from verilens.nn.tokens import Bytes, Saved, Tokens

BEFORE, AFTER = "USER: ", " ASSISTANT:"
LINEAR = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
IGNORED, NEVER = -100, -1e9


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Of the language model (width, layers, heads, inner, vocabulary) and of the ViT. LLaVA-1.5-7B.

    vision_layer: whose output is shown to the language model, counted from the last.
    """

    width: int = 4096
    layers: int = 32
    heads: int = 32
    inner: int = 11008
    vocabulary: int = 32064
    vision_width: int = 1024
    vision_layers: int = 24
    vision_heads: int = 16
    vision_inner: int = 4096
    vision_layer: int = -2
    image: int = 336
    patch: int = 14

    @classmethod
    def tiny(cls, vocabulary: int = Bytes.size) -> "Sizes":
        """Return a model of some 100,000 weights that reads 32 x 32 pixels."""
        return cls(
            width=32, layers=2, heads=2, inner=64, vocabulary=vocabulary, vision_width=32,
            vision_layers=2, vision_heads=2, vision_inner=64, image=32, patch=8,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Lora:
    """rank 0 leaves LoRA out and trains everything."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05


class Told(NamedTuple):
    """Answers as a model reads them.

    logits (N, L, V), tokens (N, L), and 1 where a token counts (N, L).
    """

    logits: Tensor
    ids: Tensor
    mask: Tensor

    def log_probs(self) -> Tensor:
        """Return the log-probability of every token, (N, L); 0 where none counts."""
        each = self.logits.log_softmax(-1).gather(-1, self.ids[..., None]).squeeze(-1)
        return each * self.mask

    def loss(self) -> Tensor:
        """Return the mean cross-entropy over the tokens that count."""
        target = self.ids.masked_fill(self.mask == 0, IGNORED)
        return cross_entropy(self.logits.flatten(0, 1).float(), target.flatten())


class Vlm(nn.Module):
    """Answers questions about pictures."""

    def __init__(
        self, sizes: Sizes, tokens: Tokens | None = None, lora: Lora | None = None, folder: str = ""
    ) -> None:
        """folder: of a LLaVA saved by transformers; then its own sizes and tokens count."""
        super().__init__()
        self.tokens: Tokens = Saved(folder) if folder else tokens or Bytes()
        self.net = saved(folder) if folder else built(sizes, self.tokens)
        vision = self.net.config.vision_config
        self.side = int(vision.image_size)
        self.places = (self.side // int(vision.patch_size)) ** 2
        if lora is not None and lora.rank:
            add_lora(self.net, lora)
        else:
            leave_unread(self.net)
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)

    def pixels(self, frames: Tensor) -> Tensor:
        """Return pictures as the ViT reads them. frames: RGB in [0, 1], (N, 3, H, W)."""
        height, width = frames.shape[-2:]
        side = max(height, width)
        if height != width:
            canvas = self.normalise.mean.expand(len(frames), 3, side, side).clone()
            top, left = (side - height) // 2, (side - width) // 2
            canvas[:, :, top : top + height, left : left + width] = frames
            frames = canvas
        if side != self.side:
            frames = interpolate(frames, (self.side,) * 2, mode="bilinear", antialias=True)
        found: Tensor = self.normalise(frames)
        return found

    def prompt(self, question: str) -> list[int]:
        """Return the tokens of a question about a picture, up to where the answer begins."""
        tokens = self.tokens
        picture = [tokens.image] * self.places
        after = tokens.ids(f"\n{question}{AFTER}")
        return [tokens.begin, *tokens.ids(BEFORE), *picture, *after]

    def told(self, frames: Tensor, questions: Sequence[str], answers: Sequence[list[int]]) -> Told:
        """Return how the model reads answers to questions about pictures.

        frames: (N, 3, H, W). answers: tokens; see `answer`.
        """
        asked = [self.prompt(question) for question in questions]
        longest = max(len(a) for a in answers)
        rows = [a + b for a, b in zip(asked, answers, strict=True)]
        ids, seen = self._stacked(rows, left=False)
        logits = self.net(
            input_ids=ids, attention_mask=seen, pixel_values=self.pixels(frames)
        ).logits
        place = torch.arange(longest, device=ids.device)
        starts = torch.tensor([len(a) for a in asked], device=ids.device)
        lengths = torch.tensor([len(a) for a in answers], device=ids.device)
        where = (starts[:, None] + place).clamp(max=ids.shape[1] - 1)  # (N, L)
        mask = (place < lengths[:, None]).float()
        before = (where - 1)[..., None].expand(-1, -1, logits.shape[-1])
        never = torch.tensor([self.tokens.image], device=ids.device)  # a picture is no word
        logits = logits.gather(1, before).index_fill(-1, never, NEVER)
        return Told(logits, ids.gather(1, where), mask)

    def answer(self, text: str) -> list[int]:
        """Return the tokens of an answer with its end."""
        return [*self.tokens.ids(f" {text}"), self.tokens.end]

    def first(self, frames: Tensor, questions: Sequence[str]) -> Tensor:
        """Return the logits of the answer's first token, (N, V)."""
        ids, seen = self._stacked([self.prompt(question) for question in questions], left=True)
        found = self.net(
            input_ids=ids,
            attention_mask=seen,
            pixel_values=self.pixels(frames),
            logits_to_keep=1,
        )
        logits: Tensor = found.logits[:, -1]
        return logits

    def choice(
        self,
        frames: Tensor,
        questions: Sequence[str],
        openings: Sequence[str],
        words: tuple[str, str],
    ) -> Tensor:
        """Return the logits of two ways an answer may go on, where they first differ, (N, 2).

        openings: how the answers begin, e.g. "This image is ".
        """
        rows, places, pairs = [], [], []
        for opening in openings:
            one, other = (self.answer(opening + word) for word in words)
            same = zip(one, other, strict=False)
            place = next(n for n, (a, b) in enumerate(same) if a != b)
            rows.append(one[: place + 1])
            places.append(place)
            pairs.append((one[place], other[place]))
        logits = self.told(frames, questions, rows).logits
        at = torch.arange(len(rows), device=logits.device)[:, None]
        where = torch.tensor(places, device=logits.device)[:, None]
        return logits[at, where, torch.tensor(pairs, device=logits.device)]

    @torch.no_grad()
    def say(
        self, frames: Tensor, questions: Sequence[str], most: int, temperature: float = 0.0
    ) -> list[list[int]]:
        """Return what the model answers, tokens with the end where it came to one.

        most: tokens of an answer. temperature: 0 takes the likeliest; else drawn from the whole
        distribution by torch's generator.
        """
        ids, seen = self._stacked([self.prompt(question) for question in questions], left=True)
        choosing: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            choosing = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        tokens = self.net.generate(
            input_ids=ids,
            attention_mask=seen,
            pixel_values=self.pixels(frames),
            max_new_tokens=most,
            pad_token_id=self.tokens.pad,
            eos_token_id=self.tokens.end,
            suppress_tokens=[self.tokens.image],
            **choosing,
        )
        return [self._ended(row) for row in tokens[:, ids.shape[1] :].tolist()]

    def text(self, answer: Sequence[int]) -> str:
        """Return an answer's text."""
        return self.tokens.text(answer).strip()

    def _ended(self, row: list[int]) -> list[int]:
        end = self.tokens.end
        return row[: row.index(end) + 1] if end in row else row

    def _stacked(self, rows: Sequence[list[int]], left: bool) -> tuple[Tensor, Tensor]:
        longest, device = max(map(len, rows)), self.normalise.mean.device
        ids = torch.full((len(rows), longest), self.tokens.pad, device=device)
        seen = torch.zeros_like(ids)
        for n, row in enumerate(rows):
            span = slice(longest - len(row), longest) if left else slice(0, len(row))
            ids[n, span] = torch.tensor(row, device=device)
            seen[n, span] = 1
        return ids, seen


def built(sizes: Sizes, tokens: Tokens) -> Any:
    """Return an untrained LLaVA of these sizes."""
    hub = transformers("a language model", "mllm")
    text = hub.LlamaConfig(
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        intermediate_size=sizes.inner,
        vocab_size=max(sizes.vocabulary, tokens.size),
        pad_token_id=tokens.pad,
        bos_token_id=tokens.begin,
        eos_token_id=tokens.end,
        tie_word_embeddings=False,
    )
    vision = hub.CLIPVisionConfig(
        hidden_size=sizes.vision_width,
        num_hidden_layers=sizes.vision_layers,
        num_attention_heads=sizes.vision_heads,
        intermediate_size=sizes.vision_inner,
        image_size=sizes.image,
        patch_size=sizes.patch,
    )
    settings = hub.LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=tokens.image,
        vision_feature_layer=sizes.vision_layer,
        tie_word_embeddings=False,
    )
    return hub.LlavaForConditionalGeneration(settings)


def saved(folder: str, family: str = "Llava", such_as: str = "llava-1.5-7b-hf") -> Any:
    """Return the model of a family in a local folder. MissingWeights, MissingExtra.

    family: as transformers names it. such_as: what an error proposes.
    """
    if not (Path(folder) / "config.json").is_file():
        raise MissingWeights(
            f"no {family} in '{folder}': config.json is missing; name a folder that holds one, "
            f"such as {such_as}"
        )
    kind = getattr(transformers("a language model", "mllm"), f"{family}ForConditionalGeneration")
    try:
        return kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise MissingWeights(f"the model in '{folder}' cannot be used: {error}") from error


def add_lora(
    net: nn.Module,
    lora: Lora,
    targets: str = LINEAR,
    kept: tuple[str, ...] = ("multi_modal_projector",),
) -> None:
    """Freeze a network and give the linear layers that `targets` matches a LoRA each.

    kept: parts of names of weights that go on training; by default LLaVA's projector.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtra("LoRA needs peft: pip install 'verilens[mllm]'") from error
    settings = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets
    )
    inject_adapter_in_model(settings, net)
    for name, weight in net.named_parameters():
        weight.requires_grad_("lora_" in name or any(part in name for part in kept))


def leave_unread(net: Any) -> None:
    """Freeze what of the ViT lies behind the layer that is shown to the language model."""
    layers = net.model.vision_tower.encoder.layers
    behind = len(layers) + int(net.config.vision_feature_layer) + 1
    for layer in layers[behind:]:
        layer.requires_grad_(False)
    net.model.vision_tower.post_layernorm.requires_grad_(False)


def merge_lora(net: nn.Module) -> None:
    """Add every LoRA to the weights it stands beside."""
    from peft.tuners.lora import LoraLayer

    for layer in net.modules():
        if isinstance(layer, LoraLayer):
            layer.merge()
