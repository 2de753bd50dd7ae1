"""QAD: one detector for every quality, taught with the same pictures compressed more and less.

All versions of a picture pass through one network. It is rewarded when its features of two versions
depend on each other (HSIC), and its weights are trained at the worst point near them, so that
compression, too, changes little. Input: an aligned face crop; output: one logit a crop, positive
is fake. It fails on whole generated pictures and where compression has left no trace at all.

Le and Woo, "Quality-Agnostic Deepfake Detection with Intra-model Collaborative Learning",
ICCV 2023, arXiv:2309.05911.
"""

from verilens.card import Card

CARD = Card(
    name="qad",
    title="QAD: Quality-Agnostic Deepfake Detection",
    summary="one network whose features stay alike over the qualities of a face picture",
    tasks=("face-forgery",),
    entry="model:QAD",
    paper="arXiv:2309.05911",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("visual.blending", "visual.texture"),
    levels=("frame", "clip"),
    limits=(
        "knows face forgeries only: a picture generated as a whole may pass",
        "qualities it was not trained on lie outside its promise",
        "training costs two passes over all versions of a batch",
        "in a toy, where all qualities are trained on with labels alone too, features are hardly "
        "more alike (0.941 against 0.937 of 1), and accuracy gains two points",
    ),
    own_reading=True,
    uncertain=(
        "the paper was not at hand: the architecture is read from its abstract and figure, rates, "
        "batch, weights of the stages and radius from released settings of its code",
        "which features the released stage weights 0.1, 0.25, 0.5 belong to: we take the first "
        "three of four stages (config: stage_weights)",
        "how HSIC is scaled: we normalise it (0-1) and use a median bandwidth, with strength 0.1; "
        "released settings name width 6 and strength 0.003 (config: bandwidth, strength)",
        "maps are averaged over a 4 x 4 grid before they are compared (config: grid)",
        "quality levels are raw, c23 and c40 videos in the paper; JPEG at qualities 75 and 40 "
        "stands in for the latter two unless the batch brings them (config: quality_from)",
        "weights are perturbed from the first step, released settings wait three epochs",
        "no table of the paper could be checked, so there is no recipe",
    ),
)
