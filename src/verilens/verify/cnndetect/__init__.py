"""CNNDetection: a plain ResNet-50 that learned one generator with blur and JPEG as augmentation.

Trained on ProGAN pictures alone, but blurred and compressed at random, it recognises many other
convolutional generators. Input: a native-resolution crop; output: one logit a crop, positive is
generated. It fails on diffusion models and on what was edited rather than generated (average
precision 0.64 on super-resolution, 0.66 on face swaps).

Wang et al., "CNN-generated Images are Surprisingly Easy to Spot... for Now", CVPR 2020,
arXiv:1912.11035.
"""

from verilens.card import Card

CARD = Card(
    name="cnndetect",
    title="CNNDetection",
    summary="spots pictures of convolutional generators with a plain ResNet-50",
    tasks=("ai-image",),
    entry="model:CNNDetect",
    paper="arXiv:1912.11035",
    licence="Apache-2.0",
    cues=("visual.frequency", "visual.texture"),
    levels=("frame",),
    limits=(
        "knows convolutional generators; pictures of diffusion models mostly pass",
        "ranks better than it decides: the threshold has to be set on one's own data",
        "sees 224 x 224 pixels at a time: a small forged region is diluted by the rest of its crop",
    ),
    uncertain=(
        "input: the paper's 224 x 224 centre crop; on whole pictures, which its repository "
        "recommends, figures are higher (config: view; more crops average their logits)",
        "learning rate: the paper divides it by 10 when validation stalls; the recipes keep it",
    ),
)
