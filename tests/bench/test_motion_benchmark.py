"""The benchmark of movement writes its page, on made-up movement and in two epochs a row."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "motion"))
from toy_clips import toy_pack  # noqa: E402  (its folder is no package)


@pytest.fixture
def benchmark(monkeypatch):
    """Return the benchmark as a module."""
    spec = importlib.util.spec_from_file_location("motion", ROOT / "benchmarks" / "motion.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_of_a_set_is_trained_once_and_written(benchmark, tmp_path, monkeypatch):
    pytest.importorskip("numba")
    toy_pack(tmp_path)
    page = tmp_path / "motion.md"
    arguments = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--markdown", str(page)]
    monkeypatch.setattr(sys, "argv", ["motion.py", *arguments, "--quick"])
    benchmark.main()
    text = page.read_text()
    names = ["nearest class mean", "1-NN DTW", "`stgcnpp joints`", "`protogcn bones`"]
    names += ["joints, bones, moves together", "joints, bones together"]
    assert all(name in text for name in names) and "1-NN 0.651" in text
    kept = sorted((tmp_path / "out").rglob("*.npz"))
    before = [path.stat().st_mtime_ns for path in kept]
    benchmark.main()  # nothing is trained again
    assert len(kept) == 6 and before == [path.stat().st_mtime_ns for path in kept]
    assert page.read_text() == text


def test_rows_name_recipes_that_exist(benchmark):
    from verilens.train.resolve import resolve

    for row in benchmark.rows():
        assert resolve(row.method, row.recipe, row.changes).plan.epochs <= 100


def test_tuned_rows_start_from_weights_of_other_sets(benchmark, tmp_path, monkeypatch):
    toy_pack(tmp_path)
    monkeypatch.setattr(benchmark, "OTHERS", ("nw_ucla", "nw_ucla"))
    row = next(row for row in benchmark.rows() if row.is_tuned)
    motion = benchmark.open_set(tmp_path / "nw_ucla")
    found = benchmark.trained(row, motion, tmp_path, tmp_path / "out", quick=True)
    assert len(found.before) == len(found.epochs) == 2 and found.weights.is_file()
    first = tmp_path / "out" / "kinect" / "stgcnpp-tuned-joints" / "best.safetensors"
    assert found.recipe.init == str(first) and first.is_file()
