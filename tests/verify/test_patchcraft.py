"""PatchCraft: diversity and kernels by hand, reconstruction at any size, and what it learns."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad
from toy_pictures import accuracy, exposed, pink, train

from verilens.errors import ConfigError
from verilens.verify.patchcraft.config import Config
from verilens.verify.patchcraft.kernels import srm_kernels
from verilens.verify.patchcraft.model import PatchCraft
from verilens.verify.patchcraft.reconstruct import diversity, luma, reconstruct, smash


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def tiles(picture: Tensor, size: int) -> Tensor:
    """Return the tiles of (1, 3, H, W), row by row, (tiles, 3, size, size)."""
    x = picture[0].unfold(1, size, size).unfold(2, size, size)
    return x.permute(1, 2, 0, 3, 4).reshape(-1, 3, size, size)


def test_diversity_by_hand():
    assert diversity(torch.tensor([[0.0, 1.0], [2.0, 3.0]])) == 10
    assert diversity(torch.arange(32.0).expand(32, 32)) == 992 + 0 + 961 + 961
    assert diversity(torch.full((32, 32), 5.0)) == 0


def test_thirty_distinct_kernels_sum_to_zero():
    kernels = srm_kernels()
    assert kernels.shape == (30, 5, 5)
    assert len({tuple(k.flatten().tolist()) for k in kernels}) == 30
    assert kernels.sum((1, 2)).abs().max() == 0
    assert (kernels[-2, 2, 2], kernels[-1, 2, 2]) == (-4, -12)


def test_rotating_a_picture_permutes_the_first_order_maps():
    kernels = srm_kernels()[:8, None]
    x = torch.rand(1, 1, 16, 16)
    maps = conv2d(x, kernels)[0]
    turned = torch.rot90(conv2d(torch.rot90(x, 1, (2, 3)), kernels)[0], -1, (1, 2))
    matches = [int((maps - m).abs().amax((1, 2)).argmin()) for m in turned]
    assert sorted(matches) == list(range(8)) and matches != list(range(8))
    assert torch.allclose(maps[matches], turned, atol=1e-6)


@pytest.mark.parametrize("maps", ["luma", "rgb", "summed"])
def test_constant_pictures_give_zero_maps(maps):
    method = PatchCraft(Config(maps=maps))
    assert method.highpass(torch.full((1, 3, 40, 40), 0.6)).abs().max() < 1e-3


@pytest.mark.parametrize("size", [(300, 500), (1024, 768), (33, 32)])
def test_reconstruction_takes_any_size(size):
    patches = smash(torch.rand(1, 3, *size), 192, 32, seeded())
    pair = reconstruct(patches, 8)
    assert pair.rich.shape == pair.poor.shape == (1, 3, 256, 256)
    drawn = {p.numpy().tobytes() for p in patches[0]}
    for picture in pair:
        assert all(t.numpy().tobytes() in drawn for t in tiles(picture, 32))


def test_no_crop_is_used_more_often_than_it_was_drawn():
    patches = smash(torch.rand(1, 3, 300, 500), 192, 32, seeded())
    used = torch.cat([tiles(picture, 32) for picture in reconstruct(patches, 8)])
    keys = [t.numpy().tobytes() for t in used]
    drawn = [p.numpy().tobytes() for p in patches[0]]
    assert len(keys) == 128
    assert all(keys.count(key) <= drawn.count(key) for key in set(keys))


def test_tiles_are_sorted_from_their_extreme():
    ramp = torch.linspace(0, 1, 500)  # noise grows from left to right
    patches = smash(torch.rand(1, 3, 300, 500) * ramp, 192, 32, seeded())
    rich, poor = (diversity(luma(tiles(p, 32))) for p in reconstruct(patches, 8))
    assert rich.mean() > poor.mean()
    assert (rich.diff() <= 0).all() and (poor.diff() >= 0).all()
    every = diversity(luma(patches[0]))
    assert rich[0] == every.max() and poor[0] == every.min()


@pytest.mark.parametrize("size", [(1, 1), (20, 200), (32, 32)])
def test_pictures_smaller_than_a_patch_are_mirrored(size):
    torch.manual_seed(0)
    with torch.inference_mode():
        assert torch.isfinite(PatchCraft(Config.tiny()).eval()(torch.rand(1, 3, *size))).all()


def test_ten_convolutions_read_the_fingerprint():
    layers = [m for m in PatchCraft().classifier if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in layers] == [(32, 32)] * 10
    summed = PatchCraft(Config(maps="summed"))
    assert sum(p.numel() for p in summed.parameters()) == 93_537


def test_equal_pictures_have_no_fingerprint():
    torch.manual_seed(0)
    method = PatchCraft().eval()
    x = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        assert method.fingerprint((x, x)).abs().max() == 0


@pytest.mark.parametrize("maps", ["luma", "rgb", "summed"])
def test_one_convolution_replaces_the_kernels_and_the_first(maps):
    torch.manual_seed(0)
    method = PatchCraft(dataclasses.replace(Config.tiny(), maps=maps))
    for norm in (m for m in method.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = None  # the statistics of one batch, so that no layer mutes its input
    method(torch.rand(6, 3, 64, 64) ** 3)
    x = torch.rand(1, 3, 80, 64) ** 2
    with torch.inference_mode():
        before, other = method.eval()(x), method(x**3)
        after = method.optimised()(x)
    assert (before - other).abs() > 1e-2
    assert (before - after).abs() < 1e-5


def test_patches_are_fixed_outside_training_only():
    x = torch.rand(1, 3, 200, 200)
    method = PatchCraft(Config.tiny()).eval()
    assert torch.equal(method.reconstructed(x).rich, method.reconstructed(x).rich)
    method.train()
    assert not torch.equal(method.reconstructed(x).rich, method.reconstructed(x).rich)


def test_impossible_settings_are_refused():
    for wrong in ({"patches": 10}, {"maps": "grey"}, {"kernel": 4}):
        with pytest.raises(ConfigError):
            Config(**wrong)


class Resized(PatchCraft):
    """The same network on the plain picture, scaled to the size of a reconstruction."""

    def forward(self, frames: Tensor) -> Tensor:
        size = self.config.side * self.config.patch
        pictures = interpolate(frames, (size, size), mode="bilinear", antialias=True)
        maps = self.highpass(pad(pictures, (3, 3, 3, 3), mode="reflect"))
        return self.classifier(self.block(maps)).squeeze(1)


def scenes(count: int, fake: bool, rng: np.random.Generator, side: int = 384) -> Tensor:
    """Return pictures of flat and textured cells; in fakes the texture is up-sampled."""
    texture = pink(count, side, rng)
    if fake:
        half = interpolate(texture, scale_factor=0.5, mode="bicubic", antialias=True)
        texture = interpolate(half, scale_factor=2, mode="bicubic")
    cells = torch.from_numpy(rng.random((count, 1, 4, 4)) < 0.5).float()
    shade = torch.from_numpy(rng.normal(0, 1, (count, 3, 4, 4)).astype(np.float32))
    mask, flat = (interpolate(x, size=(side, side), mode="nearest") for x in (cells, shade))
    return exposed(flat + mask * texture, rng, contrast=0.15)


def trained(method: PatchCraft, count: int, epochs: int, side: int = 384) -> float:
    """Return the accuracy on new scenes after a short training."""
    rng = np.random.default_rng(0)
    pictures = torch.cat([scenes(count, fake, rng, side) for fake in (False, True)])
    labels = torch.cat([torch.zeros(count), torch.ones(count)])
    train(method, pictures, labels, epochs, batch=16, lr=2e-3)
    return accuracy(method, scenes(count, False, rng, side), scenes(count, True, rng, side))


SMALL = Config(patches=48, side=3, patch=32, width=16, stages=(2, 1, 1))


def test_learns_from_a_few_scenes():
    torch.manual_seed(0)
    method = PatchCraft(Config(patches=32, side=2, patch=32, width=8, stages=(1, 1)))
    assert trained(method, count=48, epochs=8, side=160) >= 0.85


@pytest.mark.slow
def test_learns_texture_that_the_plain_picture_hides():
    torch.manual_seed(0)
    found = trained(PatchCraft(SMALL), count=300, epochs=5)
    plain = trained(Resized(SMALL), count=300, epochs=5)
    assert found >= 0.9 and found >= plain + 0.1, (found, plain)
