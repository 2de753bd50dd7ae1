"""FakeLocator: a grey map of how far each pixel of a face was remade by a generator's up-sampling.

The decoders of GANs leave a texture of their own. An encoder-decoder, steered by where a face can
be edited, gives a full-resolution map of it, and a head on the encoder says whether there is any.
Input: an aligned face crop; output: one logit and a map in [0, 1]. Training distorts genuine faces
only, so that whatever is not genuine counts as fake; one labelled picture names the clusters of an
unknown generator. It fails where the texture is gone: strong JPEG, blur, scaling after the edit.

Huang et al., "FakeLocator: Robust Localization of GAN-Based Face Manipulations", IEEE TIFS 2022,
arXiv:2001.09598.
"""

from verilens.card import Card

CARD = Card(
    name="fakelocator",
    title="FakeLocator",
    summary="maps how far each pixel of a face was remade by up-sampling",
    tasks=("face-forgery", "localize"),
    entry="model:FakeLocator",
    paper="arXiv:2001.09598",
    licence="Apache-2.0",
    cues=("visual.frequency",),
    levels=("frame", "pixel"),
    own_reading=True,
    limits=(
        "strong JPEG compression, blur or scaling after the edit removes the texture it reads",
        "needs pairs of genuine and edited pictures, or maps of their difference, to be trained",
        "a face made as a whole has no genuine part: its map is high everywhere",
    ),
    uncertain=(
        "backbone and decoder: not verified; ours are ResNet-50 and a top-down path that ends at "
        "full resolution (config: depths, expansion, width, decoder)",
        "attention: the paper's comes from face parsing; ours takes any map, and without one reads "
        "everything, or a soft ellipse (config: attention)",
        "where attention acts: on the encoder's maps before the decoder; the head reads all",
        "input size, optimiser, rate and batch are not verified: 256 pixels, Adam 1e-4, 16",
        "how the difference of a pair is scaled to [0, 1]: as it is, or by its largest value "
        "(config: stretch)",
        "strengths of the partial augmentation (config: partial_p)",
        "films: frames are scored like pictures and averaged",
    ),
)
