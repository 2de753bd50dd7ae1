"""How well produced signing says and moves as a reference does: the measures of SLRTP 2025.

Convention: hypotheses come before references, sentences are words with single spaces between them,
movements are (T, J, 3) with frames first. Text measures are percentages. Needs sacrebleu and jiwer.
"""

from collections.abc import Callable, Sequence

import jiwer
import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF

from verilens.bench.metrics.arrays import Undefined

Floats = NDArray[np.floating]
Align = Callable[[Floats, Floats], NDArray[np.int64]]

RIGHT_WRIST, LEFT_WRIST = 2, 5  # in the order of the challenge's 178 joints
ROUGE_BETA = 1.2

WORDS = jiwer.Compose(
    [
        jiwer.ExpandCommonEnglishContractions(),
        jiwer.ToLowerCase(),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.RemovePunctuation(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[float, float, float, float]:
    """Return corpus BLEU-1 to BLEU-4 over words as they stand: no tokeniser, no smoothing."""
    _check(hypotheses, references)
    found = []
    for order in (1, 2, 3, 4):
        measure = BLEU(max_ngram_order=order, tokenize="none", smooth_method="none", force=True)
        found.append(float(measure.corpus_score(list(hypotheses), [list(references)]).score))
    return found[0], found[1], found[2], found[3]


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Return the F-score of character n-grams with sacrebleu's defaults."""
    _check(hypotheses, references)
    return float(CHRF().corpus_score(list(hypotheses), [list(references)]).score)


def rouge_l(
    hypotheses: Sequence[str], references: Sequence[str], beta: float = ROUGE_BETA
) -> float:
    """Return the mean over sentences of the F-score of the longest common word sequence."""
    _check(hypotheses, references)
    pairs = zip(hypotheses, references, strict=True)
    return 100 * float(np.mean([_rouge(h.split(" "), r.split(" "), beta) for h, r in pairs]))


def _rouge(hypothesis: list[str], reference: list[str], beta: float) -> float:
    common = _longest_common(hypothesis, reference)
    if not common:
        return 0.0
    precision, recall = common / len(hypothesis), common / len(reference)
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


def _longest_common(a: list[str], b: list[str]) -> int:
    row = [0] * (len(b) + 1)
    for word in a:
        before = row
        row = [0]
        for j, other in enumerate(b):
            row.append(before[j] + 1 if word == other else max(row[j], before[j + 1]))
    return row[-1]


def wer(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Return word errors over reference words; case, punctuation and contractions do not count."""
    _check(hypotheses, references)
    if any(not words for words in WORDS(list(references))):
        raise Undefined("the word error rate needs words in every reference")
    rate = jiwer.wer(
        list(references),
        list(hypotheses),
        reference_transform=WORDS,
        hypothesis_transform=WORDS,
    )
    return 100 * float(rate)


def dtw_mje(hypotheses: Sequence[Floats], references: Sequence[Floats], align: Align) -> float:
    """Return the mean distance of joints over the aligned frames of all movements together.

    align: gives the path between two movements, (L, 2), e.g. of `poses.dtw.fast`. As in the
    challenge a pair in which either is empty counts nowhere.
    """
    _check(hypotheses, references)
    total, count = 0.0, 0
    for predicted, truth in zip(hypotheses, references, strict=True):
        if not len(predicted) or not len(truth):
            continue
        path = align(predicted, truth)
        gaps = predicted[path[:, 0]].astype(float) - truth[path[:, 1]]
        errors = np.sqrt(np.einsum("tjd,tjd->tj", gaps, gaps))
        total += errors.sum()
        count += errors.size
    if not count:
        raise Undefined("DTW-MJE needs at least one pair of movements with frames")
    return total / count


def total_distance(
    hypotheses: Sequence[Floats],
    references: Sequence[Floats],
    wrists: tuple[int, int] = (LEFT_WRIST, RIGHT_WRIST),
) -> float:
    """Return how far the wrists travel over how far they should, averaged over both; 1 is best."""
    _check(hypotheses, references)
    shares = []
    for wrist in wrists:
        ours, theirs = (
            np.mean([travelled(m[:, wrist]) for m in s]) for s in (hypotheses, references)
        )
        if theirs == 0:
            raise Undefined("the total distance needs references in which the wrists move")
        shares.append(ours / theirs)
    return float(np.mean(shares))


def travelled(points: Floats) -> float:
    """Return the length of the way through points, (T, D)."""
    return float(np.linalg.norm(np.diff(points.astype(float), axis=0), axis=1).sum())


def average_duration(hypotheses: Sequence[Floats], references: Sequence[Floats]) -> float:
    """Return the mean over pairs of how long the movement is over how long it should be."""
    _check(hypotheses, references)
    if any(not len(truth) for truth in references):
        raise Undefined("the average duration needs references with frames")
    pairs = zip(hypotheses, references, strict=True)
    return float(np.mean([len(predicted) / len(truth) for predicted, truth in pairs]))


def frechet_distance(hypotheses: Floats, references: Floats) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of features, (N, K) each.

    |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))
    """
    if min(len(hypotheses), len(references)) < 2:
        raise Undefined("the Fréchet distance needs two samples on either side")
    means, spreads = [], []
    for features in (hypotheses, references):
        means.append(features.mean(0, dtype=float))
        spreads.append(np.atleast_2d(np.cov(features.astype(float), rowvar=False)))
    root = _root(spreads[0])
    shared = np.linalg.eigvalsh(root @ spreads[1] @ root).clip(0)  # as those of C C'
    apart = np.square(means[0] - means[1]).sum()
    distance = apart + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * np.sqrt(shared).sum()
    return float(max(0.0, distance))


def _root(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(spread)
    root: NDArray[np.float64] = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root


def _check(hypotheses: Sequence[object], references: Sequence[object]) -> None:
    if len(hypotheses) != len(references):
        raise Undefined(f"{len(hypotheses)} hypotheses stand against {len(references)} references")
    if not references:
        raise Undefined("nothing to compare: there are no references")
