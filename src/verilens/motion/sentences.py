"""Signed sentences: a corpus of them, and batches to train on."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from verilens.batch import TextPoseBatch
from verilens.errors import DatasetError
from verilens.motion.submission import Signed
from verilens.motion.vocabulary import PAD, Vocabulary


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A row of a corpus: what is signed, without the movement."""

    name: str
    gloss: str
    text: str
    signer: str = ""


def read_corpus(path: Path) -> list[Sentence]:
    """Return the sentences of a PHOENIX14T corpus file, as published or name|signer|gloss|text."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="|", quoting=csv.QUOTE_NONE))
    columns = set(rows[0]) if rows else set()
    gloss, text = ("gloss", "text") if "gloss" in columns else ("orth", "translation")
    signer = "signer" if "signer" in columns else "speaker"
    if not {"name", gloss, text} <= columns:
        raise DatasetError(f"{path}: no corpus of PHOENIX14T; it needs name, gloss and text")
    return [
        Sentence(name=row["name"], gloss=row[gloss], text=row[text], signer=row.get(signer, ""))
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """Signed sentences in batches; what `train.loop.fit` trains on.

    glosses: None leaves them out. step: 2 takes every second frame, as scoring does. longest:
        frames at most, 0 for all. end: an id that ends every sentence, None for none.
    """

    signed: Sequence[Signed]
    words: Vocabulary
    glosses: Vocabulary | None = None
    batch: int = 32
    seed: int = 0
    step: int = 1
    longest: int = 0
    end: int | None = None

    @property
    def samples(self) -> int:
        """Return how many sentences there are."""
        return len(self.signed)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""
        return -(-len(self.signed) // self.batch)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[TextPoseBatch]:
        """Yield the batches of an epoch in an order of its own, without the first `skip`."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.signed))
        for start in range(skip * self.batch, len(order), self.batch):
            yield self.of(order[start : start + self.batch])

    def of(self, places: NDArray[np.int64]) -> TextPoseBatch:
        """Return some sentences as a batch."""
        chosen = [self.signed[place] for place in places]
        tail = [] if self.end is None else [self.end]
        words, word_counts = padded(
            [[*self.words.encode(s.text.lower()), *tail] for s in chosen], self.words.ids[PAD]
        )
        glosses = gloss_counts = None
        if self.glosses is not None:
            rows = [self.glosses.encode(s.gloss) for s in chosen]
            glosses, gloss_counts = padded(rows, self.glosses.ids[PAD])
        cut = slice(0, self.longest * self.step or None, self.step)
        joints = [torch.from_numpy(s.joints[cut]) for s in chosen]
        more = [torch.from_numpy(s.more[cut]) for s in chosen if s.more is not None]
        return TextPoseBatch(
            labels=torch.zeros(len(chosen), dtype=torch.long),
            index=torch.from_numpy(places.copy()),
            joints=pad_sequence(joints, batch_first=True),
            frames=torch.tensor([len(j) for j in joints]),
            words=words,
            word_counts=word_counts,
            glosses=glosses,
            gloss_counts=gloss_counts,
            more=pad_sequence(more, batch_first=True) if len(more) == len(chosen) else None,
        )


def padded(rows: Sequence[Sequence[int]], fill: int) -> tuple[Tensor, Tensor]:
    """Return rows of ids filled up to the longest, (B, N) int64, and their lengths, (B,)."""
    counts = torch.tensor([len(row) for row in rows])
    table = torch.full((len(rows), max(1, int(counts.max()))), fill)
    for place, row in enumerate(rows):
        table[place, : len(row)] = torch.tensor(row, dtype=torch.long)
    return table, counts
