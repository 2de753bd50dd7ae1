"""What was done to posts, and where: figures that can be worked out on paper."""

import pytest

from verilens.bench.columns import of
from verilens.bench.diagnosis import posts
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.errors import DatasetError
from verilens.records import Sample

PLAN = Plan(draws=20)


def sample(n, said, box=""):
    facts = {"class": said} | ({"box": box} if box else {})
    label = int(said != "orig")
    return Sample(
        id=str(n), uri="a.jpg", kind="post", label=label, source=f"n{n}", attributes=facts
    )


def row(n, swap, text, box="", score=0.5):
    facts = {"found.face_swap": str(swap), "found.text_swap": str(text)}
    return Prediction(
        id=str(n), label=1, score=score, attributes=facts | ({"found.box": box} if box else {})
    )


SAMPLES = [
    sample(0, "orig"),
    sample(1, "face_swap", "0,0,10,10"),
    sample(2, "text_swap"),
    sample(3, "face_swap&text_attribute", "0,0,10,10"),
]
ROWS = [
    row(0, 0.1, 0.6),  # a false alarm on the text
    row(1, 0.9, 0.2, "0,0,10,10"),
    row(2, 0.2, 0.9),
    row(3, 0.8, 0.3, "0,0,5,10"),  # rewritten words are missed, half of the box
]


def test_figures_by_hand():
    found = posts(ROWS, SAMPLES, PLAN)
    value = {name: cell.value for name, cell in found.cells.items()}
    assert (found.samples, found.silent, found.absent) == (4, 0, 0)
    # face: both found, nothing else; text: one of two found, one false alarm
    assert value["OP"] == value["OR"] == value["OF1"] == pytest.approx(3 / 4)
    assert value["CP"] == value["CR"] == pytest.approx((1 + 1 / 2) / 2)
    assert value["mAP"] == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)
    assert value["box IoU"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert all(cell.low <= cell.high for cell in found.cells.values())


def test_what_was_not_scored_is_counted():
    rows = [ROWS[0], row(1, 0, 0, score=None), ROWS[3]]
    found = posts(rows, SAMPLES, PLAN)
    assert (found.samples, found.silent, found.absent) == (2, 1, 1)
    genuine = posts(ROWS[:1], SAMPLES[:1], PLAN)
    assert genuine.cells["mAP"].value is None and genuine.cells["mAP"].reason


def test_bad_rows_are_named():
    with pytest.raises(DatasetError, match="no prediction says what was done"):
        posts([Prediction(id="0", label=0, score=0.1)], SAMPLES, PLAN)
    with pytest.raises(DatasetError, match=r"1: 'found\.face_swap' is no number"):
        posts([row(1, "much", 0)], SAMPLES, PLAN)
    with pytest.raises(DatasetError, match="left,top,right,bottom"):
        posts([row(1, 0, 0, "1,2")], SAMPLES, PLAN)


def test_tables_do_not_group_by_what_a_method_found(tmp_path):
    assert of(ROWS, tmp_path / "a.parquet").attributes == {}
