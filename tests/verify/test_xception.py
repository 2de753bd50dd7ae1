"""Xception: the published size, the meaning of its logit, weights to start from, its converter."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from verilens import catalog, published
from verilens.errors import MissingWeights
from verilens.verify.xception.config import Config
from verilens.verify.xception.model import XceptionDetector


def tiny(**changes) -> XceptionDetector:
    torch.manual_seed(0)
    return XceptionDetector(dataclasses.replace(Config.tiny(), **changes)).eval()


def test_paper_size():
    with torch.device("meta"):
        assert sum(p.numel() for p in XceptionDetector().parameters()) == 20_811_050


def test_the_logit_is_the_two_way_softmax_of_fake():
    method = tiny()
    x = torch.rand(3, 3, 64, 64)
    labels = torch.tensor([0.0, 1.0, 1.0])
    with torch.inference_mode():
        maps = method.backbone(x * 2 - 1).relu().mean((2, 3))
        scores, logits = method.head(maps), method(x)
    assert torch.allclose(logits.sigmoid(), scores.softmax(1)[:, 1], atol=1e-6)
    ours = binary_cross_entropy_with_logits(logits, labels)
    assert ours == pytest.approx(float(cross_entropy(scores, labels.long())), abs=1e-6)


def imagenet(path, pointwise_axes: int = 4) -> dict[str, torch.Tensor]:
    """Write what a published ImageNet file holds at the tiny size; return its trunk."""
    torch.manual_seed(1)
    trunk = {
        name: tensor + 0.1
        for name, tensor in tiny().backbone.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    stored = {
        name: tensor.flatten(1) if "pointwise" in name and pointwise_axes == 2 else tensor
        for name, tensor in trunk.items()
    }
    save_file({**stored, "fc.weight": torch.ones(10, 64), "fc.bias": torch.ones(10)}, path)
    return trunk


@pytest.mark.parametrize("pointwise_axes", [2, 4])
def test_training_can_start_from_imagenet(tmp_path, pointwise_axes):
    path = tmp_path / "imagenet.safetensors"
    trunk = imagenet(path, pointwise_axes)
    own = tiny(pretrained=str(path)).backbone.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in trunk.items())


def test_other_files_are_no_imagenet_weights(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"conv1.weight": torch.ones(8, 3, 3, 3)}, path)
    with pytest.raises(MissingWeights, match=r"bn1\.weight"):
        tiny(pretrained=str(path))


def test_deepfakebench_checkpoints_convert_tensor_by_tensor(tmp_path):
    torch.manual_seed(0)
    method = catalog.build("xception")
    theirs = {
        name.replace("head.", "backbone.last_linear."): tensor
        for name, tensor in method.state_dict().items()
    }
    theirs["backbone.adjust_channel.0.bias"] = torch.ones(512)
    torch.save(theirs, tmp_path / "xception_best.pth")
    conversion = published.convert("xception", tmp_path / "xception_best.pth")
    own = method.state_dict()
    assert set(conversion.tensors) == set(own)
    assert all(torch.equal(conversion.tensors[name], own[name]) for name in own)
    assert any("adjust_channel" in note for note in conversion.notes)
