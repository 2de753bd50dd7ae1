"""Official figures are reproduced to the digit, and the corrected ones differ as they should."""

import pytest

from verilens.bench import compat
from verilens.bench.predictions import Prediction
from verilens.errors import DatasetError


def frame(video, score, label, n=0, generator=""):
    return Prediction(id=video, score=score, label=label, frame=n, generator=generator)


def by_metric(found):
    return {(c.part, c.metric): c for c in found}


# Eight frames of three videos; two manipulations of the pair 000_003 share their folder's name.
EIGHT = [
    frame("real/000", 0.1, 0, 0),
    frame("real/000", 0.4, 0, 1),
    frame("real/000", 0.6, 0, 2),
    frame("Deepfakes/000_003", 0.9, 1, 0, "Deepfakes"),
    frame("Deepfakes/000_003", 0.7, 1, 1, "Deepfakes"),
    frame("Deepfakes/000_003", 0.3, 1, 2, "Deepfakes"),
    frame("Face2Face/000_003", 0.2, 1, 0, "Face2Face"),
    frame("Face2Face/000_003", 0.05, 1, 1, "Face2Face"),
]


def test_deepfakebench_frame_figures_by_hand():
    found = by_metric(compat.deepfakebench(EIGHT))
    # right at 0.5: 0.1 0.4 of the genuine, 0.9 0.7 of the fakes
    assert found["", "accuracy"].official == pytest.approx(4 / 8)
    # pairs won: 0.9 3, 0.7 3, 0.3 1, 0.2 1, 0.05 0 of 3 each
    assert found["", "auc"].official == pytest.approx(8 / 15)
    # hits at ranks 1, 2, 5, 6, 8
    expected = (1 + 1 + 3 / 5 + 4 / 6 + 5 / 8) / 5
    assert found["", "ap"].official == pytest.approx(expected)


def test_deepfakebench_merges_videos_of_one_folder_name():
    video = by_metric(compat.deepfakebench(EIGHT))["", "video auc"]
    # means: genuine 0.367; merged 000_003 0.43; apart 0.633 and 0.125
    assert video.official == 1.0 and video.corrected == 0.5
    assert "folder's name" in video.quirk


def test_deepfakebench_eer_is_one_sided():
    # down the scores (fpr, miss) is (0, .8) (0, .6) (1/3, .6) (2/3, .6) (2/3, .4): the fourth is it
    eer = by_metric(compat.deepfakebench(EIGHT))["", "eer"]
    assert eer.official == pytest.approx(2 / 3)
    assert eer.corrected == pytest.approx((2 / 3 + 0.6) / 2)


def test_ties_alone_are_a_coin():
    tied = [frame(f"v{n}", 0.5, n % 2) for n in range(8)]
    assert by_metric(compat.deepfakebench(tied))["", "auc"].official == 0.5


def test_deepfakebench_reads_the_first_frames():
    assert compat.first_frames(300, 4) == [0, 1, 2, 3]
    assert compat.first_frames(3, 4) == [0, 1, 2]


def test_genvideo_f1_by_hand():
    counts = compat.of_rates(0.9, 700, 1 - 0.99)
    assert counts == pytest.approx((630, 100, 70), abs=1)
    assert counts.f1 == pytest.approx(0.881, abs=1e-3)


def test_genvideo_f1_is_wrong_on_a_subset():
    rows = [frame(f"r{n}", 0.9 if n == 0 else 0.1, 0) for n in range(10)]
    rows += [frame(f"s{n}", 0.1 if n == 0 else 0.8, 1, generator="Sora") for n in range(10)]
    f1 = by_metric(compat.genvideo(rows))["Sora", "f1"]
    assert f1.corrected == pytest.approx(0.9)
    assert f1.official == pytest.approx(2 * 50 / (2 * 50 + 1000 + 5), abs=2e-3)


def test_genvideo_needs_genuine_clips():
    with pytest.raises(DatasetError, match="need genuine clips"):
        compat.genvideo([frame("s", 0.5, 1, generator="Sora")])
