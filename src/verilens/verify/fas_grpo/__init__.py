"""FAS-GRPO: a multimodal model learns by reward to tell live faces from presentation attacks.

For each face the model writes several answers, thoughts before a verdict. They are rewarded when
the verdict is right, when the thoughts alone imply the same verdict, and when the form is kept; the
model moves towards those above their group's mean. No text is annotated. Input: a face crop;
output: one logit, positive is an attack, and the reasoning. Untuned models guess.

Jiang et al., "Exploring Task-Solving Paradigm for Generalized Cross-Domain Face Anti-Spoofing via
Reinforcement Fine-Tuning", arXiv:2506.21895.
"""

from verilens.card import Card

CARD = Card(
    name="fas_grpo",
    title="FAS-GRPO",
    summary="a multimodal model reasons about spoofs, tuned by verifiable rewards",
    tasks=("spoof", "explain"),
    entry="model:FASGRPO",
    paper="arXiv:2506.21895",
    licence="Apache-2.0; the base model has its own",
    extras=("mllm",),
    cues=("explain", "visual.texture"),
    levels=("frame", "clip"),
    limits=(
        "needs a multimodal model in a local folder and a GPU for real use",
        "thoughts that agree with a verdict may be untrue: nothing checks them against pixels",
        "on our toy it did not carry over to a large shift of colours as well as supervised tuning",
        "the rule that reads thoughts knows the words of rewards.py; others count as no opinion",
    ),
    uncertain=(
        "only the abstract could be read: base model, prompts, weights of the rewards and all "
        "tables are not verified",
        "base: any LLaVA in a folder (config: base); the size built without one is LLaVA-1.5-7B, "
        "the paper's is not known",
        "reasoning reward: the verdict that the thoughts alone imply, by a rule, equals the "
        "answer; asking the model again with its thoughts alone is the other reading",
        "advantage: population deviation (config: deviation)",
        "keeping only high-reward answers: groups without variance are dropped, and a share of the "
        "best may be kept (config: keep)",
        "one update a batch of answers, so that clipping never acts, unless config.inner is larger",
    ),
    own_reading=True,
)
