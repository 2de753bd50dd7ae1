"""Skin probe: what the early layers of an ImageNet network see of a face tells skin from a copy.

Early layers answer to grain, edges, gloss and colour, and know no persons yet. The first stages of
a frozen EfficientNet-Lite2 look at a face and a little of what is around it; a small head reads
mean and spread of their maps. Input: a face at 128 x 128 pixels; output: one logit, positive is an
attack. It fails where scaling or compression has smoothed skin away, and on kinds of attacks that
leave none of the traces it was trained on.

Frozen features with a small head: Ojha et al., CVPR 2023, arXiv:2302.10174, there for generated
pictures.
"""

from verilens.card import Card

CARD = Card(
    name="skin_probe",
    title="Probe of skin",
    summary="reads skin, paper, screens and masks off the early layers of a frozen network",
    tasks=("spoof",),
    entry="model:SkinProbe",
    paper="arXiv:2302.10174",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.colour"),
    levels=("frame", "clip"),
    limits=(
        "scaling, blur and strong compression smooth away what it reads",
        "another camera has another grain: thresholds do not carry over for sure",
        "sees neither depth nor motion: a very good print or mask looks like skin to it",
    ),
    uncertain=(
        "the paper probes the last features of CLIP ViT-L/14 for generated pictures; this probes "
        "the first stages of EfficientNet-Lite2 for presentation attacks (config: depth)",
        "what is read of the maps: mean and spread over all places",
        "films: frames are scored like pictures and averaged",
    ),
    own_reading=True,
)
