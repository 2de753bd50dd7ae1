"""BMN: the paper's size, what the layers and labels give by hand, and what it says of odd films."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.records import Clip, View
from verilens.verify.bmn.config import Config
from verilens.verify.bmn.encoder import FrameEncoder
from verilens.verify.bmn.loss import Maps, forged_stretches, loss, targets
from verilens.verify.bmn.matching import BoundaryMatching, sampling_table, stretches
from verilens.verify.bmn.model import BMN, Head
from verilens.verify.bmn.proposals import Scored, candidates, disjoint, soft_nms

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


def test_impossible_settings_are_refused():
    for wrong in (
        {"columns": "row"},
        {"steps": 1},
        {"features": 10},
        {"view": View(size=32, frames=1)},
    ):
        with pytest.raises(ConfigError, match="bmn"):
            Config(**wrong)


def film(times: np.ndarray, frames: np.ndarray) -> Clip:
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
    for count, fps, said in ((3, 25, "only 3 moments"), (8, 25, "only 0.3 s long")):
        (found,) = method.inspect([film(np.arange(count) / fps, noise(count))])
        assert not found.where.segments and found.logit == 0
        assert any(said in limit for limit in found.limits)


def test_one_frame_a_second_says_how_coarse_it_is(method):
    (found,) = method.inspect([film(np.arange(10.0), noise(10))])
    assert any("1.0 s apart" in limit for limit in found.limits)
    assert found.where.segments and found.where.segments[-1].end_s <= 9.5
    assert len(found.where.timeline) == 10


def test_one_picture_throughout_says_so(method):
    still = np.repeat(noise(1), 12, 0)
    (found,) = method.inspect([film(np.arange(12) / 4, still)])
    assert not found.where.segments and found.logit == 0
    assert any("one picture throughout" in limit for limit in found.limits)


def test_black_moments_are_left_out_and_said(method):
    frames = noise(12)
    frames[4:8] = 3
    (found,) = method.inspect([film(np.arange(12) / 2, frames)])
    assert any("4 of 12 moments are blank" in limit for limit in found.limits)
    assert found.where.segments
    for segment in found.where.segments:
        assert segment.end_s <= 1.75 or segment.start_s >= 3.75
    (black,) = method.inspect([film(np.arange(12) / 2, np.zeros_like(frames))])
    assert black.logit == 0 and not black.where.segments


def test_segments_end_at_scene_cuts(method):
    frames = noise(12) // 4 + 20
    frames[6:] += 140
    (found,) = method.inspect([film(np.arange(12) / 2, frames)])
    assert found.where.segments
    for segment in found.where.segments:
        assert segment.end_s <= 2.75 or segment.start_s >= 2.75


def test_uneven_times_place_segments_where_they_were(method):
    """The same frames, the first half of them shown four times as long."""
    frames = noise(24)
    even, uneven = np.arange(24) / 4, np.r_[np.arange(12), 12 + np.arange(12) / 4]
    for times in (even, uneven):
        (found,) = method.inspect([film(times, frames)])
        ends = [s.end_s for s in found.where.segments]
        assert ends and max(ends) <= times[-1] + np.median(np.diff(times)) / 2
    first, second = (method.propose(film(t, frames))[0] for t in (even, even * 2))
    assert second.start_s == pytest.approx(2 * first.start_s)
    assert second.end_s == pytest.approx(2 * first.end_s)


def test_reported_segments_do_not_overlap():
    from verilens.records import Segment

    found = [
        Segment(start_s=a, end_s=b, score=s)
        for a, b, s in ((0, 2, 0.9), (1, 3, 0.8), (3, 4, 0.4), (2, 5, 0.6))
    ]
    kept = disjoint(found, 0.5)
    assert [(s.start_s, s.end_s) for s in kept] == [(0, 2), (2, 5)]
