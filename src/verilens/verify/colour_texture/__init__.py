"""Colour texture: printing and displaying change how colours vary from pixel to pixel.

Inks and screens show fewer colours than skin has, and leave dots, stripes and blur, most of it in
the chroma. Uniform local binary patterns of luma, chroma, hue, saturation and value are counted
over the face; a small classifier reads the counts. Input: a face at 64 x 64 pixels; output: one
logit, positive is an attack. It fails where scaling or compression has smoothed the texture away.

Boulkenafet, Komulainen and Hadid, "Face anti-spoofing based on color texture analysis", ICIP 2015,
arXiv:1511.06316.
"""

from verilens.card import Card

CARD = Card(
    name="colour_texture",
    title="Colour texture analysis",
    summary="counts colour micro-patterns that printing, screens and masks change",
    tasks=("spoof",),
    entry="model:ColourTexture",
    paper="arXiv:1511.06316",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.colour"),
    levels=("frame", "clip"),
    limits=(
        "scaling, blur and strong compression smooth away what it counts",
        "another camera has another texture: thresholds do not carry over for sure",
        "sees neither depth nor motion: a very good print or mask looks like skin to it",
    ),
    uncertain=(
        "classifier: the authors use a support vector machine; ours is logistic, with hidden units "
        "where asked for (config: hidden)",
        "neighbours are taken on a square ring, without interpolation at its corners",
        "face: the authors align by the eyes; ours is the view's crop (config: view)",
        "films: frames are scored like pictures and averaged",
    ),
)
