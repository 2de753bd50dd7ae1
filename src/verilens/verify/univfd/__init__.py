"""UnivFD: one linear layer on the features of a large frozen image encoder.

A network trained to tell real from fake learns one generator's traces and calls all else real. So
UnivFD trains none: it probes the features of CLIP ViT-L/14, which never saw the task, with a single
linear layer. Input: a native-resolution crop; output: one logit a crop, positive is generated. It
fails on pictures edited in a small region and on faces swapped into photographs, and it follows
content where training data do. Any other encoder can be plugged in.

Ojha et al., "Towards Universal Fake Image Detectors that Generalize Across Generative Models",
CVPR 2023, arXiv:2302.10174.
"""

from verilens.card import Card

CARD = Card(
    name="univfd",
    title="Universal fake detection by a linear probe",
    summary="probes the features of a frozen CLIP with one linear layer",
    tasks=("ai-image",),
    entry="model:UnivFD",
    paper="arXiv:2302.10174",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("visual.style",),
    levels=("frame",),
    limits=(
        "small edits and swapped faces leave the features of the whole crop nearly unchanged",
        "without the encoder's published weights it knows nothing",
        "0.3 G weights: slow on a CPU",
    ),
    uncertain=(
        "input: the official 224 x 224 centre crop at native resolution (config: view)",
        "the paper's nearest-neighbour variant is not here, only the linear one",
    ),
)
