"""MiniFASNet: the official sizes and input, the meaning of its logit, its converter, its lesson."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from verilens import catalog, published
from verilens.batch import ClipBatch
from verilens.errors import ConfigError, MissingWeights
from verilens.media.faces import Face
from verilens.media.people import cutout
from verilens.records import View
from verilens.verify.minifasnet.config import Config
from verilens.verify.minifasnet.model import MiniFASNet, as_published
from verilens.verify.minifasnet.network import spectrum

# Weights of the published networks at 80 x 80 pixels with three classes.
SIZES = {"v1": 414_354, "v2": 434_560, "v1se": 433_586, "v2se": 453_792}
BRANCH = 222_339  # of the spectrum, in training alone


def network(**changes) -> MiniFASNet:
    torch.manual_seed(0)
    return MiniFASNet(dataclasses.replace(Config.tiny(), **changes)).eval()


def published_names(method: MiniFASNet) -> dict[str, torch.Tensor]:
    """Return the tensors under the names of the official repository."""
    blocks = {"expand": "conv", "depthwise": "conv_dw", "project": "project"}
    layers = {"0": "conv", "1": "bn", "2": "prelu"}
    opening = {"0": "conv_23", "1": "conv_34", "2": "conv_45"}
    rest = {"0": "conv_3", "1": "conv_4", "2": "conv_5"}
    heads = {"embed": "linear", "norm": "bn", "head": "prob"}
    single = {"separate": "conv_6_sep", "whole": "conv_6_dw"}
    excite = {"squeeze.0": "fc1", "squeeze.1": "bn1", "excite.0": "fc2", "excite.1": "bn2"}
    found = {}
    for name, tensor in method.state_dict().items():
        parts = name.split(".")
        if parts[0] == "fourier":
            found[".".join(["FTGenerator.ft", *parts[2:]])] = tensor
            continue
        parts = parts[1:]
        leaf = parts[-1]
        if parts[0] == "stem":
            theirs = [("conv1", "conv2_dw")[int(parts[1])], layers[parts[2]]]
        elif parts[0] == "stages":
            n, k = parts[1], int(parts[2])
            theirs = [opening[n]] if k == 0 else [rest[n], "model", str(k - 1)]
            if parts[3] == "excite":
                theirs += ["se_module", excite[f"{parts[4]}.{parts[5]}"]]
            else:
                theirs += [blocks[parts[3]], layers[parts[4]]]
        elif parts[0] in single:
            theirs = [single[parts[0]], layers[parts[1]]]
        else:
            theirs = [heads[parts[0]]]
        found[".".join([*theirs, leaf])] = tensor
    return found


@pytest.mark.parametrize("variant", SIZES)
def test_official_sizes(variant):
    config = Config(variant=variant, fourier=False)
    with torch.device("meta"):
        assert sum(p.numel() for p in MiniFASNet(config).parameters()) == SIZES[variant]
        whole = MiniFASNet(dataclasses.replace(config, fourier=True))
    assert sum(p.numel() for p in whole.parameters()) == SIZES[variant] + BRANCH
    view = Config().view
    assert (Config().variant, view.size, view.margin, view.shape) == ("v2se", 80, 2.7, "box")


def test_the_logit_is_the_softmax_of_all_attacks():
    method = network(variant="v1")
    x = torch.rand(3, 3, 48, 48)
    with torch.inference_mode():
        shares = method.net(as_published(x)).softmax(1)
        assert torch.allclose(method(x).sigmoid(), shares[:, 0] + shares[:, 2], atol=1e-6)
    other = network(classes=4, live=3)
    assert other(x).shape == (3,)
    with pytest.raises(ConfigError, match="live must name one of 3"):
        Config(live=3)


def test_pictures_reach_the_network_as_published():
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    assert torch.equal(as_published(red)[0, :, 0, 0], torch.tensor([0.0, 0.0, 255.0]))


def test_the_spectrum_is_that_of_the_official_code():
    bgr = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.float64)
    amplitudes = np.log(np.abs(np.fft.fftshift(np.fft.fft2(grey))) + 1)
    low, high = amplitudes.min(), amplitudes.max()
    expected = cv2.resize((amplitudes - low + 1) / (high - low + 1), (4, 4))
    found = spectrum(torch.from_numpy(bgr).permute(2, 0, 1)[None].float(), 4)[0, 0]
    assert np.abs(found.numpy() - expected).max() < 0.03  # the official grey is rounded


def test_what_is_cut_follows_the_box():
    view = View(size=80, fit="face", margin=2.7, shape="box")
    points = np.zeros((5, 2), np.float32)
    inner = Face((300.0, 200.0, 400.0, 340.0), 1.0, points)  # 100 x 140
    # 270 x 378 round the middle (350, 270), its last pixel included.
    assert cutout(inner, view, (1000, 800)) == (215, 81, 486, 460)
    # At the left edge it is shifted in, not cut.
    edge = Face((10.0, 200.0, 110.0, 340.0), 1.0, points)
    assert cutout(edge, view, (1000, 800)) == (0, 81, 271, 460)
    # Where it is too tall, both sides shrink: 279 / 140 of the box.
    tall = cutout(inner, view, (1000, 280))
    assert tall[3] - tall[1] == 280 and tall[2] - tall[0] == pytest.approx(279 / 140 * 100, abs=2)


@pytest.mark.parametrize(("variant", "margin"), [("v1", 2.7), ("v2", 2.7), ("v1se", 4.0)])
def test_published_checkpoints_convert_tensor_by_tensor(variant, margin, tmp_path):
    torch.manual_seed(0)
    method = MiniFASNet(Config(variant=variant, fourier=False))
    with torch.no_grad():
        method.train()(torch.rand(4, 3, 80, 80))  # running statistics that are not 0 and 1
    method.eval()
    theirs = {f"module.{k}": v for k, v in published_names(method).items()}
    torch.save(theirs, tmp_path / "net.pth")
    conversion = published.convert("minifasnet", tmp_path / "net.pth")
    assert conversion.config["variant"] == variant
    card = published.write(conversion, tmp_path / "net.safetensors")
    loaded = catalog.load("minifasnet", str(tmp_path / "net.safetensors"))
    assert (loaded.config.view.margin, loaded.config.fourier) == (margin, False)
    x = torch.rand(2, 3, 80, 80)
    with torch.inference_mode():
        assert torch.equal(loaded(x), method(x))
    assert card.licence == "Apache-2.0" and "Silent-Face" in card.corpus


def test_checkpoints_of_training_lose_the_branch_and_nothing_else(tmp_path):
    method = MiniFASNet(Config())
    theirs = {
        name if name.startswith("FT") else f"model.{name}": tensor
        for name, tensor in published_names(method).items()
    }
    torch.save({"state_dict": theirs}, tmp_path / "net.pth")
    conversion = published.convert("minifasnet", tmp_path / "net.pth")
    assert conversion.config["variant"] == "v2se"
    assert any("learns the spectrum" in note for note in conversion.notes)
    assert len(conversion.tensors) == len(MiniFASNet(Config(fourier=False)).state_dict())


def test_other_checkpoints_are_refused_by_name(tmp_path):
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(MissingWeights, match="without a place: fc"):
        published.convert("minifasnet", tmp_path / "other.pth")


def test_it_learns_a_screen_from_a_wall():
    """Half the pictures carry a fine grid; content is alike."""
    rng = np.random.default_rng(0)
    stripes = (0.14 * (-1.0) ** np.arange(48)).astype(np.float32)[None, None, None]

    def batch(count):
        small = torch.from_numpy(rng.random((count, 3, 6, 6), np.float32))
        walls = torch.nn.functional.interpolate(small, (48, 48), mode="bicubic")
        labels = torch.arange(count) % 2
        grids = walls + labels.view(-1, 1, 1, 1) * torch.from_numpy(stripes)
        return ClipBatch(frames=grids.clamp(0, 1)[:, None], labels=labels.float())

    torch.manual_seed(0)
    method = MiniFASNet(dataclasses.replace(Config.tiny(), dropout=0.0)).train()
    for norm in (
        m for m in method.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
    ):
        norm.momentum = 0.5  # a short training needs statistics that follow
    optimiser = torch.optim.AdamW(method.parameters(), lr=3e-3)
    parts = []
    for _ in range(30):
        loss = method.training_step(batch(16))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        parts.append(float(loss.parts["spectrum"]))
    assert np.mean(parts[-5:]) < 0.5 * np.mean(parts[:3])
    unseen = batch(64)
    with torch.inference_mode():
        right = (method.eval()(unseen.frames[:, 0]) > 0) == (unseen.labels > 0)
    assert right.float().mean() >= 0.9
