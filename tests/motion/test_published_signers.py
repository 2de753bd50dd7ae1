"""Checkpoints of the official training codes: every tensor finds its place, words come beside."""

import dataclasses

import numpy as np
import pytest
import torch

from verilens import catalog, published
from verilens.errors import MissingWeights
from verilens.motion.progressive_transformer.config import Config as ProgressiveConfig
from verilens.motion.tdm_slp.config import Config as TDMConfig

WORDS = ("regen", "NORD", "morgen")
LINEAR = {
    "query": "q_layer",
    "key": "k_layer",
    "value": "v_layer",
    "out": "output_layer",
}
FEED = {"0": "layer_norm", "1": "pwff_layer.0", "4": "pwff_layer.3"}
ENCODER = {"norm": "layer_norm", "attention": "src_src_att"}
DECODER = {
    "norm": "x_layer_norm",
    "memory_norm": "dec_layer_norm",
    "attention": "trg_trg_att",
    "memory_attention": "src_trg_att",
}


def layer_name(ours: str, layers: dict[str, str]) -> str:
    """Return the official name of a tensor within an encoder or a decoder."""
    if ours.startswith("norm."):
        return ours.replace("norm", "layer_norm", 1)
    _, number, part, *rest = ours.split(".")
    if part == "feed_forward":
        return f"layers.{number}.feed_forward.{FEED[rest[0]]}.{rest[1]}"
    inside = [LINEAR[rest[0]], rest[1]] if len(rest) == 2 else rest
    return ".".join(["layers", number, layers[part], *inside])


def theirs(name: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a method's tensors under the names of the official repositories."""
    tdm = name == "tdm_slp"
    decoder = "denoiser.decoder." if tdm else "decoder."
    home = "ACD.ACD_Denoiser." if tdm else "decoder."
    heads = {
        "words.weight": "src_embed.lut.weight",
        "out.weight": "decoder.output_layer.weight",
        "denoiser.out.weight": f"{home}output_layer.weight",
    }
    moment = {"layers.0": "time_mlp.1", "layers.2": "time_mlp.3"}
    found = {"encoder.pe.pe": torch.zeros(1, 9, 32), f"{home}pe.pe": torch.zeros(1, 9, 32)}
    if tdm:
        found["ACD.betas"] = torch.zeros(1000)
    for ours, tensor in state.items():
        leaf = ours.rpartition(".")[2]
        if ours in heads:
            found[heads[ours]] = tensor
        elif ours.startswith("encoder."):
            found["encoder." + layer_name(ours.removeprefix("encoder."), ENCODER)] = tensor
        elif ours.startswith(decoder):
            found[home + layer_name(ours.removeprefix(decoder), DECODER)] = tensor
        elif ours.startswith("denoiser.moment."):
            found[home + moment[ours.split("moment.")[1].rpartition(".")[0]] + f".{leaf}"] = tensor
        elif "embed." in ours:
            found[f"{home if tdm else ''}trg_embed.{leaf}"] = tensor
        else:
            assert ours == "variance"
    return found


@pytest.fixture(params=["tdm_slp", "progressive_transformer"])
def checkpoint(request, tmp_path):
    """Return a small method and its file as the official code would have written it."""
    config = {"tdm_slp": TDMConfig, "progressive_transformer": ProgressiveConfig}[request.param]
    torch.manual_seed(0)
    tiny = dataclasses.replace(config.tiny(), words=WORDS, heads=config().heads, longest=300)
    method = catalog.build(request.param, dataclasses.asdict(tiny)).eval()
    state = theirs(request.param, method.state_dict())
    beside = {"steps": 7, "best_ckpt_score": np.float64(0.4), "optimizer_state": {}}
    torch.save({**beside, "model_state": state}, tmp_path / "best.ckpt")
    listed = "\n".join(("<unk>", "<pad>", "<s>", "</s>", *WORDS)) + "\n"
    (tmp_path / "src_vocab.txt").write_text(listed, encoding="utf-8")
    return request.param, method, tmp_path / "best.ckpt"


def test_a_whole_checkpoint_signs_the_same(checkpoint, tmp_path):
    name, method, path = checkpoint
    conversion = published.convert(name, path)
    assert conversion.config["words"] == WORDS and conversion.config["width"] == 32
    published.write(conversion, tmp_path / "out.safetensors")
    loaded = catalog.load(name, str(tmp_path / "out.safetensors"))
    for text in ("regen NORD", "Morgen nord"):  # a list of glosses keeps its capitals
        assert np.array_equal(loaded.sign(text, 6).joints, method.sign(text, 6).joints)
    assert not np.array_equal(loaded.sign("NORD", 6).joints, loaded.sign("nord", 6).joints)


def test_without_the_list_of_words_nothing_is_signed(checkpoint, tmp_path):
    name, _, path = checkpoint
    path.with_name("src_vocab.txt").unlink()
    published.write(published.convert(name, path), tmp_path / "out.safetensors")
    with pytest.raises(MissingWeights, match="name no words"):
        catalog.load(name, str(tmp_path / "out.safetensors")).sign("regen")
    path.with_name("src_vocab.txt").write_text("regen\n")
    with pytest.raises(MissingWeights, match=r"src_vocab\.txt: a list of words begins with <unk>"):
        published.convert(name, path)
    path.with_name("src_vocab.txt").write_text("<unk>\n<pad>\n<s>\n</s>\nregen\n")
    with pytest.raises(MissingWeights, match="of another shape"):
        published.convert(name, path)
