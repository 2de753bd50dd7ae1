"""Takes checkpoints that the official code saves; none are published."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

UNUSED = "a layer that the official code makes and never runs: the encoder copies it"
SIDES = {"v": "first", "s": "second"}
MLPS = {
    "text_emo": "text_emotion",
    "text_semantic": "text",
    "vision": "frames",
    "audio": "audio",
}


def _renamed() -> dict[str, str]:
    found = {rf"content\.mlp_{theirs}\.(.*)": rf"{ours}.\1" for theirs, ours in MLPS.items()}
    for theirs, ours in {"visual": "frames", "text": "text"}.items():
        layer = rf"content\.transformer_align_{theirs}\.transformer_encoder\.layers\.0"
        found[rf"{layer}\.(.*)"] = rf"align_{ours}.layer.\1"
    for pair in ("at", "vt", "va"):
        found |= _pair(pair)
    return found | {
        r"content\.trm_emo\.(.*)": r"emotion.\1",
        r"content\.content_classifier_emo\.(.*)": r"emotion_head.\1",
        r"content\.content_classifier\.(.*)": r"joint_head.\1",
    }


def _pair(pair: str) -> dict[str, str]:
    found = {
        rf"content\.trm_{pair}\.(.*)": rf"{pair}.fuse.\1",
        rf"content\.content_classifier_{pair}\.(.*)": rf"{pair}.head.\1",
    }
    heads = rf"content\.co_attention_{pair}\.multi_head"
    for side, ours in SIDES.items():
        place = f"{pair}.attend.{ours}"
        own = rf"content\.co_attention_{pair}\.PoswiseFeedForwardNet_{side}"
        for short, name in {"q": "query", "k": "key", "v": "value"}.items():
            found[rf"{heads}\.multihead_attn_{side}\.w_{short}\.linear\.(.*)"] = (
                rf"{place}.{name}.\1"
            )
        found |= {
            rf"{heads}\.pos_emb_{side}\.pos_enc\.weight": f"{place}.positions",
            rf"{heads}\.linear_{side}\.(.*)": rf"{place}.enter.\1",
            rf"{heads}\.proj_{side}\.linear\.(.*)": rf"{place}.leave.\1",
            rf"{heads}\.layer_norm_{side}\.gamma": f"{place}.norm.scale",
            rf"{heads}\.layer_norm_{side}\.beta": f"{place}.norm.shift",
            rf"{own}\.conv1\.(.*)": rf"{place}.ffn.0.\1",
            rf"{own}\.conv2\.(.*)": rf"{place}.ffn.2.\1",
            rf"{own}\.layer_norm\.gamma": f"{place}.last.scale",
            rf"{own}\.layer_norm\.beta": f"{place}.last.shift",
        }
    return found


def _config(tensors: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Return how wide the text's features are: 768 for FakeSV, 512 for FakeTT."""
    text = tensors.get("content.mlp_text_semantic.0.weight")
    return {} if text is None else {"text_width": text.shape[1]}


CONVERTER = Converter(
    source="what github.com/Sakura-not-sleep/CA_FVD saves; no file is published",
    licence="not stated by its repository",
    renamed=_renamed(),
    unused={r"content\.transformer_align_\w+?\.transformer_encoder_layer\..*": UNUSED},
    config=_config,
)
