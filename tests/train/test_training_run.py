"""A run: its folder, exact resume, selection on validation only, weights a scan can use."""

import dataclasses
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_set import TINY, pictures, written

from verilens import catalog
from verilens.card import WeightsCard
from verilens.errors import ConfigError, DatasetError, StoreError, TrainingError
from verilens.train.folder import rows
from verilens.train.loop import Step
from verilens.train.recipe import Recipe
from verilens.train.resolve import names, resolve
from verilens.train.run import Epoch, Job, run
from verilens.train.validate import Scores

FAST = (*TINY, "plan.epochs=3", "plan.batch=8", "plan.lr=3e-3", "data.flip=true")
RICH = (
    *FAST, "plan.optimiser=adamw", "plan.schedule=cosine", "plan.warmup_steps=2", "plan.ema=0.9",
    "plan.clip_norm=1", "plan.accumulate=2", "plan.balance=generator", "plan.boost.on=true",
    "data.jpeg_p=0.3", "data.jpeg_quality=[70,95]",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    counts = {"train": 20, "val": 8, "test": 4}
    return written(folder / "manifest.parquet", pictures(folder / "set", counts))


def job(data: Path, out: Path, *overrides: str, **more: object) -> Job:
    recipe = resolve("npr", None, (*FAST, *overrides))
    return Job(recipe=recipe, data=data, out=out, workers=1, **more)


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in rows(out / "metrics.jsonl") if row["kind"] == "step"]


def epochs(found: list[Step | Epoch]) -> list[Epoch]:
    return [item for item in found if isinstance(item, Epoch)]


def test_learns_the_toy_set_in_seconds(data, tmp_path):
    begun = time.process_time()
    found = epochs(list(run(job(data, tmp_path / "r", "plan.epochs=8"))))
    assert found[-1].loss < 0.5 * found[0].loss
    assert max(epoch.scores.auc for epoch in found) >= 0.95
    assert time.process_time() - begun < 30


def test_the_folder_holds_what_is_needed_to_do_it_again(data, tmp_path):
    out = tmp_path / "r"
    asked = job(data, out, "plan.epochs=2")
    list(run(asked))
    assert resolve("npr", str(out / "config.toml")) == asked.recipe
    facts = json.loads((out / "environment.json").read_text())
    assert facts["seed"] == 0 and len(facts["data"]["digest"]) == 64
    assert facts["data"]["samples"]["train"] == {"fake": 20, "genuine": 20}
    assert {"verilens", "python", "torch", "accelerate", "numpy"} == set(facts["versions"])
    written = rows(out / "metrics.jsonl")
    assert [row["n"] for row in written if row["kind"] == "step"] == list(range(1, 11))
    assert [row["n"] for row in written if row["kind"] == "epoch"] == [5, 10]
    assert list((out / "tensorboard").iterdir())
    assert sorted(path.suffix for path in (out / "last").iterdir()) == [".pt", ".safetensors"]
    assert not (out / "cache").exists()
    list(run(dataclasses.replace(asked, out=tmp_path / "again")))
    assert losses(tmp_path / "again") == losses(out)


def test_the_best_weights_can_be_loaded_and_have_a_card(data, tmp_path):
    out = tmp_path / "r"
    found = epochs(list(run(job(data, out))))
    best = max(found, key=lambda epoch: epoch.scores.auc)
    method = catalog.load("npr", str(out / "best.safetensors"))
    assert method.config.width == 8 and method.config.depths == (1, 1)
    card = WeightsCard.read(out / "best.json")
    assert card.file == out / "best.safetensors"
    assert card.measured["val_auc"] == best.scores.auc and f"step {best.n}" in card.recipe


