"""Takes what the official training code writes: best.ckpt, with src_vocab.txt beside it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from verilens.motion.vocabulary import TEXT, beside
from verilens.nn.transformer import published_names, published_sizes
from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

DENOISER = r"ACD\.ACD_Denoiser\."


def _config(tensors: "Mapping[str, Tensor]") -> dict[str, int]:
    table = tensors.get("src_embed.lut.weight")
    if table is None:
        return {}
    return {"word_count": table.shape[0] - len(TEXT), **published_sizes(tensors, r"encoder\.")}


CONVERTER = Converter(
    source="github.com/NaVi-start/Sign-Base, <model_dir>/best.ckpt of its training",
    licence="MIT for the code; its weights follow PHOENIX14T, CC BY-NC-SA 3.0",
    renamed={
        r"src_embed\.lut\.weight": "words.weight",
        **published_names(r"encoder\.", "encoder."),
        **published_names(DENOISER, "denoiser.decoder.", decoder=True),
        rf"{DENOISER}trg_embed\.(\w+)": r"denoiser.embed.\1",
        rf"{DENOISER}time_mlp\.1\.(\w+)": r"denoiser.moment.layers.0.\1",
        rf"{DENOISER}time_mlp\.3\.(\w+)": r"denoiser.moment.layers.2.\1",
        rf"{DENOISER}output_layer\.weight": "denoiser.out.weight",
    },
    unused={
        r"ACD\.\w+": "the schedule of noise, computed from its formula",
        r".*\.pe\.pe": "positions, computed from their formula",
    },
    config=_config,
    beside=beside,
)
