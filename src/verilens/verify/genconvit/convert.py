"""Takes the checkpoints of either network as the official repository publishes them.

The release was made with timm 0.6.5, whose names and fused query-key-value layers are undone here.
A file holds one network and becomes a configuration with that network alone; a folder with the
files of both becomes both.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from verilens.errors import MissingWeights
from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

B_ONLY = "convnext_backbone."  # network A calls the same part "backbone."
BLOCK = r"([ab])\.backbone\.stages\.(\d+)\.blocks\.(\d+)\."
OUR_BLOCK = r"network_\1.backbone.convnext.convnext.encoder.stages.\2.layers.\3."
SWIN_BLOCK = r"([ab])\.embedder\.layers\.(\d+)\.blocks\.(\d+)\."
OUR_SWIN_BLOCK = r"network_\1.backbone.swin.swin.encoder.layers.\2.blocks.\3."
TWIN = re.compile(r"^(convnext_)?backbone\.patch_embed\.backbone\.")  # Swin, registered twice
LINEARS = {"fc": 1, "fc2": 3}  # of our head


def prepared(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Return the tensors under their network's letter, fused layers cut into their three parts."""
    found: dict[str, Tensor] = {}
    for file in dict.fromkeys(name.rpartition("/")[0] for name in tensors):
        start = f"{file}/" if file else ""
        own = {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
        letter = "b" if any(name.startswith(B_ONLY) for name in own) else "a"
        if any(name.startswith(f"{letter}.") for name in found):
            raise MissingWeights(f"{file}: a second file of network {letter.upper()}")
        found |= {f"{letter}.{name}": tensor for name, tensor in _renamed(own)}
    return found


def _renamed(tensors: "Mapping[str, Tensor]") -> "Iterator[tuple[str, Tensor]]":
    for published, tensor in tensors.items():
        first = TWIN.sub("embedder.", published)
        if first != published and first in tensors and not tensors[first].equal(tensor):
            raise MissingWeights(f"{published} differs from the same tensor of the embedder")
        name = published.replace(B_ONLY, "backbone.", 1)
        if name.startswith("embedder.") and ".qkv." in name and len(tensor) % 3 == 0:
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                yield name.replace(".qkv.", f".{part}_proj."), piece
        else:
            yield name, tensor


def config(tensors: "Mapping[str, Tensor]") -> dict[str, str]:
    """Return which networks there are."""
    letters = {name[0] for name in tensors}
    return {"networks": letters.pop() if len(letters) == 1 else "both"}


def _convnext() -> dict[str, str]:
    own = r"network_\1.backbone.convnext.convnext."
    stage = rf"{own}encoder.stages.\2."
    layers = {"conv_dw": "dwconv", "norm": "layernorm", r"mlp\.fc1": "pwconv1"}
    layers[r"mlp\.fc2"] = "pwconv2"
    start = r"([ab])\.backbone\."
    return {
        rf"{start}stem\.0\.(\w+)": rf"{own}embeddings.patch_embeddings.\2",
        rf"{start}stem\.1\.(\w+)": rf"{own}embeddings.layernorm.\2",
        rf"{start}stages\.(\d+)\.downsample\.(.+)": rf"{stage}downsampling_layer.\3",
        **{rf"{BLOCK}{theirs}\.(\w+)": rf"{OUR_BLOCK}{ours}.\4" for theirs, ours in layers.items()},
        rf"{BLOCK}gamma": rf"{OUR_BLOCK}layer_scale_parameter",
        rf"{start}head\.norm\.(\w+)": rf"{own}layernorm.\2",
        rf"{start}head\.fc\.(\w+)": r"network_\1.backbone.convnext.classifier.\2",
        rf"{start}patch_embed\.proj\.(\w+)": r"network_\1.backbone.project.\2",
    }


def _swin() -> dict[str, str]:
    own = r"network_\1.backbone.swin.swin."
    layers = {
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        r"attn\.proj": "attention.o_proj",
        **{rf"attn\.{part}_proj": f"attention.{part}_proj" for part in "qkv"},
        r"mlp\.fc1": "mlp.fc1",
        r"mlp\.fc2": "mlp.fc2",
    }
    start, bias = r"([ab])\.embedder\.", "relative_position_bias_table"
    return {
        rf"{start}patch_embed\.proj\.(\w+)": rf"{own}embeddings.patch_embeddings.projection.\2",
        rf"{start}patch_embed\.norm\.(\w+)": rf"{own}embeddings.norm.\2",
        **{
            rf"{SWIN_BLOCK}{theirs}\.(\w+)": rf"{OUR_SWIN_BLOCK}{ours}.\4"
            for theirs, ours in layers.items()
        },
        rf"{SWIN_BLOCK}attn\.{bias}": rf"{OUR_SWIN_BLOCK}attention.relative_position_bias.{bias}",
        rf"{start}layers\.(\d+)\.downsample\.(.+)": rf"{own}encoder.layers.\2.downsample.\3",
        rf"{start}norm\.(\w+)": rf"{own}layernorm.\2",
        rf"{start}head\.(\w+)": r"network_\1.backbone.swin.classifier.\2",
    }


CONVERTER = Converter(
    source="github.com/erprogs/GenConViT, genconvit_ed_inference.pth (network A) or "
    "genconvit_vae_inference.pth (network B), or a folder with both",
    licence="GPL-3.0",
    prepared=prepared,
    config=config,
    renamed={
        r"([ab])\.(encoder|decoder)\.features\.(.+)": r"network_\1.\2.\3",
        **{rf"([ab])\.{fc}\.(\w+)": rf"network_\1.head.{n}.\2" for fc, n in LINEARS.items()},
        r"b\.encoder\.(mu|var)\.(\w+)": r"network_b.latent.\1.\2",
        r"b\.encoder\.(fc[12])\.(\w+)": r"network_b.idle.\1.\2",
        r"b\.fc3\.(\w+)": r"network_b.idle.fc3.\1",
        **_convnext(),
        **_swin(),
    },
    unused={
        r"[ab]\.backbone\.patch_embed\.backbone\..+": "the same Swin as embedder, a second time",
        r"[ab]\.embedder\..+\.(attn_mask|relative_position_index)": "follows from the window size",
    },
)
