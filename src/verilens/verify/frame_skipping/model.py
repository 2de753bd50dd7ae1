"""Frame skipping: three recurrent networks over a frozen DenseNet, and one over their scores.

    10 frames -> DenseNet-201 -> (10, 1920) -> BiLSTM, GRU, LSTM -> sum of scores (10, 2)
              -> LSTM -> a logit a frame -> mean

Gradients stay within each of the four networks, so training them at once is training them apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.nn.normalise import Normalise
from verilens.records import View
from verilens.verify.detector import PASS_PIXELS, ClipDetector, tensor
from verilens.verify.frame_skipping.config import Config
from verilens.verify.frame_skipping.densenet import Described, load_public
from verilens.verify.frame_skipping.recurrent import Recurrent
from verilens.verify.frame_skipping.skip import skipped


class FrameSkipping(ClipDetector):
    """Scores how a face moves; positive is a presentation attack."""

    name = "frame_skipping"
    claim = "spoof"
    sign = "motion from one frame in thirty: {} moments look unlike a live face"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.encoder = Described(config.densenet)
        if config.pretrained:
            load_public(self.encoder, config.pretrained)
        self.encoder.requires_grad_(False).eval()
        self.normalise = Normalise()
        features, single = self.encoder.channels, config.single_bias
        self.ensemble = nn.ModuleDict(
            {
                "bilstm": Recurrent("bilstm", features, config.bilstm, single),
                "gru": Recurrent("gru", features, config.gru, single),
                "lstm": Recurrent("lstm", features, config.lstm, single),
            }
        )
        self.meta = Recurrent("lstm", 2, config.meta, single)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the recurrent networks; the frozen DenseNet always evaluates."""
        super().train(mode)
        self.encoder.eval()
        return self

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield the recurrent networks; the DenseNet is not trained."""
        yield {"params": [p for p in self.parameters() if p.requires_grad]}

    @property
    def dense_view(self) -> View | None:
        """Return None: moments closer together would show another motion than was learned."""
        return None

    def forward(self, frames: Tensor) -> Tensor:
        return self.judged(self.described(frames)).mean(1)

    @torch.no_grad()
    def described(self, frames: Tensor) -> Tensor:
        """Return what the DenseNet sees, (N, T, features). frames: (N, T, 3, H, W) in [0, 1]."""
        flat = frames.flatten(0, 1)
        part = max(1, PASS_PIXELS // (flat.shape[2] * flat.shape[3]))
        found = [self.encoder(self.normalise(piece)) for piece in torch.split(flat, part)]
        return torch.cat(found).view(*frames.shape[:2], -1)

    def judged(self, features: Tensor) -> Tensor:
        """Return the meta-model's logit of every step, (N, T). features: (N, T, features)."""
        logits: Tensor = self.meta(self.scores(self.strung(features)))
        return (logits[..., 1] - logits[..., 0]).reshape(features.shape[:2])

    def scores(self, sequences: Tensor) -> Tensor:
        """Return the sum of the three networks' probabilities, (N, T, 2)."""
        found = [net(sequences).softmax(2) for net in self.ensemble.values()]
        return torch.stack(found).sum(0)

    def strung(self, features: Tensor) -> Tensor:
        """Return the sequences that are read: the videos, or all of them as one."""
        if self.config.sequence == "release":
            return features.reshape(1, -1, features.shape[2])
        return features

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the sum of four cross-entropies over all steps, each network's own."""
        features = self.described(batch.frames)
        index = torch.arange(len(batch)) if batch.index is None else batch.index
        held = (index % self.config.meta_every == self.config.meta_every - 1).to(features.device)
        labels = batch.labels.long()[:, None].expand(features.shape[:2])
        parts: dict[str, Tensor] = {}
        if not held.all():
            sequences, told = self.strung(features[~held]), labels[~held].flatten()
            for name, net in self.ensemble.items():
                parts[name] = cross_entropy(net(sequences).flatten(0, 1), told)
        if held.any():
            with torch.no_grad():
                scores = self.scores(self.strung(features[held]))
            parts["meta"] = cross_entropy(self.meta(scores).flatten(0, 1), labels[held].flatten())
        total = torch.stack(list(parts.values())).sum()
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    @torch.inference_mode()
    def crop_logits(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return one logit a moment; all moments are one sequence, however many there are."""
        clip = tensor(frames)[None].to(self.device)
        return self.judged(self.described(clip))[0].double().cpu().numpy()

    @torch.inference_mode()
    def film_logit(self, frames: Iterable[NDArray[np.uint8]]) -> float:
        """Return the logit of a film that is read frame by frame, one in `config.every` looked at.

        frames: RGB, (H, W, 3) uint8 each, at least one. ValueError when there is none.
        """
        side = (self.config.view.size,) * 2
        seen: list[Tensor] = []
        for frame in skipped(frames, self.config.every, self.config.pick):
            picture = tensor(frame[None]).to(self.device)
            picture = interpolate(picture, side, mode="bicubic", antialias=True).clamp(0, 1)
            seen.append(self.described(picture[None]))
        if not seen:
            raise ValueError("a film without frames")
        return float(self.judged(torch.cat(seen, 1)).mean())
