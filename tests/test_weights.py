"""Weights that are absent, altered or of another network are refused, with the fix."""

import json
import sys

import pytest
import torch
from safetensors.torch import save_file

from verilens import catalog, weights
from verilens.card import Card
from verilens.errors import ConfigError, MissingWeights
from verilens.verify.npr.config import Config
from verilens.verify.npr.model import NPR

CARD = Card(
    name="toy",
    title="t",
    summary="s",
    tasks=("ai-image",),
    entry="model:Toy",
    paper="p",
    licence="l",
    limits=("x",),
    package="toy_method",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder of an installed method that has starter weights."""
    folder = tmp_path / "toy_method"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    file = folder / "starter.safetensors"
    save_file({"w": torch.ones(3)}, file)
    text = {
        "sha256": weights.sha256(file),
        "licence": "Apache-2.0",
        "corpus": "c",
        "recipe": "r",
        "command": "make weights",
        "seed": 0,
        "measured": {"auc": 0.9},
        "limits": ["small"],
    }
    (folder / "starter.json").write_text(json.dumps(text))
    weights._checked.cache_clear()
    yield folder
    sys.modules.pop("toy_method", None)
    weights._checked.cache_clear()


def test_a_card_is_found_and_its_file_checked(folder):
    card = weights.available(CARD)["starter"]
    assert card.measured == {"auc": 0.9} and card.limits == ("small",)
    assert weights.find(CARD, "starter") == folder / "starter.safetensors" == card.file


def test_altered_weights_are_refused_with_the_fix(folder):
    file = folder / "starter.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(MissingWeights, match=r"was altered .*pip install --force-reinstall"):
        weights.find(CARD, "starter")


def test_missing_weights_are_refused_with_the_fix(folder):
    (folder / "starter.safetensors").unlink()
    with pytest.raises(MissingWeights, match=r"is missing; reinstall"):
        weights.find(CARD, "starter")


def test_unknown_weights_name_the_known_ones(folder):
    with pytest.raises(MissingWeights, match=r"no weights named 'best' \(known: starter\)"):
        weights.find(CARD, "best")
    with pytest.raises(MissingWeights, match="no weights file at"):
        weights.find(CARD, str(folder / "other.safetensors"))


def test_weights_of_another_network_are_refused(tmp_path):
    method = NPR(Config.tiny())
    path = tmp_path / "w.safetensors"
    for state in ({"w": torch.ones(3)}, dict(list(method.state_dict().items())[1:])):
        save_file(state, path)
        with pytest.raises(MissingWeights, match="does not fit NPR"):
            weights.load_into(method, path)
    path.write_bytes(b"no tensors here")
    with pytest.raises(MissingWeights, match="does not fit NPR"):
        weights.load_into(method, path)


def test_half_precision_weights_are_loaded_as_float32(tmp_path):
    method = NPR(Config.tiny())
    path = tmp_path / "w.safetensors"
    save_file({k: v.half() if v.ndim else v for k, v in method.state_dict().items()}, path)
    weights.load_into(method, path)
    assert {p.dtype for p in method.parameters()} == {torch.float32}


def test_weights_say_how_their_network_was_configured(tmp_path):
    small = {"width": 4, "depths": [1, 1], "view": {"size": 32}}
    method = catalog.build("npr", small)
    path = tmp_path / "small.safetensors"
    state = {name: tensor.contiguous() for name, tensor in method.state_dict().items()}
    save_file(state, path, weights.metadata("npr", small))
    loaded = catalog.load("npr", str(path))
    assert (loaded.config.width, loaded.config.view.size, loaded.config.view.frames) == (4, 32, 8)
    with pytest.raises(MissingWeights, match="weights of npr, not of patchcraft"):
        catalog.load("patchcraft", str(path))


def test_a_setting_that_a_method_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="unknown field 'widht'; did you mean 'width'"):
        catalog.build("npr", {"widht": 4})


def test_where_training_began_is_not_part_of_a_weights_file():
    config = {"pretrained": "/a", "width": 8, "encoder": {"pretrained": "/b", "layers": 2}}
    facts = json.loads(weights.metadata("npr", config)[weights.KEY])
    assert facts["config"] == {"width": 8, "encoder": {"layers": 2}}
