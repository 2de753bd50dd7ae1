"""Unknown spoof prompts: what attacks nobody has seen may look like, said in learned words.

CLIP knows what paper, screens and masks are called. From real faces alone one prompt is learned
that fits them and several that do not: held near sentences about attacks, away from real faces and
apart from each other. Input: a face crop, 224 pixels; output: one logit, positive is an attack. It
fails on attacks that CLIP's pictures and words do not tell from faces.

Jiang et al., "Learning Unknown Spoof Prompts for Generalized Face Anti-Spoofing Using Only Real
Face Images", arXiv:2505.03611.
"""

from verilens.card import Card

CARD = Card(
    name="unknown_spoof",
    title="Unknown spoof prompts",
    summary="learns words for attacks nobody has seen, from real faces alone",
    tasks=("spoof",),
    entry="model:UnknownSpoof",
    paper="arXiv:2505.03611",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.style"),
    levels=("frame",),
    extras=("backbones",),
    own_reading=True,
    limits=(
        "without a local CLIP folder (config: pretrained) the frozen encoders are random and of "
        "little use",
        "needs CLIP's own tokenizer in that folder; without it words are hashes that mean nothing",
        "looks at single frames: what only moves wrongly goes unseen",
        "no published figure is verified, so none is claimed",
    ),
    uncertain=(
        "everything below is ours, formed after the abstract: the authors released no code",
        "losses: cross-entropy of real faces, a hinge around a sentence about attacks for each "
        "prompt, for the nearest one leaves attacks uncovered (config: near, delta), a margin to "
        "the mean real face (config: margin), the mean absolute cosine between spoof prompts or "
        "their Gram matrix (config: independence)",
        "what spoof prompts begin as: the words of a sentence each, or random (config: begin)",
        "weights of the losses (config: weight_*), number and length of the prompts (config: "
        "prompts, context), the sentences (config: sentences)",
        "the encoder: CLIP ViT-B/16, after the usual choice (config: clip)",
        "its nine data sets and results",
    ),
)
