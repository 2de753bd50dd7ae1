"""EfficientNet-B4: the stronger of the two plain image networks of the face-forgery tables.

A network of 17.6 M weights, scaled in depth, width and resolution together, reads one face at
256 x 256. Input: a face crop with margin; output: one logit a crop, positive is forged. Like
Xception it knows the forgeries it was trained on (frame AUC 0.96 on FaceForensics++) and little
else (0.75 on Celeb-DF v2), and it needs ImageNet weights to start from.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
arXiv:1905.11946; as a detector configured as in DeepfakeBench, arXiv:2307.01426.
"""

from verilens.card import Card

CARD = Card(
    name="efficientnet_b4",
    title="EfficientNet-B4",
    summary="classifies face crops with a compound-scaled image network",
    tasks=("face-forgery",),
    entry="model:EfficientNetB4",
    paper="arXiv:1905.11946",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("visual.texture",),
    levels=("frame", "clip"),
    limits=(
        "learns the look of the forgeries it saw: on other data sets it is far weaker",
        "needs a face; a picture without one has no meaning to it",
        "strong compression hides what it reads (frame AUC 0.82 at c40 of FaceForensics++)",
    ),
    uncertain=(
        "first convolution: unpadded, as DeepfakeBench replaced it (config: stem_padding)",
        "started from a Hugging Face folder, the first convolution keeps its ImageNet weights; "
        "DeepfakeBench draws it anew",
        "crop: 1.3 times the face box at 256 x 256, as DeepfakeBench cuts it (config: view)",
        "videos: scores of frames are averaged",
    ),
)
