"""TDM: a sentence becomes signing by denoising a whole pose sequence in five steps.

A Transformer encodes the words; a Transformer decoder, told the time of the diffusion through the
words' states, predicts the clean poses. It learns joints (L1) and the directions of 50 bones.
Input: a sentence; output: 178 joints a frame. It fails on words that it never saw, and hands blur
where one sentence may be signed in several ways.

"Text-Driven Diffusion Model for Sign Language Production", SLRTP 2025, arXiv:2503.15914.
"""

from verilens.card import Card

CARD = Card(
    name="tdm_slp",
    title="Text-driven diffusion for sign language production",
    summary="signs a sentence by denoising poses in five steps",
    tasks=("sign",),
    entry="model:TDM",
    paper="arXiv:2503.15914",
    licence="Apache-2.0",
    reads="text",
    extras=("train",),
    limits=(
        "no weights are shipped; it needs the challenge's poses, which are not public in git",
        "the length is given from outside, as in the challenge",
        "back-translation understands little of what it signed in the published table: BLEU-4 2.05",
        "small networks learn words slowly: poses are small beside noise of deviation 1, and words "
        "beside their positions. In a toy of six words 832 steps of 16 end 5 % below standing "
        "still; with scale = 2 and loud = true 24 %, where 30 % were hoped for",
    ),
    uncertain=(
        "causal self-attention although all frames are made at once, as the official code has it "
        "(config: causal)",
        "what counts as padding: the official code leaves every coordinate out that is exactly 0, "
        "true zeros too; or whole frames by length (config: masking)",
        "words drawn as large as their positions are ours; the official code draws them by "
        "Xavier's rule (config: loud)",
        "a length that nobody gives: frames a word times words (config: frames_per_word)",
        "learning rate: the published plan falls by 0.7 when validation stalls 7 times; the recipe "
        "falls by steps",
    ),
)
