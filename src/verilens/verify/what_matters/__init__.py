"""What Matters: three experts look at a video's appearance, its motion and its geometry.

A video is turned into three: features of each frame, optical flow, and depth. A 3-D ResNet judges
each on its own, and the mean of their probabilities is the score, so that the report can say which
of the three gave the video away, and Grad-CAM when and where. Input: 16 moments of the whole frame;
output: one logit. It fails where moments lie far apart, and the built-in features and depth are
simple proxies for the learned ones of the paper.

Chang et al., "What Matters in Detecting AI-Generated Videos like Sora?", arXiv:2406.19568.
"""

from verilens.card import Card

CARD = Card(
    name="what_matters",
    title="What Matters: experts for appearance, motion and geometry",
    summary="judges appearance, optical flow and depth with one 3-D network each",
    tasks=("ai-video", "explain"),
    entry="model:WhatMatters",
    paper="arXiv:2406.19568",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.colour", "temporal.motion"),
    levels=("clip", "segment"),
    extras=("backbones",),
    limits=(
        "flow between moments that lie far apart is unreliable: long videos are read coarsely",
        "the default depth is a proxy, the veil of haze (dark channel), not a learned depth "
        "network; indoors and at night it hardly follows distance",
        "the default appearance is filter energies, not the features of a vision model",
        "the whole frame is scaled to a square, which removes the finest traces of up-sampling",
        "Grad-CAM shows what raised the score, on a coarse grid; it does not outline objects",
    ),
    uncertain=(
        "only the abstract could be verified: vision model, flow network, depth network, 3-D "
        "backbone, training and all figures are not",
        "appearance: DINOv2 is our guess at the vision model (config: appearance=dinov2, or any "
        "transformers backbone in a local folder); built in are energies of DCT filters",
        "motion: Farneback's flow on locally normalised luma; RAFT-like networks plug in from "
        "Python (argument providers)",
        "geometry: any transformers depth model in a local folder (config: geometry=folder), or a "
        "callable from Python; built in is a haze proxy",
        "backbone: 3-D ResNet-18 of Hara et al., with less stride over time so that Grad-CAM can "
        "tell when (config: width, depths, bottleneck, time_strides)",
        "fusion: the mean of probabilities; max, weighted by validation and stacked logistic are "
        "the other readings (config: ensemble)",
        "Grad-CAM: of the log-odds of 'fake', at the last stage (config: cam_stage)",
    ),
    own_reading=True,
)
