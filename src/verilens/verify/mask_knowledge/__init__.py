"""Knowledge-based prompts: what sets a worn mask apart from a face, told to CLIP in sentences.

A small graph of facts (skin - shows - pores; silicone - has - a smooth surface) becomes sentences;
each picture picks those that matter to it, and they refine two learned prompts. Patches that fit no
sentence of the right class are dropped in training, so that prompts do not learn the background.
Input: a face crop, 224 pixels; output: one logit, positive is a 3D mask. It fails on prints and
screens, which it knows nothing of.

Jiang et al., "Learning Knowledge-based Prompts for Robust 3D Mask Presentation Attack Detection",
arXiv:2505.03610.
"""

from verilens.card import Card

CARD = Card(
    name="mask_knowledge",
    title="Knowledge-based prompts for 3D mask detection",
    summary="tells masks from faces by facts about their material, put to CLIP in words",
    tasks=("spoof",),
    entry="model:MaskKnowledge",
    paper="arXiv:2505.03610",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.details"),
    levels=("frame",),
    extras=("backbones",),
    own_reading=True,
    limits=(
        "knows 3D masks alone: prints and replays are another method's work",
        "without a local CLIP folder (config: pretrained) the frozen encoders are random and of "
        "little use",
        "needs CLIP's own tokenizer in that folder; without it words are hashes that mean nothing",
        "no published figure is verified, so none is claimed",
    ),
    uncertain=(
        "everything below is ours, formed after the abstract: the authors released no code",
        "the facts: knowledge.toml in the method's folder, or a file of your own (config: "
        "knowledge)",
        "sentences join the prompts as features, by the filter; CLIP would not read so many words",
        "filter: attention of several heads, the image feature as query, among the sentences of "
        "each class (config: heads)",
        "elimination: the patches most like the mean sentence of the true class are kept "
        "(config: share); what is dropped is left out of the mean of patches",
        "scoring: by the patches most like the sentences of any class, or by the image feature "
        "(config: judge)",
        "weights of the losses (config: weight_*), context length, the encoder (config: clip)",
    ),
)
