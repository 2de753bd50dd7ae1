"""F3-Net: bands that sum up to the picture, statistics that tell the bands, the exchange."""

import dataclasses

import pytest
import torch
from torch import Tensor

from verilens import published
from verilens.errors import ConfigError, MissingWeights
from verilens.verify.f3net.config import Config
from verilens.verify.f3net.frequency import Decomposition, LocalStatistics, bands, dct_matrix
from verilens.verify.f3net.model import F3Net, MixBlock


def unlearned(layer: torch.nn.Module) -> torch.nn.Module:
    """Return the layer with masks as they are before learning."""
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
    return layer


def parts(x: Tensor) -> Tensor:
    """Return the crop's low, middle, high and full band, (4, N, 3, S, S)."""
    with torch.inference_mode():
        return unlearned(Decomposition(x.shape[-1]))(x).unflatten(1, (4, 3)).transpose(0, 1)


def test_the_transform_is_orthonormal_and_knows_its_first_rows():
    matrix = dct_matrix(8)
    assert torch.allclose(matrix @ matrix.T, torch.eye(8), atol=1e-6)
    assert torch.allclose(matrix[0], torch.full((8,), 8**-0.5))
    assert torch.allclose(matrix[1, 0], torch.tensor(0.5).sqrt() * 0.9807852804 / 2**0.5)


def test_bands_cover_the_spectrum_once_but_for_the_diagonals_they_share():
    low, middle, high, full = bands(256)
    total = torch.arange(256)[:, None] + torch.arange(256)[None]
    covered = low + middle + high
    shared = (total == 90) | (total == 128)
    assert (covered[shared] == 2).all() and (covered[~shared] == 1).all()
    assert (full == 1).all()
    assert low.mean() == pytest.approx(1 / 16, abs=0.002)
    assert (low + middle).clamp(max=1).mean() == pytest.approx(1 / 8, abs=0.004)


def test_bands_sum_up_to_the_picture():
    x = torch.rand(2, 3, 64, 64)
    low, middle, high, full = parts(x)
    assert torch.allclose(full, x, atol=1e-5)
    dct, total = dct_matrix(64), torch.arange(64)[:, None] + torch.arange(64)[None]
    twice = ((total == 64 // 2.82) | (total == 32)).float()
    shared = dct.T @ ((dct @ x @ dct.T) * twice) @ dct
    assert torch.allclose(low + middle + high - shared, x, atol=1e-5)


@pytest.mark.parametrize(("row", "column", "owner"), [(3, 2, 0), (20, 8, 1), (50, 40, 2)])
def test_a_wave_lies_in_its_band(row, column, owner):
    dct = dct_matrix(64)
    wave = torch.outer(dct[row], dct[column]).expand(1, 3, 64, 64)
    energies = parts(wave).square().sum((1, 2, 3, 4))
    for n in range(3):
        assert energies[n] == pytest.approx(3.0 if n == owner else 0.0, abs=1e-5)


def test_statistics_of_a_window_are_those_of_its_spectrum():
    x = torch.rand(1, 3, 30, 30)
    statistics = unlearned(LocalStatistics(10, 2, 6))
    with torch.inference_mode():
        found = statistics(x)
    assert found.shape == (1, 6, 15, 15)
    grey = 255 * (0.299 * x[0, 0] + 0.587 * x[0, 1] + 0.114 * x[0, 2])
    dct = dct_matrix(10)
    amounts = (dct @ grey[2:12, 4:14] @ dct.T).abs()  # the window at (3, 4): 2 x 3 - 4 = 2
    total = torch.arange(10)[:, None] + torch.arange(10)[None]
    for n in range(6):
        inside = (total >= 20 / 6 * n) & (total <= 20 / 6 * (n + 1))
        expected = amounts[inside].sum().log10()
        assert found[0, n, 3, 4] == pytest.approx(float(expected), abs=1e-3)


def test_streams_meet_only_through_open_gates():
    torch.manual_seed(0)
    block = MixBlock(4).eval()
    first, second, other = (torch.rand(1, 4, 6, 6) for _ in range(3))
    for join in block.joins:
        torch.nn.init.zeros_(join[0].bias)
    assert torch.allclose(block(first, second)[0], first)
    torch.nn.init.ones_(block.gates)
    assert not torch.allclose(block(first, second)[0], block(first, other)[0])


@pytest.mark.parametrize("streams", ["fad", "lfs", "both", "mix"])
def test_every_choice_of_streams_trains(streams):
    torch.manual_seed(0)
    method = F3Net(dataclasses.replace(Config.tiny(), streams=streams)).train()
    method(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(p.grad is not None for p in method.parameters())


def test_sizes():
    with torch.device("meta"):
        bands_alone = F3Net(Config(streams="fad"))
        assert sum(p.numel() for p in bands_alone.parameters()) == 21_075_786
        whole = F3Net()
        assert [tuple(x.shape[1:]) for x in whole._maps(torch.rand(1, 3, 256, 256))] == [
            (2048, 8, 8),
            (2048, 8, 8),
        ]


def test_crops_of_another_size_are_refused():
    with pytest.raises(ConfigError, match=r"64 x 64 pixels, not 32 x 32"):
        F3Net(Config.tiny())(torch.rand(1, 3, 32, 32))
    with pytest.raises(ConfigError, match="middle"):
        Config(middle=2)


def released(size: int) -> dict[str, Tensor]:
    """Return DeepfakeBench's names and numbers for crops of `size`."""
    torch.manual_seed(0)
    config = Config(streams="fad", view=dataclasses.replace(Config().view, size=size))
    found = {}
    for name, tensor in F3Net(config).state_dict().items():
        name = name.replace("head.", "backbone.last_linear.1.").replace("bands_trunk", "backbone")
        if name.startswith("bands.learned"):
            name = f"FAD_head.filters.{name[-1]}.learnable"
        found[name] = tensor
    found |= {f"FAD_head.filters.{n}.base": mask for n, mask in enumerate(bands(size))}
    return found | {
        "FAD_head._DCT_all": dct_matrix(size),
        "FAD_head._DCT_all_T": dct_matrix(size).T,
    }


def test_released_checkpoints_convert_and_foreign_masks_are_refused(tmp_path):
    state = released(128)
    torch.save(state, tmp_path / "f3net_best.pth")
    conversion = published.convert("f3net", tmp_path / "f3net_best.pth")
    assert conversion.config == {"streams": "fad", "view": {"size": 128}}
    learned = state["FAD_head.filters.2.learnable"]
    assert torch.equal(conversion.tensors["bands.learned.2"], learned)
    assert any("found equal" in note for note in conversion.notes)
    state["FAD_head.filters.1.base"] = 1 - state["FAD_head.filters.1.base"]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(MissingWeights, match=r"filters\.1\.base"):
        published.convert("f3net", tmp_path / "other.pth")
