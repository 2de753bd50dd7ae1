"""HySpeFAS winner: is a face skin, by its reflectance in 30 spectral bands beside its colours.

Silicone and paper match skin in three colours, not in thirty. Bands are weighed, a multi-attention
EfficientNet-B3 with a difference stem reads them, and a contrast against remembered faces, mix-up
within a class and flat minima keep it from learning who is shown. Input: a cube of 33 bands of a
face, 256 pixels; output: one logit, positive is an attack. It reads no ordinary photograph.

Song et al., "Supervised Contrastive Learning for Snapshot Spectral Imaging Face Anti-Spoofing",
CVPR Workshops 2024, arXiv:2405.18853.
"""

from verilens.card import Card

CARD = Card(
    name="hyspefas",
    title="Supervised contrastive learning for spectral face anti-spoofing",
    summary="tells skin from masks and prints by 30 spectral bands beside the colours",
    tasks=("spoof",),
    entry="model:HySpeFAS",
    paper="arXiv:2405.18853",
    licence="Apache-2.0",
    cues=("visual.colour", "visual.texture"),
    levels=("frame",),
    extras=("backbones",),
    limits=(
        "needs a snapshot spectral camera: pictures of three colours give no evidence",
        "bands other than HySpeFAS's, in another number or order, need training of their own",
        "bands are read with 8 bits each, a thirtieth of the least deviation of a band",
        "faces fill the picture; nothing looks for a face in a cube",
        "published: ACER 0 on a test set of the same cameras, masks and rooms as training",
    ),
    uncertain=(
        "real-face oriented re-weighting has no formula in the released code; repeating live rows "
        "ten times is taken to be it (recipe: plan.repeat_genuine)",
        "class-conditional mix-up: the released code leaves the first sample of a batch as it is, "
        "by an index of two columns; here every sample is mixed",
        "both passes of a step put their embeddings into the memory, as released",
        "the schedule falls by steps, not by epochs, and ends at the floor: the released run began "
        "anew in its last epoch, number 31",
        "the paper starts from adversarially trained ImageNet weights (config: pretrained)",
    ),
)
