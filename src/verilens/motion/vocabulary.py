"""Words as numbers, by the rules of Sign Language Transformers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from verilens.errors import MissingWeights

UNKNOWN, PAD, START, END, SILENCE = "<unk>", "<pad>", "<s>", "</s>", "<si>"
TEXT = (UNKNOWN, PAD, START, END)
PUBLISHED_WORDS, MAX_WORDS_BYTES = "src_vocab.txt", 1 << 24
GLOSS = (SILENCE, UNKNOWN, PAD)  # silence is what CTC calls blank


class Vocabulary:
    """Specials first, then words; a word's id is its place."""

    def __init__(self, words: Sequence[str], specials: Sequence[str] = TEXT) -> None:
        self.words = (*specials, *words)
        self.ids = {word: place for place, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of a sentence's words, as written or else in lower case.

        Those nobody knows share one.
        """
        unknown = self.ids[UNKNOWN]
        words = sentence.split()
        return [self.ids.get(word, self.ids.get(word.lower(), unknown)) for word in words]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words up to the end of the sentence, with spaces between them."""
        found: list[str] = []
        for place in ids:
            if self.words[place] == END:
                break
            found.append(self.words[place])
        return " ".join(found)


def beside(checkpoint: Path) -> dict[str, tuple[str, ...]]:
    """Return the words of the list that official training code leaves beside a checkpoint.

    {} where there is none; MissingWeights when it does not begin with the specials.
    """
    path = checkpoint.parent / PUBLISHED_WORDS
    if not path.is_file():
        return {}
    if path.stat().st_size > MAX_WORDS_BYTES:
        raise MissingWeights(f"{path}: more than {MAX_WORDS_BYTES:,} bytes")
    words = tuple(path.read_text(encoding="utf-8").splitlines())
    if words[: len(TEXT)] != TEXT:
        raise MissingWeights(f"{path}: a list of words begins with {', '.join(TEXT)}")
    return {"words": words[len(TEXT) :]}


def counted(sentences: Iterable[str]) -> tuple[str, ...]:
    """Return every word of some sentences, the most frequent first, equals in alphabetic order."""
    counts: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence.split():
            counts[word] = counts.get(word, 0) + 1
    return tuple(sorted(counts, key=lambda word: (-counts[word], word)))
