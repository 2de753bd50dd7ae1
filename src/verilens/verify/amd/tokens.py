"""Text to tokens and back: Florence-2's tokenizer where its folder has one, else plain words.

Without one every word has a token of its own: those of the answers by name, any other by its hash.
That is enough to train a network from nothing; no published weights understand it.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from verilens.errors import MissingWeights
from verilens.nn.library import transformers
from verilens.verify.amd import answers
from verilens.verify.amd.config import Config

BOS, PAD, EOS = 0, 1, 2  # of BART
IGNORED = -100  # in answers: no token to be learned
_PART = re.compile(r"<loc_\d+>|[^\W_]+|[^\w\s]")
LOAD_ERRORS = (OSError, ValueError, RuntimeError)


class Tokens(Protocol):
    """What AMD needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens, start and end included."""

    def decode(self, ids: Sequence[int], about: str = "") -> str:
        """Return the text of some tokens, without start, end and padding.

        about: the caption that they speak of, whose words they may repeat.
        """


class Words:
    """A token a word."""

    def __init__(self, config: Config) -> None:
        said = " ".join((*answers.TEXTS, answers.FACE, answers.WORDS, ",")).lower()
        known = sorted(set(_PART.findall(said)))
        self._ids = {word: 3 + n for n, word in enumerate(known)}
        self._first = 3 + len(known)
        self._locations = config.florence.vocabulary - config.bins
        self._names: dict[int, str] = {n: word for word, n in self._ids.items()}

    def encode(self, text: str) -> list[int]:
        return [BOS, *(self._id(part) for part in _PART.findall(text.lower())), EOS]

    def decode(self, ids: Sequence[int], about: str = "") -> str:
        named: dict[int, str] = {self._id(part): part for part in _PART.findall(about.lower())}
        parts = [named.get(n) or self._name(n) for n in ids if n not in (BOS, PAD, EOS)]
        text = re.sub(r"\s+([.,:])", r"\1", " ".join(parts))
        text = text.replace("> <", "><").replace(answers.FACE.lower(), answers.FACE)
        return text.replace(answers.WORDS.lower(), answers.WORDS)

    def _id(self, part: str) -> int:
        if part.startswith("<loc_"):
            return self._locations + int(part[5:-1])
        digest = hashlib.sha256(part.encode()).digest()
        room = self._locations - self._first
        return self._ids.get(part) or self._first + int.from_bytes(digest[:6], "big") % room

    def _name(self, token: int) -> str:
        if token >= self._locations:
            return f"<loc_{token - self._locations}>"
        return self._names.get(token, f"#{token}")


class Published:
    """The tokenizer in a folder of the Hugging Face layout."""

    def __init__(self, folder: str) -> None:
        try:
            self._inner = transformers("amd").AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
        except LOAD_ERRORS as error:
            raise MissingWeights(f"amd: no tokenizer in {folder}: {error}") from error

    def encode(self, text: str) -> list[int]:
        found: list[int] = self._inner(text)["input_ids"]
        return found

    def decode(self, ids: Sequence[int], about: str = "") -> str:
        kept = [n for n in ids if n not in (BOS, PAD, EOS)]
        text: str = self._inner.decode(kept, skip_special_tokens=False)
        return text


def tokens(config: Config) -> Tokens:
    """Return the tokenizer of a config; MissingWeights when its folder has none."""
    return Published(config.tokenizer) if config.tokenizer else Words(config)


def padded(rows: Sequence[Sequence[int]], value: int = PAD) -> Tensor:
    """Return rows of tokens as one tensor, (B, longest) int64."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])
