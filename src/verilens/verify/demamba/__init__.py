"""DeMamba: how the patches of a small zone of the picture follow each other over time.

An image encoder turns each of eight frames into a grid of tokens. The grid is cut into zones; the
tokens of a zone in all frames form one sequence, in snake order, that a bidirectional Mamba block
scans both ways. Zone means and a global feature give one logit, positive is generated. Input: eight
frames of a film; it says nothing about stills. It fails where generated films move as smoothly as
genuine ones, and on the frame rates and compression that training never showed it.

Chen et al., "DeMamba: AI-Generated Video Detection on Million-Scale GenVideo Benchmark",
arXiv:2405.19707.
"""

from verilens.card import Card

CARD = Card(
    name="demamba",
    title="Detail Mamba",
    summary="scans how the patches of each zone of a film follow each other",
    tasks=("ai-video",),
    entry="model:DeMamba",
    paper="arXiv:2405.19707",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("temporal.motion", "temporal.flicker"),
    levels=("clip", "segment"),
    limits=(
        "reads eight moments at a time: what happens between them is not seen",
        "resizing whole frames to 224 x 224 removes most traces that up-sampling leaves in pixels",
        "scene cuts look like breaks in time; films of several shots need shorter stretches",
        "the starter weights are ours: EfficientNet-Lite2 as ImageNet left it makes the tokens; "
        "only the head was trained, on about 1,600 films; the small encoder is ours too",
    ),
    uncertain=(
        "zone side per encoder: 1 for X-CLIP and 2 for CLIP in the released code; the paper's "
        "tables were not at hand (config: zone)",
        "inside a zone: one cell through all frames before the next, as the released code means "
        "to, or all cells of a frame before the next frame, which on made-up films did not learn "
        "to see frames out of order (config: scan.order)",
        "the released code mixes axes when it cuts zones, flips channels where time is meant, and "
        "leaves one convolution unused; layout = 'release' does the same, 'paper' does not, and "
        "which of the two the published tables came from is not known",
        "film moments: the paper's frames are half a second or an eighth of a film apart; a scan "
        "spreads eight moments over the film",
        "VideoMAE as encoder has no class token; the mean of its tokens is the global feature",
    ),
)
