"""Protocol tables from known figures equal what a hand computes; what is missing stays blank."""

from pathlib import Path

import numpy as np
import pytest

from verilens.bench import columns, matrix
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.bench.score import Settings, score
from verilens.errors import DatasetError

CSV = """train,test,AUC
simswap,simswap,0.99
simswap,fsgan,0.91
simswap,lia,0.70
fsgan,simswap,0.85
fsgan,fsgan,0.97
fsgan,lia,
lia,simswap,0.60
lia,lia,0.95
"""
TYPES = {"simswap": "FS", "fsgan": "FS", "lia": "FR"}


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "auc.csv"
    path.write_text(CSV)
    return matrix.read(path)


def test_cells_and_blanks(found):
    assert found.trains == ("simswap", "fsgan", "lia")
    assert found.tests == ("simswap", "fsgan", "lia")
    assert found.value[0].tolist() == [0.99, 0.91, 0.70]
    assert np.isnan(found.value[1, 2])
    assert np.isnan(found.value[2, 1])
    text = matrix.markdown(found)
    assert "| fsgan | 0.850 | 0.970 |  | 0.910 |" in text
    assert "nan" not in text
    assert "0.000" not in text


def test_means_over_types_by_hand(found):
    means = matrix.by_type(found, TYPES)
    assert means.trains == means.tests == ("FS", "FR")
    assert means.value[0] == pytest.approx([(0.99 + 0.91 + 0.85 + 0.97) / 4, 0.70])
    assert means.value[1] == pytest.approx([0.60, 0.95])
    own = matrix.transfer(found)
    assert own.same == pytest.approx((0.99 + 0.97 + 0.95) / 3)
    assert own.other == pytest.approx((0.91 + 0.70 + 0.85 + 0.60) / 4)
    assert matrix.transfer(found, TYPES).other == pytest.approx((0.70 + 0.60) / 2)


def test_the_heat_map_leaves_blanks_out(found):
    plot = matrix.heat(found)
    assert plot.svg.count(">0.") == 7
    assert "style=" not in plot.svg


def test_a_matrix_of_tables():
    tables = {}
    for train, gap in {"sora": 3.0, "pika": 1.0}.items():
        rng = np.random.default_rng(0)
        rows = [
            Prediction(
                id=str(n),
                label=n % 2,
                score=float(rng.normal(n % 2 * gap)),
                generator=("sora", "pika")[n // 2 % 2] if n % 2 else "",
            )
            for n in range(80)
        ]
        asked = Settings(by=("generator",), measures=("auc",), plan=Plan(draws=20))
        tables[train] = score([columns.of(rows, Path(f"{train}.parquet"))], asked)
    found = matrix.of_tables(tables)
    assert found.trains == ("sora", "pika")
    assert found.tests == ("pika", "sora")
    assert (found.value[0] > found.value[1]).all()
    with pytest.raises(DatasetError, match="--by lighting"):
        matrix.of_tables(tables, "lighting")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,c\n", r":1: expected the header"),
        ("train,test,AUC\nx,y\n", r":2: 2 fields"),
        ("train,test,AUC\nx,y,high\n", r":2: 'high' is no number"),
        ("train,test,AUC\nx,y,1\nx,y,1\n", r":3: train x, test y comes twice"),
    ],
)
def test_broken_lists_name_the_line(tmp_path, text, said):
    path = tmp_path / "auc.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=said):
        matrix.read(path)


def test_a_matrix_that_is_no_csv_is_named(tmp_path):
    path = tmp_path / "binary.csv"
    path.write_bytes(b"train,test,auc\n\xff\xfe,x,0.5\n")
    with pytest.raises(DatasetError, match=r"binary\.csv: no UTF-8 CSV"):
        matrix.read(path)
    with pytest.raises(DatasetError, match=r"absent\.csv: cannot be read"):
        matrix.read(tmp_path / "absent.csv")
