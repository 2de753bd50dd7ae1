"""Training, judging and asking a recogniser from the command line, on made-up movement."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from verilens.cli import app
from verilens.errors import ConfigError, MissingWeights

sys.path.insert(0, str(Path(__file__).parents[1] / "motion"))
from toy_clips import toy_pack, wave

SETTINGS = (
    "config.width=12", "config.blocks=3", "config.grown=[2]", "config.stretch.frames=12",
    "config.stretch.persons=1", "config.stretch.views=1", "plan.batch=8", "plan.lr=1e-2",
    "plan.epochs=4",
)  # fmt: skip


def call(*arguments: str) -> str:
    found = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["motion", *arguments])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Path]:
    """Return the folder of a set and the weights that were trained on it."""
    root = tmp_path_factory.mktemp("cli")
    data, out = toy_pack(root), root / "run"
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    call("train", "stgcnpp", "--data", str(data), *settings, "--out", str(out))
    return data, out / "best.safetensors"


def test_evaluation_shows_methods_beside_references(trained, tmp_path):
    data, weights = trained
    picture = tmp_path / "confusion.png"
    arguments = ("--data", str(data), "--reference", "1nn", "--reference", "mean")
    table = call("evaluate", str(weights), *arguments, "--confusion", str(picture))
    rows = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert rows == ["1nn", "mean", "stgcnpp j (run)"] and "| 24 |" in table
    assert picture.read_bytes()[:4] == b"\x89PNG"
    found = json.loads(call("evaluate", str(weights), "--data", str(data), "--json"))
    value, low, high = found[0]["top1"]
    assert 0 <= low <= value <= high <= 1 and found[0]["by"] == "clips"


def test_a_file_is_recognised(trained, tmp_path):
    _, weights = trained
    path = tmp_path / "clip.npz"
    np.savez(path, joints=wave(1, 2, 1, 0), skeleton="kinect20", fps=25.0)
    found = json.loads(call("recognize", str(path), "--weights", str(weights), "--json"))
    assert len(found) == 3 and sum(guess["probability"] for guess in found) == pytest.approx(1)
    assert "pick up" in call("recognize", str(path), "--weights", str(weights))


def test_dry_run_prints_what_would_train(trained):
    told = call("train", "protogcn", "--data", str(trained[0]), "--dry-run")
    assert 'skeleton = "kinect20"' in told and "classes = 3" in told and "drop trash" in told


def test_wrong_use_is_explained(trained, tmp_path):
    data, weights = trained
    with pytest.raises(ConfigError, match="no reference '2nn'"):
        call("evaluate", "--data", str(data), "--reference", "2nn")
    with pytest.raises(ConfigError, match="name weights or a --reference"):
        call("evaluate", "--data", str(data))
    with pytest.raises(MissingWeights):
        call("recognize", "x.npz", "--weights", str(tmp_path / "none.safetensors"))
    (tmp_path / "two").mkdir()
    for action in ("nod", "shake", "bow", "sit"):
        (tmp_path / "two" / action).mkdir()
        for n in range(4):
            joints = wave(1, n + 1, 1, n)
            np.savez(tmp_path / "two" / action / f"{n}.npz", joints=joints, skeleton="kinect20")
    with pytest.raises(ConfigError, match="trained on other classes"):
        call("evaluate", str(weights), "--data", str(tmp_path / "two"))
