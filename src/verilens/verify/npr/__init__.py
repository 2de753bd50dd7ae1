"""NPR: the relations between neighbouring pixels that a generator's up-sampling leaves behind.

Generators end in up-sampling layers, which tie the pixels of each small block together. NPR takes
the top-left pixel of every 2 x 2 block from all four, and a truncated ResNet-50 classifies the
residual. Input: a native-resolution crop; output: one logit a crop, positive is fake. It fails
where the trace is gone: pictures scaled, blurred or strongly compressed after generation.

Tan et al., "Rethinking the Up-Sampling Operations in CNN-based Generative Network for Generalizable
Deepfake Detection", CVPR 2024, arXiv:2312.10461.
"""

from verilens.card import Card

CARD = Card(
    name="npr",
    title="Neighbouring Pixel Relationships",
    summary="reads how up-sampling ties neighbouring pixels together",
    tasks=("ai-image", "ai-video"),
    entry="model:NPR",
    paper="arXiv:2312.10461",
    licence="Apache-2.0",
    cues=("visual.frequency",),
    levels=("frame", "clip"),
    limits=(
        "resizing, blur or strong JPEG compression after generation removes the trace",
        "an ordinary photograph that was enlarged carries the same trace",
        "sees 224 x 224 pixels at a time: a small forged region is diluted by the rest of its crop",
    ),
    uncertain=(
        "block size and reference pixel: the paper's ablation is not reproduced; 2 x 2 blocks and "
        "the top-left pixel, as in the released model (config: block, reference)",
        "input: the paper resizes most test sets to 256 x 256, which destroys the trace; "
        "we cut the centre at native resolution (config: view; more crops average their logits)",
        "videos: not in the paper; frames are scored like pictures and averaged",
    ),
)
