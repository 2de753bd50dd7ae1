"""Methods of posts are trained by the ordinary command's run: batches, resume, what is refused."""

import dataclasses
import importlib
import itertools
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "verify"))
import toy_features

from verilens import catalog
from verilens.datasets import dataset
from verilens.errors import ConfigError, DatasetError
from verilens.train import posts
from verilens.train.folder import rows
from verilens.train.pixels import Reader
from verilens.train.recipe import Plan, Recipe
from verilens.train.resolve import names, resolve
from verilens.train.run import Epoch, Job, run
from verilens.verify.amd.config import Config
from verilens.verify.amd.model import AMD

FAST = ("plan.epochs=3", "plan.batch=2", "plan.lr=1e-3", "plan.seed=3")


def tiny(method: str, *overrides: str, **config: object) -> Recipe:
    """Return a recipe of the method's tiny network."""
    package = importlib.import_module(f"verilens.verify.{method}.config")
    small = dataclasses.replace(package.Config.tiny(), **config)
    full = resolve(method, None, (*FAST, *overrides))
    return dataclasses.replace(full, config=dataclasses.asdict(small))


def job(root: Path, out: Path, recipe: Recipe, **more: object) -> Job:
    return Job(recipe=recipe, data=root, out=out, workers=1, **more)


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in rows(out / "metrics.jsonl") if row["kind"] == "step"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dgm4")
    dataset("dgm4").fake(root)
    return root


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("fakesv")
    dataset("fakesv").fake(root)
    toy_features.published(root, [s.id for s in dataset("fakesv").samples(root)])
    return root


def test_a_run_lowers_the_loss_and_its_weights_load(pictures, tmp_path):
    out = tmp_path / "r"
    found = [e for e in run(job(pictures, out, tiny("amd"))) if isinstance(e, Epoch)]
    assert found[-1].loss < found[0].loss and found[-1].scores.count == 4
    assert not found[-1].broken
    method = catalog.load("amd", str(out / "best.safetensors"))
    assert isinstance(method, AMD) and method.config == Config.tiny()
    step = next(row for row in rows(out / "metrics.jsonl") if row["kind"] == "step")
    assert {"answer", "binary", "box", "regular"} <= set(step)


@pytest.mark.parametrize(("method", "data"), [("amd", "pictures"), ("cmcl_mmcd", "videos")])
def test_a_run_that_is_stopped_goes_on_exactly(method, data, tmp_path, request):
    root, whole, parts = request.getfixturevalue(data), tmp_path / "whole", tmp_path / "parts"
    recipe = tiny(method, "plan.save_every_steps=1", "plan.balance=class")
    list(run(job(root, whole, recipe)))
    stream = run(job(root, parts, recipe))
    list(itertools.islice(stream, 2))
    stream.close()
    list(run(job(root, parts, recipe, resume=True)))
    assert losses(parts) == losses(whole)
    assert (parts / "best.safetensors").read_bytes() == (whole / "best.safetensors").read_bytes()


def test_published_features_are_read_and_no_media(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(Reader, "clip", lambda *_: pytest.fail("a video was opened"))
    out = tmp_path / "r"
    found = [e for e in run(job(videos, out, tiny("cmcl_mmcd"))) if isinstance(e, Epoch)]
    assert found[-1].scores.count == 3
    assert "cosine" in next(row for row in rows(out / "metrics.jsonl") if row["kind"] == "step")


def test_without_published_features_the_encoders_make_them(tmp_path):
    pytest.importorskip("transformers")
    dataset("fakett").fake(tmp_path)
    folders = toy_features.encoders(tmp_path / "encoders")
    recipe = tiny("cmcl_mmcd", "plan.epochs=1", **folders)
    (*_, last) = run(job(tmp_path, tmp_path / "r", recipe))
    assert last.scores.count == 3 and not last.broken


def batches(samples, reader, **plan) -> posts.PostBatches:
    return posts.PostBatches(samples, reader, AMD(Config.tiny()), Plan(batch=2, **plan))


def test_the_seed_and_the_epoch_fix_every_batch(pictures):
    samples = list(dataset("dgm4").samples(pictures, "train"))

    def read(epoch: int, skip: int = 0) -> list[torch.Tensor]:
        with Reader(2) as reader:
            return [b.frames for b in batches(samples, reader, seed=5).epoch(epoch, skip)]

    first, again, later, skipped = read(0), read(0), read(1), read(0, 1)
    assert len(first) == len(samples) // 2
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, later, strict=True))
    assert torch.equal(first[1], skipped[0])


def test_a_broken_picture_is_named_and_replaced_by_one_of_its_class(pictures, tmp_path):
    samples = list(dataset("dgm4").samples(pictures, "train"))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    fakes = [n for n, sample in enumerate(samples) if sample.label]
    samples[fakes[0]] = dataclasses.replace(samples[fakes[0]], uri=str(tmp_path / "broken.jpg"))
    with Reader(1) as reader:
        found = list(batches(samples, reader).epoch(0))
        assert sum(len(b) for b in found) == len(samples)
        assert sum(int(b.labels.sum()) for b in found) == len(fakes)
        left = list(posts.logits(AMD(Config.tiny()).eval(), samples, reader))
        assert list(reader.broken) == [samples[fakes[0]].id] and len(left) == len(samples) - 1
        alone = [dataclasses.replace(s, uri=str(tmp_path / "broken.jpg")) for s in samples]
        with pytest.raises(DatasetError, match="data doctor"):
            list(batches(alone, reader).epoch(0))


def test_what_is_of_pictures_alone_is_refused(pictures, tmp_path):
    for change in ("data.flip=true", "data.crop_px=32", "data.jpeg_p=0.5"):
        with pytest.raises(ConfigError, match="methods of posts"):
            list(run(job(pictures, tmp_path / "r", tiny("amd", change))))
    with pytest.raises(ConfigError, match=r"plan\.group"):
        list(run(job(pictures, tmp_path / "s", tiny("amd", "plan.group=pair"))))


@pytest.mark.parametrize("method", ["amd", "cmcl_mmcd"])
def test_recipes_build_their_published_network(method):
    found = {name: resolve(method, name) for name in names(method)}
    assert set(found) in ({"dgm4", "mdsm_guardian", "mdsm_nyt"}, {"fakesv", "fakett"})
    for recipe in found.values():
        with torch.device("meta"):
            catalog.build(method, recipe.config)
        posts.check(recipe.data)


def test_devices_share_every_batch(pictures):
    samples = list(dataset("dgm4").samples(pictures, "train"))
    plain = partial(posts.PostBatches, samples)
    method = AMD(dataclasses.replace(Config.tiny(), flip=0.0))
    with Reader(1) as reader:
        whole = plain(reader, method, Plan(batch=4))
        halves = [plain(reader, method, Plan(batch=4), posts.Share(n, 2)) for n in (0, 1)]
        (all_,), (first,), (second,) = (list(b.epoch(0)) for b in (whole, *halves))
        assert torch.equal(all_.frames[0::2], first.frames)
        assert torch.equal(all_.frames[1::2], second.frames)
        with pytest.raises(ConfigError, match="divide among 2 devices"):
            plain(reader, method, Plan(batch=3), posts.Share(0, 2))
