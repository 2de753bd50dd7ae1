"""The measures of the SLRTP challenge, by hand and against slow counting."""

import math
from collections import Counter

import numpy as np
import pytest

from verilens.bench.metrics import Undefined, signs
from verilens.poses import dtw


def path(a, b):
    return dtw.fast(a, b).path


@pytest.fixture
def movements():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 178, 3)).astype(np.float32) for length in (9, 14, 5)]


def test_a_copy_is_perfect(movements):
    assert signs.dtw_mje(movements, movements, path) == 0
    assert signs.total_distance(movements, movements) == 1
    assert signs.average_duration(movements, movements) == 1
    texts = ["am montag regnet es im norden", "schnee und regen in den alpen"]
    assert signs.bleu(texts, texts) == pytest.approx((100, 100, 100, 100))
    assert signs.rouge_l(texts, texts) == pytest.approx(100)
    assert signs.chrf(texts, texts) == pytest.approx(100)
    assert signs.wer(texts, texts) == 0


def test_a_shift_is_the_error_and_a_slower_copy_has_none(movements):
    shifted = [m + np.float32([0, 0, 0.25]) for m in movements]
    assert signs.dtw_mje(shifted, movements, path) == pytest.approx(0.25, abs=1e-6)
    slower = [np.repeat(m, 2, 0) for m in movements]
    assert signs.dtw_mje(slower, movements, path) == 0
    assert signs.average_duration(slower, movements) == 2
    still = [np.broadcast_to(m.mean(0), m.shape) for m in movements]
    assert signs.total_distance(still, movements) == 0


def test_frames_of_all_movements_weigh_the_same():
    truth = [np.zeros((1, 178, 3)), np.zeros((3, 178, 3)) + 9 * np.arange(3)[:, None, None]]
    predicted = [truth[0] + [1, 0, 0], truth[1]]
    assert signs.dtw_mje(predicted, truth, path) == pytest.approx(1 / 4)
    empty = [np.zeros((0, 178, 3)), truth[1]]
    assert signs.dtw_mje(empty, truth, path) == 0


def test_words_of_the_text_measures_by_hand():
    bleu = signs.bleu(["a b c d"], ["a b x d"])
    assert bleu[0] == pytest.approx(75)
    assert bleu[1] == pytest.approx(100 * math.sqrt(3 / 4 * 1 / 3)) and bleu[2:] == (0, 0)
    wanted = (1 + 1.44) * 0.75 * 0.75 / (0.75 + 1.44 * 0.75) * 100
    assert signs.rouge_l(["a b c d"], ["a b x d"]) == pytest.approx(wanted) == 75
    assert signs.wer(["a b c d"], ["a b x d"]) == pytest.approx(25)
    assert signs.wer(["A, b!"], ["a b"]) == 0
    assert signs.wer(["a a a"], ["b"]) == pytest.approx(300)


def sentences(count):
    """Return random sentences, and each with a third of its words drawn anew and some left out."""
    rng = np.random.default_rng(1)
    words = [*"abcdefgh", "ä", "groß", "über"]
    references = [list(rng.choice(words, rng.integers(1, 12))) for _ in range(count)]
    changed = [[rng.choice(words) if rng.random() < 0.3 else w for w in r] for r in references]
    kept = [[w for w in r if rng.random() < 0.9] or r for r in changed]
    return [" ".join(r) for r in kept], [" ".join(r) for r in references]


def slow_bleu(hypotheses, references, order):
    """Return BLEU by counting n-grams one by one."""
    logs = 0.0
    for n in range(1, order + 1):
        hits = total = 0
        for h, r in zip(hypotheses, references, strict=True):
            ours, theirs = (
                Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
                for words in (h.split(), r.split())
            )
            hits += sum(min(count, theirs[gram]) for gram, count in ours.items())
            total += sum(ours.values())
        if not hits:
            return 0.0
        logs += math.log(hits / total) / order
    ours, theirs = (sum(len(s.split()) for s in x) for x in (hypotheses, references))
    return 100 * math.exp(logs + min(0.0, 1 - theirs / ours))


def slow_common(a, b):
    """Return the length of the longest common subsequence by trying both ends."""
    table = {}

    def of(i, j):
        if i < 0 or j < 0:
            return 0
        if (i, j) not in table:
            best = max(of(i - 1, j), of(i, j - 1))
            table[i, j] = max(best, of(i - 1, j - 1) + (a[i] == b[j]))
        return table[i, j]

    return of(len(a) - 1, len(b) - 1)


def slow_edits(a, b):
    """Return the fewest insertions, deletions and replacements from a to b."""
    cost = np.zeros((len(a) + 1, len(b) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(len(a)):
        for j in range(len(b)):
            replaced = cost[i, j] + (a[i] != b[j])
            cost[i + 1, j + 1] = min(cost[i, j + 1] + 1, cost[i + 1, j] + 1, replaced)
    return int(cost[-1, -1])


def test_text_measures_agree_with_slow_counting_on_random_sentences():
    hypotheses, references = sentences(200)
    found = signs.bleu(hypotheses, references)
    for order in (1, 2, 3, 4):
        wanted = slow_bleu(hypotheses, references, order)
        assert wanted > 0 and found[order - 1] == pytest.approx(wanted, abs=1e-6)
    pairs = [(h.split(), r.split()) for h, r in zip(hypotheses, references, strict=True)]
    each = []
    for h, r in pairs:
        common = slow_common(h, r)
        p, q = common / len(h), common / len(r)
        each.append((1 + 1.2**2) * p * q / (q + 1.2**2 * p) if common else 0.0)
    assert signs.rouge_l(hypotheses, references) == pytest.approx(100 * np.mean(each), abs=1e-6)
    edits, words = sum(slow_edits(r, h) for h, r in pairs), sum(len(r) for _, r in pairs)
    assert signs.wer(hypotheses, references) == pytest.approx(100 * edits / words, abs=1e-6)


def test_frechet_distance_of_gaussians_known_by_hand():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(500, 4))
    assert signs.frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert signs.frechet_distance(features + 3, features) == pytest.approx(4 * 9)
    doubled = 2 * (features - features.mean(0)) + features.mean(0)
    spread = np.trace(np.cov(features, rowvar=False))
    assert signs.frechet_distance(doubled, features) == pytest.approx(spread)  # (2 - 1)^2 tr C


def test_what_cannot_be_measured_says_why(movements):
    still = [np.zeros_like(m) for m in movements]
    with pytest.raises(Undefined, match="wrists move"):
        signs.total_distance(movements, still)
    with pytest.raises(Undefined, match="1 hypotheses stand against 2"):
        signs.bleu(["a"], ["a", "b"])
    with pytest.raises(Undefined, match="no references"):
        signs.rouge_l([], [])
    with pytest.raises(Undefined, match="words in every reference"):
        signs.wer(["a"], [" ."])
    with pytest.raises(Undefined, match="with frames"):
        signs.average_duration(movements, [m[:0] for m in movements])
    with pytest.raises(Undefined, match="two samples"):
        signs.frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
