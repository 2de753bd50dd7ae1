"""BMN: the paper's size, what the layers and labels give by hand, and what it says of odd films."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from toy_pictures import pink

from verilens.batch import ClipBatch
from verilens.bench.metrics import Spans, mean_temporal_ap
from verilens.errors import ConfigError
from verilens.media.cuts import Shot
from verilens.media.opened import Opened
from verilens.method import Loss
from verilens.records import Clip, Media, Segment, View
from verilens.verify.bmn.config import Config
from verilens.verify.bmn.encoder import FixedEncoder, FrameEncoder, ResidualEncoder
from verilens.verify.bmn.loss import Maps, forged_stretches, loss, targets
from verilens.verify.bmn.matching import BoundaryMatching, sampling_table, stretches
from verilens.verify.bmn.model import BMN, Head, contrasted, runs_of
from verilens.verify.bmn.proposals import Scored, candidates, disjoint, soft_nms
from verilens.verify.panel import Panel
from verilens.verify.segments import segments

SMALL = Config(
    features=8, steps=10, samples=4, subsamples=3, hidden=(4, 6, 4), groups=1, encoder=(4,)
)


def test_paper_size():
    with torch.device("meta"):
        assert sum(p.numel() for p in Head(Config()).parameters()) == 4_978_564


def readings(config: Config) -> np.ndarray:
    """Return the sampling table in full, (cells, samples, steps)."""
    table = sampling_table(config)
    dense = np.zeros((len(table.cells), config.samples * config.steps))
    owner = np.searchsorted(table.offsets, np.arange(len(table.places)), side="right") - 1
    dense[owner, table.places] = table.weights
    return dense.reshape(len(table.cells), config.samples, config.steps)


@pytest.mark.parametrize("config", [Config(margin=0.0), Config(margin=0.5), SMALL])
def test_sampling_a_ramp_gives_interpolated_values(config):
    table = sampling_table(config)
    ramp = 0.25 * np.arange(config.steps) - 3.0
    read = readings(config) @ ramp  # (cells, samples)
    reach = (table.ends - table.starts + 1) * config.margin
    for cell in np.random.default_rng(0).integers(0, len(read), 60):
        low, high = table.starts[cell] - reach[cell], table.ends[cell] + reach[cell]
        points = np.linspace(low, high, config.samples * config.subsamples)
        bins = points.reshape(config.samples, config.subsamples)
        inside = ((bins >= 0) & (bins <= config.steps - 1)).all(1)
        expected = 0.25 * bins.mean(1) - 3.0
        assert np.allclose(read[cell][inside], expected[inside], atol=1e-5)
    assert readings(config).sum(2).max() <= 1 + 1e-5


@pytest.mark.parametrize("columns", ["duration", "end"])
def test_matching_is_a_convolution_over_the_samples(columns):
    config = dataclasses.replace(SMALL, columns=columns)
    torch.manual_seed(0)
    layer = BoundaryMatching(config)
    x = torch.randn(2, 4, 10)
    samples = torch.einsum("bct,pnt->bcpn", x, torch.from_numpy(readings(config)).float())
    kernel = layer.weigh.weight.view(6, config.samples, 4)
    expected = torch.einsum("bcpn,onc->bop", samples, kernel) + layer.bias[:, None]
    maps = layer(x).flatten(2)
    assert torch.allclose(maps[..., layer.cells], expected, atol=1e-5)
    others = torch.ones(100, dtype=torch.bool)
    others[layer.cells] = False
    assert torch.equal(maps[..., others], layer.bias[:, None].expand(2, 6, int(others.sum())))


def test_a_true_stretch_is_one_in_its_cell():
    truth = targets([torch.tensor([[3.0, 7.0]]), torch.zeros(0, 2)], 10)
    assert truth.overlap[0, 3, 3] == 1  # four steps from step 3 on
    assert (truth.overlap[0] == 1).sum() == 1
    assert truth.overlap[0, 1, 4] == pytest.approx(0.5)  # steps 4 and 5 of 3 to 6
    assert truth.overlap[1].max() == 0 and truth.start[1].max() == 0
    assert truth.start[0].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert truth.end[0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 0]


def test_spans_of_moments_become_steps():
    spans = torch.tensor([[0, 0, 0.8, 1, 0], [1, 0, 0, 0, 1], [0, 0, 0.4, 0, 0.0]])
    same = forged_stretches(spans, 5)
    assert [s.tolist() for s in same] == [[[2, 4]], [[0, 1], [4, 5]], []]
    finer = forged_stretches(spans, 9)  # two steps a moment
    assert finer[0].tolist() == [[3.5, 7.5]]
    assert forged_stretches(torch.ones(1, 1), 9)[0].tolist() == [[0, 9]]


def test_perfect_maps_cost_next_to_nothing_and_shifted_ones_much():
    truth = targets([torch.tensor([[3.0, 7.0]])], 10)
    far = 20.0
    perfect = Maps(
        far * (2 * (truth.start > 0.5) - 1.0),
        far * (2 * (truth.end > 0.5) - 1.0),
        truth.overlap.clamp(1e-6, 1 - 1e-6).logit(),
        far * (2 * (truth.overlap > 0.9) - 1.0),
    )
    assert loss(perfect, truth, 10.0).total < 1e-3
    shifted = Maps(*(m.roll(3, -1) for m in perfect))
    assert loss(shifted, truth, 10.0).total > 5
    parts = loss(shifted, truth, 10.0)
    assert parts.total == pytest.approx(
        float(parts.parts["edges"] + 10 * parts.parts["regression"] + parts.parts["fitting"])
    )


def test_proposals_are_scored_start_end_fit():
    start, end = np.full(10, 0.01), np.full(10, 0.01)
    start[2], end[6] = 0.9, 0.8
    fit = np.full((10, 10), 0.1)
    fit[3, 2] = 0.7  # four steps from step 2 on
    found = candidates(start, end, fit, SMALL)
    assert found.spans[0].tolist() == [2, 6]
    assert found.scores[0] == pytest.approx((0.9 * 0.8 * 0.7) ** 0.25)
    assert (np.diff(found.scores) <= 0).all()


def test_the_two_layouts_of_the_map_hold_the_same_cells():
    for columns in ("duration", "end"):
        first, last, cells = stretches(5, columns)
        assert len(cells) == 15 and len(set(cells)) == 15
        assert (cells % 5 == first).all() and (last > first).all() and last.max() == 5


def test_soft_nms_lowers_what_overlaps():
    found = Scored(np.array([[0.0, 10], [1, 10], [12, 14]]), np.array([0.9, 0.8, 0.5]))
    kept = soft_nms(found, sigma=0.4, above=0.5, most=3)
    assert kept.spans.tolist() == [[0, 10], [12, 14], [1, 10]]
    assert kept.scores[2] == pytest.approx(0.8 * np.exp(-(0.9**2) / 0.4))
    assert len(soft_nms(found, 0.4, 0.5, 1).scores) == 1


def batch(**fields: torch.Tensor) -> ClipBatch:
    frames = torch.rand(2, 12, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return ClipBatch(frames=frames, labels=torch.tensor([0.0, 1.0]), **fields)


def test_spans_are_read_from_masks_and_missed_where_neither_is_given():
    torch.manual_seed(0)
    method = BMN(Config.tiny()).eval()
    spans = torch.zeros(2, 12)
    spans[1, 3:7] = 1
    masks = torch.zeros(2, 12, 1, 32, 32)
    masks[1, 3:7, :, 5:9] = 1
    one, other = (method.training_step(batch(**f)) for f in ({"spans": spans}, {"masks": masks}))
    assert one.total == other.total
    with pytest.raises(ConfigError, match="segments"):
        method.training_step(batch())


def test_it_trains_in_sixteen_bits():
    torch.manual_seed(0)
    method, films = BMN(Config.tiny()), torch.rand(2, 12, 3, 32, 32)
    spans = torch.zeros(2, 12)
    spans[:, 3:7] = 1.0
    with torch.autocast("cpu", torch.bfloat16):
        total = method.training_step(
            ClipBatch(frames=films, labels=torch.ones(2), spans=spans)
        ).total
    total.backward()
    assert torch.isfinite(total) and method.head.matching.weigh.weight.grad.abs().sum() > 0


def test_any_encoder_can_describe_the_moments():
    class Mean(FrameEncoder):
        features = 3

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            return self.scale * frames.mean((2, 3))

    method = BMN(Config.tiny(), encoder=Mean())
    total = method.training_step(batch(spans=torch.ones(2, 12))).total
    total.backward()
    assert torch.isfinite(total) and method.encoder.scale.grad is not None


def test_fixed_filters_give_what_can_be_counted_by_hand():
    encoder = FixedEncoder()
    grey = torch.full((1, 3, 64, 64), 0.5)
    flat = encoder(grey)
    assert flat.shape == (1, encoder.features)
    assert torch.allclose(flat[:, :56], torch.tensor(0.05).log())
    assert flat[:, 56:].abs().max() < 1e-6
    stripes = grey.clone()
    stripes[..., ::2] += 4 / 255
    seen = encoder(stripes)[0].view(-1, 4)
    along, down, second = seen[0], seen[1], seen[2]
    assert torch.allclose(along.exp(), torch.tensor(4.05), atol=1e-3)
    assert torch.allclose(down.exp(), torch.tensor(0.05), atol=1e-3)
    assert torch.allclose(second.exp(), torch.tensor(8.05), atol=1e-3)
    doubled = grey.clone()
    doubled[..., ::4] += 4 / 255
    doubled[..., 1::4] += 4 / 255  # of two equal columns one differs from its left neighbour
    parity = encoder(doubled)[0, 56]
    assert parity == pytest.approx(np.log(4.05 / 0.05), abs=1e-2)


def test_fixed_filters_describe_each_frame_alone():
    frames = torch.rand(3, 3, 96, 128)
    encoder = FixedEncoder()
    alone = torch.cat([encoder(frame[None]) for frame in frames])
    assert torch.allclose(encoder(frames), alone, atol=1e-5)
    brighter = encoder(0.5 * frames[:1]) - encoder(frames[:1])
    assert brighter[0, :4] == pytest.approx(np.full(4, np.log(0.5)), abs=0.01)


def test_contrast_is_with_the_film_itself():
    rng = np.random.default_rng(0)
    film = torch.from_numpy(rng.normal(0, 0.1, (1, 60, 5)).astype(np.float32))
    film[:, 20:40, 0] += 1  # a stretch of one feature
    seen = contrasted(film)
    assert seen.shape == (1, 60, 10) and seen.abs().max() <= 6
    assert torch.allclose(contrasted(film + 7), seen, atol=1e-4)
    inside = seen[0, 20:40].mean(0) - seen[0, :20].mean(0)
    assert inside[0] > 0.9 and inside[5] > 1.5 and inside[1:5].abs().max() < 0.1


def test_the_starter_compares_films_of_any_number_of_moments():
    method = BMN(Config.starter()).eval()
    for moments in (4, 64, 90):
        x = method.compared(torch.rand(2, moments, method.encoder.features))
        assert x.shape == (2, 2 * method.encoder.features, method.config.steps)


def test_against_the_median_a_cut_alone_makes_no_contrast():
    method = BMN(Config.starter()).eval()
    rng = np.random.default_rng(0)
    film = torch.from_numpy(rng.normal(0, 0.05, (1, 64, method.encoder.features)).astype("f4"))
    film[:, 30:] += 1  # another camera
    assert method.compared(film).abs().amax(1).mean() > 1
    apart = method.compared(film, runs=[30, 34])[:, : method.encoder.features]
    assert apart.abs().max() < 0.3
    one = method.compared(film, runs=[1, 63])  # nothing to compare it with
    assert one[:, :, 0].abs().max() == 0


def test_moments_are_counted_by_shot():
    told = (Shot(0.0, 0.95), Shot(1.5, 2.0), Shot(2.0, np.inf))
    assert runs_of(told, np.array([0.0, 0.5, 1.6, 2.1, 2.5, 3.0])) == [2, 1, 3]


def test_impossible_settings_are_refused():
    for wrong in (
        {"columns": "row"},
        {"described": "by hand"},
        {"against": "mode"},
        {"steps": 1},
        {"features": 10},
        {"view": View(size=32, frames=1)},
    ):
        with pytest.raises(ConfigError, match="bmn"):
            Config(**wrong)


def clip_of(times: np.ndarray, frames: np.ndarray) -> Clip:
    side = frames.shape[1]
    boxes = np.tile(np.array([[0, 0, side, side]], np.int32), (len(frames), 1))
    return Clip(frames=frames, times_s=times, boxes=boxes, size=(side, side), view=View(size=side))


def noise(count: int, side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture
def method() -> BMN:
    torch.manual_seed(0)
    return BMN(dataclasses.replace(Config.tiny(), level=0.0)).eval()


def test_a_third_of_a_second_names_no_segment(method):
    for count, fps, said in ((3, 25, "show something: 3"), (8, 25, "only 0.3 s long")):
        (found,) = method.inspect([clip_of(np.arange(count) / fps, noise(count))])
        assert not found.where.segments and found.logit == 0
        assert any(said in limit for limit in found.limits)


def test_one_frame_a_second_says_how_coarse_it_is(method):
    (found,) = method.inspect([clip_of(np.arange(10.0), noise(10))])
    assert any("1.0 s apart" in limit for limit in found.limits)
    assert found.where.segments and found.where.segments[-1].end_s <= 9.5
    assert len(found.where.timeline) == 10


def test_one_picture_throughout_says_so(method):
    still = np.repeat(noise(1), 12, 0)
    (found,) = method.inspect([clip_of(np.arange(12) / 4, still)])
    assert not found.where.segments and found.logit == 0
    assert any("one picture throughout" in limit for limit in found.limits)


def test_black_moments_are_left_out_and_said(method):
    frames = noise(12)
    frames[4:8] = 3
    (found,) = method.inspect([clip_of(np.arange(12) / 2, frames)])
    assert any("4 of 12 moments are blank" in limit for limit in found.limits)
    assert found.where.segments
    for segment in found.where.segments:
        assert segment.end_s <= 1.75 or segment.start_s >= 3.75
    (black,) = method.inspect([clip_of(np.arange(12) / 2, np.zeros_like(frames))])
    assert black.logit == 0 and not black.where.segments


def test_segments_end_at_scene_cuts(method):
    frames = noise(12) // 4 + 20
    frames[6:] += 140
    (found,) = method.inspect([clip_of(np.arange(12) / 2, frames)])
    assert found.where.segments
    for segment in found.where.segments:
        assert segment.end_s <= 2.75 or segment.start_s >= 2.75


def test_uneven_times_place_segments_where_they_were(method):
    """The same frames, the first half of them shown four times as long."""
    frames = noise(24)
    even, uneven = np.arange(24) / 4, np.r_[np.arange(12), 12 + np.arange(12) / 4]
    for times in (even, uneven):
        (found,) = method.inspect([clip_of(times, frames)])
        ends = [s.end_s for s in found.where.segments]
        assert ends and max(ends) <= times[-1] + np.median(np.diff(times)) / 2
    first, second = (method.propose(clip_of(t, frames))[0] for t in (even, even * 2))
    assert second.start_s == pytest.approx(2 * first.start_s)
    assert second.end_s == pytest.approx(2 * first.end_s)


def test_reported_segments_do_not_overlap():
    found = [
        Segment(start_s=a, end_s=b, score=s)
        for a, b, s in ((0, 2, 0.9), (1, 3, 0.8), (3, 4, 0.4), (2, 5, 0.6))
    ]
    kept = disjoint(found, 0.5)
    assert [(s.start_s, s.end_s) for s in kept] == [(0, 2), (2, 5)]


def test_a_panel_keeps_its_segments_inside_the_film_and_asks_for_no_denser_one(method):
    clip = clip_of(np.arange(12) / 4, noise(12))
    panel = Panel([method])
    assert panel.views(where=True) == (method.config.view,) and panel.dense_views() == ()
    media = Media(
        path="x.mp4",
        sha256="0" * 64,
        kind="video",
        format="mp4",
        size_bytes=1,
        width=32,
        height=32,
        duration_s=2.8,
    )
    opened = Opened(media=media, clips={method.config.view: clip})
    with ThreadPoolExecutor(1) as pool:
        (found,), unchecked = panel.inspect(opened, time.monotonic() + 60, pool)
        (located,) = panel.locate([found], opened, pool)
    own = method.inspect([clip])[0].where.segments
    assert unchecked == () and located == found and own
    assert found.where.segments == tuple(
        dataclasses.replace(s, end_s=min(s.end_s, 2.8)) for s in own if s.start_s < 2.8
    )


UNTRIMMED = Config(
    features=32,
    steps=50,
    samples=16,
    hidden=(48, 64, 32),
    encoder=(12, 24),
    view=View(size=24, frames=50),
)


def untrimmed(
    count: int, rng: np.random.Generator
) -> tuple[ClipBatch, list[list[tuple[int, int]]]]:
    """Return films of 50 moments and their forged stretches, one or two of 8 to 18 moments.

    Forged moments carry noise in a part of the frame, weak enough to be missed in single moments;
    some genuine moments flicker with as much.
    """
    side, moments = UNTRIMMED.view.size, UNTRIMMED.view.frames
    scene = pink(count, side, rng)[:, None] * 0.12
    frames = 0.5 + scene + torch.from_numpy(rng.normal(0, 0.03, (count, moments, 3, side, side)))
    spans, truth = torch.zeros(count, moments), []
    for film in range(count):
        stretches = placed(int(rng.integers(1, 3)), moments, rng)
        strength = np.where(rng.random(moments) < 0.04, 0.04, 0.0)
        for start, end in stretches:
            spans[film, start:end] = 1
            strength[start:end] = rng.uniform(0.015, 0.07, end - start)
        y, x = rng.integers(0, side - 12, 2)
        part = frames[film, :, :, y : y + 12, x : x + 12]
        part += torch.from_numpy(rng.normal(0, 1, part.shape) * strength[:, None, None, None])
        truth.append(stretches)
    return ClipBatch(frames=frames.float(), labels=torch.ones(count), spans=spans), truth


def placed(count: int, moments: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return stretches at random positions, at least three moments apart."""
    while True:
        lengths = rng.integers(8, 19, count)
        starts = np.sort(rng.integers(0, moments - lengths.max(), count))
        found = [(int(s), int(s + n)) for s, n in zip(starts, lengths, strict=True)]
        if all(b[0] - a[1] >= 3 for a, b in pairwise(found)):
            return found


