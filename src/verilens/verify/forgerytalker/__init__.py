"""ForgeryTalker: says in a sentence which parts of a face were edited, and masks them.

A prompter predicts which of 21 regions look edited. Their names ask an InstructBLIP for a report,
and the same names query its picture tokens for a mask, so that text and mask speak of the same
thing.
Input: a portrait, whole; output: regions, a mask, a report, and one logit from the mask. It knows
the edits it was trained on, and a fluent report is not a true one.

Lian et al., "Generating Attribution Reports for Manipulated Facial Images: A Dataset and Baseline",
arXiv:2412.19685.
"""

from verilens.card import Card

CARD = Card(
    name="forgerytalker",
    title="ForgeryTalker",
    summary="masks edited parts of a portrait and reports on them in words",
    tasks=("face-forgery", "localize", "explain"),
    entry="model:ForgeryTalker",
    paper="arXiv:2412.19685",
    licence="Apache-2.0; the base model has its own",
    extras=("mllm",),
    cues=("explain", "visual.details", "visual.blending"),
    levels=("frame", "pixel"),
    limits=(
        "reads a portrait as a whole; a face that is small in its picture is not looked for",
        "needs an InstructBLIP with Flan-T5-XL in a local folder and a GPU for real use",
        "the report is a language model's: it may name what is not there",
        "without published captions it learns from sentences made of the mask",
    ),
    uncertain=(
        "stage 1's masked words and picture-text contrast are not trained; the loss is stage 2's",
        "one slot a region: the mean of its words' embeddings; the code has up to 21 tokens",
        "the gate's 21 outputs against the labels; how it acts on the regions: they are multiplied",
        "adapters of the frozen ViT: LoRA of rank 8; the code names none",
        "the official code takes the sigmoid of the mask twice (config: double_sigmoid); we do not",
        "the prompter's training beyond its losses, and how they are weighed (config: "
        "prompt_weights)",
        "the logit of a picture: the mean of the highest hundredth of mask logits",
        "regions of masks without labels: by where the parts of an aligned face lie "
        "(regions.ATLAS)",
        "LoRA of the official output folder stands in none of its settings",
    ),
    own_reading=True,
)
