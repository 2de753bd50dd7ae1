"""Progressive transformer: signs frame after frame, with a counter that says how far it is.

A Transformer reads the words; a decoder predicts the next frame's joints and a counter that rises
to 1, where signing ends. Trained with the true frames before each (teacher forcing). Input: a
sentence; output: joints. It drifts to the mean posture: what it signs moves a quarter as far as
people do.

Saunders et al., "Progressive Transformers for End-to-End Sign Language Production", ECCV 2020,
arXiv:2004.14874.
"""

from verilens.card import Card

CARD = Card(
    name="progressive_transformer",
    title="Progressive Transformer",
    summary="signs a sentence frame after frame until its counter is full",
    tasks=("sign",),
    entry="model:ProgressiveTransformer",
    paper="arXiv:2004.14874",
    licence="Apache-2.0",
    reads="text",
    extras=("train",),
    limits=(
        "a baseline: no weights are shipped",
        "regresses to the mean posture (total distance 0.257 of 1 in the challenge's table)",
    ),
    uncertain=(
        "noise on the frames before: a multiple of the spread of the prediction's error, which the "
        "official code takes over an epoch and we as a moving average (config: noise_rate)",
        "learning rate: the published plan falls by 0.7 when validation stalls 7 times; the recipe "
        "falls by steps",
    ),
)
