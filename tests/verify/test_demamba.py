"""DeMamba: zones and snake by hand, the published sizes, and that it sees order in time."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens import catalog
from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.records import View
from verilens.train.resolve import names, resolve
from verilens.verify.demamba.config import Config, Scan, Trunk
from verilens.verify.demamba.encoders import Tokens
from verilens.verify.demamba.mamba import BidirectionalMamba, Block
from verilens.verify.demamba.model import DeMamba, DeMambaHead
from verilens.verify.demamba.zones import cut, joined, places, snake
from verilens.verify.detector import stretches, tensor

PIXELS = View(size=32, frames=4, fit="resize")
SMALL = Trunk(width=32, depth=2, heads=2)


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_the_snake_turns_at_the_end_of_each_column():
    assert snake(1) == [0]
    assert snake(2) == [0, 2, 3, 1]
    assert snake(3) == [0, 3, 6, 7, 4, 1, 2, 5, 8]


@pytest.mark.parametrize("order", ["frame", "cell"])
def test_zones_hold_the_same_cells_of_every_frame(order):
    ids = torch.arange(8 * 196.0).view(1, 8, 196, 1)
    table = places(8, (14, 14), 2, order=order)
    first = cut(ids, table)[0, 0, :, 0]
    expected = torch.tensor([[0, 14, 15, 1]]) + 196 * torch.arange(8)[:, None]
    assert torch.equal(first, (expected if order == "frame" else expected.T).flatten().float())
    assert cut(ids, table).shape == (1, 49, 32, 1)


@pytest.mark.parametrize("layout", ["paper", "release"])
@pytest.mark.parametrize("order", ["frame", "cell"])
@pytest.mark.parametrize(("grid", "side"), [((14, 14), 1), ((14, 14), 2), ((6, 9), 3)])
def test_tokens_come_back_where_they_were(layout, order, grid, side):
    tokens = torch.randn(2, 4, grid[0] * grid[1], 3)
    table = places(4, grid, side, layout, order)
    assert torch.equal(joined(cut(tokens, table), table, 4), tokens)


def test_the_release_mixes_time_and_place():
    # With zones of one cell, its zone 0 is the first eight cells of frame 0, not cell 0 over time.
    assert places(8, (14, 14), 1, "release")[0].tolist() == list(range(8))
    assert places(8, (14, 14), 1, "paper")[0].tolist() == list(range(0, 8 * 196, 196))


def test_published_sizes():
    with torch.device("meta"):
        assert count(Block(768, Scan())) == count(Block(768, Scan(layout="release"))) == 4_003_584
        head = DeMambaHead(768, (14, 14))
        assert count(head) - count(head.block) == 453_889
        assert head.classify.in_features == 197 * 768
        assert head.zone_norm.normalized_shape == (196 * 768,)


def test_published_size_with_x_clip():
    pytest.importorskip("transformers")
    with torch.device("meta"):
        method = DeMamba()
    assert count(method.encoder) == 121_253_376
    assert count(method) == pytest.approx(125.7e6, rel=0.005)


def test_the_starter_network_is_light():
    with torch.device("meta"):
        method = DeMamba(Config.starter())
    assert count(method) == 1_272_465
    assert count(method.head) == 110_881
    assert {p for group in method.parameter_groups() for p in group["params"]} == {
        *method.head.parameters()
    }


def test_sequences_are_read_both_ways_in_time():
    block = BidirectionalMamba(8, Scan(state=4)).eval()
    block.back.load_state_dict(block.there.state_dict())
    x = torch.randn(2, 9, 8)
    with torch.no_grad():
        assert torch.allclose(block(x.flip(1)).flip(1), block(x), atol=1e-6)
        changed = x.clone()
        changed[:, 4] += 1
        moved = (block(changed) - block(x)).abs().amax((0, 2))
    assert (moved > 0).all()  # earlier and later steps alike


def test_the_release_looks_at_earlier_steps_alone():
    block = BidirectionalMamba(8, Scan(state=4, layout="release")).eval()
    x = torch.randn(2, 9, 8)
    changed = x.clone()
    changed[:, 4] += 1
    with torch.no_grad():
        moved = (block(changed) - block(x)).abs().amax((0, 2))
    assert (moved[:4] == 0).all() and (moved[4:] > 0).all()


def test_zones_do_not_see_each_other_before_the_head():
    head = DeMambaHead(8, (4, 4), zone=2, norm=False, scan=Scan(state=4)).eval()
    seen = []
    head.classify.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    cells = torch.randn(1, 3, 16, 8)
    changed = cells.clone()
    changed[:, 1, 5] += 1  # second row, second column: zone 0
    with torch.no_grad():
        head(cells, cells.new_zeros(1, 8))
        head(changed, cells.new_zeros(1, 8))
    moved = (seen[0] - seen[1]).abs().view(5, 8).amax(1)  # the summary, then four zones
    assert moved[1] > 0 and (moved[[0, 2, 3, 4]] == 0).all()


@pytest.mark.parametrize("name", ["xclip", "clip", "videomae"])
@pytest.mark.parametrize("layout", ["paper", "release"])
def test_every_encoder_trains_down_to_its_first_layer(name, layout):
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = Config(encoder=name, zone=2, view=PIXELS, trunk=SMALL, scan=Scan(layout=layout))
    method = DeMamba(config)
    batch = ClipBatch(frames=torch.rand(2, 4, 3, 32, 32), labels=torch.tensor([0.0, 1.0]))
    method.training_step(batch).total.backward()
    weights = dict(method.named_parameters())
    missing = {n for n, w in weights.items() if w.requires_grad and w.grad is None}
    assert not missing
    unused = {n for n, w in weights.items() if not w.requires_grad and n.startswith("head")}
    convolution = {f"head.block.mamba.back.convolution.{n}" for n in ("weight", "bias")}
    assert unused == (convolution if layout == "release" else set())


def test_clip_tokens_are_projected():
    pytest.importorskip("transformers")
    config = Config(
        encoder="clip", zone=2, norm=False, view=PIXELS,
        trunk=Trunk(width=32, depth=1, heads=2, project=24),
    )  # fmt: skip
    method = DeMamba(config).eval()
    tokens = method.encoder(torch.rand(2, 4, 3, 32, 32))
    assert tokens.cells.shape == (2, 4, 4, 24) and tokens.summary.shape == (2, 24)
    assert method(torch.rand(2, 4, 3, 32, 32)).shape == (2,)


def test_a_frozen_encoder_leaves_the_head_to_train():
    method = DeMamba(Config(encoder="small", view=PIXELS, trunk=Trunk(width=16, frozen=True)))
    trained = {n.split(".")[0] for n, w in method.named_parameters() if w.requires_grad}
    assert trained == {"head"}


def test_pretrained_weights_come_from_a_local_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    first = DeMamba(Config(encoder="videomae", view=PIXELS, trunk=SMALL))
    assert isinstance(first.encoder.model, transformers.VideoMAEModel)
    first.encoder.model.save_pretrained(tmp_path)
    trunk = Trunk(width=32, depth=2, heads=2, pretrained=str(tmp_path))
    second = DeMamba(Config(encoder="videomae", view=PIXELS, trunk=trunk))
    theirs = second.encoder.state_dict()
    assert all(torch.equal(w, theirs[n]) for n, w in first.encoder.state_dict().items())


def test_any_module_that_makes_tokens_is_an_encoder():
    class Means(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.widen = nn.Linear(3, 8)

        def forward(self, frames: Tensor) -> Tensor:
            patches = frames.unfold(3, 16, 16).unfold(4, 16, 16).mean((-1, -2))
            return self.widen(patches.flatten(3).transpose(2, 3))

    config = Config(encoder="small", zone=2, view=PIXELS, trunk=Trunk(width=8))
    assert DeMamba(config, Means())(torch.rand(2, 4, 3, 32, 32)).shape == (2,)


def test_recipes_are_the_published_variants():
    found = {name: resolve("demamba", name) for name in names("demamba")}
    assert len(found) == 6
    settings = {n: catalog.settings("demamba", recipe.config) for n, recipe in found.items()}
    assert settings.pop("many_to_many_clip") == Config.clip()
    assert set(settings.values()) == {Config()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zone": 3}, "divide"),
        ({"view": View(size=100, fit="resize")}, "multiple"),
        ({"view": View(size=224, crops=2)}, "crops"),
        ({"encoder": "videomae", "view": View(size=224, frames=7)}, "even"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Config(**changes)


def test_tokens_that_fill_no_grid_are_refused():
    with pytest.raises(ConfigError, match="tokens a frame"):
        DeMambaHead(8, (4, 4))(torch.rand(1, 2, 9, 8))


# A film is a 2 x 2 grid of cells, each an autoregressive process of 8 channels over 8 frames. A
# fake has the frames of one cell in another order, so that no frame alone and no mean differs.


def films(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return tokens, (batch, 8, 4, 8), and labels; every second film is fake."""
    noise = torch.randn(8, batch, 4, 8, generator=generator)
    steps = [noise[0]]
    for fresh in noise[1:]:
        steps.append(0.95 * steps[-1] + (1 - 0.95**2) ** 0.5 * fresh)
    cells = torch.stack(steps, 1)
    cells = cells + 0.1 * torch.randn(cells.shape, generator=generator)
    for film in range(1, batch, 2):
        cell = int(torch.randint(4, (), generator=generator))
        cells[film, :, cell] = cells[film, torch.randperm(8, generator=generator), cell]
    return cells, torch.arange(batch).remainder(2).float()


