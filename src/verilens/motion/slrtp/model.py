"""Joints to glosses and to text.

    joints -> linear, batch norm, softsign -> encoder -> glosses (CTC)
                                              encoder -> decoder -> words

Camgoz et al., "Sign Language Transformers", CVPR 2020; loss = CTC + cross-entropy.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, ctc_loss, softsign

from verilens.batch import TextPoseBatch
from verilens.errors import MissingWeights
from verilens.method import Loss, Method
from verilens.motion.sentences import Sentences
from verilens.motion.slrtp.config import Config
from verilens.motion.slrtp.search import beam_search
from verilens.motion.submission import Signed
from verilens.motion.vocabulary import END, GLOSS, PAD, SILENCE, START, TEXT, Vocabulary
from verilens.nn.transformer import Decoder, Encoder, past, present, xavier

READ_AT_ONCE = 32
STEP = 2  # frames: it reads at half of 25 a second


class Embedding(nn.Module):
    """A projection, normalised over the frames or words that count, and softsign."""

    def __init__(self, project: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.project = project
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (B, T, ...); mask: (B, T) bool. Returns (B, T, width), zero where nothing counts."""
        projected = self.project(x)
        embedded = torch.zeros_like(projected)
        embedded[mask] = softsign(self.norm(projected[mask]))
        dropped: Tensor = self.drop(embedded)
        return dropped


class BackTranslation(Method[TextPoseBatch]):
    """Reads signing."""

    name = "slrtp"

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.text = Vocabulary(config.words, TEXT)
        self.gloss = Vocabulary(config.glosses, GLOSS)
        words = len(self.text) if config.words else config.word_count + len(TEXT)
        glosses = len(self.gloss) if config.glosses else config.gloss_count + len(GLOSS)
        sizes = (config.layers, config.width, config.heads, config.inner, config.dropout)
        frame = nn.Linear(3 * config.joints, config.width)
        self.frame_embedding = Embedding(frame, config.width, config.dropout)
        table = nn.Embedding(words, config.width, padding_idx=self.text.ids[PAD])
        self.word_embedding = Embedding(table, config.width, config.dropout)
        self.encoder = Encoder(*sizes)
        self.decoder = Decoder(*sizes)
        self.to_glosses = nn.Linear(config.width, glosses)
        self.to_words = nn.Linear(config.width, words, bias=False)
        xavier(self)

    def encode(self, joints: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the encoder makes of frames, (B, T, width), and which count, (B, T).

        joints: (B, T, J, 3); frames: how many of the T count, (B,).
        """
        mask = present(frames, joints.shape[1])
        return self.encoder(self.frame_embedding(joints.flatten(2), mask), mask[:, None]), mask

    def next_words(self, words: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Return logits of the word after each, (B, N, words). words: (B, N); mask: (B, T)."""
        known = words != self.text.ids[PAD]
        seen = past(words.shape[1], words) & known[:, None]
        states = self.decoder(self.word_embedding(words, known), memory, seen, mask[:, None])
        logits: Tensor = self.to_words(states)
        return logits

    def training_step(self, batch: TextPoseBatch) -> Loss:
        """Return the loss of recognising the glosses and translating to the words."""
        memory, mask = self.encode(batch.joints, batch.frames)
        total, parts = memory.new_zeros(()), dict[str, Tensor]()
        if self.config.recognition and batch.glosses is not None:
            assert batch.gloss_counts is not None
            logs = self.to_glosses(memory).log_softmax(-1).transpose(0, 1)
            parts["glosses"] = ctc_loss(
                logs,
                batch.glosses,
                batch.frames,
                batch.gloss_counts,
                blank=self.gloss.ids[SILENCE],
                zero_infinity=True,
            )
            total = total + self.config.recognition * parts["glosses"]
        start = torch.full_like(batch.words[:, :1], self.text.ids[START])
        logits = self.next_words(torch.cat((start, batch.words), 1), memory, mask)
        # Summed over words, averaged over sentences, as published.
        errors = cross_entropy(
            logits.transpose(1, 2),
            ended(batch, self.text),
            ignore_index=self.text.ids[PAD],
            reduction="none",
        ).sum(1)
        parts["words"] = errors.mean()
        total = total + self.config.translation * parts["words"]
        return Loss(total=total, parts={k: v.detach() for k, v in parts.items()}, each=errors)

    def sentences(self, signed: Sequence[Signed], batch: int, seed: int) -> Sentences:
        """Return signed sentences as this method is trained on them: every second frame."""
        return Sentences(
            signed=signed, words=self.text, glosses=self.gloss, batch=batch, seed=seed, step=STEP
        )

    @torch.inference_mode()
    def translate(self, movements: Sequence[NDArray[np.float32]]) -> list[str]:
        """Return what each movement says; one without frames says nothing.

        movements: (T, J, 3) each, as they are scored, at half of 25 frames a second.
        """
        if not self.config.words:
            raise MissingWeights(
                "slrtp: these weights name no words; train with a corpus and score with "
                "--weights FILE.safetensors"
            )
        found = [""] * len(movements)
        order = sorted((len(m), at) for at, m in enumerate(movements) if len(m))
        for start in range(0, len(order), READ_AT_ONCE):
            places = [at for _, at in order[start : start + READ_AT_ONCE]]
            memory, mask = self.encode(*self._stacked([movements[at] for at in places]))
            for at, ids in zip(places, self._searched(memory, mask), strict=True):
                found[at] = self.text.decode(ids)
        return found

    @torch.inference_mode()
    def features(self, movements: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the mean state of the encoder over each movement's frames, (N, width)."""
        rows = []
        for movement in movements:
            memory, _ = self.encode(*self._stacked([movement]))
            rows.append(memory[0].mean(0).double().cpu().numpy())
        return np.stack(rows)

    def _stacked(self, movements: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
        device = self.to_words.weight.device
        tensors = [torch.as_tensor(np.asarray(m, np.float32)) for m in movements]
        counts = torch.tensor([len(m) for m in tensors])
        stacked = nn.utils.rnn.pad_sequence(tensors, batch_first=True)
        return stacked.to(device), counts.to(device)

    def _searched(self, memory: Tensor, mask: Tensor) -> list[list[int]]:
        config = self.config
        return beam_search(
            lambda words, rows: self.next_words(words, memory[rows], mask[rows])[:, -1],
            torch.full((len(memory),), self.text.ids[START], device=memory.device),
            self.text.ids[END],
            config.beam,
            config.longest,
        )


def ended(batch: TextPoseBatch, vocabulary: Vocabulary) -> Tensor:
    """Return each sentence with its end after the last word, (B, N + 1)."""
    pad = torch.full_like(batch.words[:, :1], vocabulary.ids[PAD])
    longer = torch.cat((batch.words, pad), 1)
    return longer.scatter(1, batch.word_counts[:, None], vocabulary.ids[END])
