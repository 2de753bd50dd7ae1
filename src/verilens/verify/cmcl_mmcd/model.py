"""CMCL with MMCD: align each modality, compare them in pairs, let four branches gate the answer.

text, frames -> width -> transformer; emotions -> width
pairs (audio, text), (frames, text), (frames, audio): co-attention -> mean -> transformer
joint logits x tanh(emotion x at x vt x va)
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_embedding_loss, cross_entropy

from verilens.media.opened import Opened
from verilens.method import Loss
from verilens.records import Evidence, Post, Sample, View, Where
from verilens.verify.cmcl_mmcd import data
from verilens.verify.cmcl_mmcd.attention import CoAttention
from verilens.verify.cmcl_mmcd.config import Config
from verilens.verify.cmcl_mmcd.features import (
    NO_SOUND,
    PAIRS,
    FeatureBatch,
    Features,
    extracted,
)
from verilens.verify.post_detector import PostDetector, Shown


class Found(NamedTuple):
    """What the network gives. Logits are (B, 2), class 1 is fake; summaries (B, 1, width)."""

    logits: Tensor
    joint: Tensor
    product: Tensor
    frames: Tensor
    text: Tensor
    audio: Tensor


class Align(nn.Module):
    """One transformer layer over a sequence with a zero token in front."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layer = encoder_layer(config)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sequence with its front token, (B, N + 1, C). x: (B, N, C)."""
        front = x.new_zeros(len(x), 1, x.shape[2])
        result: Tensor = self.layer(torch.cat([front, x], 1))
        return result


class Pair(nn.Module):
    """Two modalities in co-attention, their means through a transformer, a head."""

    def __init__(self, config: Config, lengths: tuple[int, int]) -> None:
        super().__init__()
        self.attend = CoAttention(config, lengths)
        self.fuse = encoder_layer(config)
        self.head = head(config.width, config.head_width, config.dropout)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the pair's features, (B, C)."""
        both = self.attend(first, second)
        means = torch.stack([both.first.mean(1), both.second.mean(1)], 1)
        features: Tensor = self.fuse(means).mean(1)
        return features


