"""ProtoGCN: graphs of how joints move together, rebuilt from learned prototypes.

Ten blocks convolve over joints, by adjacencies that the movement itself refines, and over time. The
last block's graph is rebuilt as a mixture of prototypes; a contrastive loss draws it to what its
class looked like so far. Input: joints; output: class scores; streams of joints, bones and their
motion are fused. It fails like all skeleton methods where objects or fine fingers decide.

Liu et al., "Revealing Key Details to See Differences: A Novel Prototypical Perspective for
Skeleton-based Action Recognition", CVPR 2025, arXiv:2411.18941.
"""

from verilens.card import Card

CARD = Card(
    name="protogcn",
    title="Prototypical graph convolution",
    summary="recognises movement by graphs rebuilt from prototypes",
    tasks=("recognize",),
    entry="model:ProtoGCN",
    paper="arXiv:2411.18941",
    licence="MIT",
    reads="poses",
    limits=(
        "sees joints alone: objects in the hands and the surroundings are not read",
        "the published figures fuse up to six networks; one stream alone scores two points less",
    ),
    uncertain=(
        "of the eight weights alpha and beta of a layer the official code uses the first alone; "
        "so do we, and the others stay 0",
        "the memory of class features is no part of the official checkpoints; ours is saved",
        "motion streams: the official code takes differences before it samples frames for 3D sets "
        "and after it for 2D sets; ours always after it",
        "shares of joints in the mean joint: 25 in the official code, whatever the skeleton",
        "weight of the contrastive loss for Kinetics: 0.3 in the paper, 0.1 in the official config",
        "rebuilding a graph draws dropout for each sample in the official code, in a loop; ours "
        "draws it for the batch at once",
    ),
)
