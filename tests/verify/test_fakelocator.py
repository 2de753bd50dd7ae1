"""FakeLocator: truth, attention and clusters by hand, and edits found in toy faces."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv_transpose2d, interpolate
from toy_pictures import pink

from verilens.batch import ClipBatch
from verilens.bench.metrics import cosine_similarity, psnr, ssim
from verilens.errors import ConfigError
from verilens.records import Clip, View
from verilens.verify.fakelocator.cluster import cluster_accuracy, clusters, named
from verilens.verify.fakelocator.config import Config
from verilens.verify.fakelocator.model import FakeLocator, ellipse, guided
from verilens.verify.fakelocator.partial import DISTORTIONS, distorted
from verilens.verify.fakelocator.truth import fakeness, of_pairs

FACES, EPOCHS = 400, 16  # of the toy


def tiny(**changes: object) -> FakeLocator:
    torch.manual_seed(0)
    return FakeLocator(replace(Config.tiny(), **changes))


def test_full_size():
    with torch.device("meta"):
        method = FakeLocator()
    assert sum(p.numel() for p in method.encoder.parameters()) == 25_557_032 - 2049 * 1000
    assert sum(p.numel() for p in method.parameters()) == 23_945_794


def test_truth_is_the_difference_of_a_pair():
    genuine = torch.full((2, 3, 32, 32), 100 / 255)
    fake = genuine.clone()
    fake[1, :, 5:15, 8:18] += 51 / 255
    assert fakeness(genuine, genuine).abs().max() == 0
    grey = fakeness(genuine, fake)
    assert grey.shape == (2, 1, 32, 32) and grey[0].abs().max() == 0
    assert torch.allclose(grey[1, 0, 5:15, 8:18], torch.tensor(0.2), atol=1e-6)
    assert grey[1].sum() == pytest.approx(20, rel=1e-5)  # and nothing elsewhere
    stretched = fakeness(genuine, fake, "max")
    assert stretched[0].abs().max() == 0 and stretched[1].max() == pytest.approx(1)
    one_colour = genuine.clone()
    one_colour[:, 0] += 0.3
    assert torch.allclose(fakeness(genuine, one_colour), torch.tensor(0.1), atol=1e-6)


def test_maps_are_judged_by_shape_error_and_structure():
    first, second = np.zeros((2, 32, 32))
    first[:10, :10], second[20:30, 20:30] = 1, 1
    assert cosine_similarity(first, first) == pytest.approx(1)
    assert cosine_similarity(first, second) == 0
    assert psnr(0.8 * first + 0.1, 0.8 * first) == pytest.approx(20)
    assert ssim(first, first) == pytest.approx(1)


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (300, 260)])
def test_maps_are_as_large_as_the_picture(size):
    found = tiny().eval().locate(torch.rand(2, 3, *size))
    assert found.maps.shape == (2, 1, *size) and found.logits.shape == (2,)
    assert found.maps.min() >= 0 and found.maps.max() <= 1


def test_attention_gates_what_the_decoder_sees():
    method, frames = tiny().eval(), torch.rand(2, 3, 96, 80)
    maps, whole = method.encoded(frames), torch.ones(2, 1, 96, 80)
    assert all(m.abs().max() == 0 for m in guided(maps, 0 * whole))
    assert all(torch.equal(a, b) for a, b in zip(guided(maps, whole), maps, strict=True))
    with torch.inference_mode():
        free, full = method.locate(frames), method.locate(frames, whole)
        none = method.locate(frames, 0 * whole)
    assert torch.equal(free.maps, full.maps)
    assert torch.equal(none.maps[0], none.maps[1])  # it knows nothing of the pictures
    assert torch.equal(free.logits, none.logits)  # the head reads all


def test_the_elliptic_attention_lies_on_the_face():
    soft = ellipse((130, 130), 1.3)[0, 0]
    assert soft[65, 65] > 0.99 and soft[0].max() < 0.05 and soft[65, 0] < 0.05
    assert soft[65, 15] == pytest.approx(0.5, abs=0.1)  # the edge of the face's box
    with torch.inference_mode():
        frames = torch.rand(1, 3, 64, 64)
        guided_maps = tiny(attention="ellipse").eval().locate(frames).maps
        assert not torch.equal(guided_maps, tiny().eval().locate(frames).maps)


def batch(count: int = 6) -> ClipBatch:
    frames = torch.rand(count, 1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    kinds = torch.tensor([0, 1, 2] * (count // 3))
    return ClipBatch(frames=frames, labels=(kinds > 0).float(), kinds=kinds)


def test_pairs_are_the_groups_of_a_batch():
    data = batch()
    found = of_pairs(data, "none")
    assert found.shape == (6, 1, 1, 64, 64)
    assert found[[0, 3]].abs().max() == 0
    for fake, genuine in ((1, 0), (2, 0), (4, 3), (5, 3)):
        assert torch.equal(found[fake], fakeness(data.frames[genuine], data.frames[fake]))
    method = tiny(truth="pairs")
    assert method.needs == {"kinds"} and tiny().needs == {"masks"}
    assert method.training_step(data).total.isfinite()
    with pytest.raises(ConfigError, match="followed by its"):
        method.training_step(replace(data, kinds=data.kinds.flip(0)))
    with pytest.raises(ConfigError, match="mask"):
        tiny().training_step(data)


def test_only_genuine_faces_are_distorted():
    data = batch()
    torch.manual_seed(0)
    found = tiny(partial_p=1.0)._augmented(data)
    changed = (found != data.frames).flatten(1).any(1)
    assert changed.tolist() == [True, False, False] * 2
    assert torch.equal(tiny(partial_p=0.0)._augmented(data), data.frames)


def test_distortions_come_by_chance_and_by_seed():
    smooth = interpolate(torch.rand(40, 3, 8, 8), 64, mode="bilinear")[:, None].repeat(
        1, 2, 1, 1, 1
    )
    found = distorted(smooth, 0.5, seed=1)
    changed = (found != smooth).flatten(1).any(1).float().mean()
    assert 0.3 < changed < 0.7
    assert torch.equal(found, distorted(smooth, 0.5, seed=1))
    assert torch.equal(found[:, 0], found[:, 1])  # the frames of a clip alike
    frame = (255 * smooth[0, 0].permute(1, 2, 0)).byte().numpy()
    for kind in DISTORTIONS:
        other = kind(frame, np.random.default_rng(3))
        assert other.shape == frame.shape and other.dtype == np.uint8
        assert 0 < np.abs(other.astype(float) - frame).mean() < 30, kind


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Two clouds six deviations apart."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    features = rng.normal(size=(100, 8))
    features[:, 0] += 6 * labels
    return features, labels


def test_one_labelled_sample_names_both_clusters(blobs):
    features, labels = blobs
    groups = clusters(features)
    found = [named(groups, n, int(labels[n])) for n in range(100)]
    assert min((f == labels).mean() for f in found) >= 0.98
    for n in range(100):
        flipped = named(groups, n, 1 - int(labels[n]))
        assert np.array_equal(flipped, 1 - found[n])
    assert cluster_accuracy(features, labels, sample=3, repeats=2) >= 0.98


def test_heat_maps_lie_where_the_face_is():
    """A map of ones from a face in the right half of a picture, a part of it outside."""
    method = tiny().eval()
    method.decoder.out.bias.data[:] = 50
    clip = Clip(
        frames=np.zeros((1, 64, 64, 3), np.uint8),
        times_s=np.zeros(1),
        boxes=np.array([[100, 10, 210, 120]], np.int32),
        size=(200, 100),
        view=method.map_view,
    )
    found = method.heatmap(clip, cells=20)
    assert found.shape == (10, 20) and found.dtype == np.float32
    assert (found[:, :10] == 0).all() and (found[0] == 0).all()
    assert (found[1:, 10:] > 0.99).all()
    assert method.map_view == View(size=64, frames=1, fit="face")


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="partial_p"):
        Config(partial_p=2)


SIDE, PART = 64, 20


def faces(count: int, rng: np.random.Generator) -> Tensor:
    """Return ellipses with a texture of their own on a flatter ground, (count, 3, 64, 64)."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    wide, high = rng.uniform(0.3, 0.4, (count, 1, 1)), rng.uniform(0.38, 0.46, (count, 1, 1))
    inside = torch.from_numpy((x / wide) ** 2 + (y / high) ** 2 < 1)[:, None]
    grain = torch.from_numpy(rng.normal(0, 0.04, (count, 3, SIDE, SIDE))).float()
    texture = 0.25 * pink(count, SIDE, rng) + grain
    skin, ground = (torch.from_numpy(rng.uniform(0.25, 0.75, (count, 3, 1, 1))) for _ in range(2))
    return torch.where(inside, skin + texture, ground + 0.3 * texture).float().clamp(0, 1)


