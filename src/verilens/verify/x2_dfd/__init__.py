"""X2-DFD: a multimodal model explains a forged face by what it sees well, and is told the rest.

The base model is asked a hundred yes/no questions on real and fake faces; those it answers best are
its strong features, and LoRA tunes it to say real or fake with reasons made of them. What it
misses, such as seams, a detector scores, and the question carries the score. Input: a face crop;
output: one logit, of the verdict's word. It cannot judge without tuned weights.

Chen et al., "X2-DFD: A Framework for eXplainable and eXtendable Deepfake Detection", NeurIPS 2025,
arXiv:2410.06126.
"""

from verilens.card import Card

CARD = Card(
    name="x2_dfd",
    title="X2-DFD",
    summary="a tuned multimodal model says real or fake of a face, with reasons",
    tasks=("face-forgery", "explain"),
    entry="model:X2DFD",
    paper="arXiv:2410.06126",
    licence="Apache-2.0; the base model has its own",
    extras=("mllm",),
    cues=("explain", "visual.details"),
    levels=("frame", "clip"),
    limits=(
        "needs a LLaVA-1.5-7B in a local folder and a GPU for real use",
        "the reasons are the model's words: they may be wrong where the verdict is right",
        "what neither the model nor its expert detector sees is not found",
    ),
    uncertain=(
        "the questions: the paper's hundred or so were written by a language model; ours are our "
        "own words (questions.txt)",
        "how many questions count as strong: config.strong",
        "the official code could not be read, only a fork: turns, thresholds and LoRA are the "
        "fork's",
        "explanations of the training set: the paper has a model write them; here they are "
        "composed of the strong features that the base model says yes to (supply.explained)",
        "the second expert, for diffusion, is any detector that is given (weak)",
        "films: frames are scored like pictures and averaged",
    ),
    own_reading=True,
)
