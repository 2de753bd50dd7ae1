"""Pixel metrics on 4 x 4 maps, by hand."""

import numpy as np
import pytest

from verilens.bench import metrics

TRUTH = np.zeros((4, 4))
TRUTH[:2, :2] = 1  # 4 forged pixels
MAP = np.zeros((4, 4))
MAP[:2, 1:3] = 0.8  # 4 called, 2 of them right
MAP[3, 3] = 0.4


def test_overlap_by_hand():
    assert metrics.pixel_iou(MAP, TRUTH) == pytest.approx(2 / 6)
    assert metrics.pixel_f1(MAP, TRUTH) == pytest.approx(4 / 8)
    assert metrics.pixel_iou(MAP, TRUTH, threshold=0.3) == pytest.approx(2 / 7)
    # Two right pixels err by 0.2, two missed by 1, two false by 0.8, one by 0.4.
    assert metrics.pixel_l1(MAP, TRUTH) == pytest.approx((0.4 + 2 + 1.6 + 0.4) / 16)
    # Fakes: 0.8, 0.8, 0, 0. Genuine: 0.8, 0.8, 0.4 and nine zeros.
    assert metrics.pixel_auc(MAP, TRUTH) == pytest.approx((2 * 11 + 2 * 4.5) / 48)


def test_raising_the_threshold_never_calls_more():
    grid = np.linspace(0, 1, 16).reshape(4, 4)
    called = [metrics.pixel_iou(grid, np.ones((4, 4)), t) for t in (0.0, 0.2, 0.5, 0.9, 1.0)]
    assert called == sorted(called, reverse=True)


def test_a_genuine_picture_and_an_empty_prediction_fit():
    empty = np.zeros((4, 4))
    assert metrics.pixel_iou(empty, empty) == metrics.pixel_f1(empty, empty) == 1.0
    assert metrics.pixel_iou(MAP, empty) == metrics.pixel_f1(MAP, empty) == 0.0
    with pytest.raises(metrics.Undefined, match="forged and genuine"):
        metrics.pixel_auc(MAP, empty)


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match="one size"):
        metrics.pixel_iou(np.zeros((4, 5)), TRUTH)
    with pytest.raises(ValueError, match="finite"):
        metrics.pixel_l1(np.full((4, 4), np.nan), TRUTH)


def square(row: int, column: int, value: float = 1.0) -> np.ndarray:
    grey = np.zeros((32, 32))
    grey[row : row + 10, column : column + 10] = value
    return grey


def test_cosine_similarity_reads_shape_and_not_strength():
    grey = np.random.default_rng(0).random((32, 32))
    assert metrics.cosine_similarity(grey, grey) == pytest.approx(1)
    assert metrics.cosine_similarity(0.3 * grey, grey) == pytest.approx(1)
    assert metrics.cosine_similarity(square(0, 0), square(20, 20)) == 0
    # Squares that share 5 of 10 columns: 50 / 100.
    assert metrics.cosine_similarity(square(0, 0), square(0, 5, 0.2)) == pytest.approx(0.5)
    assert metrics.cosine_similarity(np.zeros((32, 32)), square(0, 0)) == 0
    with pytest.raises(metrics.Undefined, match="forged"):
        metrics.cosine_similarity(square(0, 0), np.zeros((32, 32)))


def test_psnr_by_hand():
    grey = square(3, 4, 0.8)
    assert metrics.psnr(grey + 0.1, grey) == pytest.approx(20)
    assert metrics.psnr(grey + 0.01, grey) == pytest.approx(40)
    assert metrics.psnr(grey, grey) == float("inf")


def test_ssim_is_one_for_equal_maps_and_falls_with_structure():
    rng = np.random.default_rng(0)
    grey = square(3, 4, 0.8)
    assert metrics.ssim(grey, grey) == pytest.approx(1)
    assert metrics.ssim(np.zeros((5, 40)), np.zeros((5, 40))) == pytest.approx(1)
    noisy = np.clip(grey + rng.normal(0, 0.1, grey.shape), 0, 1)
    assert metrics.ssim(1 - grey, grey) < metrics.ssim(noisy, grey) < 1


def test_psnr_and_ssim_agree_with_scikit_image():
    skimage = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(1)
    truth, scores = rng.random((40, 31)), rng.random((40, 31))
    expected = skimage.peak_signal_noise_ratio(truth, scores, data_range=1)
    assert metrics.psnr(scores, truth) == pytest.approx(expected)
    kwargs = {"sigma": 1.5, "use_sample_covariance": False, "full": True, "data_range": 1}
    _, whole = skimage.structural_similarity(truth, scores, gaussian_weights=True, **kwargs)
    assert metrics.ssim(scores, truth) == pytest.approx(whole[5:-5, 5:-5].mean(), abs=1e-9)
