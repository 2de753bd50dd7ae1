"""Takes DeepfakeBench's EfficientNet-B4 checkpoints, named as in efficientnet-pytorch."""

from verilens.published import Converter

THEIRS, OURS = r"backbone\.efficientnet\.", "backbone."
BLOCK, OUR_BLOCK = rf"{THEIRS}_blocks\.(\d+)\.", rf"{OURS}encoder.blocks.\1."
LAYERS = {
    "_expand_conv": "expansion.expand_conv",
    "_bn0": "expansion.expand_bn",
    "_depthwise_conv": "depthwise_conv.depthwise_conv",
    "_bn1": "depthwise_conv.depthwise_norm",
    "_se_reduce": "squeeze_excite.reduce",
    "_se_expand": "squeeze_excite.expand",
    "_project_conv": "projection.project_conv",
    "_bn2": "projection.project_bn",
}

CONVERTER = Converter(
    source="github.com/SCLBD/DeepfakeBench, release v1.0.1",
    licence="CC-BY-NC-4.0",
    renamed={
        rf"{THEIRS}_conv_stem\.(\w+)": rf"{OURS}embeddings.convolution.\1",
        rf"{THEIRS}_bn0\.(\w+)": rf"{OURS}embeddings.batchnorm.\1",
        rf"{THEIRS}_conv_head\.(\w+)": rf"{OURS}encoder.top_conv.\1",
        rf"{THEIRS}_bn1\.(\w+)": rf"{OURS}encoder.top_bn.\1",
        r"backbone\.last_layer\.(\w+)": r"head.\1",
        **{rf"{BLOCK}{a}\.(\w+)": rf"{OUR_BLOCK}{b}.\2" for a, b in LAYERS.items()},
    },
)
