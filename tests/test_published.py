"""Published checkpoints: what fits is converted, all else is refused with its names."""

import pickle
import re

import pytest
import torch
from safetensors.torch import save_file

from verilens import catalog, published, weights
from verilens.errors import ConfigError, MissingWeights
from verilens.verify.npr.convert import BLOCKS, LAYERS


def theirs(method: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return NPR's tensors under the names of the official repository."""
    parts = {"trunk.0": "conv1", "trunk.1": "bn1", "head": "fc1"}
    for stage, (count, start) in BLOCKS.items():
        for n in range(count):
            ours, block = f"trunk.{start + n}", f"layer{stage}.{n}"
            parts |= {f"{ours}.branch.{at}": f"{block}.{layer}" for layer, at in LAYERS.items()}
            parts |= {f"{ours}.shortcut.{at}": f"{block}.downsample.{at}" for at in (0, 1)}
    found = {}
    for name, tensor in method.state_dict().items():
        part, _, leaf = name.rpartition(".")
        found[f"{parts[part]}.{leaf}"] = tensor
    return found


@pytest.fixture(scope="module")
def npr() -> torch.nn.Module:
    torch.manual_seed(3)
    method = catalog.build("npr")
    with torch.no_grad():
        method.train()(torch.rand(4, 3, 64, 64))
    return method.eval()


def test_a_whole_checkpoint_gives_the_same_logits(npr, tmp_path):
    torch.save({"model": theirs(npr), "total_steps": 7}, tmp_path / "NPR.pth")
    conversion = published.convert("npr", tmp_path / "NPR.pth")
    assert "total_steps: not part of the network" in conversion.notes
    card = published.write(conversion, tmp_path / "out.safetensors")
    loaded = catalog.load("npr", str(tmp_path / "out.safetensors"))
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded(x), npr(x))
    assert card.sha256 == weights.sha256(tmp_path / "out.safetensors")
    assert "sha256" in card.recipe and "NPR-DeepfakeDetection" in card.corpus and card.licence


@pytest.mark.parametrize("nest", [None, "state_dict", "model", "net"])
def test_common_wrappings_are_opened(npr, tmp_path, nest):
    state = {f"module.{name}": tensor for name, tensor in theirs(npr).items()}
    torch.save({nest: state, "epoch": 3} if nest else state, tmp_path / "a.pth")
    assert set(published.convert("npr", tmp_path / "a.pth").tensors) == set(npr.state_dict())


def test_safetensors_and_half_precision_are_read(npr, tmp_path):
    halves = {k: v.half() if v.is_floating_point() else v for k, v in theirs(npr).items()}
    save_file(halves, tmp_path / "a.safetensors")
    found = published.convert("npr", tmp_path / "a.safetensors").tensors
    assert found["head.weight"].dtype == torch.float32
    assert torch.equal(found["head.weight"], npr.state_dict()["head.weight"].half().float())


def test_absent_counters_are_filled_and_said(npr, tmp_path):
    state = {k: v for k, v in theirs(npr).items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "a.pth")
    conversion = published.convert("npr", tmp_path / "a.pth")
    assert any("counters" in note for note in conversion.notes)


def test_every_misfit_is_named_at_once(npr, tmp_path):
    state = theirs(npr)
    del state["layer1.0.conv2.weight"]
    state["layer3.0.conv1.weight"] = torch.ones(3)
    state["fc1.weight"] = torch.ones(2, 512)
    state["bn1.bias"] = torch.full((64,), torch.nan)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(MissingWeights) as refused:
        published.convert("npr", tmp_path / "a.pth")
    for part in (
        "1 without a place: layer3.0.conv1.weight",
        "1 missing: trunk.4.branch.3.weight",
        "1 of another shape: head.weight is (2, 512), must be (1, 512)",
        "1 not finite: trunk.1.bias",
    ):
        assert part in str(refused.value)


class Command:
    def __reduce__(self):
        return (re.compile, ("evil",))


def test_files_with_code_are_refused(tmp_path):
    torch.save({"model": Command()}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Command()))
    for name in "ab":
        with pytest.raises(MissingWeights, match="without running its code"):
            published.read(tmp_path / f"{name}.pth")


@pytest.mark.parametrize("content", [b"", b"no tensors", b"PK\x03\x04broken", b"\x80\x02}q\x00."])
def test_broken_files_are_refused(tmp_path, content):
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        with pytest.raises(MissingWeights):
            published.read(path)


def test_other_content_and_sizes_are_refused(npr, tmp_path):
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    torch.save({"a": torch.ones(2), "b": 3}, tmp_path / "mixed.pth")
    torch.save(theirs(npr), tmp_path / "large.pth")
    with pytest.raises(MissingWeights, match="holds list"):
        published.read(tmp_path / "list.pth")
    with pytest.raises(MissingWeights, match="more than tensors by name: b"):
        published.read(tmp_path / "mixed.pth")
    with pytest.raises(MissingWeights, match="above the limit"):
        published.read(tmp_path / "large.pth", max_bytes=1000)
    with pytest.raises(MissingWeights, match="no such file"):
        published.read(tmp_path / "absent.pth")


def test_nothing_is_overwritten(npr, tmp_path):
    torch.save(theirs(npr), tmp_path / "a.pth")
    conversion = published.convert("npr", tmp_path / "a.pth")
    (tmp_path / "out.json").touch()
    with pytest.raises(ConfigError, match="exists"):
        published.write(conversion, tmp_path / "out.safetensors")
    with pytest.raises(ConfigError, match=r"must end in \.safetensors"):
        published.write(conversion, tmp_path / "out.pth")
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.pth", "out.json"]


def test_methods_without_a_converter_say_who_has_one(tmp_path):
    with pytest.raises(ConfigError, match="npr"):
        published.convert("patchcraft", tmp_path / "a.pth")
    with pytest.raises(ConfigError, match="leave --backbone out"):
        published.convert("npr", tmp_path / "a.pth", backbone=tmp_path)


@pytest.mark.parametrize("card", catalog.cards().values(), ids=lambda card: card.name)
def test_converters_say_where_from_and_under_which_licence(card):
    rules = published.converter(card)
    if rules is None:
        pytest.skip("takes no published checkpoint")
    assert rules.source and rules.licence and rules.renamed
    for pattern in (*rules.renamed, *rules.unused):
        re.compile(pattern)


def test_files_of_a_folder_are_read_together(npr, tmp_path):
    (tmp_path / "notes.txt").write_text("not a checkpoint")
    with pytest.raises(MissingWeights, match="holds no checkpoint"):
        published.read(tmp_path)
    torch.save({"model": {"x": torch.ones(2)}, "epoch": 3}, tmp_path / "one.pth")
    save_file({"x": torch.zeros(2)}, tmp_path / "two.safetensors")
    found = published.read(tmp_path)
    assert {name: t.tolist() for name, t in found.tensors.items()} == {
        "one/x": [1, 1],
        "two/x": [0, 0],
    }
    assert found.beside == ("one/epoch",)
    with pytest.raises(MissingWeights, match="2 without a place: one/x, two/x"):
        published.convert("npr", tmp_path)
