"""Takes DeepfakeBench's SRM checkpoints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verilens.errors import MissingWeights
from verilens.published import Converter

if TYPE_CHECKING:
    from torch import Tensor

NEVER_RUN = "a layer that this mode of the network never runs"
FIXED = r"(?:srm_conv[012]|srm_sa\.srm)\.kernel"


def config(tensors: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Return no settings; MissingWeights when the checkpoint's filters are not the usual ones."""
    from verilens.nn.high_pass import kernels

    own = kernels()
    for name, found in tensors.items():
        if name.endswith(".kernel"):
            expected = own.repeat_interleave(len(found) // len(own), 0)[:, None].expand_as(found)
            if (found - expected).abs().max() > 1e-5:
                raise MissingWeights(f"{name}: not the high-pass filters of srm")
    return {}


def _exchanges() -> dict[str, str]:
    layers = {
        r"key_conv1\.(\w+)": r"keys.0.\1",
        r"key_conv2\.(\w+)": r"keys.1.\1",
        r"key_conv_share\.(\w+)": r"shared.\1",
        r"linear1\.(\w+)": r"mix.0.\1",
        r"linear2\.(\w+)": r"mix.1.\1",
        r"value_conv1\.(\w+)": r"values.0.\1",
        r"value_conv2\.(\w+)": r"values.1.\1",
        r"gamma1": r"gates.0",
        r"gamma2": r"gates.1",
    }
    return {
        rf"dual_cma{n}\.{theirs}": f"exchanges.{n}.{ours}"
        for n in range(2)
        for theirs, ours in layers.items()
    }


CONVERTER = Converter(
    source="github.com/SCLBD/DeepfakeBench, release v1.0.1",
    licence="CC-BY-NC-4.0",
    renamed={
        r"backbone_rgb\.last_linear\.(?:1\.)?(weight|bias)": r"head.\1",
        r"backbone_rgb\.(.*)": r"colours.\1",
        r"backbone_srm\.(.*)": r"noise.\1",
        r"srm_conv([12])\.out_conv\.(.*)": r"high\1.mixed.\2",
        r"srm_sa\.conv\.(.*)": r"guide.read.\1",
        r"srm_sa\.pa\.conv\.(.*)": r"guide.weigh.\1",
        r"srm_sa_post\.(.*)": r"guided.\1",
        r"fusion\.convblk\.(.*)": r"fusion.join.\1",
        r"fusion\.ca\.sharedMLP\.(.*)": r"fusion.weigh.\1",
        **_exchanges(),
    },
    unused={
        r"backbone_(?:rgb|srm)\.adjust_channel\..*": NEVER_RUN,
        r"backbone_srm\.last_linear\..*": NEVER_RUN,
        r"blur\.weight": NEVER_RUN,
        FIXED: "numbers that the method makes itself, found equal",
    },
    config=config,
)
