"""The starter training: no leak between folds, no format that tells the class, fair fusion."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn")

from verilens.train.starter import fakes, fusion, heads, trunks, views
from verilens.train.starter.corpus import (
    RELATED,
    TRUNK_SOURCES,
    Item,
    source_folds,
    training_side,
)


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


def test_thresholds_are_the_stated_shares(corpus):
    items = [item(n, "r") for n in range(1000)] + [item(n, "a", "g") for n in range(1000)]
    chances = np.concatenate([np.linspace(0, 0.999, 1000), np.linspace(0, 0.999, 1000)])
    limits = fusion.thresholds(chances, items)
    assert (chances[:1000] >= limits.doubt).mean() == pytest.approx(fusion.DOUBT, abs=0.002)
    assert (chances[:1000] >= limits.alarm).mean() == pytest.approx(fusion.ALARM, abs=0.002)
    assert (chances[1000:] <= limits.clear).mean() == pytest.approx(fusion.CLEAR, abs=0.002)
