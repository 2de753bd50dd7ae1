"""UnivFD: a frozen encoder, one trained layer, encoders of other kinds, the converter."""

import dataclasses
import json

import pytest
import torch
from torch import Tensor, nn

from verilens import catalog, published
from verilens.batch import ClipBatch
from verilens.errors import ConfigError, MissingWeights
from verilens.verify.univfd.config import Config, Encoder
from verilens.verify.univfd.model import UnivFD

transformers = pytest.importorskip("transformers")


def tiny(kind: str = "clip") -> UnivFD:
    torch.manual_seed(0)
    config = Config.tiny()
    encoder = dataclasses.replace(config.encoder, kind=kind, activation="gelu")
    return UnivFD(dataclasses.replace(config, encoder=encoder))


def test_paper_size():
    with torch.device("meta"):
        method = UnivFD()
        assert sum(p.numel() for p in method.encoder.parameters()) == 303_966_208
        assert sum(p.numel() for p in method.head.parameters()) == 769


@pytest.mark.parametrize("kind", ["clip", "vit", "dinov2"])
def test_training_moves_the_linear_layer_alone(kind):
    method = tiny(kind).train()
    assert method.head.in_features == (16 if kind == "clip" else 32)
    assert not any(module.training for module in method.encoder.modules())
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    groups = [dict(group) for group in method.parameter_groups()]
    batch = ClipBatch(frames=torch.rand(4, 1, 3, 32, 32), labels=torch.tensor([0.0, 1, 0, 1]))
    method.training_step(batch).total.backward()
    torch.optim.SGD(groups, lr=1.0).step()
    changed = {n for n, tensor in method.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed == {"head.weight", "head.bias"}


def test_the_logit_is_linear_in_the_features():
    method = tiny().eval()
    x = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        features = method.encoder(x)
        expected = features @ method.head.weight[0] + method.head.bias
        assert torch.allclose(method(x), expected, atol=1e-6)


def test_crops_of_another_size_are_scaled_to_the_encoder():
    with torch.inference_mode():
        assert tiny().eval()(torch.rand(2, 3, 48, 40)).shape == (2,)


class Colour(nn.Module):
    """The mean colour as features."""

    out_channels = 3

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, frames: Tensor) -> Tensor:
        return self.gain * frames.mean((2, 3))


def test_any_encoder_can_be_plugged_in():
    method = UnivFD(Config.tiny(), encoder=Colour())
    assert [name for name, p in method.named_parameters() if p.requires_grad] == [
        "head.weight",
        "head.bias",
    ]
    red = torch.zeros(1, 3, 8, 8)
    red[:, 0] = 1
    with torch.inference_mode():
        assert method(red) == method.head.weight[0, 0] + method.head.bias


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a local folder with a small CLIP, text encoder included, as Hugging Face stores it."""
    torch.manual_seed(4)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    vision = {**sizes, "num_hidden_layers": 2, "patch_size": 8, "image_size": 32}
    text = {**sizes, "num_hidden_layers": 1, "vocab_size": 20}
    config = transformers.CLIPConfig(
        vision_config={**vision, "projection_dim": 16},
        text_config={**text, "projection_dim": 16},
        projection_dim=16,
    )
    path = tmp_path_factory.mktemp("clip")
    transformers.CLIPModel(config).save_pretrained(path)
    return path


def linear(path, features: int = 16) -> None:
    torch.save({"weight": torch.ones(1, features), "bias": torch.zeros(1)}, path)


def test_the_official_layer_joins_the_encoder_of_a_folder(folder, tmp_path):
    linear(tmp_path / "fc_weights.pth")
    conversion = published.convert("univfd", tmp_path / "fc_weights.pth", folder)
    assert any("text encoder" in note for note in conversion.notes)
    card = published.write(conversion, tmp_path / "out.safetensors")
    assert "--backbone" in card.command
    method = catalog.load("univfd", str(tmp_path / "out.safetensors"))
    x = torch.rand(2, 3, 32, 32)
    clip = transformers.CLIPModel.from_pretrained(folder, local_files_only=True).eval()
    normal = Encoder()
    pixels = (x - torch.tensor(normal.mean).view(3, 1, 1)) / torch.tensor(normal.std).view(3, 1, 1)
    with torch.inference_mode():
        pooled = clip.vision_model(pixel_values=pixels).pooler_output
        expected = clip.visual_projection(pooled).sum(1)
        assert torch.allclose(method(x), expected, atol=1e-5)


def test_an_encoder_is_asked_for_and_checked(folder, tmp_path):
    linear(tmp_path / "fc.pth")
    with pytest.raises(ConfigError, match="--backbone FOLDER"):
        published.convert("univfd", tmp_path / "fc.pth")
    with pytest.raises(MissingWeights, match=r"config\.json"):
        published.convert("univfd", tmp_path / "fc.pth", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(MissingWeights, match="no CLIP"):
        published.convert("univfd", tmp_path / "fc.pth", tmp_path)
    linear(tmp_path / "wide.pth", features=768)
    with pytest.raises(MissingWeights, match=r"head\.weight is \(1, 768\), must be \(1, 16\)"):
        published.convert("univfd", tmp_path / "wide.pth", folder)
