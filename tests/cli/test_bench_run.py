"""From a miniature of a public data set to an audited table, by commands alone."""

import json

import pytest
from typer.testing import CliRunner

from verilens.cli import app
from verilens.datasets import dataset


def called(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    dataset("genimage").fake(root / "media")
    called("data", "manifest", root / "media", "--out", root / "m.parquet")
    called("bench", "split", "genimage-cross-generator", root / "m.parquet", "--out", root / "jobs")
    return root


@pytest.fixture(scope="module")
def predictions(folder):
    run = folder / "run"
    tests = sorted((folder / "jobs" / "Midjourney" / "test").iterdir())
    said = called("bench", "run", *tests, "--method", "npr", "--out", run, "--json")
    assert json.loads(said)["missing"] == 0
    return run / "npr.parquet"


def test_a_run_is_scored_without_the_model(predictions):
    table = json.loads(called("bench", "score", predictions, "--draws", 20, "--json", "-"))
    assert table


def test_an_audit_reports_what_it_cannot_fit(predictions):
    found = json.loads(called("bench", "audit", predictions, "--json"))
    assert found["samples"]["fake"] > 0 and found["metadata_note"]
    assert "no pixels" in called("bench", "audit", predictions)


def test_official_figures_stand_beside_corrected_ones(predictions):
    rows = json.loads(called("bench", "compat", "deepfakebench", predictions, "--json"))
    assert {"accuracy", "auc", "ap", "eer", "video auc"} == {row["metric"] for row in rows}


def test_protocols_are_listed_and_shown():
    assert "df40-3" in called("bench", "protocols")
    assert "heygen" in called("bench", "protocols", "df40-3")
    assert set(json.loads(called("bench", "protocols", "intra", "--json"))) == {"intra"}
