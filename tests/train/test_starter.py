"""The starter training: no leak between folds, no format that tells the class, fair fusion."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("sklearn")

from verilens.bench import metrics
from verilens.train.starter import fakes, fusion, heads, trunks, views, write, zones
from verilens.train.starter.corpus import (
    RELATED,
    TRUNK_SOURCES,
    Item,
    source_folds,
    training_side,
)
from verilens.verify.demamba.config import Config
from verilens.verify.demamba.model import DeMamba


def item(n: int, source: str, generator: str = "", width: int = 640) -> Item:
    label = "ai" if generator else "real"
    return Item(path=Path(f"a/{source}/{n}.png"), kind="image", label=label, generator=generator,
                source=source, origin=f"{source}:{n}", width=width, height=480)  # fmt: skip


@pytest.fixture
def corpus() -> list[Item]:
    generators = ["SDXL (Fooocus)", "SDXL (InvokeAI)", "DALL-E 2", "Midjourney v4", "StyleGAN2"]
    fake = [item(n, f"ai{g}", generators[g]) for g in range(5) for n in range(6)]
    real = [item(n, f"real{s}") for s in range(5) for n in range(6)]
    return fake + real + [item(n, sorted(TRUNK_SOURCES)[0]) for n in range(6)]


def test_no_source_and_no_family_on_both_sides(corpus):
    folds = source_folds(corpus, 3)
    for fold in range(3):
        train = [corpus[n] for n in training_side(corpus, folds, fold)]
        test = [i for i in corpus if folds[i.source] == fold]
        assert not {i.source for i in train} & {i.source for i in test}
        assert not {i.family for i in train if i.family} & {i.family for i in test if i.family}
        assert not {i.source for i in test} & TRUNK_SOURCES
    assert corpus[0].family == corpus[6].family == "sdxl"


def test_related_sources_share_a_fold(corpus):
    related = [item(n, source) for group in RELATED for source in sorted(group) for n in range(3)]
    folds = source_folds(corpus + related, 3)
    for group in RELATED:
        assert len({folds[source] for source in group}) == 1
        assert (folds[min(group)] == -1) == bool(group & TRUNK_SOURCES)
    named = [source for group in RELATED for source in group]
    assert len(named) == len(set(named))


def test_views_have_one_format_and_ignore_the_label():
    rng = np.random.default_rng(0)
    for size in ((100, 160), (256, 256), (1800, 2000)):
        picture = Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8))
        draws = [views.matched_view(picture, np.random.default_rng(5)) for _ in range(2)]
        assert draws[0].shape == (views.SIDE, views.SIDE, 3)
        assert (draws[0] == draws[1]).all()
        told = views.matched_metadata(size[1], size[0], np.random.default_rng(5))
        assert told[:2] == [views.SIDE, views.SIDE]


def test_spectrum_matching_leaves_no_blur():
    rng = np.random.default_rng(0)
    side = fakes.BASE
    real = rng.integers(60, 196, (side, side, 3)).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(real).resize((side // 2, side // 2)).resize((side, side)))
    matched = fakes.match_spectrum(blurred, real)

    def roughness(p):
        return np.abs(np.diff(p.astype(float), axis=0)).mean()

    assert roughness(blurred) < 0.6 * roughness(real)
    assert roughness(matched) > 1.2 * roughness(blurred)


def test_halves_of_a_pair_get_one_draw(monkeypatch):
    monkeypatch.setattr(trunks, "sharpened", lambda pixels, rng: pixels)
    base = np.random.default_rng(0).integers(0, 256, (fakes.BASE, fakes.BASE, 3)).astype(np.uint8)
    for seed in range(12):
        real, fake = trunks.augmented(base, base.copy(), np.random.default_rng(seed))
        assert real.shape == (trunks.CROP, trunks.CROP, 3)
        assert (real == fake).all()


def test_head_separates_and_folds_its_scaling_in():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    features = (rng.normal(0, 1, (100, 4)) + 3 * labels[:, None] + 100).astype(np.float32)
    head = heads.fit_head(features, labels, [1.0] * 100, 1.0)
    assert ((head(features) > 0) == labels).mean() > 0.97


def test_fusion_ignores_chance_and_contrary_methods(corpus):
    rng = np.random.default_rng(0)
    fake = np.array([i.is_fake for i in corpus], float)
    good = 2 * fake + rng.normal(0, 1, len(corpus))
    contrary = -2 * fake + rng.normal(0, 1, len(corpus))
    noise = rng.normal(0, 1, len(corpus))
    mixture = fusion.fit_mixture(np.stack([good, contrary, noise], 1), corpus)
    assert mixture.weights[1] > 0.5
    assert mixture.weights[2] == 0


def films(corpus: list[Item]) -> list[Item]:
    return [*corpus, *(replace(i, kind="video", origin=f"film:{i.origin}") for i in corpus)]


def test_folds_judge_films_by_methods_that_have_nothing_to_say_of_stills(corpus, monkeypatch):
    monkeypatch.setattr(zones, "EPOCHS", 1)
    items, rng = films(corpus), np.random.default_rng(0)
    probe = rng.normal(size=(len(items), 2, 5)).astype(np.float32)
    tokens = np.full(len(items), None, object)
    for n, found in enumerate(items):
        probe[n, :, 0] += 3 * found.is_fake
        if found.kind == "video":
            tokens[n] = rng.normal(size=(2, 8, 16, 120)).astype(np.float32)
    tokens[len(items) - 40] = None  # a film that could not be read under this draw
    features = {"probe": probe, "demamba": tokens}
    folds = source_folds(items, 3)
    for kind, methods in (("image", ["probe"]), ("video", ["probe", "demamba"])):
        whole = {**features, "demamba": features["demamba"].copy()}
        whole["demamba"][len(items) - 40] = whole["demamba"][len(items) - 41]
        fitted = fusion.Folds.fitted(whole, items, folds, kind)
        assert list(fitted.heads) == methods
        logits = fitted.logits(whole)
        judged = fitted.judged(logits)
        of_kind = np.array([i.kind == kind and folds[i.source] >= 0 for i in items])
        assert (~np.isnan(judged.probabilities) == of_kind).all()
        if kind == "video":
            labels = np.array([float(i.is_fake) for i in items])[of_kind]
            assert metrics.auc(judged.probabilities[of_kind], labels) > 0.9
            others = fitted.judged(logits, fitted.logits(features))
            lost = np.isnan(others.probabilities) & of_kind
            assert lost.sum() == 1
            rest = of_kind & ~lost
            assert (others.probabilities[rest] == judged.probabilities[rest]).all()


def test_a_scan_of_tokens_learns_what_moves(monkeypatch):
    monkeypatch.setattr(zones, "RATE", 1e-2)
    monkeypatch.setattr(zones, "BATCH", 8)
    rng = np.random.default_rng(0)
    labels = np.arange(32) % 2
    tokens = rng.normal(5, 2, size=(32, 8, 16, 120)).astype(np.float32)
    tokens[labels == 1] = tokens[labels == 1].mean(1, keepdims=True)  # these stand still
    found = zones.fit_scan(tokens, labels, np.ones(32), Config.starter())
    assert metrics.auc(found(tokens), labels.astype(float)) > 0.95
    detector = DeMamba(Config.starter())
    write.set_head(detector, "head", found)
    assert torch.allclose(detector.encoder.centre, found.centre)
    assert torch.equal(detector.head.classify.weight, found.head.classify.weight)


def test_thresholds_are_the_stated_shares(corpus):
    items = [item(n, "r") for n in range(1000)] + [item(n, "a", "g") for n in range(1000)]
    chances = np.concatenate([np.linspace(0, 0.999, 1000), np.linspace(0, 0.999, 1000)])
    limits = fusion.thresholds(chances, items)
    assert (chances[:1000] >= limits.doubt).mean() == pytest.approx(fusion.DOUBT, abs=0.002)
    assert (chances[:1000] >= limits.alarm).mean() == pytest.approx(fusion.ALARM, abs=0.002)
    assert (chances[1000:] <= limits.clear).mean() == pytest.approx(fusion.CLEAR, abs=0.002)
