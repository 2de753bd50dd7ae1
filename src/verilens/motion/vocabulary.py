"""Words as numbers, by the rules of Sign Language Transformers."""

from collections.abc import Iterable, Sequence

UNKNOWN, PAD, START, END, SILENCE = "<unk>", "<pad>", "<s>", "</s>", "<si>"
TEXT = (UNKNOWN, PAD, START, END)
GLOSS = (SILENCE, UNKNOWN, PAD)  # silence is what CTC calls blank


class Vocabulary:
    """Specials first, then words; a word's id is its place."""

    def __init__(self, words: Sequence[str], specials: Sequence[str] = TEXT) -> None:
        self.words = (*specials, *words)
        self.ids = {word: place for place, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of a sentence's words; those nobody knows share one."""
        unknown = self.ids[UNKNOWN]
        return [self.ids.get(word, unknown) for word in sentence.split()]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words up to the end of the sentence, with spaces between them."""
        found: list[str] = []
        for place in ids:
            if self.words[place] == END:
                break
            found.append(self.words[place])
        return " ".join(found)


def counted(sentences: Iterable[str]) -> tuple[str, ...]:
    """Return every word of some sentences, the most frequent first, equals in alphabetic order."""
    counts: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence.split():
            counts[word] = counts.get(word, 0) + 1
    return tuple(sorted(counts, key=lambda word: (-counts[word], word)))
