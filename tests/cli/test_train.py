"""verilens train: settings refused, the plan shown, epochs as JSON, a scan with what it made."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "train"))
from toy_set import TINY, pictures, written
from typer.testing import CliRunner

from verilens.cli import app
from verilens.errors import ConfigError, UnknownName

FAST = (*TINY, "plan.epochs=2", "plan.batch=8", "plan.lr=3e-3")
SETS = [part for item in FAST for part in ("--set", item)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    return written(folder / "m.parquet", pictures(folder / "set", {"train": 12, "val": 6}))


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["train", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_dry_run_prints_a_recipe_that_can_be_run(data, tmp_path):
    shown = invoke(
        "npr", "--data", data, "--recipe", "genimage", "--set", "plan.epochs=7", "--dry-run"
    )
    values = tomllib.loads(shown)
    assert values["plan"]["epochs"] == 7 and values["plan"]["lr"] == 2e-4
    assert values["config"]["view"]["size"] == 224
    assert "# toy: 24 samples train in 1 steps an epoch, 12 validate" in shown
    path = tmp_path / "again.toml"
    path.write_text(shown)
    assert invoke("npr", "--data", data, "--recipe", path, "--dry-run") == shown


def test_a_run_prints_a_line_an_epoch_and_its_weights_scan(data, tmp_path):
    out = tmp_path / "run"
    lines = [
        json.loads(s)
        for s in invoke("npr", "--data", data, "--out", out, "--json", *SETS).split("\n")
        if s
    ]
    assert [(line["number"], line["stops"]) for line in lines] == [(0, False), (1, True)]
    assert set(lines[0]["scores"]) == {"auc", "accuracy", "loss", "count"}
    picture = next((data.parent / "set").glob("val-*.png"))
    asked = ["scan", str(picture), "--methods", f"npr={out / 'best.safetensors'}", "--json", "-"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["evidence"][0]["method"] == "npr"


def test_epochs_are_told_and_a_finished_run_says_so(data, tmp_path):
    out = tmp_path / "run"
    arguments = ["npr", "--data", data, "--out", out, "--resume", "--early-stop", 5, *SETS]
    result = CliRunner().invoke(app, ["train", *map(str, arguments)])
    assert "epoch 2/2: loss" in result.stderr and "validation AUC" in result.stderr
    assert f"npr={out / 'best.safetensors'}" in result.stderr.replace("\n", "")
    again = CliRunner().invoke(app, ["train", *map(str, arguments)])
    assert "nothing left to train" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["npt"], UnknownName, "did you mean 'npr'"),
        (["npr", "--recipe", "genimg"], ConfigError, "known: forensynths, genimage"),
        (["npr", "--set", "plan.epcohs=2"], ConfigError, "did you mean 'epochs'"),
        (["npr", "--set", "plan.optimiser=adm"], ConfigError, "one of adam, adamw, sgd"),
        (["npr", "--set", "plan.lr"], ConfigError, "write key=value"),
    ],
)
def test_wrong_settings_are_refused_with_a_way_out(data, arguments, error, message):
    with pytest.raises(error, match=message):
        invoke(*arguments, "--data", data)


@pytest.mark.slow
def test_two_processes_share_the_work(data, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", "-m", "verilens", "train", "npr", "--data", str(data)]
    command += ["--json", *SETS, "--set", "plan.boost.on=true", "--set", "plan.clip_norm=1"]
    command += ["--set", "plan.accumulate=2", "--out", str(tmp_path / "run")]
    env = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert [line["number"] for line in lines] == [0, 1]
    assert lines[-1]["scores"]["count"] == 12
    facts = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert facts["devices"] == 2
