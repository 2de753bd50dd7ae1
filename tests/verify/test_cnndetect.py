"""CNNDetection: the published size, its normalisation, weights to start from, its converter."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from toy_pictures import accuracy, enlarged, exposed, pink, train

from verilens.errors import MissingWeights
from verilens.nn.normalise import IMAGENET_MEAN
from verilens.verify.cnndetect.config import Config
from verilens.verify.cnndetect.convert import CONVERTER
from verilens.verify.cnndetect.model import CNNDetect


def test_paper_size():
    with torch.device("meta"):
        method = CNNDetect()
        assert sum(p.numel() for p in method.parameters()) == 25_557_032 - 2_049_000 + 2_049
        assert {CONVERTER.place(n.removeprefix("network.")) for n in method.state_dict()} == set(
            method.state_dict()
        )


def test_the_mean_colour_of_imagenet_is_zero_to_the_network():
    torch.manual_seed(0)
    method = CNNDetect(Config.tiny()).eval()
    grey = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(method(grey), method.network(torch.zeros(1, 3, 64, 64))[:, 0])


def test_training_can_start_from_imagenet(tmp_path):
    torch.manual_seed(1)
    network = CNNDetect(Config.tiny()).network.state_dict()
    stored = {**network, "fc.weight": torch.ones(1000, 256), "fc.bias": torch.ones(1000)}
    path = tmp_path / "resnet.safetensors"
    save_file(stored, path)
    torch.manual_seed(2)
    own = CNNDetect(dataclasses.replace(Config.tiny(), pretrained=str(path))).network.state_dict()
    same = {name for name in own if torch.equal(own[name], network[name])}
    assert set(own) - same == {"fc.weight", "fc.bias"}
    save_file({"conv1.weight": torch.ones(8, 3, 7, 7)}, path)
    with pytest.raises(MissingWeights, match=r"bn1\.weight"):
        CNNDetect(dataclasses.replace(Config.tiny(), pretrained=str(path)))


def test_learns_up_sampling_in_a_small_network():
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    method = CNNDetect(dataclasses.replace(Config.tiny(), width=16))

    def pictures(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        fakes = enlarged(pink(count, 32, rng), "nearest")
        return exposed(pink(count, 64, rng), rng), exposed(fakes, rng)

    labels = torch.cat([torch.zeros(120), torch.ones(120)])
    train(method, torch.cat(pictures(120)), labels, epochs=4, lr=2e-3)
    assert accuracy(method, *pictures(100)) >= 0.9
