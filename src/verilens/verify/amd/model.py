"""AMD: two passes of one encoder over picture, learned tokens and caption; the decoder answers.

picture, tokens  ask the caption  -> traces: real or fake, box
picture, traces, caption together -> real or fake from either side; the answer
"""

import contextlib
import math
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, log_softmax

from verilens.batch import PostBatch
from verilens.errors import ConfigError
from verilens.media.opened import Opened
from verilens.method import Loss
from verilens.nn.normalise import Normalise
from verilens.records import Evidence, Passage, Post, Region, Where
from verilens.verify.amd import answers, data, loss
from verilens.verify.amd.artifact import Artifact, Traces
from verilens.verify.amd.config import Config
from verilens.verify.amd.florence import florence
from verilens.verify.amd.tokens import EOS, IGNORED, PAD, padded, tokens
from verilens.verify.post_detector import PostDetector, Shown

REAL = 1  # of the two classes of the binary heads, as in the official code


class Encoded(NamedTuple):
    """What both passes gave. states: (B, P + N + L, C); mask: which of them are there, (B, ...)."""

    states: Tensor
    mask: Tensor
    traces: Traces
    from_text: Tensor
    from_picture: Tensor


class AMD(PostDetector[PostBatch]):
    """Answers what was done to a picture and its caption."""

    name = "amd"
    claim = "edited"
    config: Config
    options: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.normalise = Normalise()
        self.florence = florence(config)
        self.artifact = Artifact(config)
        self.tokens = tokens(config)
        # Without their end: a box or words may follow an option.
        options = [self.tokens.encode(text)[:-1] for text in answers.TEXTS]
        self.register_buffer("options", padded(options, IGNORED), persistent=False)

    def forward(self, frames: Tensor, text: Tensor, attention: Tensor) -> Tensor:
        """Return the log-probability of each of the six answers, (B, 6).

        frames: RGB in [0, 1], (B, 3, H, W); text: tokens, (B, L); attention: 1 where they are.
        """
        return self.likelihood(self.encode(frames, text, attention))

    def encode(self, frames: Tensor, text: Tensor, attention: Tensor) -> Encoded:
        """Return what both passes give; arguments as in `forward`."""
        picture = self.florence.model.get_image_features(self.seen(frames)).pooler_output
        words = self.florence.get_input_embeddings()(text)
        raw = self.artifact.tokens.expand(len(frames), -1, -1)
        seen = torch.cat([picture, raw], 1)
        count, patches = seen.shape[1], picture.shape[1]
        if count + words.shape[1] > self.config.florence.positions:
            places = self.config.florence.positions
            raise ConfigError(f"amd: picture and text take more than {places} places")
        asked = self.first_pass(seen, words, attention)
        traces = self.artifact.traces(asked[:, patches:], asked[:, 1:patches])
        mask = torch.cat([attention.new_ones(len(frames), count), attention], 1)
        together = torch.cat([picture, traces.tokens, words], 1)
        states = self.encoder(inputs_embeds=together, attention_mask=mask).last_hidden_state
        both = self.artifact.across(states[:, :count], states[:, count:], attention)
        return Encoded(states, mask, traces, *both)

    def seen(self, frames: Tensor) -> Tensor:
        """Return what the base network reads of pictures, (B, 3, side, side)."""
        side = (self.config.florence.side, self.config.florence.side)
        if frames.shape[2:] != side:
            frames = interpolate(frames, side, mode="bicubic", antialias=True).clamp(0, 1)
        return self.normalise(frames)

    @property
    def encoder(self) -> Any:
        """Return the encoder that both passes share."""
        return self.florence.model.language_model.encoder

    def first_pass(self, seen: Tensor, words: Tensor, attention: Tensor) -> Tensor:
        """Return picture and artifact tokens after they asked the text in every layer.

        seen: (B, P + N, C); words: (B, L, C); the encoder's weights get no gradient.
        """
        encoder, count = self.encoder, seen.shape[1]
        with frozen(encoder):
            x = torch.cat([seen, words], 1)
            x = encoder.layernorm_embedding(x + encoder.embed_positions(x[:, :, -1]))
            x = nn.functional.dropout(x, self.config.florence.dropout, self.training)
            queries, keys = x[:, :count], x[:, count:]
            mask = (1 - attention.to(x)) * torch.finfo(x.dtype).min
            for layer in encoder.layers:
                queries = layer(queries, mask[:, None, None], key_value_states=keys)
        return queries

    def training_step(self, batch: PostBatch) -> Loss:
        """Return the loss of the answer and of the added heads."""
        if batch.answers is None or batch.boxes is None:
            raise ConfigError("amd learns from answers and boxes: give a batch that has both")
        config = self.config
        found = self.encode(batch.frames[:, 0], batch.text, batch.attention)
        said = self.decode(found, batch.answers)
        wanted = batch.answers.flatten()
        parts = {
            "answer": cross_entropy(said.flatten(0, 1), wanted, ignore_index=IGNORED),
            "binary": self._binary(found, batch.labels),
            "box": loss.boxes(found.traces.box, batch.boxes),
            "regular": loss.orthogonal(self.artifact.tokens)
            + config.weight_magnitude * loss.magnitude(self.artifact.tokens),
        }
        total = parts["answer"] + config.weight_binary * parts["binary"]
        total = total + config.weight_box * parts["box"] + config.weight_regular * parts["regular"]
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def _binary(self, found: Encoded, labels: Tensor) -> Tensor:
        target = torch.where(labels > 0.5, 1 - REAL, REAL)
        heads = (found.from_text, found.from_picture, found.traces.logits)
        return torch.stack([cross_entropy(logits, target) for logits in heads]).sum()

    def decode(self, found: Encoded, wanted: Tensor) -> Tensor:
        """Return the decoder's logits for answers that are given, (B, A, V). wanted: (B, A)."""
        start = wanted.new_full((len(wanted), 1), EOS)
        before = torch.cat([start, wanted[:, :-1].masked_fill(wanted[:, :-1] < 0, PAD)], 1)
        states = self.florence.model.language_model.decoder(
            input_ids=before,
            encoder_hidden_states=found.states,
            encoder_attention_mask=found.mask,
            use_cache=False,
        ).last_hidden_state
        logits: Tensor = self.florence.lm_head(states)
        return logits

    def likelihood(self, found: Encoded) -> Tensor:
        """Return the log-probability of each of the six answers among them, (B, 6)."""
        rows = []
        for option in self.options:
            wanted = option.expand(len(found.states), -1)
            chances = log_softmax(self.decode(found, wanted).float(), 2)
            each = chances.gather(2, wanted.clamp_min(0)[..., None])[..., 0]
            rows.append((each * (wanted >= 0)).sum(1))
        return log_softmax(torch.stack(rows, 1), 1)

    def answer(self, found: Encoded, captions: Sequence[str]) -> list[str]:
        """Return the generated answer to each post's question."""
        output = _transformers_output(found.states)
        ids = self.florence.generate(
            encoder_outputs=output,
            attention_mask=found.mask,
            num_beams=self.config.beams,
            max_new_tokens=self.config.longest,
            do_sample=False,
            decoder_start_token_id=EOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
        rows = zip(ids.tolist(), captions, strict=True)
        return [self.tokens.decode(row, caption) for row, caption in rows]

    def question(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the tokens of what is asked about captions, and where there are some: (B, L)."""
        options = " ".join(answers.TEXTS)
        cut = (" ".join(text.split()[: self.config.caption_words]) for text in captions)
        asked = (self.config.question.format(caption=text, options=options) for text in cut)
        ids = padded([self.tokens.encode(text) for text in asked])
        return ids, (ids != PAD).long()

    def batch(self, shown: Sequence[Shown], rng: random.Random | None = None) -> PostBatch:
        """Return posts with what is to be said of them; rng mirrors some, boxes with them."""
        chance = self.config.flip if rng else 0.0
        flips = [rng is not None and rng.random() < chance for _ in shown]
        rows = [data.row(self.config, *pair) for pair in zip(shown, flips, strict=True)]
        text, attention = self.question([post.sample.text for post in shown])
        return PostBatch(
            frames=torch.from_numpy(np.stack([row.pixels for row in rows])),
            labels=torch.tensor([float(post.sample.label) for post in shown]),
            text=text,
            attention=attention,
            answers=padded([self.tokens.encode(row.answer) for row in rows], IGNORED),
            manipulations=torch.from_numpy(np.stack([row.done for row in rows])),
            boxes=torch.from_numpy(np.stack([row.box for row in rows])),
        )

    def logits(self, batch: PostBatch) -> Tensor:
        """Return how much likelier any other answer is than "A. No.", (B,)."""
        chances = self(batch.frames[:, 0], batch.text, batch.attention).double()
        return against(chances)

    @torch.inference_mode()
    def inspect(self, post: Post, opened: Opened) -> Evidence:
        """Return what was done to a post's first sampled moment and to its text."""
        clip = opened.clips[self.config.view]
        device = self.artifact.tokens.device
        pixels = torch.from_numpy(np.ascontiguousarray(clip.frames[:1])).permute(0, 3, 1, 2)
        text, attention = (each.to(device) for each in self.question([post.text]))
        found = self.encode(pixels.to(device).float() / 255, text, attention)
        likely = self.likelihood(found).double()
        chances = likely[0].exp().cpu().numpy()
        (said,) = self.answer(found, [post.text])
        answer = answers.read(said, clip.size, self.config.bins)
        letter = list(answers.OPTIONS)[int(chances.argmax())]
        done = np.stack([answers.labels(option) for option in answers.OPTIONS])  # (6, 4)
        scores = (chances @ done).clip(0, 1).tolist()
        logit = float(against(likely)[0])
        return Evidence(
            method=self.name,
            claim=self.claim,
            score=1 / (1 + math.exp(-logit)),
            logit=logit,
            kinds=dict(zip(answers.KINDS[:3], scores, strict=False)),
            why=f"of six answers the likeliest is: {answers.OPTIONS[letter][0].rstrip('.')}",
            where=self._where(post, answer, found.traces.box[0], clip.size),
        )

    def _where(
        self, post: Post, answer: answers.Answer, head: Tensor, size: tuple[int, int]
    ) -> Where:
        """Return the box and the words of an answer; the box head's where the answer has none."""
        box = answer.box
        is_face = bool(answers.labels(answer.letter)[:2].any())
        if is_face and not any(box):
            corners = loss.corners(head[None])[0].clamp(0, 1).cpu().double().numpy()
            left, top, right, bottom = (corners * np.array([*size, *size])).tolist()
            box = (left, top, right, bottom)
        regions = (Region(box=_whole(box, size), score=1.0),) if is_face and any(box) else ()
        marked = passages(post.text, answer.words, self.config.caption_words)
        return Where(by="the generated answer of amd", regions=regions, passages=marked)


def against(likely: Tensor) -> Tensor:
    """Return the logit of "not the first of six", (B,). likely: log-probabilities, (B, 6)."""
    genuine = likely[:, 0].exp().clamp(1e-12, 1 - 1e-12)
    return torch.log1p(-genuine) - genuine.log()


def passages(text: str, named: Sequence[str], count: int) -> tuple[Passage, ...]:
    """Return where the named words stand among the first `count` words of a text."""
    wanted = {_bare(part) for word in named for part in word.split()} - {""}
    return tuple(
        Passage(start=found.start(), end=found.end(), score=1.0)
        for found in list(re.finditer(r"\S+", text))[:count]
        if _bare(found[0]) in wanted
    )


@contextlib.contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let the module's weights get no gradient from what is computed inside."""
    trained = [p for p in module.parameters() if p.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _bare(word: str) -> str:
    return re.sub(r"\W+", "", word.lower())


def _whole(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    (left, top, right, bottom), (width, height) = box, size
    x, y = int(np.clip(left, 0, width - 1)), int(np.clip(top, 0, height - 1))
    ends = np.clip(np.ceil([right, bottom]), [x + 1, y + 1], size)
    return x, y, int(ends[0]), int(ends[1])


def _transformers_output(states: Tensor) -> Any:
    from transformers.modeling_outputs import BaseModelOutput

    return BaseModelOutput(last_hidden_state=states)
