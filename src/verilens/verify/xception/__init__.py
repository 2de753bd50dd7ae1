"""Xception: a plain image network on face crops, the row that every face-forgery paper starts from.

A separable-convolution network of 20.8 M weights reads one face at 256 x 256 and says genuine or
forged. Input: a face crop with margin; output: one logit a crop, positive is forged. It fails
across data sets: what it learns is the look of the forgeries it was trained on (frame AUC 0.96 on
FaceForensics++, 0.74 on Celeb-DF v2), and it needs ImageNet weights to start from.

Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019,
arXiv:1901.08971; configured as in DeepfakeBench, arXiv:2307.01426.
"""

from verilens.card import Card

CARD = Card(
    name="xception",
    title="Xception",
    summary="classifies face crops with a plain image network",
    tasks=("face-forgery",),
    entry="model:XceptionDetector",
    paper="arXiv:1901.08971",
    licence="Apache-2.0",
    cues=("visual.texture",),
    levels=("frame", "clip"),
    limits=(
        "learns the look of the forgeries it saw: on other data sets it is far weaker",
        "needs a face; a picture without one has no meaning to it",
        "strong compression hides what it reads (frame AUC 0.83 at c40 of FaceForensics++)",
    ),
    uncertain=(
        "crop: 1.3 times the face box at 256 x 256, as DeepfakeBench cuts it; the paper's own crop "
        "is 299 x 299 (config: view)",
        "two-way head, as published: the logit is the difference of its outputs",
        "videos: scores of frames are averaged",
    ),
)
