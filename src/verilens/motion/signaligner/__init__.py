"""SignAligner: pose, hands and body of a sentence made together, then corrected by each other.

One text encoder feeds a decoder with a stream of queries for each modality; a second stage lets
each modality attend to the other two and adds what it learns there. Weights of the three losses
follow how fast each falls. Input: a sentence; output: joints, hands and body rotations of the same
frames. It fails on words it never saw; nearly all of its inside is our own reading.

"SignAligner: Harmonizing Complementary Pose Modalities for Coherent Sign Language Generation",
arXiv:2506.11621.
"""

from verilens.card import Card

CARD = Card(
    name="signaligner",
    title="SignAligner",
    summary="signs a sentence in three representations that correct each other",
    tasks=("sign",),
    entry="model:SignAligner",
    paper="arXiv:2506.11621",
    licence="Apache-2.0",
    reads="text",
    extras=("train",),
    own_reading=True,
    limits=(
        "no weights are shipped; its corpus PHOENIX14T+ (estimates by HaMeR and SMPLer-X) is not "
        "public",
        "the video stage is a pre-trained generator of others and is not here",
        "no published figure could be verified",
        "in a toy world correction lowers the error by 4 % within one network and by 10 % against "
        "the network without it, less than the 15 % hoped for; by 23 % against three separate "
        "generators of the same size",
    ),
    uncertain=(
        "sizes of encoder and generator: those of the progressive transformer "
        "(config: width, layers, heads, inner)",
        "cross-modal attention: queries of one modality, keys and values of the other two "
        "(model: Correction)",
        "weights of the losses: a softmax of loss ratios at temperature 2, times 3 (config: tau)",
        "consistency: distance of the wrists that pose, hands and body say, after a projection "
        "(config: consistency)",
        "length: a head on the mean of the words' states, of the logarithm (config: longest)",
        "body: 55 joint rotations as axis and angle, 10 shape and 10 expression values "
        "(config: body)",
        "folders of the corpus: pose, hamer and smplerx below each split, a .npy a sentence "
        "(corpus.py)",
    ),
)
