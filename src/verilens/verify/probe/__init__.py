"""Probe: a shallow reading of what an ImageNet network sees.

Takes whole frames at a moderate size and asks a frozen EfficientNet-Lite2 whether content, style
and coarse texture resemble generated or genuine media; films have a head of their own. It raises
the measured accuracy because it does not depend on pixel traces, which the web washes out. It fails
on photorealistic pictures of everyday scenes, and it has learned some subjects along with the
style: unusual genuine art looks generated. Probing frozen features follows Ojha et al. 2023
(arXiv:2302.10174), with a small ImageNet network in the place of CLIP; the head for stills has one
hidden layer.
"""

from verilens.card import Card

CARD = Card(
    name="probe",
    title="Probe of a frozen ImageNet network",
    summary="Compares content and style with generated and genuine media.",
    tasks=("ai-image", "ai-video"),
    entry="model:Probe",
    paper="arXiv:2302.10174",
    licence="Apache-2.0",
    cues=("visual.style",),
    levels=("frame", "clip"),
    limits=(
        "photorealistic generated pictures score like photographs",
        "paintings, renderings and product pictures may look generated",
    ),
    uncertain=(
        "The paper probes CLIP ViT-L/14; this probe uses EfficientNet-Lite2, 4.8 M weights.",
        "The paper's head is linear; for stills ours has a hidden layer (config: hidden).",
    ),
    own_reading=True,
)
