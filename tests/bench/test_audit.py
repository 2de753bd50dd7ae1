"""The audit finds the leaks that made published tables look good."""

import dataclasses

import numpy as np
import pytest

from verilens.bench.audit import audit, effective, sizes
from verilens.bench.predictions import Prediction


def rows(n=120, sources=12, leak=True, seed=0):
    """Genuine and generated files of many sources; with `leak` the class decides the format."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(n):
        label = k % 2
        png = label if leak else rng.integers(2)
        facts = {
            "file.format": "PNG" if png else "JPEG",
            "file.width": str(rng.integers(256, 1024)),
            "file.bytes": str(rng.integers(10_000, 90_000)),
        }
        source = f"{'fake' if label else 'real'}{k // 2 % (sources // 2)}"
        made.append(
            Prediction(
                id=str(k), label=label, score=0.5, source=source, split="test", attributes=facts
            )
        )
    return made


def test_jpeg_against_png_is_found_without_looking_at_pixels():
    found = audit(rows())
    assert found.metadata_auc.value > 0.99
    assert "sees no pixels" in found.warnings[0]
    assert found.tables["format"] == {"genuine": {"JPEG": 1.0}, "fake": {"PNG": 1.0}}


def test_matched_formats_are_at_chance():
    found = audit(rows(n=600, leak=False))
    assert found.metadata_auc.low < 0.5 < found.metadata_auc.high + 0.05
    assert not found.warnings or "pixels" not in found.warnings[0]


def test_what_has_no_score_is_counted_by_class():
    some = rows()
    some[1] = dataclasses.replace(some[1], score=None, error="corrupt")
    found = audit(some)
    assert found.missing == {"genuine": 0, "fake": 1}
    assert any("1 of 60 fake samples have no score" in w for w in found.warnings)


def test_a_source_in_two_splits_is_named():
    some = [dataclasses.replace(r, split="train" if r.id == "0" else "test") for r in rows()]
    assert any("source" in w and "more than one split" in w for w in audit(some).warnings)


def test_the_effective_number_of_samples_is_kishs():
    few = [
        Prediction(id=str(n), label=0, score=0.1, source="a" if n < 9 else "b") for n in range(10)
    ]
    assert effective(sizes(few)) == pytest.approx(100 / 82)


@pytest.mark.parametrize(("sources", "why"), [(2, "one source"), (12, "fewer than")])
def test_what_cannot_be_fitted_says_why(sources, why):
    some = rows(n=120 if sources == 2 else 8, sources=sources)
    found = audit(some)
    assert found.metadata_auc is None and why in found.metadata_note


def test_frames_of_a_video_are_one_sample():
    frames = [Prediction(id="v", label=1, score=0.2, frame=n) for n in range(8)]
    found = audit(frames)
    assert found.samples == {"genuine": 0, "fake": 1}
    assert "undefined" in found.warnings[0]
