"""Xception-UNet: which pixels of a face were forged, and how.

An Xception reads a face at several resolutions; a decoder joins its maps, coarse to fine, into a
mask of forged pixels, and a linear head on the coarsest says genuine or forged, or which of 15 ways
of forging. Input: a face crop with margin; output: a mask over the picture and one logit. It fails
across data sets, like every network that learns the look of its training forgeries.

He et al., "ForgeryNet: A Versatile Benchmark for Comprehensive Forgery Analysis", CVPR 2021,
arXiv:2103.05630.
"""

from verilens.card import Card

CARD = Card(
    name="xception_unet",
    title="Xception-UNet",
    summary="marks the forged pixels of a face",
    tasks=("face-forgery", "localize"),
    entry="model:XceptionUNet",
    paper="arXiv:2103.05630",
    licence="Apache-2.0",
    cues=("visual.blending", "visual.texture"),
    levels=("pixel", "frame"),
    limits=(
        "learns the look of the forgeries it saw: on other data sets it is far weaker",
        "needs a face; a picture without one has no meaning to it",
        "its mask is half as fine as the face crop; in the report it is 64 cells a side",
        "strong compression hides what it reads",
        "the starter weights are small and read stills: they mark a quarter of the edits that we "
        "made, and real swaps and composites no more often than genuine faces",
    ),
    uncertain=(
        "decoder: named in the paper and not described; the released file has but one layer on "
        "the coarsest maps, enlarged (config: decoder='linear')",
        "mask loss: cross-entropy against the grey mask, weighed like the classification loss",
        "mask and 16-way head are trained together; the paper trains each task apart "
        "(config: mask_weight, class_weight)",
        "what the trunk reads: colours as in the paper; config: front='noise' adds what high-pass "
        "filters leave of them and how strong it is in each place, which is ours",
        "mask threshold: 0.5 (config: level); the paper's IoU uses several",
        "crop: 1.3 times the face box at 256 x 256; the released code enlarges its masks to 256",
    ),
    own_reading=True,
)
