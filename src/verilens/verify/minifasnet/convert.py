"""Takes the checkpoints of the official repository, with or without the branch of training."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verilens.published import Converter
from verilens.verify.minifasnet.config import SECOND

if TYPE_CHECKING:
    from torch import Tensor

LAYERS = {"conv": "0", "bn": "1", "prelu": "2"}
STAGES = {"conv_23": ("conv_3", 4), "conv_34": ("conv_4", 6), "conv_45": ("conv_5", 2)}
BLOCK = {"conv": "expand", "conv_dw": "depthwise", "project": "project"}
EXCITE = {"fc1": "squeeze.0", "bn1": "squeeze.1", "fc2": "excite.0", "bn2": "excite.1"}
MARGINS = {"v2": 2.7, "v1se": 4.0}  # of the released files, by their names; 2.7 for others
WIDEST = "conv_4.model.0.conv.conv.weight"  # tells the variants apart
EXTENT = "conv_6_dw.conv.weight"
WITH_BRANCH = "model."  # before each name of a training checkpoint


def _renamed() -> dict[str, str]:
    places = {"conv1": "stem.0", "conv2_dw": "stem.1", "conv_6_sep": "separate"}
    places["conv_6_dw"] = "whole"
    found = {}
    for n, (opening, (rest, count)) in enumerate(STAGES.items()):
        blocks = [opening, *(rf"{rest}\.model\.{k}" for k in range(count))]
        for k, theirs in enumerate(blocks):
            places |= {rf"{theirs}\.{a}": f"stages.{n}.{k}.{b}" for a, b in BLOCK.items()}
            for a, b in EXCITE.items():
                found[rf"{theirs}\.se_module\.{a}\.(\w+)"] = rf"net.stages.{n}.{k}.excite.{b}.\1"
    for theirs, ours in places.items():
        for a, b in LAYERS.items():
            found[rf"{theirs}\.{a}\.(\w+)"] = rf"net.{ours}.{b}.\1"
    for theirs, ours in {"linear": "embed", "bn": "norm", "prob": "head"}.items():
        found[rf"{theirs}\.(\w+)"] = rf"net.{ours}.\1"
    return found


def _prepared(tensors: "Mapping[str, Tensor]") -> "Mapping[str, Tensor]":
    return {name.removeprefix(WITH_BRANCH): tensor for name, tensor in tensors.items()}


def _config(tensors: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Return the variant, the classes and the view that a checkpoint's shapes tell.

    How far the crop reaches beyond the face is in the published file's name alone.
    """
    widest, extent, head = (tensors.get(name) for name in (WIDEST, EXTENT, "prob.weight"))
    variant = "v2" if widest is None or len(widest) == SECOND[1][0] else "v1"
    variant += "se" if any(".se_module." in name for name in tensors) else ""
    margin = MARGINS.get(variant, 2.7)
    size = 16 * (5 if extent is None else extent.shape[-1])
    return {
        "variant": variant,
        "classes": 3 if head is None else len(head),
        "fourier": False,
        "view": {"size": size, "frames": 8, "fit": "face", "margin": margin, "shape": "box"},
    }


CONVERTER = Converter(
    source="github.com/minivision-ai/Silent-Face-Anti-Spoofing, resources/anti_spoof_models: "
    "2.7_80x80_MiniFASNetV2.pth or 4_0_0_80x80_MiniFASNetV1SE.pth",
    licence="Apache-2.0",
    renamed=_renamed(),
    unused={r"FTGenerator\..*": "the branch that learns the spectrum in training"},
    prepared=_prepared,
    config=_config,
)
