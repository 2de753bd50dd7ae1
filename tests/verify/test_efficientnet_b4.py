"""EfficientNet-B4: the published size, the meaning of its logit, and where its names go."""

import pytest
import torch

from verilens.verify.efficientnet_b4.config import Config
from verilens.verify.efficientnet_b4.convert import CONVERTER
from verilens.verify.efficientnet_b4.model import EfficientNetB4

pytest.importorskip("transformers")


def test_paper_size_with_a_two_way_head():
    with torch.device("meta"):
        assert sum(p.numel() for p in EfficientNetB4().parameters()) == 17_548_616 + 2 * 1792 + 2


def test_the_logit_is_the_two_way_softmax_of_fake():
    torch.manual_seed(0)
    method = EfficientNetB4(Config.tiny()).eval()
    x = torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        scores = method.head(method.backbone(x * 2 - 1).mean((2, 3)))
        assert torch.allclose(method(x).sigmoid(), scores.softmax(1)[:, 1], atol=1e-6)


def theirs() -> set[str]:
    """Return the names of a DeepfakeBench checkpoint, without the counters of batch norms."""
    norm = ("weight", "bias", "running_mean", "running_var")
    names = {f"_{n}.{leaf}" for n in ("bn0", "bn1") for leaf in norm}
    names |= {"_conv_stem.weight", "_conv_head.weight"}
    for block in range(32):
        layers = ["_depthwise_conv", "_project_conv", *(["_expand_conv"] if block > 1 else [])]
        names |= {f"_blocks.{block}.{layer}.weight" for layer in layers}
        norms = ["_bn1", "_bn2", *(["_bn0"] if block > 1 else [])]
        names |= {f"_blocks.{block}.{n}.{leaf}" for n in norms for leaf in norm}
        squeeze = ("_se_reduce", "_se_expand")
        names |= {f"_blocks.{block}.{s}.{leaf}" for s in squeeze for leaf in ("weight", "bias")}
    heads = {"backbone.last_layer.weight", "backbone.last_layer.bias"}
    return {f"backbone.efficientnet.{name}" for name in names} | heads


def test_every_published_name_has_one_place_and_fills_the_network():
    with torch.device("meta"):
        own = {n for n in EfficientNetB4().state_dict() if not n.endswith("num_batches_tracked")}
    assert {CONVERTER.place(name) for name in theirs()} == own
    assert len(theirs()) == len(own)
    assert CONVERTER.place("backbone.efficientnet._blocks.0._surprise.weight") is None
