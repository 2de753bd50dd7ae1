"""Every data set goes from its published layout to a scored table, by the commands a user types."""

import dataclasses
import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1] / "verify"))
import toy_features

from verilens import manifest
from verilens.bench import predictions
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


def config_of(method: str, **changes: object) -> list[str]:
    """Return the tiny configuration as settings of the command, changed."""
    package = importlib.import_module(f"verilens.verify.{method}.config")
    small = dataclasses.asdict(dataclasses.replace(package.Config.tiny(), **changes))
    flat = {
        f"config.{key}": value for key, value in small.items() if key not in ("florence", "view")
    }
    for table in ("florence", "view"):
        flat |= {f"config.{table}.{key}": value for key, value in small.get(table, {}).items()}
    said = {k: json.dumps(v, ensure_ascii=False) for k, v in flat.items() if v not in ("", None)}
    return [part for key, value in said.items() for part in ("--set", f"{key}={value}")]


@pytest.mark.parametrize(
    "name", [n for n, d in sorted(datasets().items()) if "post" in d.CARD.tasks]
)
def test_methods_of_posts_are_trained_run_and_scored(name: str, tmp_path: Path) -> None:
    media, listed, run = tmp_path / "media", tmp_path / "m.parquet", tmp_path / "run"
    called("data", "fake", name, media)
    called("data", "manifest", media, "--out", listed)
    found = json.loads(called("data", "doctor", listed, "--json", codes=(0, 1, 3)))
    assert found["samples"] == len(list(manifest.read(listed)))
    is_of_pictures = name in ("dgm4", "mdsm")
    method = "amd" if is_of_pictures else "cmcl_mmcd"
    more = {} if is_of_pictures else toy_features.encoders(tmp_path / "encoders")
    plan = [p for c in ("plan.steps=2", "plan.batch=2", "plan.lr=1e-3") for p in ("--set", c)]
    arguments = [*config_of(method, **more), *plan, "--out", run, "--workers", 1]
    called("train", method, "--data", listed, *arguments)
    asked, scored = f"{method}={run / 'best.safetensors'}", tmp_path / "scored"
    said = called(
        "bench", "run", listed, "--method", asked, "--split", "test", "--out", scored, "--json"
    )
    assert json.loads(said)["missing"] == 0
    assert {path.stem for path in scored.glob("*.parquet")} == {method, "verdict"}
    table = called("bench", "score", scored / f"{method}.parquet", "--draws", 20, "--json", "-")
    assert json.loads(table)["rows"]
    if is_of_pictures:
        arguments = (scored / "amd.parquet", listed, "--split", "test", "--json", "-")
        done = json.loads(called("bench", "localize", *arguments, "--draws", 20))["posts"]
        tested = [s for s in manifest.read(listed) if s.split == "test"]
        assert done["samples"] == len(tested) and done["silent"] == done["absent"] == 0
        assert {"mAP", "OF1", "CF1", "box IoU"} <= set(done["cells"])


def test_published_features_are_scored_without_their_videos(tmp_path: Path) -> None:
    media, listed, run = tmp_path / "media", tmp_path / "m.parquet", tmp_path / "run"
    called("data", "fake", "fakesv", media)
    toy_features.published(media, [s.id for s in dataset("fakesv").samples(media)])
    shutil.rmtree(media / "videos")
    called("data", "manifest", media, "--out", listed)
    plan = ["--set", "plan.steps=2", "--set", "plan.batch=2", "--out", run]
    called("train", "cmcl_mmcd", "--data", listed, *config_of("cmcl_mmcd"), *plan)
    asked, scored = f"cmcl_mmcd={run / 'best.safetensors'}", tmp_path / "scored"
    said = called("bench", "run", listed, "--method", asked, "--out", scored, "--json")
    assert json.loads(said)["missing"] == 0
    rows = list(predictions.read(scored / "cmcl_mmcd.parquet"))
    assert len(rows) == 8 and all(0 <= row.score <= 1 and not row.error for row in rows)
    assert all(row.score is None for row in predictions.read(scored / "verdict.parquet"))
    (media / "fea" / "fakesv" / "preprocess_audio" / f"{rows[0].id}.pkl").unlink()
    called("bench", "run", listed, "--method", asked, "--out", scored, codes=(3,))
    (gone, *_) = predictions.read(scored / "cmcl_mmcd.parquet")
    assert gone.score is None and "fetch the features again" in gone.error
