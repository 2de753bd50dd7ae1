"""BMN's training: forged steps lie where frames changed, bounds keep genuine films quiet."""

import json

import numpy as np
import pytest
import torch

from verilens import catalog
from verilens.train.starter import spliced_films, stretches
from verilens.train.starter.clips import written
from verilens.train.starter.spliced_films import Draws, Film, centre, drawn, scaled
from verilens.train.starter.splices import FORGERIES
from verilens.train.starter.stretches import best, bound, lowered, maps_of, new
from verilens.verify.bmn.config import Config


def film(seconds: float = 4.0, fps: float = 20.0) -> Film:
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (200, 280, 3), dtype=np.uint8)
    frames = [np.roll(still, n, 1) for n in range(round(seconds * fps))]
    return Film(np.stack(frames), fps)


def random_draws(count: int, seed: int = 0) -> Draws:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 1, (count, 128, 64)).astype(np.float16)
    forged = np.zeros((count, 64), np.float32)
    forged[::2, 20:40] = 1
    steps[::2, :, 20:40] += 2
    kinds = np.array(["grid" if n % 2 == 0 else "" for n in range(count)])
    return Draws(steps, forged, kinds, np.arange(count) // 2, 1 + np.arange(count) // 2 % 3)


def test_steps_of_forged_stretches_are_named():
    method = new(0)
    for count in (0, 1, 2):
        steps, forged, kind = drawn(film(), count, np.random.default_rng(1), method)
        assert steps.shape == (128, 64) and forged.shape == (64,)
        runs = int((np.diff(np.r_[0, forged]) > 0).sum())
        assert runs == count and forged.mean() < 1
        assert kind in FORGERIES if count else kind == ""
    assert np.abs(steps).max() <= 6


def test_a_small_film_is_not_scaled_and_a_large_one_keeps_its_middle():
    frames = film().frames
    assert centre(frames, 100).shape[1:3] == (100, 100)
    assert np.array_equal(scaled(frames, 0.5, 256), frames)
    assert scaled(frames, 0.5, 100).shape[1:3] == (100, 140)


def test_the_bound_keeps_genuine_films_quiet_and_no_quieter_than_needed():
    method = new(0)
    draws = random_draws(12)
    before = best(maps_of(method, draws), method.config)
    amount = bound(maps_of(method, draws), method.config)
    after = best(maps_of(lowered(method, amount), draws), method.config)
    assert np.quantile(after, stretches.GENUINE) == pytest.approx(0.5, abs=0.01)
    assert np.quantile(after, stretches.GENUINE) <= 0.5 and np.ptp(before) > 0


def test_a_run_writes_weights_that_load_and_goes_on(tmp_path, monkeypatch):
    for name, value in {"MOMENTS": 2, "STEPS": 2, "STEPS_FILMS": 2}.items():
        monkeypatch.setattr(stretches, name, value)
    for name, value in {"DRAWS": 2, "FEWEST": 2, "MOST": 2}.items():
        monkeypatch.setattr(spliced_films, name, value)
    (tmp_path / "videos").mkdir()
    rows = ["path,label,generator,source_repo,width,height"]
    for n in range(4):
        written(tmp_path / "videos" / f"{n}.mp4", film(3.0).frames, 20, 20, "veryfast")
        rows.append(f"{n}.mp4,real,,source{n},280,200")
    (tmp_path / "videos" / "broken.mp4").write_bytes(
        (tmp_path / "videos" / "0.mp4").read_bytes()[:900]
    )
    rows.append("broken.mp4,real,,source1,280,200")
    (tmp_path / "videos" / "manifest.csv").write_text("\n".join(rows))
    order = ["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    stretches.main(order)
    file = tmp_path / "bmn" / "stretches.safetensors"
    first = file.read_bytes()
    card = json.loads(file.with_suffix(".json").read_text())
    assert card["corpus"].endswith("3 films in 6 draws")  # one source is left to be tested on
    assert {"validation_film_auc", "validation_low_pass_found"} < set(card["measured"])
    assert catalog.load("bmn", str(file)).config == Config.starter()
    monkeypatch.setattr(stretches, "fit", None)  # nothing is trained twice
    stretches.main(order)
    assert file.read_bytes() == first


def test_a_stretch_is_learned_from_what_stands_out(monkeypatch):
    monkeypatch.setattr(stretches, "MOMENTS", 100)
    monkeypatch.setattr(stretches, "STEPS", 0)
    method, draws = new(0), random_draws(16)
    losses = [value for _, value in stretches.fit(method, draws, 0)]
    assert losses[-1] < 0.5 * losses[0] and not method.training


def test_the_starter_is_small():
    with torch.device("meta"):
        assert sum(p.numel() for p in new(0).parameters()) < 200_000
