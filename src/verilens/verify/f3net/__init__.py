"""F3-Net: frequency bands of the face, and local frequency statistics, read by two networks.

One stream splits the picture into low, middle, high and all frequencies with learned DCT masks
(FAD); the other measures how much of each band every small window holds (LFS); attention lets them
exchange features (MixBlock). Input: a face crop; output: one logit a crop, positive is forged. It
fails on forgeries whose spectrum it has not seen (frame AUC 0.96 on FaceForensics++, 0.74 on
Celeb-DF v2, first stream alone).

Qian et al., "Thinking in Frequency: Face Forgery Detection by Mining Frequency-Aware Clues",
ECCV 2020, arXiv:2007.09355; streams="fad" is what DeepfakeBench (arXiv:2307.01426) measures.
"""

from verilens.card import Card

CARD = Card(
    name="f3net",
    title="F3-Net",
    summary="reads frequency bands and local frequency statistics of a face",
    tasks=("face-forgery",),
    entry="model:F3Net",
    paper="arXiv:2007.09355",
    licence="Apache-2.0",
    own_reading=True,
    cues=("visual.frequency",),
    levels=("frame", "clip"),
    limits=(
        "learns the spectrum of the forgeries it saw: on other data sets it is far weaker",
        "scaling and strong compression change the spectrum it reads",
        "needs a face; a picture without one has no meaning to it",
    ),
    uncertain=(
        "no official code: the first stream follows DeepfakeBench, the second and the exchange "
        "follow the paper's equations as we read them (config: streams)",
        "neighbouring band masks share one diagonal of the spectrum, as in DeepfakeBench",
        "exchange: attention across rows of each channel, after block 7 and block 12",
        "crop: 256 x 256 as in DeepfakeBench; the paper's is 299 x 299 (config: view)",
        "published figures of DeepfakeBench are those of the first stream alone",
    ),
)
