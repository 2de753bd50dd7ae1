"""SD laundering: tells photographs, photographs sent through an auto-encoder, and synthetic media.

Laundering passes a photograph through Stable Diffusion's auto-encoder: it looks the same but bears
a generator's traces. Two EfficientNet-B4 read 800 small patches each and average their best scores:
the first tells real from synthetic, the second, asked only then, laundered from fully synthetic.
Input: a picture at native resolution; output: the first stage's score, positive is synthetic, and
which of the three it is, in words. It fails where the traces are gone: scaling, strong JPEG.

Mandelli et al., "When Synthetic Traces Hide Real Content: Analysis of Stable Diffusion Image
Laundering", WIFS 2024, arXiv:2407.10736.
"""

from verilens.card import Card

CARD = Card(
    name="sd_laundering",
    title="Stable Diffusion laundering",
    summary="tells real, laundered and fully synthetic pictures, patch by patch",
    tasks=("ai-image",),
    entry="model:SDLaundering",
    paper="arXiv:2407.10736",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("visual.frequency", "visual.texture"),
    levels=("frame",),
    limits=(
        "scaling or strong JPEG compression after generation removes the traces",
        "slow without a GPU: up to 1,600 passes of EfficientNet-B4 a picture",
        "image-to-image translation of some strength lies between laundered and synthetic",
        "a laundered picture may show a true scene: only its pixels were made again",
    ),
    uncertain=(
        "training set, learning rate and augmentation are not published: one random patch a "
        "picture and cross-entropy in both stages (config: train_patches)",
        "patch score: the second logit, as in the released code, not a probability; so that its "
        "threshold is 0, training starts with opposed logits, which is ours",
        "how many patches are averaged in the paper's tables: 600 of 800, as the released code "
        "does, which suggests 200 to 600 (config: best)",
        "patch positions: drawn with the released code's seed, but not by its library (config: "
        "seed)",
        "pictures above 2048 pixels are cut to their centre; the paper reads all (config: view)",
        "faces: the released code can read faces alone; here view.fit = 'face' does",
        "of which kinds of training media the laundered ones are (config: laundered)",
    ),
)
