"""Takes DeepfakeBench's F3-Net checkpoints: the stream of frequency bands alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verilens.errors import MissingWeights
from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

FIRST = "FAD_head.filters.0.learnable"
NOT_STORED = "numbers that the method makes itself, found equal"


def config(tensors: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Return the settings of a checkpoint; MissingWeights when its masks are not the usual ones."""
    from verilens.verify.f3net.frequency import bands, dct_matrix

    if FIRST not in tensors:
        return {"streams": "fad"}
    size = len(tensors[FIRST])
    expected = {f"FAD_head.filters.{n}.base": mask for n, mask in enumerate(bands(size))}
    expected["FAD_head._DCT_all"] = dct_matrix(size)
    expected["FAD_head._DCT_all_T"] = dct_matrix(size).T
    for name, values in expected.items():
        found = tensors.get(name, values)
        if found.shape != values.shape or (found - values).abs().max() > 1e-5:
            raise MissingWeights(f"{name}: not the numbers that f3net makes for {size} pixels")
    return {"streams": "fad", "view": {"size": size}}


CONVERTER = Converter(
    source="github.com/SCLBD/DeepfakeBench, release v1.0.1",
    licence="CC-BY-NC-4.0",
    renamed={
        r"backbone\.last_linear\.(?:1\.)?(weight|bias)": r"head.\1",
        r"backbone\.(.*)": r"bands_trunk.\1",
        r"FAD_head\.filters\.([0-3])\.learnable": r"bands.learned.\1",
    },
    unused={
        r"backbone\.adjust_channel\..*": "a layer that this mode of the network never runs",
        r"FAD_head\.(_DCT_all|_DCT_all_T|filters\.[0-3]\.base)": NOT_STORED,
    },
    config=config,
)
