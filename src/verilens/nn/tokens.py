"""Text as numbers for language models: bytes, a fixed list of words, or a saved tokenizer.

The first two need no file: bytes write anything, words make a toy's sentences short.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from verilens.errors import MissingExtra, MissingWeights

PAD, BEGIN, END, IMAGE, UNKNOWN = range(5)
SPECIAL = 5


class Tokens(Protocol):
    """A way to write text as numbers. image: stands where the picture goes."""

    @property
    def size(self) -> int: ...
    @property
    def pad(self) -> int: ...
    @property
    def begin(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def image(self) -> int: ...

    def ids(self, text: str) -> list[int]:
        """Return the numbers of a text, without beginning or end."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of numbers, up to the first end."""
        ...


class Bytes:
    """One number a byte of UTF-8."""

    size = 256 + SPECIAL
    pad, begin, end, image = PAD, BEGIN, END, IMAGE

    def ids(self, text: str) -> list[int]:
        return [SPECIAL + byte for byte in text.encode()]

    def text(self, ids: Sequence[int]) -> str:
        plain = bytes(n - SPECIAL for n in until(ids, END) if SPECIAL <= n < self.size)
        return plain.decode("utf-8", "replace")


class Words:
    """One number a word of a list; words are parted by blanks."""

    pad, begin, end, image = PAD, BEGIN, END, IMAGE

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(dict.fromkeys(words))
        self.size = SPECIAL + len(self.words)
        self._places = {word: SPECIAL + n for n, word in enumerate(self.words)}

    def ids(self, text: str) -> list[int]:
        return [self._places.get(word, UNKNOWN) for word in text.split()]

    def text(self, ids: Sequence[int]) -> str:
        known = (n for n in until(ids, END) if n >= SPECIAL)
        return " ".join(self.words[n - SPECIAL] if n < self.size else "?" for n in known)


class Saved:
    """The tokenizer of transformers in a local folder, which has a number for pictures."""

    def __init__(self, folder: str) -> None:
        """MissingWeights when the folder holds none; MissingExtra without transformers."""
        try:
            from transformers import AutoTokenizer
        except ImportError as error:
            message = "tokenizers need transformers: pip install 'verilens[mllm]'"
            raise MissingExtra(message) from error
        if not Path(folder).is_dir():
            raise MissingWeights(f"no tokenizer in '{folder}': there is no such folder")
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise MissingWeights(f"no tokenizer in '{folder}': {error}") from error
        tokenizer: Any = self._tokenizer
        self.size = len(tokenizer)
        self.begin, self.end = tokenizer.bos_token_id, tokenizer.eos_token_id
        self.pad = self.end if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self.image: int = tokenizer.convert_tokens_to_ids("<image>")

    def ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return found

    def text(self, ids: Sequence[int]) -> str:
        found: str = self._tokenizer.decode(until(ids, self.end), skip_special_tokens=True)
        return found


def until(ids: Sequence[int], end: int) -> list[int]:
    """Return the numbers before the first `end`."""
    listed = list(ids)
    return listed[: listed.index(end)] if end in listed else listed
