"""AMD: what was done to a news picture and its caption, as a small language model answers.

Florence-2 reads picture and caption twice. In the first pass 32 learned tokens gather traces of
forgery from the picture, with the caption as keys; they feed a real-or-fake head and a box head. In
the second pass picture, tokens and caption are encoded together and the decoder answers one of six
options, with the forged face as location tokens. Input: a picture with its text; output: what was
done, box, words. It fails on forgeries without a face, and needs weights that none ship.

Zhang et al., "The Coherence Trap: MLLM-Crafted Narratives Exploit Manipulated Visual Contexts",
CVPR 2026, arXiv:2505.17476.
"""

from verilens.card import Card

CARD = Card(
    name="amd",
    title="Artifact-aware Manipulation Diagnosis",
    summary="answers what was done to a picture and its caption, and where",
    tasks=("post", "localize"),
    entry="model:AMD",
    paper="arXiv:2505.17476",
    licence="Apache-2.0; Florence-2: MIT",
    reads="post",
    modality="visual",
    extras=("backbones",),
    own_reading=True,
    cues=("semantic.visual-text", "visual.texture"),
    levels=("frame", "pixel"),
    limits=(
        "one face a picture is boxed; forgeries without a face are not among its options",
        "the caption is cut to 30 words; what stands behind them is not read",
        "of a film the first sampled moment alone is read",
        "no weights ship: import an official checkpoint, or train it, from a Florence-2 folder "
        "('pretrained', 'tokenizer') or new",
        "rewritten words (text_attribute) are answered as swapped ones: no option is theirs",
    ),
    uncertain=(
        "the question's words: ours, not the published prompt, which imported checkpoints were "
        "tuned on (config: question)",
        "padding after a shorter text is masked; the official code attends to it",
        "the score: likelihood of the six answers, where the official code ranks by a fixed vector "
        "of the generated one (answers.ranking)",
        "attention between the modalities is unscaled, as in the official code (config: scaled)",
        "options are told apart by their letter too; the official code leaves letters out",
        "official scoring looks for 'E. Face swap' where its training answers say 'E. Both face "
        "swap', so it counts E and F as genuine; here they are what they say",
        "pictures are enlarged from 224 pixels, as the official data loader shrinks them first",
        "the published sizes of MDSM's splits",
    ),
)
