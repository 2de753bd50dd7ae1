"""Every data set goes from its published layout to a scored table, by the commands a user types."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from verilens import manifest
from verilens.cli import app
from verilens.datasets import dataset, datasets

SMALL = ("config.width=8", "config.depths=[1, 1]", "config.view.size=32", "config.view.frames=2")
PLAN = ("plan.steps=5", "plan.batch=4", "data.crop_px=32")


def called(*arguments: object, codes: tuple[int, ...] = (0,)) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code in codes, (arguments, result.output, result.exception)
    return result.stdout


@pytest.mark.parametrize("name", sorted(datasets()))
def test_a_miniature_is_examined_trained_on_run_and_scored(name: str, tmp_path: Path) -> None:
    media, listed, run = tmp_path / "media", tmp_path / "m.parquet", tmp_path / "run"
    called("data", "fake", name, media)
    called("data", "manifest", media, "--out", listed)
    found = json.loads(called("data", "doctor", listed, "--json", codes=(0, 1, 3)))
    assert found["samples"] == len(list(manifest.read(listed)))
    samples = list(manifest.read(listed))
    taught = {s.label for s in samples if s.split in ("train", "")}
    weights = ""
    if taught == {0, 1}:
        changes = [part for change in (*SMALL, *PLAN) for part in ("--set", change)]
        called("train", "npr", "--data", listed, *changes, "--out", run, "--workers", 1)
        weights = f"={run / 'last' / 'weights.safetensors'}"
        if (run / "best.safetensors").exists():
            weights = f"={run / 'best.safetensors'}"
    scored = tmp_path / "scored"
    called("bench", "run", listed, "--method", f"npr{weights}", "--limit", 12, "--out", scored)
    one_class = () if {s.label for s in samples[:12]} == {0, 1} else ("--one-class",)
    table = json.loads(
        called("bench", "score", scored / "npr.parquet", "--draws", 20, "--json", "-", *one_class)
    )
    assert table["rows"] and dataset(name).CARD.name == name