class FrameScores(nn.Module):
    """The baseline: one score a moment, from the same encoder with and without the film's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResidualEncoder(UNTRIMMED.encoder)
        wide = 2 * self.encoder.features
        self.head = nn.Sequential(nn.Linear(wide, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, frames: Tensor) -> Tensor:
        x = self.encoder(frames.flatten(0, 1)).view(*frames.shape[:2], -1)
        return self.head(torch.cat([x, x - x.mean(1, keepdim=True)], 2)).squeeze(2)

    def training_step(self, batch: ClipBatch) -> Loss:
        return Loss(total=binary_cross_entropy_with_logits(self(batch.frames), batch.spans))


def fitted(method: BMN | FrameScores, batch: ClipBatch, epochs: int) -> None:
    """Train on batches of eight films with Adam at a falling rate."""
    optimiser = torch.optim.Adam(method.parameters(), lr=2e-3)
    order = torch.Generator().manual_seed(0)
    total = epochs * (len(batch) // 8)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=total)
    method.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(batch), generator=order).split(8):
            part = dataclasses.replace(
                batch,
                frames=batch.frames[chosen],
                labels=batch.labels[chosen],
                spans=batch.spans[chosen],
            )
            loss = method.training_step(part)
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
            schedule.step()
    method.eval()


def proposed(method: BMN, batch: ClipBatch) -> Spans:
    rows = []
    for film, frames in enumerate(batch.frames):
        pixels = (frames.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy()
        found = method.propose(clip_of(np.arange(len(frames)) + 0.5, pixels))
        rows += [(film, s.start_s, s.end_s, s.score) for s in found]
    return Spans.of(rows)


def grouped(scores: np.ndarray, threshold: float, width: int) -> Spans:
    """Return runs of moments above the threshold, after a mean over `width` moments."""
    rows = []
    for film, row in enumerate(scores):
        wide = np.pad(row, width // 2, mode="edge")
        smooth = np.convolve(wide, np.full(width, 1 / width), "valid")
        timeline = [(n + 0.5, float(s)) for n, s in enumerate(smooth)]
        found = segments(timeline, float(len(row)), threshold)
        rows += [(film, s.start_s, s.end_s, s.score) for s in found]
    return Spans.of(rows)


@pytest.mark.slow
def test_finds_stretches_that_thresholded_frame_scores_break_up():
    """Forged stretches of untrimmed films: mean AP >= 0.60, and 0.15 above grouped frame scores.

    The baseline's threshold is the best of nine on the films it was trained on. Averaged over the
    best of three and five moments its scores come near, so they too must be beaten. Measured:
    0.742, frame scores 0.179, averaged ones 0.626.
    """
    rng = np.random.default_rng(0)
    (train, known), (test, true) = untrimmed(160, rng), untrimmed(60, rng)
    truths = [
        Spans.of([(film, a, b) for film, spans in enumerate(t) for a, b in spans])
        for t in (known, true)
    ]
    torch.manual_seed(0)
    method, baseline = BMN(UNTRIMMED), FrameScores()
    fitted(method, train, epochs=10)
    fitted(baseline, train, epochs=10)
    ours = mean_temporal_ap(proposed(method, test), truths[1])
    with torch.inference_mode():
        scores = [baseline(b.frames).sigmoid().numpy() for b in (train, test)]
    levels = np.linspace(0.1, 0.9, 9)
    figures = []
    for widths in ((1,), (3, 5)):
        tried = product(levels, widths)
        best = max(tried, key=lambda how: mean_temporal_ap(grouped(scores[0], *how), truths[0]))
        figures.append(mean_temporal_ap(grouped(scores[1], *best), truths[1]))
    plain, smoothed = figures
    assert ours >= 0.60, (ours, figures)
    assert ours >= plain + 0.15, (ours, figures)
    assert ours > smoothed, (ours, figures)
