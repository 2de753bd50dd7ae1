"""ST-GCN++: convolutions over the joints of a skeleton, with learned neighbours, and over time.

The graph convolution of ST-GCN gets adjacencies that training may change and a residual path; six
branches at several scales read time. Input: joints of one or two persons; output: class scores. It
fails where the class lies in objects or in fingers that the skeleton lacks.

Duan et al., "PYSKL: Towards Good Practices for Skeleton Action Recognition", ACM MM 2022,
arXiv:2205.09443.
"""

from verilens.card import Card

CARD = Card(
    name="stgcnpp",
    title="ST-GCN++",
    summary="recognises movement by convolving over joints and time",
    tasks=("recognize",),
    entry="model:STGCNPP",
    paper="arXiv:2205.09443",
    licence="Apache-2.0",
    reads="poses",
    limits=(
        "sees joints alone: objects in the hands and the surroundings are not read",
        "one skeleton for training and use: others are converted by name and lose joints",
    ),
    uncertain=(
        "frames: the official code loops clips that are shorter than the network reads and draws "
        "which frames to skip in those less than twice as long; ours takes one of each equal "
        "segment (config: stretch.sampling, stretch.short)",
        "the official code turns the spine of 3D skeletons upright; ours only moves the centre",
    ),
)
