"""Takes the official checkpoints; names follow the first release of Florence-2.

A checkpoint holds no tokenizer: that is a folder, such as the official repository's `models` or
Florence-2-base-ft, and is read again whenever the weights are.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verilens.errors import MissingWeights
from verilens.published import Backbone, Converter

if TYPE_CHECKING:
    from torch import Tensor

TEXT, OURS = "language_model.model.", "florence.model.language_model."
# One matrix under several names: what a file does not repeat is filled in.
TIED = (
    *(f"{TEXT}shared.weight", f"{TEXT}encoder.embed_tokens.weight"),
    *(f"{TEXT}decoder.embed_tokens.weight", "language_model.lm_head.weight"),
)
PROJECTION, BIAS = "image_projection", "language_model.final_logits_bias"
VISION_HEAD, TEXT_HEAD = 32, 64  # width of an attention head in every Florence-2
BLOCK = {
    r"conv([12])\.fn\.dw\.(\w+)": r"conv\3.\4",
    r"(window|channel)_attn\.norm\.(\w+)": r"norm1.\4",
    r"(window|channel)_attn\.fn\.(\w+)\.(\w+)": r"\3_attn.\4.\5",
    r"ffn\.norm\.(\w+)": r"norm2.\3",
    r"ffn\.fn\.net\.(\w+)\.(\w+)": r"ffn.\3.\4",
}
ADDED = {
    "learnable_tokens": "tokens",
    r"attn_linear\.(\w+)": r"pool.0.\1",
    r"attn_weight\.(\w+)": r"pool.2.\1",
    r"classifier\.(\w+)": r"binary.\1",
    r"Second_classifier\.(\w+)": r"between.\1",
    r"Bbox_Verification\.norm_layer_aggr\.(\w+)": r"norm.\1",
    r"Bbox_Verification\.aggregator\.(.*)": r"ask.\1",
    r"Bbox_Verification\.bbox_head\.(.*)": r"box.\1",
}


def _renamed() -> dict[str, str]:
    tower, projector = "florence.model.vision_tower", "florence.model.multi_modal_projector"
    found = {re.escape(TEXT) + a: f"artifact.{b}" for a, b in ADDED.items()}
    found |= {
        rf"vision_tower\.blocks\.([\d.]+)\.(\w+_block)\.{theirs}": rf"{tower}.blocks.\1.\2.{ours}"
        for theirs, ours in BLOCK.items()
    }
    return found | {
        r"vision_tower\.convs\.(\d)\.proj\.(\w+)": rf"{tower}.convs.\1.conv.\2",
        r"vision_tower\.convs\.(\d)\.norm\.(\w+)": rf"{tower}.convs.\1.norm.\2",
        r"image_projection": rf"{projector}.image_projection.weight",
        r"image_proj_norm\.(\w+)": rf"{projector}.image_proj_norm.\1",
        r"image_pos_embed\.(.*)": rf"{projector}.image_position_embed.\1",
        r"(visual_temporal_embed\..*)": rf"{projector}.\1",
        rf"{re.escape(TEXT)}(.*)": rf"{OURS}\1",
        r"language_model\.lm_head\.(\w+)": r"florence.lm_head.\1",
    }


def _prepared(tensors: "Mapping[str, Tensor]") -> "Mapping[str, Tensor]":
    """Turn the projection as a linear layer has it, and repeat the matrix that is shared."""
    found = dict(tensors)
    if PROJECTION in found:
        found[PROJECTION] = found[PROJECTION].T
    if BIAS in found and found.pop(BIAS).any():
        raise MissingWeights(f"{BIAS}: not zero, and the network adds none")
    known = next((found[name] for name in TIED if name in found), None)
    return found if known is None else {**dict.fromkeys(TIED, known), **found}


def _config(tensors: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Return the sizes that a checkpoint's shapes tell; nothing where it is no AMD's."""
    words = tensors.get(TIED[0])
    tokens, pool = tensors.get(f"{TEXT}learnable_tokens"), tensors.get(f"{TEXT}attn_linear.weight")
    places = tensors.get(f"{TEXT}encoder.embed_positions.weight")
    ffn = tensors.get(f"{TEXT}encoder.layers.0.fc1.weight")
    if words is None or tokens is None or pool is None or places is None or ffn is None:
        return {}
    stages = range(_count(tensors, r"vision_tower\.convs\.(\d+)\.proj\.weight"))
    dims = tuple(len(tensors[f"vision_tower.convs.{n}.proj.weight"]) for n in stages)
    depth = r"vision_tower\.blocks\.{}\.(\d+)\.spatial_block\.ffn\.norm\.weight"
    florence = {
        "depths": tuple(_count(tensors, depth.format(n)) for n in stages),
        "dims": dims,
        "heads": tuple(max(1, width // VISION_HEAD) for width in dims),
        "width": words.shape[1],
        "layers": _count(tensors, re.escape(TEXT) + r"encoder\.layers\.(\d+)\.fc1\.weight"),
        "text_heads": max(1, words.shape[1] // TEXT_HEAD),
        "ffn": len(ffn),
        "vocabulary": len(words),
        "positions": len(places) - 2,  # two are BART's own
    }
    return {"florence": florence, "artifact_tokens": len(tokens), "pool_width": len(pool)}


def _count(tensors: "Mapping[str, Tensor]", pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in tensors)


def _tokenizer(folder: Path) -> Backbone:
    from verilens.verify.amd.tokens import Published

    Published(str(folder))  # raises when there is none
    return Backbone({"tokenizer": str(folder)}, {})


CONVERTER = Converter(
    source="github.com/YcZhangSing/AMD, its readme's links: DGM4-Guardian, MDSM-NYT, MDSM-Guardian",
    licence="not stated by its repository; Florence-2: MIT",
    renamed=_renamed(),
    prepared=_prepared,
    config=_config,
    backbone=_tokenizer,
    lacks="tokenizer",
)