class CMCLMMCD(PostDetector[FeatureBatch]):
    """Tells misleading short videos by modalities that contradict each other."""

    name = "cmcl_mmcd"
    claim = "out-of-context"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()

        def narrowed(width: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Linear(width, config.width), nn.ReLU(), nn.Dropout(config.dropout)
            )

        self.text = narrowed(config.text_width)
        self.text_emotion = narrowed(config.emotion_width)
        self.frames = narrowed(config.frame_width)
        self.audio = narrowed(config.emotion_width)
        self.align_frames, self.align_text = Align(config), Align(config)
        self.emotion = encoder_layer(config)
        self.emotion_head = head(config.width, config.head_width, config.dropout)
        self.at = Pair(config, (1, config.tokens))
        self.vt = Pair(config, (config.frames, config.tokens))
        self.va = Pair(config, (config.frames, 1))
        self.joint_head = head(4 * config.width, config.width, config.dropout)

    def forward(self, features: Features) -> Found:
        """Return what the network gives for a batch of features."""
        audio = self.audio(features.audio)[:, None]  # (B, 1, C)
        text_emotion = self.text_emotion(features.text_emotion)[:, None]
        frames, text = (
            self.align_frames(self.frames(features.frames)),
            self.align_text(self.text(features.text)),
        )
        # The official code drops the front token and then takes the first as the summary.
        at = 1 if self.config.summary == "content" else 0
        summaries = (frames[:, at : at + 1], text[:, at : at + 1], audio)
        frames, text = frames[:, 1:], text[:, 1:]
        fused = [
            self.emotion(torch.cat([text_emotion, audio], 1)).mean(1),
            self.at(audio, text),
            self.vt(frames, text),
            self.va(frames, audio),
        ]
        heads = (self.emotion_head, self.at.head, self.vt.head, self.va.head)
        branches = torch.stack([head(x) for head, x in zip(heads, fused, strict=True)])
        joint, product = self.joint_head(torch.cat(fused, 1)), branches.prod(0)
        return Found(gated(joint, product), joint, product, *summaries)

    def training_step(self, batch: FeatureBatch) -> Loss:
        """Return the loss of the answer, of its parts, and of the summaries' agreement."""
        config, found = self.config, self(batch.features())
        labels = batch.labels.long()
        parts = {
            "answer": cross_entropy(found.logits, labels),
            "joint": cross_entropy(found.joint, labels),
            "product": cross_entropy(found.product, labels),
        }
        if batch.inconsistent is not None:
            parts["cosine"] = agreement(found, batch.inconsistent)
        total = parts["answer"] + config.weight_joint * parts["joint"]
        total = total + config.weight_product * parts["product"]
        if "cosine" in parts:
            total = total + config.weight_cosine * parts["cosine"]
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def pixels_of(self, sample: Sample) -> View | None:
        """Return None where features were published with the sample: its media stay closed."""
        return None if data.FEATURES in sample.attributes else self.config.view

    def batch(self, shown: Sequence[Shown], rng: random.Random | None = None) -> FeatureBatch:
        """Return the features of posts, published or made by the encoders; nothing is drawn."""
        rows = [self._features(post) for post in shown]
        said = [data.inconsistent(post.sample) for post in shown]
        pairs = [list(one) for one in said if one is not None]
        return FeatureBatch(
            labels=torch.tensor([float(post.sample.label) for post in shown]),
            **{name: torch.cat([getattr(row, name) for row in rows]) for name in Features._fields},
            inconsistent=torch.tensor(pairs) if len(pairs) == len(said) else None,
        )

    def _features(self, shown: Shown) -> Features:
        sample, clip = shown
        if clip is None:
            return data.published(self.config, sample)
        words = " ".join(filter(None, (sample.text, sample.attributes.get("ocr"))))
        return extracted(self.config, words, clip.frames)

    def logits(self, batch: FeatureBatch) -> Tensor:
        """Return how much more the answer is fake than genuine, (B,)."""
        return against(self(batch.features()))

    @torch.inference_mode()
    def inspect(self, post: Post, opened: Opened) -> Evidence:
        """Return whether a post misleads; MissingWeights without the encoders' folders."""
        words = " ".join(filter(None, (post.title, post.text, post.ocr)))
        features = extracted(self.config, words, opened.clips[self.config.view].frames)
        found = self(Features(*(each.to(next(self.parameters()).device) for each in features)))
        logit = float(against(found)[0])
        pairs = zip(PAIRS, summaries_of(found), strict=True)
        likeness = {name: float(nn.functional.cosine_similarity(a, b, 2)) for name, (a, b) in pairs}
        read = {name: x for name, x in likeness.items() if "audio" not in name}
        worst = min(read, key=lambda name: read[name])
        return Evidence(
            method=self.name,
            claim=self.claim,
            score=float(1 / (1 + np.exp(-logit))),
            logit=logit,
            kinds={name: float(np.clip((1 - x) / 2, 0, 1)) for name, x in read.items()},
            why=f"least alike are {worst.replace('-', ' and ')} (cosine {read[worst]:.2f})",
            limits=(NO_SOUND,),
            where=Where(by="features of the whole post"),
        )


def against(found: Found) -> Tensor:
    """Return the logit of fake against genuine, (B,)."""
    return (found.logits[:, 1] - found.logits[:, 0]).double()


def gated(joint: Tensor, product: Tensor) -> Tensor:
    """Return the joint logits as far as the branches' product lets them through, (B, 2)."""
    return joint * product.tanh()


def agreement(found: Found, inconsistent: Tensor) -> Tensor:
    """Return the cosine losses of the three pairs, summed.

    inconsistent: (B, 3) in the order of PAIRS; 0 pulls together (1 - cos), 1 pushes apart to
    max(0, cos).
    """
    terms = [
        cosine_embedding_loss(a[:, 0], b[:, 0], 1 - 2 * inconsistent[:, n])
        for n, (a, b) in enumerate(summaries_of(found))
    ]
    return torch.stack(terms).sum()


def summaries_of(found: Found) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return the summaries that each pair of PAIRS compares, (B, 1, C) each."""
    return (found.frames, found.text), (found.audio, found.text), (found.frames, found.audio)


def encoder_layer(config: Config) -> nn.TransformerEncoderLayer:
    """Return one transformer layer, batch first; its dropout is 0.1 whatever the config says."""
    return nn.TransformerEncoderLayer(config.width, config.heads, config.ffn, batch_first=True)


def head(width: int, inner: int, dropout: float) -> nn.Sequential:
    """Return a classifier of two classes."""
    return nn.Sequential(
        nn.Linear(width, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, 2)
    )
