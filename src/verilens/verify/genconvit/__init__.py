"""GenConViT: a face and what a generator makes of it, side by side.

Network A reconstructs a face crop with an autoencoder, network B with a variational one; each sends
crop and reconstruction through one ConvNeXt and judges the two outputs together. Input: a face crop
of 224 pixels; output: one logit a crop, positive is fake. A video is judged by the mean of both
networks' outputs over its frames. It fails without a face and on forgeries unlike those it saw.

Wodajo et al., "Deepfake Video Detection Using Generative Convolutional Vision Transformer", 2023,
arXiv:2307.07036.
"""

from verilens.card import Card

CARD = Card(
    name="genconvit",
    title="Generative Convolutional Vision Transformer",
    summary="compares a face with its reconstruction by two autoencoders",
    tasks=("face-forgery",),
    entry="model:GenConViT",
    paper="arXiv:2307.07036",
    licence="Apache-2.0; the released weights are GPL-3.0",
    cues=("visual.texture", "visual.blending"),
    levels=("frame", "clip"),
    extras=("backbones",),
    own_reading=True,
    limits=(
        "looks at single frames: what only moves wrongly goes unseen",
        "needs a face of some size; a crop without one gets a number that means nothing",
        "network B alone has 695 million weights, 629 million of them in two linear layers",
    ),
    uncertain=(
        "Swin: the release builds a Swin Transformer but never runs it; with hybrid=true its "
        "tokens are added to the last ConvNeXt map, which is our reading (config: hybrid)",
        "latent: the release uses the mean as log-variance and leaves the KL term out of the loss; "
        "faithful=false repairs both (config: faithful, kl_weight; the weight is a comment there)",
        "test time: the release draws the latent at random also when it judges; we take its mean "
        "unless told otherwise (config: sample_at_test)",
        "score: the release's fake score can fall when fakeness rises and may contradict its own "
        "label; faithful=false averages the probabilities that cross-entropy trains",
        "loss weights of the paper: not stated in what we could read; the release's are used",
    ),
)
