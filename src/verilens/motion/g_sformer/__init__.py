"""G-SFormer: a graph of body parts in every frame, and attention that skips between frames.

Five parts of the body form a small graph whose edges depend on the pose; frames then attend to
every third frame only, and a decoder shrinks 243 frames to the middle one. Input: joints in a
picture; output: joints in space relative to the root. It fails on views from above and on movement
unlike its training set's.

Cui et al., "Graph and Skipped Transformer: Exploiting Spatial and Temporal Modeling Capacities for
Efficient 3D Human Pose Estimation", arXiv:2407.02990.
"""

from verilens.card import Card

CARD = Card(
    name="g_sformer",
    title="Graph and Skipped Transformer",
    summary="lifts joints seen in a film by a graph of body parts and skipped attention",
    tasks=("lift",),
    entry="model:GSFormer",
    paper="arXiv:2407.02990",
    licence="Apache-2.0",
    reads="poses",
    limits=(
        "gives poses relative to the root; where a person stands is not found",
        "one person at a time, in the 17 joints of Human3.6M",
    ),
    uncertain=(
        "which number of layers the paper calls S and which has no letter; 8 is G-SFormer-L "
        "(config: layers, Config.small, Config.middle)",
        "joint embedding: sine and cosine of the joint's number are added to its coordinates, as "
        "the released code does (config: joint_embedding)",
        "residual of a shrinking layer: every third frame, as the released code's pooling of width "
        "one keeps it, or the largest of three (config: pool)",
        "data rolling begins at a gap of 50 frames of film; the released code uses 30 to 70 "
        "(config: window.roll)",
        "drop-path has one rate in all layers, as in the released code (config: drop_path)",
    ),
)
