"""GM-DF: one detector for several data sets, with experts for what is particular to each.

CLIP's image encoder stays frozen; a mixture of experts beside every MLP, normalised by the data set
a picture comes from, adapts it, and training rehearses meeting an unknown data set at every step.
Input: a face crop of 224 pixels; output: one logit a crop, positive is fake. It fails where no face
is, and on domains unlike all it was trained on.

Lai et al., "GM-DF: Generalized Multi-Scenario Deepfake Detection", ACM MM 2025, arXiv:2406.20078.
"""

from verilens.card import Card

CARD = Card(
    name="gm_df",
    title="Generalized Multi-Scenario Deepfake Detection",
    summary="adapts a frozen CLIP with experts trained across data sets",
    tasks=("face-forgery",),
    entry="model:GMDF",
    paper="arXiv:2406.20078",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.blending"),
    levels=("frame", "clip"),
    extras=("backbones",),
    own_reading=True,
    limits=(
        "looks at single frames: what only moves wrongly goes unseen",
        "needs samples of two data sets or more in a batch; with one it trains like any detector",
        "without a local CLIP folder the frozen encoder is random and of little use",
        "in a toy of three synthetic domains the same network trained on all at once did better on "
        "the unseen one (mean AUC 0.692 against 0.618, three trainings): no gain is claimed here",
    ),
    uncertain=(
        "everything below is read from an unofficial implementation: the authors released no code",
        "unknown domain: when judging, the mean of the learned domain embeddings stands for the "
        "data set nobody knows (config: unknown)",
        "second order: MLP outputs of blocks 8-10, counted from 0, weighted by how the next "
        "block's class token attends to them; or token mean and variance "
        "(config: second_order, second_order_blocks)",
        "which blocks have experts: all twelve (config: adapted_blocks)",
        "routing: one weight an expert and picture, from attention among their mean outputs",
        "masked pictures: patches are hidden from the encoder; the unofficial code hides them from "
        "the decoder only (config: mask_at)",
        "prompts: without a tokenizer the fixed words are hashed to tokens, and data sets and "
        "classes are learned vectors (config: names, pretrained)",
        "contrast: against one prompt a data set and class; or against the batch's own "
        "(config: contrast); temperature 0.07 + 0.01 x the embedding's length (config: tau_phi)",
        "domain alignment: mean squared gap of domain means; or MMD (config: alignment)",
        "meta step: one domain of the batch is held out, the rest adapt the experts, first order; "
        "contrast and alignment compare domains, so they are taken of the whole batch",
        "rates and weights of the losses (config: inner_lr, weight_*)",
    ),
)
