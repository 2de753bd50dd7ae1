"""How near a written report comes to the reference.

candidates, references: one text each a sample, in the same order. BLEU is sacrebleu's, over the
corpus; ROUGE-L rouge-score's; METEOR nltk's, with stems and without WordNet, since nothing is
downloaded. CIDEr has no kept package: it is computed here. All but CIDEr lie in [0, 1]; CIDEr goes
to 10 for a text that equals its reference. Without the extra `bench` they raise ImportError.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from verilens.bench.metrics.arrays import Undefined

ROUGE_BETA = 1.2  # how much recall outweighs precision in the COCO captions' ROUGE-L
CIDER_SIGMA = 6.0  # words; of the penalty on lengths that differ
CIDER_SCALE = 10.0
ORDERS = (1, 2, 3, 4)
WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
Grams = Mapping[tuple[str, ...], float]


def words(text: str) -> list[str]:
    """Return a text's words in lower case, without marks."""
    return WORD.findall(text.lower())


def bleu(candidates: Sequence[str], references: Sequence[str], order: int = 4) -> float:
    """Return corpus BLEU up to n-grams of `order`, unsmoothed, in [0, 1]."""
    from sacrebleu.metrics import BLEU

    _check(candidates, references)
    metric = BLEU(max_ngram_order=order, smooth_method="none", tokenize="none", force=True)
    plain = [" ".join(words(text)) for text in candidates]
    truth = [" ".join(words(text)) for text in references]
    return float(metric.corpus_score(plain, [truth]).score) / 100


def rouge_l(
    candidates: Sequence[str], references: Sequence[str], beta: float = ROUGE_BETA
) -> float:
    """Return the mean F of the longest common subsequence, recall weighing `beta` times."""
    from rouge_score.rouge_scorer import RougeScorer

    _check(candidates, references)
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    total = 0.0
    for candidate, reference in zip(candidates, references, strict=True):
        found = scorer.score(reference, candidate)["rougeL"]
        below = found.recall + beta**2 * found.precision
        total += (1 + beta**2) * found.precision * found.recall / below if below else 0.0
    return total / len(candidates)


def meteor(candidates: Sequence[str], references: Sequence[str]) -> float:
    """Return the mean METEOR of exact words and stems: alpha 0.9, beta 3, gamma 0.5."""
    from nltk.translate.meteor_score import single_meteor_score

    _check(candidates, references)
    total = 0.0
    for candidate, reference in zip(candidates, references, strict=True):
        given, truth = words(candidate), words(reference)
        if given and truth:
            total += float(single_meteor_score(truth, given, wordnet=_NoSynonyms()))
    return total / len(candidates)


class _NoSynonyms:
    """Stands where METEOR looks synonyms up, and knows none."""

    def synsets(self, word: str) -> list[object]:
        return []


def cider(
    candidates: Sequence[str], references: Sequence[str], sigma: float = CIDER_SIGMA
) -> float:
    """Return CIDEr-D, the mean over samples, at most 10.

    For n of 1 to 4: tf-idf vectors of n-grams, idf over the references; the candidate's are cut to
    the reference's, multiplied, divided by both lengths and by a penalty on unequal lengths; mean
    over n, times 10 (Vedantam et al., 2015). An n-gram that every reference holds weighs nothing,
    so one sample alone scores 0.
    """
    _check(candidates, references)
    truths = [_grams(words(text)) for text in references]
    frequency: Counter[tuple[str, ...]] = Counter()
    for grams in truths:
        frequency.update(grams.keys())
    whole = math.log(len(references))
    total = 0.0
    for candidate, reference, truth in zip(candidates, references, truths, strict=True):
        given = _grams(words(candidate))
        gap = len(words(candidate)) - len(words(reference))
        near = math.exp(-(gap**2) / (2 * sigma**2))
        total += near * sum(_cosine(given, truth, frequency, whole, n) for n in ORDERS)
    return CIDER_SCALE * total / len(ORDERS) / len(candidates)


def _grams(text: Sequence[str]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for n in ORDERS:
        found.update(tuple(text[at : at + n]) for at in range(len(text) - n + 1))
    return found


def _cosine(
    given: Counter[tuple[str, ...]],
    truth: Counter[tuple[str, ...]],
    frequency: Mapping[tuple[str, ...], int],
    whole: float,
    order: int,
) -> float:
    """Return the clipped cosine of two texts' n-grams of one order."""

    def weighed(grams: Counter[tuple[str, ...]]) -> Grams:
        return {
            gram: count * (whole - math.log(max(1, frequency.get(gram, 0))))
            for gram, count in grams.items()
            if len(gram) == order
        }

    one, other = weighed(given), weighed(truth)
    length = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    shared = sum(
        min(value, other[gram]) * other[gram] for gram, value in one.items() if gram in other
    )
    return shared / length if length else 0.0


def _check(candidates: Sequence[str], references: Sequence[str]) -> None:
    if len(candidates) != len(references):
        raise ValueError(f"{len(candidates)} texts for {len(references)} references")
    if not candidates:
        raise Undefined("no texts")
