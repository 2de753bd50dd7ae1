"""PoseC3D for micro-gestures: joints drawn as small spots in a film that a 3D network reads.

Each joint of body, finger tips and face becomes a Gaussian spot in its own channel, frame by frame;
SlowOnly-R50, narrow and shallow, classifies the volume. Frames cover the whole clip evenly, short
clips are interpolated, and a further loss draws features to the embedding of the class's name.
Input: flat joints with confidence. It fails where a gesture lies in depth or in unseen fingers.

First, the entry to MiGA 2025, track 1: arXiv:2506.12848. PoseC3D: Duan et al., CVPR 2022,
arXiv:2104.13586.
"""

from verilens.card import Card

CARD = Card(
    name="miga_posec3d",
    title="PoseC3D with face and finger joints",
    summary="recognises micro-gestures from joints drawn as a film of spots",
    tasks=("recognize",),
    entry="model:MigaPoseC3D",
    paper="arXiv:2506.12848",
    licence="Apache-2.0",
    reads="poses",
    own_reading=True,
    limits=(
        "reads flat joints: what only depth shows is lost",
        "slow on a CPU: a clip of 48 frames of 56 x 56 spots in 41 channels costs about 15 billion "
        "multiplications",
        "the figures of the paper are on iMiGUE, whose skeletons are given by agreement only",
    ),
    uncertain=(
        "the 41 joints: the paper adds face points to a set of 22; which ones is our choice "
        "(config: stretch.skeleton = imigue41 or imigue22)",
        "the loss on class names, its embedding and its weight: our own formulation, with counts "
        "of letter groups in place of a language model unless a file of embeddings is given "
        "(config: semantic)",
        "short clips: interpolated linearly over the whole clip (config: stretch.short)",
        "the official code cuts spots off at whole pixels, unevenly; ours at three sigma on every "
        "side, so that a mirror image of the joints is the mirror image of the film",
    ),
)
