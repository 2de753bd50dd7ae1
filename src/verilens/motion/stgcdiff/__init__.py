"""StgcDiff: the passage from one sign to the next, by diffusion on the graph of joints.

Nobody records passages between single signs, so stretches of continuous movement are hidden and
learned to be filled. A graph network that can rebuild whole movements describes the visible frames,
and a denoiser makes the hidden ones of noise. Input: two movements and the length of the gap;
output: the frames in between. It fails where the two ends do not say how to get across.

"StgcDiff: Spatial-Temporal Graph Condition Diffusion for Sign Language Transition Generation",
arXiv:2506.13156.
"""

from verilens.card import Card

CARD = Card(
    name="stgcdiff",
    title="Spatial-Temporal Graph Condition Diffusion",
    summary="fills the gap between two movements by diffusion on the graph of joints",
    tasks=("in-between",),
    entry="model:StgcDiff",
    paper="arXiv:2506.13156",
    licence="Apache-2.0",
    reads="poses",
    own_reading=True,
    limits=(
        "the longer the gap, the more ways lead across; it gives one of them",
        "frames before and after the gap must be of one person, one skeleton and one speed",
    ),
    uncertain=(
        "everything but the idea is our reading: the authors released no code, and the paper's "
        "text was not at hand",
        "numbers and widths of layers (config: width, encoder_layers, decoder_layers, layers)",
        "graph layers: neighbours towards the root, away from it and the joint itself, each with a "
        "learned mask and a part that depends on the movement (config: mask, attention)",
        "the denoiser predicts the clean frames, or the noise (config: predict)",
        "visible frames stay clean in the denoiser's input, or are noised alike (config: visible)",
        "what the hidden frames are measured from: nothing, or a straight or cubic passage, of "
        "which the network then learns the rest (config: base, spread)",
        "sampling by DDIM in 25 to 50 steps from noise of a strength that may be 0, which gives "
        "about the mean of all passages (config: sampling, temperature)",
        "bones of the gap can be given the lengths they have beside it (config: bones)",
    ),
)
