"""SLRTP back-translation: a network that reads signing, to measure how well others produce it.

A Sign Language Transformer embeds 178 joints a frame, recognises glosses (CTC) and translates to
text with a beam search; the text is compared with what should have been signed. Input: joints at
half of 25 frames a second; output: a sentence. It fails on movement unlike its training data, and
its figures only compare with others that were read by the same weights.

Walsh et al., "SLRTP2025 Sign Language Production Challenge", CVPRW 2025 (CVPRW-2025-SLRTP).
"""

from verilens.card import Card

CARD = Card(
    name="slrtp",
    title="SLRTP 2025 back-translation",
    summary="translates signing back to text, to score sign language production",
    tasks=("sign",),
    entry="model:BackTranslation",
    paper="CVPRW-2025-SLRTP",
    licence="Apache-2.0",
    reads="poses",
    extras=("bench", "train"),
    limits=(
        "no weights are shipped: train it on your corpus, or no text measure is printed",
        "its scores say what this network understands, not what a deaf reader would",
        "text scores of different weights must not stand in one table",
    ),
    uncertain=(
        "sizes: the challenge's own configuration is not public; these are the published ones of "
        "Sign Language Transformers (config: width, layers, heads, inner)",
        "vocabulary sizes: every word of PHOENIX14T's training split (config: glosses, words)",
        "learning rate: the published plan falls by 0.7 when validation stalls for 8 rounds; the "
        "recipe falls by steps, as a run that goes on after a kill must (recipe: lr_factor)",
    ),
)
