"""SRM: the colours of a face and its high-frequency noise, read side by side.

Three fixed high-pass filters (of the spatial rich model) take the picture's content away and leave
its noise. One Xception reads the colours, another the noise; noise guides where the first looks,
and attention lets both exchange features twice. Input: a face crop; output: one logit a crop,
positive is forged. It fails where noise is gone: blur, scaling, strong compression (frame AUC 0.96
on FaceForensics++ c23, 0.81 at c40, 0.76 on Celeb-DF v2).

Luo et al., "Generalizing Face Forgery Detection with High-frequency Features", CVPR 2021,
arXiv:2103.12376; configured as in DeepfakeBench, arXiv:2307.01426.
"""

from verilens.card import Card

CARD = Card(
    name="srm",
    title="High-frequency features (SRM)",
    summary="reads a face's colours and its high-pass noise together",
    tasks=("face-forgery",),
    entry="model:SRM",
    paper="arXiv:2103.12376",
    licence="Apache-2.0",
    cues=("visual.frequency", "visual.texture"),
    levels=("frame", "clip"),
    limits=(
        "blur, scaling or strong compression takes the noise away",
        "learns the forgeries it saw: on other data sets it is weaker",
        "needs a face; a picture without one has no meaning to it",
    ),
    uncertain=(
        "loss: additive margin on the plain outputs of a linear layer, which are no cosines, as in "
        "DeepfakeBench (config: margin, scale)",
        "filters of features: each of the three kernels meets a third of the maps, the order of "
        "the released code; the paper's text suggests all three for each map",
        "the noise that guides the colours is filtered twice, as in the released code",
        "crop: 1.3 times the face box at 256 x 256; the attention is made for that size "
        "(config: view)",
        "videos: scores of frames are averaged",
    ),
)
