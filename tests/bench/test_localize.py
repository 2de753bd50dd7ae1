"""Predictions that say where are judged against the manifest."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from verilens.bench import localize
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.errors import DatasetError
from verilens.records import Sample

TRUTH = {"a": ((0, 10), (20, 30)), "b": ((0, 8),), "c": ((5, 15),)}
PROPOSED = {
    "a": ((0, 10, 0.9), (1, 10, 0.7), (20, 35, 0.5)),
    "b": ((0, 10, 0.8), (20, 30, 0.4)),
    "c": ((8, 15, 0.6), (5, 15, 0.3)),
}
PLAN = Plan(draws=40)


def videos(unit="seconds", scale=1):
    for name, found in TRUTH.items():
        spans = tuple((start * scale, end * scale) for start, end in found)
        yield Sample(
            id=name, uri=f"/{name}", kind="video", label=1, segments=spans, segment_unit=unit
        )


def predicted(**given):
    for name, spans in PROPOSED.items():
        where = tuple((float(a), float(b), s) for a, b, s in spans)
        yield Prediction(id=name, label=1, score=0.5, where=where, **given)


def test_spans_equal_the_values_worked_out_on_paper():
    found = localize.spans(predicted(), videos(), PLAN)
    values = {name: cell.value for name, cell in found.cells.items()}
    assert values["AP at tIoU 0.5"] == pytest.approx(0.9)
    assert values["AP at tIoU 0.75"] == pytest.approx(17 / 28)
    assert values["AP at tIoU 0.95"] == pytest.approx(9 / 28)
    assert values["AR at 2"] == pytest.approx(27 / 40)
    assert values["AR at 5"] == pytest.approx(31 / 40)
    for cell in found.cells.values():
        assert cell.low <= cell.value <= cell.high
    assert (found.samples, found.silent, found.absent) == (3, 0, 0)


def test_spans_of_frames_need_a_rate():
    found = localize.spans(
        predicted(attributes={"file.fps": "25"}), videos("frames", scale=25), PLAN
    )
    assert found.cells["AP at tIoU 0.5"].value == pytest.approx(0.9)
    with pytest.raises(DatasetError, match="how many make a second"):
        localize.spans(predicted(), videos("frames"), PLAN)


def test_silent_and_absent_videos_are_counted():
    rows = list(predicted())
    rows[0] = replace(rows[0], where=())
    found = localize.spans(rows[:2], videos(), PLAN)
    assert (found.samples, found.silent, found.absent) == (2, 1, 1)
    assert found.cells["AP at tIoU 0.5"].value == pytest.approx(1 / 3)
    genuine = [Sample(id="a", uri="/a", kind="video", label=0)]
    nothing = localize.spans(rows, genuine, PLAN)
    assert nothing.cells["mean AP"].reason == "no forged spans in the truth"


def picture(path, mask):
    Image.fromarray((np.asarray(mask) * 255).astype(np.uint8)).save(path)
    return str(path)


def test_pixels_are_averaged_over_pictures(tmp_path):
    truth, scores = np.zeros((4, 4)), np.zeros((4, 4))
    truth[:2, :2] = 1
    scores[:2, 1:3] = 1
    masks = {
        "fake": (picture(tmp_path / "t.png", truth), picture(tmp_path / "s.png", scores)),
        "real": ("", picture(tmp_path / "r.png", np.zeros((4, 4)))),
        "silent": ("", ""),
    }
    samples = [
        Sample(id=name, uri="/x", kind="image", label=int(name == "fake"), mask=mask)
        for name, (mask, _) in masks.items()
    ]
    rows = [Prediction(id=name, label=0, score=0.5, mask=mask) for name, (_, mask) in masks.items()]
    found = localize.pixels(rows, samples, PLAN)
    assert (found.samples, found.silent) == (2, 1)
    assert found.cells["pixel IoU"].value == pytest.approx((2 / 6 + 1) / 2)
    assert found.cells["pixel AUC"].reason == "defined on 1 of 2 pictures"
    wide = picture(tmp_path / "wide.png", np.zeros((4, 5)))
    with pytest.raises(DatasetError, match=r"5 x 4 pixels where the true mask .* has 4 x 4"):
        localize.pixels([replace(rows[0], mask=wide)], samples, PLAN)
    with pytest.raises(DatasetError, match="not a readable mask"):
        localize.pixels([replace(rows[0], mask=str(tmp_path / "no.png"))], samples, PLAN)
    with pytest.raises(DatasetError, match="without a mask"):
        localize.pixels(rows, [replace(samples[0], mask="")], PLAN)
