"""Text metrics against values worked out by hand."""

import math

import pytest

from verilens.bench.metrics import pixel_iou, pixel_precision, pixel_recall
from verilens.bench.metrics.arrays import Undefined
from verilens.bench.metrics.text import bleu, cider, meteor, rouge_l

PAIRS = (
    ("the nose is edited", "the nose is edited"),
    ("the left eye looks blurred", "the right eye is blurred"),
    ("hair", "the lower lip has a hard edge around it"),
)
GIVEN, TRUE = [a for a, _ in PAIRS], [b for _, b in PAIRS]


def test_bleu_by_hand():
    # Words that match: 4 of 4, 3 of 5 (the, eye, blurred), 0 of 1. Given 10 words, true 18.
    short = math.exp(1 - 18 / 10)
    assert bleu(GIVEN, TRUE, 1) == pytest.approx(7 / 10 * short, abs=1e-6)
    # Pairs of words: 3 of 3, 0 of 4, none in one word.
    assert bleu(GIVEN, TRUE, 2) == pytest.approx(math.sqrt(7 / 10 * 3 / 7) * short, abs=1e-6)
    assert bleu(TRUE, TRUE) == pytest.approx(1.0)
    assert bleu(["so is a thing"], ["nothing like that here"]) == 0


def test_rouge_l_by_hand():
    # Longest common subsequences: 4 of 4 and 4; 3 (the eye blurred) of 5 and 5; 0.
    assert rouge_l(GIVEN, TRUE) == pytest.approx((1 + 0.6 + 0) / 3, abs=1e-6)
    # p = 2/3, r = 2/4, beta = 1.2
    p, r, b = 2 / 3, 2 / 4, 1.44
    assert rouge_l(["the old eye"], ["the eye is new"]) == pytest.approx(
        (1 + b) * p * r / (r + b * p)
    )
    assert rouge_l(TRUE, TRUE) == pytest.approx(1.0)


def test_cider_by_hand():
    # One-word texts leave n = 1 alone: a hit gives 1 of the four orders, times 10.
    assert cider(["nose", "lip"], ["nose", "ear"]) == pytest.approx(10 * (1 / 4 + 0) / 2)
    # "nose nose" against "nose": 2 idf is cut to 1 idf; 1/(2 x 1) = 0.5; lengths differ by one.
    near = math.exp(-1 / 72)
    assert cider(["nose nose", "ear"], ["nose", "ear"]) == pytest.approx(10 * (near * 0.5 + 1) / 8)
    assert cider(["nose"], ["nose"]) == 0  # every reference holds it


def test_a_text_that_equals_its_reference_has_a_cider_of_10():
    texts = [
        "the nose was replaced and its shadow is missing",
        "an eyebrow was painted over with flat colour",
        "one tooth shines brighter than all others do",
    ]
    assert cider(texts, texts) == pytest.approx(10.0)
    assert cider(texts[::-1], texts) < 4


def test_meteor_by_hand():
    # 4 matches in 1 chunk: F = 1, penalty 0.5 (1/4)^3.
    assert meteor(["the nose is edited"], ["the nose is edited"]) == pytest.approx(1 - 0.5 / 64)
    # Stems match: "noses" is "nose".
    assert meteor(["noses edited"], ["nose edited"]) == pytest.approx(1 - 0.5 / 8)
    # p = 1, r = 1/2: F = 10 p r / (r + 9 p) = 5/9.5; 1 chunk of 1 match: penalty 0.5.
    assert meteor(["nose"], ["nose edited"]) == pytest.approx(5 / 9.5 * 0.5)
    assert meteor(["", "a"], ["nose", "nose"]) == 0


@pytest.mark.parametrize("metric", [bleu, rouge_l, cider, meteor])
def test_uneven_or_no_texts(metric):
    with pytest.raises(ValueError, match="2 texts for 1 references"):
        metric(["a", "b"], ["a"])
    with pytest.raises(Undefined):
        metric([], [])


def test_masks_by_hand():
    """Inter 2, called 3, forged 4 of 16 pixels."""
    called = [[1, 1, 1, 0]] + [[0] * 4] * 3
    forged = [[1, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4]
    assert pixel_iou(called, forged) == pytest.approx(0.4)
    assert pixel_precision(called, forged) == pytest.approx(2 / 3)
    assert pixel_recall(called, forged) == pytest.approx(0.5)
    empty = [[0] * 4] * 4
    assert [m(empty, empty) for m in (pixel_iou, pixel_precision, pixel_recall)] == [1, 1, 1]
    assert pixel_precision(empty, forged) == 0 and pixel_recall(called, empty) == 0
