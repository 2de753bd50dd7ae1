"""Takes DeepfakeBench's UCF checkpoints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

ENCODERS = {"encoder_f": "forgery", "encoder_c": "content"}
SPLITS = {"spe": "specific", "sha": "common"}


def _config(tensors: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Return how many kinds of forgery the published network tells apart."""
    scores = tensors.get("head_spe.mlp.2.weight")
    return {} if scores is None else {"kinds": len(scores)}


CONVERTER = Converter(
    source="github.com/SCLBD/DeepfakeBench, release v1.0.1, ucf_best.pth",
    licence="CC-BY-NC-4.0",
    renamed={
        **{rf"block_{a}\.conv2d\.(.+)": rf"{b}.\1" for a, b in SPLITS.items()},
        **{rf"head_{a}\.mlp\.(.+)": rf"{b}_head.mlp.\1" for a, b in SPLITS.items()},
        **{rf"con_gan\.dconv_up{3 - n}\.(.+)": rf"decoder.stages.{n}.\1" for n in range(3)},
        r"con_gan\.conv_last\.(.+)": r"decoder.last.\1",
        **{rf"{a}\.(?!last_linear)(.+)": rf"{b}.\1" for a, b in ENCODERS.items()},
    },
    unused={
        r"encoder_[fc]\.last_linear\..*": "a classifier that this network never runs",
    },
    config=_config,
)
