"""The policy: it writes answers, is rewarded for them, and scores a face by its own reasoning.

    face + question -> G answers -> rewards -> advantages -> one step of GRPO

The starting policy, from which the trained one must not stray, is kept as a copy of the weights
that train.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.nn.learned import LearnedOnly
from verilens.nn.tokens import Words
from verilens.nn.vlm import Told, Vlm
from verilens.verify.detector import Detector
from verilens.verify.fas_grpo import grpo
from verilens.verify.fas_grpo.config import Config
from verilens.verify.fas_grpo.rewards import Rewards, Verdict, rewards, shares

LABELS: tuple[Verdict, Verdict] = ("real", "spoof")
OPEN = "<answer>"


class Rollout(NamedTuple):
    """Answers to B faces, G each, face by face.

    frames: (B G, 3, H, W). answers: tokens. earned: rewards. total: their weighted sums, (B, G).
    old, start: log-probabilities when they were written and by the starting policy, (B G, L).
    """

    frames: Tensor
    answers: list[list[int]]
    earned: list[Rewards]
    total: Tensor
    old: Tensor
    start: Tensor


class _Reader(nn.Module):
    """Reads answers as a forward pass, so that other weights can be put in for a moment."""

    def __init__(self, vlm: Vlm) -> None:
        super().__init__()
        self.vlm = vlm

    def forward(self, frames: Tensor, questions: list[str], answers: list[list[int]]) -> Told:
        return self.vlm.told(frames, questions, answers)


class FASGRPO(LearnedOnly, Detector):
    """Reasons about a face and calls it real or spoof."""

    name = "fas_grpo"
    sign = "the model answers 'spoof': for {} faces"
    claim = "spoof"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        tokens = Words(config.words) if config.words else None
        self.vlm = Vlm(config.sizes, tokens, config.lora, config.base)
        self._start: dict[str, Tensor] = {}

    def forward(self, frames: Tensor) -> Tensor:
        """Return log-odds of spoof after the model's own thoughts, (N,)."""
        openings = [opening(text) for text in self.said(frames)]
        odds = self.vlm.choice(frames, self._questions(frames), openings, closings())
        return odds[:, 1] - odds[:, 0]

    def said(self, frames: Tensor) -> list[str]:
        """Return the model's likeliest answer about each face."""
        answers = self.vlm.say(frames, self._questions(frames), self.config.most)
        return [self.vlm.text(answer) for answer in answers]

    def taught(self, frames: Tensor, answers: list[str]) -> Loss:
        """Return the cross-entropy of given answers: the supervised start."""
        tokens = [self.vlm.answer(answer) for answer in answers]
        total = self.vlm.told(frames, self._questions(frames), tokens).loss()
        return Loss(total=total, parts={"words": total.detach()})

    def begin(self) -> None:
        """Make the present policy the one that training must not stray from."""
        self._start = {
            f"vlm.{name}": weight.detach().clone()
            for name, weight in self.vlm.named_parameters()
            if weight.requires_grad
        }

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the loss of one update: answers are drawn by torch's generator."""
        return self.loss(self.rollout(batch))

    @torch.no_grad()
    def rollout(self, batch: ClipBatch) -> Rollout:
        """Return G rewarded answers to every face of a batch."""
        if not self._start:
            self.begin()
        config = self.config
        faces = batch.frames.flatten(0, 1)
        labels = batch.labels.repeat_interleave(batch.frames.shape[1])
        frames = faces.repeat_interleave(config.group, 0)
        questions = self._questions(frames)
        answers = self.vlm.say(frames, questions, config.most, config.temperature)
        answers = [answer or [self.vlm.tokens.end] for answer in answers]
        truth = [LABELS[int(x > 0)] for x in labels.repeat_interleave(config.group)]
        texts = (self.vlm.text(answer) for answer in answers)
        earned = [rewards(text, label) for text, label in zip(texts, truth, strict=True)]
        weights = (config.reward_class, config.reward_reason, config.reward_format)
        total = torch.tensor([r.total(weights) for r in earned], device=frames.device)
        reader = _Reader(self.vlm)
        old = reader(frames, questions, answers).log_probs()
        start = functional_call(reader, self._start, (frames, questions, answers)).log_probs()
        return Rollout(frames, answers, earned, total.view(-1, config.group), old, start)

    def loss(self, found: Rollout) -> Loss:
        """Return GRPO's loss over some answers."""
        config = self.config
        told = self.vlm.told(found.frames, self._questions(found.frames), found.answers)
        log_pi = told.log_probs()
        above = grpo.advantages(found.total, config.deviation).flatten()
        use = grpo.kept(found.total, config.keep).flatten()
        gain = grpo.surrogate(log_pi, found.old, above, config.clip)
        drift = grpo.kl_k3(log_pi, found.start) * told.mask
        each = grpo.per_answer(config.beta * drift - gain * use[:, None], told.mask)
        total = each.mean()
        parts = {name: torch.tensor(share) for name, share in shares(found.earned).items()}
        parts |= {"reward": found.total.mean(), "kl": grpo.per_answer(drift, told.mask).mean()}
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    @property
    def stands_on_base(self) -> bool:
        return bool(self.config.base)

    def _questions(self, frames: Tensor) -> list[str]:
        return [self.config.question] * len(frames)

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield the weights that train."""
        yield {"params": [p for p in self.parameters() if p.requires_grad]}


def opening(text: str) -> str:
    """Return an answer's text up to where its verdict begins."""
    before, tag, _ = text.partition(OPEN)
    thoughts = before if tag or "</think>" in before else f"{before} </think> "
    return f"{thoughts}{OPEN} "


def closings() -> tuple[str, str]:
    """Return how an answer goes on for each label."""
    one, other = (f"{label} </answer>" for label in LABELS)
    return one, other