@pytest.mark.parametrize(("settings", "stop"), [((), 7), (RICH, 3), (RICH, 11)])
def test_a_run_that_is_stopped_goes_on_exactly(data, tmp_path, settings, stop):
    every = "plan.save_every_steps=2"
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    list(run(job(data, whole, *settings, every)))
    stream = run(job(data, parts, *settings, every))
    list(itertools.islice(stream, stop))
    stream.close()  # no more than a kill would have left: nothing is written on the way out
    again = list(run(job(data, parts, *settings, every, resume=True)))
    assert losses(parts) == losses(whole)
    assert epochs(again)[-1].scores == epochs_of(whole)
    for name in ("best.safetensors", "last/15.safetensors"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


def epochs_of(out: Path) -> Scores:
    """Return the last validation that a run wrote down."""
    last = [row for row in rows(out / "metrics.jsonl") if row["kind"] == "epoch"][-1]
    return Scores(**{k.removeprefix("val_"): v for k, v in last.items() if k.startswith("val_")})


@pytest.mark.slow
@pytest.mark.parametrize("settings", [FAST, (*FAST, *RICH)], ids=["plain", "rich"])
def test_a_run_that_is_killed_goes_on_exactly(data, tmp_path, settings):
    sets = itertools.chain(*(("--set", item) for item in (*settings, "plan.save_every_steps=2")))
    command = [sys.executable, "-m", "verilens", "train", "npr", "--data", str(data), *sets]
    command += ["--json", "--resume", "--out"]
    subprocess.run([*command, tmp_path / "whole"], check=True, stdout=subprocess.DEVNULL)
    out = tmp_path / "parts"
    for kill in random.Random(str(settings)).sample(range(1, 14), 2):
        with subprocess.Popen([*command, out], stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and len(losses(out)) < kill:
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
    subprocess.run([*command, out], check=True, stdout=subprocess.DEVNULL)
    assert losses(out) == losses(tmp_path / "whole") and len(losses(out)) == 15
    assert epochs_of(out) == epochs_of(tmp_path / "whole")
    best = [(folder / "best.safetensors").read_bytes() for folder in (out, tmp_path / "whole")]
    assert best[0] == best[1]


def test_a_finished_run_stays_as_it_is_and_can_be_made_longer(data, tmp_path):
    out = tmp_path / "r"
    list(run(job(data, out, "plan.epochs=1")))
    assert list(run(job(data, out, "plan.epochs=1", resume=True))) == []
    found = list(run(job(data, out, "plan.epochs=2", resume=True)))
    assert len(epochs(found)) == 1 and len(losses(out)) == 10


def test_another_run_is_not_written_over(data, tmp_path):
    out = tmp_path / "r"
    list(run(job(data, out, "plan.steps=1")))
    with pytest.raises(ConfigError, match="holds a run; --resume"):
        list(run(job(data, out, "plan.steps=1")))
    with pytest.raises(ConfigError, match=r"plan\.lr was 0\.003, is 0\.1"):
        list(run(job(data, out, "plan.lr=0.1", resume=True)))
    other = written(tmp_path / "o.parquet", pictures(tmp_path / "o", {"train": 8, "val": 2}))
    with pytest.raises(ConfigError, match="other samples"):
        list(run(job(other, out, "plan.steps=1", resume=True)))


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    out = tmp_path / "r"
    list(run(job(data, out, "plan.steps=1")))
    (out / "last" / "1.pt").write_bytes(b"damage")
    with pytest.raises(StoreError, match=r"1\.pt: damaged"):
        list(run(job(data, out, "plan.steps=2", resume=True)))


def test_stops_early_by_validation(data, tmp_path, monkeypatch):
    curve = iter([0.6, 0.8, 0.7, 0.8, 0.9])

    def scored(*_: object) -> Scores:
        return Scores(auc=next(curve), accuracy=0.5, loss=1.0, count=16)

    monkeypatch.setattr("verilens.train.run.validate", scored)
    asked = job(data, tmp_path / "r", "plan.epochs=9", "plan.patience=2")
    found = epochs(list(run(asked)))
    assert [epoch.is_best for epoch in found] == [True, True, False, False]
    assert [epoch.stops for epoch in found] == [False, False, False, True]
    assert list(run(dataclasses.replace(asked, resume=True))) == []


def test_the_test_split_is_never_opened(data, tmp_path):
    from verilens import manifest

    samples = [
        dataclasses.replace(s, uri="/nowhere/at-all") if s.split == "test" else s
        for s in manifest.read(data)
    ]
    moved = written(tmp_path / "m.parquet", samples)
    found = epochs(list(run(job(moved, tmp_path / "r", "plan.patience=2"))))
    assert found[-1].broken == 0 and found[-1].scores.count == 16
    list(run(job(data, tmp_path / "s", "plan.patience=2")))
    assert losses(tmp_path / "r") == losses(tmp_path / "s")


def test_stopping_early_without_a_validation_split_is_refused(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 8, "test": 8})
    path = written(tmp_path / "m.parquet", samples)
    with pytest.raises(ConfigError, match="test split is never used"):
        list(run(job(path, tmp_path / "r", "plan.patience=2")))
    assert not (tmp_path / "r").exists()
    list(run(job(path, tmp_path / "r", "plan.epochs=1")))
    assert "nothing was selected" in WeightsCard.read(tmp_path / "r" / "best.json").limits[0]


def test_broken_files_are_counted_and_named(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 8, "val": 4})
    Path(samples[1].uri).write_bytes(b"")
    Path(samples[-1].uri).write_bytes(b"")
    path = written(tmp_path / "m.parquet", samples)
    found = epochs(list(run(job(path, tmp_path / "r", "plan.epochs=2"))))
    assert found[-1].broken == 2 and found[-1].scores.count == 7
    named = json.loads((tmp_path / "r" / "broken.json").read_text())
    assert set(named) == {samples[1].id, samples[-1].id}


