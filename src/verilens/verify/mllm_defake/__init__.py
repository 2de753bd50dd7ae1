"""MLLM-Defake: six prompts look at a picture from six angles, and a conversation joins them.

Any chat model that sees pictures is asked, one prompt an angle: the whole, people, writing, light,
texture, style. A last conversation reads the six answers and gives the verdict with reasons; a
majority of the six is the other way to join them. Input: whole frames; output: real, fake or
undecided. It knows what its model knows: it fails on signs below what the model sees.

Ji et al., "Towards Explainable Fake Image Detection with Multi-Modal Large Language Models",
arXiv:2504.14245. The texts of the prompts are ours.
"""

from verilens.card import Card

CARD = Card(
    name="mllm_defake",
    title="MLLM-Defake",
    summary="asks any multimodal model by six prompts and fuses what it answers",
    tasks=("ai-image", "explain"),
    entry="model:MLLMDefake",
    paper="arXiv:2504.14245",
    licence="Apache-2.0; the model that is asked has its own",
    reads="answers",
    extras=("mllm",),
    cues=("explain", "visual.style", "visual.details"),
    levels=("frame",),
    limits=(
        "is as good as the model that answers, and as private: an endpoint is sent the pictures",
        "a model says what it believes, not what it measured; its reasons may be invented",
        "traces below what the model sees (seams, spectra) are missed",
        "the same model may answer otherwise tomorrow, when its owner changes it",
    ),
    uncertain=(
        "the texts of the six prompts are not published where we could read them: ours are our "
        "own, "
        "of the angles the paper names (prompts/*.json; other files by `bench prompts --suite`)",
        "the exact rule of fusion: a last conversation that reads all six, and their majority, are "
        "both here (config: fusion)",
        "reading a verdict: by a verdict line or whole words; the code's last occurrence of "
        "'real' or "
        "'fake', under which 'unrealistic' is real, is the other reading (config: strict)",
        "the list of 2,000 pictures; seed 3706 draws ours",
    ),
    own_reading=True,
)
