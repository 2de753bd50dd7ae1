"""Takes DeepfakeBench's SPSL checkpoints."""

from verilens.published import Converter

CONVERTER = Converter(
    source="github.com/SCLBD/DeepfakeBench, release v1.0.1",
    licence="CC-BY-NC-4.0",
    renamed={
        r"backbone\.last_linear\.(?:1\.)?(weight|bias)": r"head.\1",
        r"(backbone\..*)": r"\1",
    },
    unused={r"backbone\.adjust_channel\..*": "a layer that this mode of the network never runs"},
)
