"""From a miniature of a public data set to an audited table, by commands alone."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from verilens import tables
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


def test_a_perturbed_folder_says_so_in_its_predictions_and_robustness_reads_it(tmp_path):
    folder = tmp_path / "clean"
    for n, name in enumerate(("real", "fake")):
        for k in range(3):
            rng = np.random.default_rng(10 * n + k)
            (folder / name).mkdir(parents=True, exist_ok=True)
            noise = Image.fromarray(rng.integers(0, 256, (128, 128, 3), dtype=np.uint8))
            noise.save(folder / name / f"{k}.png")
    worse = tmp_path / "worse"
    called("perturb", folder, worse, "--kind", "jpeg", "--severity", "5", "--keep-names")
    runs = {}
    for name, root in (("clean", folder), ("worse", worse)):
        manifest, out = tmp_path / f"{name}.parquet", tmp_path / "runs" / name
        called("data", "manifest", root, "--as", "folder", "--out", manifest)
        called("bench", "run", manifest, "--out", out, "--method", "npr")
        runs[name] = out / "npr.parquet"
    assert tables.facts(runs["worse"])["perturbation"] == "jpeg"
    assert "perturbation" not in tables.facts(runs["clean"])
    drawn = tmp_path / "drop.svg"
    both = ("bench", "robustness", runs["clean"], runs["worse"], "--metric", "brier")
    said = called(*both, "--svg", drawn, "--json", "-")
    (drop,) = json.loads(said)["drops"]
    assert (drop["kind"], drop["severity"], drop["samples"], drop["missing"]) == ("jpeg", 5, 6, 0)
    assert drop["drop"] == pytest.approx(drop["value"] - drop["clean"])
    assert "<style>:root { --line-0" in drawn.read_text() and "xmlns" in drawn.read_text()
    assert "mean of jpeg" in called(*both)
    assert "manifests" in tables.facts(runs["clean"])
