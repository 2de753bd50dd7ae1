"""A small run of benchmarks/fuzz.py: damaged files are read or refused, nothing else."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


def test_damaged_files_are_read_or_refused(fuzz, tmp_path):
    sources = fuzz.make_sources(tmp_path / "made", names=["astronaut"])
    damaged = fuzz.damage(sources, tmp_path / "damaged", 40, seed=7)
    outcomes = list(fuzz.open_all(damaged))
    assert [outcome.name for outcome in outcomes] == [path.name for path in damaged]
    assert fuzz.report(outcomes) == []
    assert {"read", "corrupt"} <= {outcome.kind for outcome in outcomes}


def test_the_seed_fixes_the_damage(fuzz, tmp_path):
    source = tmp_path / "a.bin"
    source.write_bytes(bytes(range(256)) * 8)
    first = fuzz.damage([source], tmp_path / "one", 12, seed=3)
    again = fuzz.damage([source], tmp_path / "two", 12, seed=3)
    assert [p.name for p in first] == [p.name for p in again]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, again, strict=True))