def edited(genuine: Tensor, rng: np.random.Generator) -> Tensor:
    """Return faces with a square made again by nearest or transposed-convolution up-sampling."""
    fakes = genuine.clone()
    for fake in fakes:
        top, left = rng.integers(14, SIDE - 14 - PART + 1, 2)
        part = fake[:, top : top + PART, left : left + PART]
        small = avg_pool2d(part[None], 2)
        if rng.random() < 0.5:
            new = interpolate(small, scale_factor=2, mode="nearest")
        else:
            kernel = torch.from_numpy(rng.uniform(0.6, 1.4, (3, 1, 2, 2))).float()
            kernel = kernel / kernel.mean((2, 3), keepdim=True)
            new = conv_transpose2d(small, kernel, stride=2, groups=3)
        part.copy_(new[0].clamp(0, 1))
    return fakes


def pairs_of(genuine: Tensor, fakes: Tensor, chosen: Tensor) -> ClipBatch:
    frames = torch.stack([genuine[chosen], fakes[chosen]], 1).flatten(0, 1)[:, None]
    kinds = torch.arange(2).repeat(len(chosen))
    return ClipBatch(frames=frames, labels=kinds.float(), kinds=kinds)


@pytest.mark.slow
def test_edits_are_found_and_mapped():
    """The truth is the difference to the genuine face, stretched to [0, 1].

    Nothing is distorted in training: blurred genuine faces would look like these edits.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    genuine = faces(FACES, rng)
    fakes = edited(genuine, rng)
    sizes = {"depths": (1, 1, 1, 1), "expansion": 1, "width": 16, "decoder": 16}
    method = FakeLocator(Config(truth="pairs", stretch="max", partial_p=0.0, **sizes)).train()
    optimiser = torch.optim.Adam(method.parameters(), lr=3e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(FACES).split(16):
            optimiser.zero_grad()
            method.training_step(pairs_of(genuine, fakes, chosen)).total.backward()
            optimiser.step()
        rate.step()
    method.eval()
    rng = np.random.default_rng(2)
    genuine = faces(100, rng)
    fakes = edited(genuine, rng)
    truth = fakeness(genuine, fakes, "max")[:, 0].numpy()
    with torch.inference_mode():
        clean, forged = method.locate(genuine), method.locate(fakes)
    found = [cosine_similarity(m, t) for m, t in zip(forged.maps[:, 0].numpy(), truth, strict=True)]
    right = (clean.logits <= 0).float().mean() + (forged.logits > 0).float().mean()
    print(f"COSS {np.mean(found):.3f}, genuine {clean.maps.mean():.4f}, accuracy {right / 2:.3f}")
    assert np.mean([cosine_similarity(np.ones_like(t), t) for t in truth]) <= 0.35
    assert np.mean(found) >= 0.7, np.mean(found)
    assert clean.maps.mean() < 0.05
    assert right / 2 >= 0.95, right / 2