class Ordered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(8, 32)
        self.head = DeMambaHead(32, (2, 2), zone=2)

    def forward(self, cells: Tensor) -> Tensor:
        return self.head(self.widen(cells))


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, cells: Tensor) -> Tensor:
        return self.layers(cells.mean((1, 2))).squeeze(1)


def learned(network: nn.Module, steps: int = 600, batch: int = 64) -> float:
    """Return the accuracy on fresh films after training on a stream of them."""
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(steps):
        cells, labels = films(batch, generator)
        loss = binary_cross_entropy_with_logits(network(cells), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    cells, labels = films(2000, torch.Generator().manual_seed(1))
    with torch.no_grad():
        called = torch.cat([network(part) for part in cells.split(250)]) > 0
    return float((called == labels.bool()).float().mean())


@pytest.mark.slow
def test_the_order_of_frames_is_seen():
    """With order = "frame", the same training stays at chance (0.47 after 600 steps)."""
    torch.manual_seed(0)
    found = learned(Ordered())
    assert found >= 0.70, found


@pytest.mark.slow
def test_the_order_of_frames_is_invisible_to_means():
    torch.manual_seed(0)
    found = learned(Pooled())
    assert found <= 0.55, found


def test_a_summary_of_the_encoder_replaces_the_mean_token():
    head = DeMambaHead(8, (2, 2), zone=2, scan=Scan(state=4)).eval()
    cells = torch.randn(2, 4, 4, 8)
    tokens = Tokens(cells, cells.mean((1, 2)))
    with torch.no_grad():
        assert torch.equal(head(*tokens), head(cells))
        assert not torch.equal(head(cells, torch.randn(2, 8)), head(cells))


@pytest.mark.parametrize("name", ["small", "xclip"])
def test_a_frame_of_many_stretches_is_looked_at_once_where_it_is_seen_alone(name, monkeypatch):
    torch.manual_seed(0)
    tiny = Config.tiny()
    method = DeMamba(dataclasses.replace(tiny, encoder=name)).eval()
    length = method.config.view.frames
    frames = np.random.default_rng(0).integers(0, 256, (3 * length, 64, 64, 3)).astype(np.uint8)
    total, count = np.zeros(len(frames)), np.zeros(len(frames))
    with torch.no_grad():
        for places in stretches(len(frames), length):
            total[places] += float(method(tensor(frames[places])[None]))
            count[places] += 1
    looked: list[int] = []
    method.encoder.register_forward_hook(
        lambda _, given, __: looked.append(given[0][..., 0, 0, 0].numel())
    )
    assert np.allclose(method.crop_logits(frames), total / count, atol=1e-4)
    assert sum(looked) == (len(frames) if method.looks_alone else count.sum())
    assert method.looks_alone == (name == "small")