def test_a_validation_split_that_cannot_be_read_is_an_error(tmp_path):
    samples = pictures(tmp_path / "set", {"train": 8, "val": 1})
    Path(samples[-1].uri).write_bytes(b"")
    path = written(tmp_path / "m.parquet", samples)
    with pytest.raises(DatasetError, match="only 1 of 2 validation files"):
        list(run(job(path, tmp_path / "r", "plan.epochs=1")))


def test_a_loss_that_explodes_stops_the_run_and_keeps_the_checkpoint(data, tmp_path, monkeypatch):
    from verilens.verify.detector import Detector

    plain, calls = Detector.training_step, itertools.count(1)

    def exploding(self: Detector, batch: object) -> object:
        loss = plain(self, batch)
        return dataclasses.replace(loss, total=loss.total * (1e999 if next(calls) == 8 else 1))

    monkeypatch.setattr(Detector, "training_step", exploding)
    with pytest.raises(TrainingError, match="loss of step 8 is inf"):
        list(run(job(data, tmp_path / "r")))
    assert [path.name for path in (tmp_path / "r" / "last").glob("*.pt")] == ["5.pt"]


def test_training_can_start_from_weights(data, tmp_path):
    first = tmp_path / "first"
    learned = epochs(list(run(job(data, first, "plan.epochs=6"))))
    init = f"init={first / 'best.safetensors'}"
    (epoch,) = epochs(list(run(job(data, tmp_path / "second", init, "plan.epochs=1"))))
    assert epoch.loss < 0.9 * learned[0].loss


def test_recipes_resolve_with_overrides():
    assert names("npr") == ["forensynths", "genimage"]
    recipe = resolve("npr", "genimage", ["plan.epochs=2", "config.view.size=64"])
    assert (recipe.plan.epochs, recipe.plan.seed, recipe.method) == (2, 70, "npr")
    assert recipe.config["view"]["size"] == 64 and recipe.config["view"]["frames"] == 8
    with pytest.raises(ConfigError, match="no recipe 'genimag' \\(known: forensynths, genimage\\)"):
        resolve("npr", "genimag")
    with pytest.raises(ConfigError, match="unknown field 'epcohs'; did you mean 'epochs'"):
        resolve("npr", None, ["plan.epcohs=2"])
    with pytest.raises(ConfigError, match="unknown field 'widht'"):
        resolve("npr", None, ["config.widht=2"])
    with pytest.raises(ConfigError, match="a recipe of patchcraft, not of npr"):
        resolve("npr", None, ["method=patchcraft"])


@pytest.mark.parametrize(
    "override",
    ["plan.lr=0", "plan.batch=0", "data.jpeg_p=2", "data.blur_sigma=[2,1]", "plan.ema=1",
     "plan.optimiser=adm", "data.frames=99", "plan.accumulate=64", "plan.boost.momentum=2"],
)  # fmt: skip
def test_values_out_of_range_are_refused(override):
    with pytest.raises(ConfigError, match=override.partition("=")[0].rpartition(".")[2]):
        resolve("npr", None, [override])


def test_every_recipe_of_every_method_resolves_and_says_the_same_when_read_back(tmp_path):
    from verilens import config

    for card in catalog.cards().values():
        for name in names(card.name):
            recipe = resolve(card.name, name)
            path = tmp_path / "config.toml"
            path.write_text(config.dumps(dataclasses.asdict(recipe)), encoding="utf-8")
            assert resolve(card.name, str(path)) == recipe
            assert Recipe.read(path).plan == recipe.plan
