"""UCF: what forgeries have in common, taken apart from content and from each method's own traces.

Two Xceptions read a face, one its forgery, one its content. The forgery map is split into a common
and a method-specific half; a decoder must rebuild pictures from swapped halves. Only the common
half is scored. Input: an aligned face crop; output: one logit a crop, positive is fake. It fails on
whole generated pictures, on forgeries without the traces it met, and on strong compression.

Yan et al., "UCF: Uncovering Common Features for Generalizable Deepfake Detection", ICCV 2023,
arXiv:2304.13949.
"""

from verilens.card import Card

CARD = Card(
    name="ucf",
    title="UCF: Uncovering Common Features",
    summary="reads only those traces of a forged face that several methods share",
    tasks=("face-forgery",),
    entry="model:UCF",
    paper="arXiv:2304.13949",
    licence="Apache-2.0",
    cues=("visual.blending", "visual.texture"),
    levels=("frame", "clip"),
    limits=(
        "knows face forgeries only: a picture generated as a whole may pass",
        "the published figures fall to 0.65-0.81 AUC on data sets it was not trained on",
        "strong video compression costs it: 0.84 AUC at c40 against 0.97 at c23",
    ),
    uncertain=(
        "which weighting of the losses the paper's final run used; the released one is the "
        "default (config: specific_weight, rebuild_weight, contrast_weight)",
        "pairs: each fake is set beside a genuine face of the batch, drawn at random, as in the "
        "released code; the shorter class of a batch is repeated",
        "both encoders start from ImageNet weights in the paper, and poor results are reported "
        "without (config: pretrained)",
    ),
)
