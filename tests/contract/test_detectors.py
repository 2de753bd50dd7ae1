"""What every method promises that reads pictures and films."""

import json
import socket
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from building import cls, tiny
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from verilens import catalog, weights
from verilens.batch import ClipBatch
from verilens.card import Card
from verilens.media import spectral
from verilens.media.sample import Moment, sample
from verilens.records import Claim, Clip, Report, View
from verilens.report import json as report_json
from verilens.verify.detector import ClipDetector, Detector

CARDS = [card for card in catalog.cards().values() if card.reads == "media"]
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def settled(card: Card) -> Detector:
    """Return a tiny method that has seen one batch, so that no layer mutes its input."""
    method = tiny(card)
    for norm in (m for m in method.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = None
    with torch.no_grad():
        method.train()(inputs(method, 8))
    return method.eval()


def inputs(method: Detector, count: int, size: tuple[int, int] | None = None) -> torch.Tensor:
    """Return what `forward` reads, `count` of them: noise of its own size where it has one."""
    view = method.config.view
    height, width = size or ((64, 80) if view.fit in ("crop", "native") else (view.size, view.size))
    if not isinstance(method, ClipDetector):
        return pictures(count, height, width, view.bands)
    frames = pictures(count * view.frames, height, width, view.bands)
    return frames.view(count, view.frames, view.bands, height, width)


def pictures(count: int, height: int, width: int, bands: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, bands, height, width, generator=generator) ** 2


def batch(method: Detector, moments: int) -> ClipBatch:
    """Return a training batch of two groups: genuine media and what two generators made of it."""
    view = method.config.view
    side = 64 if view.fit in ("crop", "native", "contain") else view.size
    moments = view.frames if isinstance(method, ClipDetector) else moments
    count = 6
    frames = pictures(count * moments, side, side, view.bands)
    frames = frames.view(count, moments, view.bands, side, side)
    kinds = torch.tensor([0, 1, 2] * 2)
    labels = (kinds > 0).float() * (not method.one_class)
    masks = (frames[:, :, :1] > 0.5).float() * labels.view(-1, 1, 1, 1, 1)
    domains = torch.tensor([0, 0, 0, 1, 1, 1])
    spans = labels[:, None].repeat(1, moments)
    given = {"kinds": kinds, "domains": domains, "masks": masks, "spans": spans}
    asked = {name: tensor for name, tensor in given.items() if name in method.needs}
    return ClipBatch(frames=frames, labels=labels, **asked)


def clip(method: Detector, size: tuple[int, int], moments: int = 1) -> Clip:
    """Return what the method's view cuts from noise of `size` (width, height); one face is all."""
    rng = np.random.default_rng(0)
    view = method.config.view
    noise = rng.integers(0, 256, (moments, size[1], size[0], view.bands), dtype=np.uint8)
    if view.bands > 3:  # one still
        return spectral.clip(view, spectral.Cube(noise[0]))
    shown = [Moment(0.5 * n, lambda n=n: Image.fromarray(noise[n])) for n in range(moments)]
    if view.fit != "face":
        return sample([view], shown, size)[view]
    whole = View(size=view.size, frames=view.frames, fit="resize")
    cut = sample([whole], shown, size)[whole]
    return replace(cut, view=view, tracks=np.ones(len(cut.frames), np.int32))


@every_card
def test_names_itself_and_what_it_claims(card):
    assert issubclass(cls(card), Detector)
    assert cls(card).name == card.name and cls(card).claim in get_args(Claim)


@every_card
def test_loss_is_finite_and_reaches_every_trainable_weight(card):
    method = tiny(card).train()
    for moments in (1, 2):  # a method may read stills and films with different heads
        loss = method.training_step(batch(method, moments)).total
        assert loss.ndim == 0 and torch.isfinite(loss)
        loss.backward()
    groups = [p for group in method.parameter_groups() for p in group["params"]]
    trainable = dict(method.named_parameters())
    assert {id(p) for p in groups} == {id(p) for p in trainable.values() if p.requires_grad}
    for name, weight in trainable.items():
        if weight.requires_grad:
            assert weight.grad is not None and torch.isfinite(weight.grad).all(), name


@every_card
def test_saved_and_loaded_methods_agree(card, tmp_path):
    method = settled(card)
    path = tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in method.state_dict().items()}, path)
    other = tiny(card).eval()
    weights.load_into(other, path)
    x = inputs(method, 2)
    with torch.inference_mode():
        assert torch.equal(method(x), other(x))
    assert set(load_file(path)) == set(other.state_dict())


@every_card
def test_batch_of_two_equals_two_of_one(card):
    method = settled(card)
    x = inputs(method, 2)
    with torch.inference_mode():
        together = method(x)
        apart = torch.cat([method(x[:1]), method(x[1:])])
    assert together.shape == (2,) and together.dtype == torch.float32
    assert torch.allclose(together, apart, atol=1e-5)


@every_card
def test_seed_fixes_the_result(card):
    first, second = (settled(card) for _ in range(2))
    x = inputs(first, 2)
    with torch.inference_mode():
        assert torch.equal(first(x), second(x))
        assert torch.equal(first(x), first(x))


@every_card
def test_optimised_methods_give_the_same_logits(card):
    method = settled(card)
    x = inputs(method, 2)
    with torch.inference_mode():
        before = method(x)
        after = method.optimised()(x)
    assert (before - after).abs().max() < 1e-4


@every_card
@pytest.mark.parametrize("size", [(1, 1), (33, 200), (320, 240)])
@pytest.mark.parametrize("moments", [1, 3])
def test_evidence_is_in_range_and_survives_json(card, size, moments):
    method = settled(card)
    found = method.inspect([clip(method, size, moments)] * 2)
    evidence = found[0]
    line = json.loads(report_json.dumps(Report(path="x", version="0", seconds=0, evidence=found)))
    assert len(found) == 2 and line["evidence"][0] == line["evidence"][1]
    assert evidence.method == card.name and np.isfinite(evidence.logit)
    assert 0 <= evidence.score <= 1 and evidence.why
    assert (evidence.score > 0.5) == (evidence.logit > 0)
    scores = [*evidence.where.box_scores, *(score for _, score in evidence.where.timeline)]
    scores += [segment.score for segment in evidence.where.segments]
    if evidence.where.heatmap is not None:
        scores += [evidence.where.heatmap.min(), evidence.where.heatmap.max()]
    assert all(0 <= score <= 1 for score in scores)
    assert len(evidence.where.timeline) in (0, min(moments, method.config.view.frames))
    assert line["evidence"][0]["method"] == card.name


@every_card
def test_works_on_cpu_without_network(card, monkeypatch):
    def refuse(*_):
        raise AssertionError("a method must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    method = tiny(card).eval()
    assert {p.device.type for p in method.parameters()} == {"cpu"}
    method.inspect([clip(method, (96, 80))])
