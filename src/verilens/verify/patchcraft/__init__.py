"""PatchCraft: the contrast in noise between richly and poorly textured parts of one picture.

Cameras write the same noise everywhere; generators render texture and flat areas differently.
PatchCraft cuts 192 random 32 x 32 patches, tiles the 64 with most and the 64 with least texture
into two pictures, filters both with 30 high-pass kernels and classifies the difference of features.
Input: a frame of any size, never resized; output: one logit, positive is fake. It fails where noise
was evened out (blur, down-scaling, strong JPEG) and on pictures of one texture only.

Zhong et al., "PatchCraft: Exploring Texture Patch for Efficient AI-generated Image Detection",
arXiv:2311.12397.
"""

from verilens.card import Card

CARD = Card(
    name="patchcraft",
    title="PatchCraft",
    summary="compares the noise of a picture's rich and flat patches",
    tasks=("ai-image", "ai-video"),
    entry="model:PatchCraft",
    paper="arXiv:2311.12397",
    licence="Apache-2.0",
    cues=("visual.texture",),
    levels=("frame", "clip"),
    limits=(
        "blur, down-scaling or strong JPEG compression evens out the noise it compares",
        "a picture that is flat or textured throughout offers nothing to compare",
        "a small forged region is seen only if the drawn patches fall on it",
    ),
    uncertain=(
        "input of the first convolution: 30 filter maps of luma; 90 maps of the three colours or "
        "one summed map are the other readings (config: maps)",
        "filters are divided by their centre coefficient, so that the 30 maps share one scale",
        "texture is measured on luma",
        "borders are mirrored before filtering: zeros would draw an edge around every picture",
        "3 x 3 convolutions, 2 x 2 average pooling (config: kernel, pool)",
        "patch positions: random in training, drawn from a fixed seed otherwise (config: seed)",
        "frames above 768 pixels are cut to their centre (config: view)",
        "number of epochs: not given in the paper",
        "videos: not in the paper; frames are scored like pictures and averaged",
    ),
)
