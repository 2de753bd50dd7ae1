"""Takes what the official training code writes: best.ckpt, with src_vocab.txt beside it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from verilens.motion.vocabulary import TEXT, beside
from verilens.nn.transformer import published_names, published_sizes
from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

WORDS, FRAME, OUT = "src_embed.lut.weight", "trg_embed.weight", "decoder.output_layer.weight"


def _config(tensors: "Mapping[str, Tensor]") -> dict[str, int | bool]:
    if not {WORDS, FRAME, OUT} <= set(tensors):
        return {}
    return {
        **published_sizes(tensors, r"encoder\."),
        "word_count": tensors[WORDS].shape[0] - len(TEXT),
        "joints": (tensors[OUT].shape[0] - 1) // 3,
        "just_counter": tensors[FRAME].shape[1] == 1,
    }


def _prepared(tensors: "Mapping[str, Tensor]") -> "Mapping[str, Tensor]":
    """Return the tensors with the error's variance, which training alone reads, at 0."""
    if OUT not in tensors:
        return tensors
    return {**tensors, "variance": tensors[OUT].new_zeros(tensors[OUT].shape[0])}


CONVERTER = Converter(
    source="github.com/BenSaunders27/ProgressiveTransformersSLP, <model_dir>/best.ckpt of training",
    licence="CC BY-NC-SA 4.0, as its repository",
    renamed={
        r"src_embed\.lut\.weight": "words.weight",
        r"trg_embed\.(\w+)": r"embed.\1",
        r"decoder\.output_layer\.weight": "out.weight",
        "variance": "variance",
        **published_names(r"encoder\.", "encoder."),
        **published_names(r"decoder\.", "decoder.", decoder=True),
    },
    unused={r".*\.pe\.pe": "positions, computed from their formula"},
    prepared=_prepared,
    config=_config,
    beside=beside,
)
