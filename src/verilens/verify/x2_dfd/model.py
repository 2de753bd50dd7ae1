"""The tuned model as a detector.

    face + question (+ the expert's score) -> LLaVA -> logits of the answer's first word

In training the answer is the verdict's sentence, with reasons where the records have some.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.nn.learned import LearnedOnly
from verilens.nn.vlm import Vlm
from verilens.verify.detector import Detector
from verilens.verify.weak_features import Turn, supplied
from verilens.verify.x2_dfd.config import Config
from verilens.verify.x2_dfd.supply import VERDICTS

Expert = Callable[[Tensor], Tensor]
OPENING, WORDS = "This image is ", ("real.", "fake.")


class X2DFD(LearnedOnly, Detector):
    """Says real or fake of a face, and why."""

    name = "x2_dfd"
    sign = "the model answers 'fake': for {} faces"
    claim = "face-swap"
    config: Config

    def __init__(self, config: Config | None = None, expert: Expert | None = None) -> None:
        """expert: scores faces (N, 3, H, W) in [0, 1], (N,); the questions then carry its "
        "scores."""
        super().__init__()
        config = config or Config()
        self.config = config
        self.expert = expert
        self.vlm = Vlm(config.sizes, lora=config.lora, folder=config.base)

    def forward(self, frames: Tensor) -> Tensor:
        odds = self.logits(frames)
        return odds[:, 1] - odds[:, 0]

    def logits(self, frames: Tensor) -> Tensor:
        """Return the logits of real and of fake where the verdict names one of them, (N, 2)."""
        opening = [OPENING] * len(frames)
        return self.vlm.choice(frames, self.questions(frames), opening, WORDS)

    def odds(self, frames: Tensor) -> Tensor:
        """Return the probabilities of real and of fake, (N, 2); they sum to 1."""
        return self.logits(frames).softmax(1)

    def questions(self, frames: Tensor) -> list[str]:
        """Return what is asked of each face."""
        return [self.turn(0, score).question for score in self.scores(frames)]

    def scores(self, frames: Tensor) -> list[float | None]:
        """Return the expert's scores, None without an expert."""
        if self.expert is None:
            return [None] * len(frames)
        with torch.no_grad():
            return [float(score) for score in self.expert(frames)]

    def turn(self, label: float, score: float | None) -> Turn:
        """Return the question about a face and the answer it should have."""
        plain = Turn(self.config.question, VERDICTS[label > 0])
        return supplied(plain, score, label > 0, self.config.wording)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the cross-entropy of the answers that the labels ask for."""
        frames = batch.frames.flatten(0, 1)
        labels = batch.labels.repeat_interleave(batch.frames.shape[1])
        scores = self.scores(frames)
        turns = [self.turn(float(x), s) for x, s in zip(labels, scores, strict=True)]
        return self.taught(frames, turns)

    def taught(self, frames: Tensor, turns: Sequence[Turn]) -> Loss:
        """Return the cross-entropy of some answers. frames: RGB in [0, 1], (N, 3, H, W)."""
        answers = [self.vlm.answer(turn.answer) for turn in turns]
        total = self.vlm.told(frames, [turn.question for turn in turns], answers).loss()
        return Loss(total=total, parts={"words": total.detach()})

    def said(self, frames: Tensor, most: int = 128) -> list[str]:
        """Return what the model says of each face, verdict and reasons."""
        answers = self.vlm.say(frames, self.questions(frames), most)
        return [self.vlm.text(answer) for answer in answers]

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield LoRA at the plan's rate and the projector at its share of it."""
        named = [(n, p) for n, p in self.named_parameters() if p.requires_grad]
        projector = [p for n, p in named if "multi_modal_projector" in n]
        yield {"params": [p for n, p in named if "multi_modal_projector" not in n]}
        yield {"params": projector, "lr": self.config.projector_lr}

    @property
    def stands_on_base(self) -> bool:
        return bool(self.config.base)
