"""VideoPose3D: dilated convolutions over time lift two-dimensional joints to three.

All joints of a frame are one vector; blocks of convolutions, each reaching three times as far as
the one before, look at 243 frames to place the middle one. Input: joints in a picture; output:
joints in space relative to the root. It fails on views from above and on movement unlike its
training set's.

Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised
training", CVPR 2019, arXiv:1811.11742.
"""

from verilens.card import Card

CARD = Card(
    name="temporal_conv",
    title="VideoPose3D temporal convolutions",
    summary="lifts joints seen in a film to three dimensions by dilated convolutions",
    tasks=("lift",),
    entry="model:TemporalConv",
    paper="arXiv:1811.11742",
    licence="Apache-2.0",
    reads="poses",
    limits=(
        "gives poses relative to the root; where a person stands is not found",
        "one person at a time, in the 17 joints of Human3.6M",
    ),
    uncertain=(
        "the momentum of batch normalisation is fixed; the released code lets it decay from 0.1 "
        "to 0.001 over training",
        "the semi-supervised training of the paper is not built",
    ),
)
