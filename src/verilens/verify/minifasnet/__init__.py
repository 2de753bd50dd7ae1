"""MiniFASNet: tells a face before the camera from a face on paper, on a screen or on a mask.

A pruned MobileFaceNet of 0.4 M weights reads the face and its surroundings at 80 x 80 pixels, three
classes of which one is live; in training a second branch learns the picture's Fourier spectrum.
Input: a cut of 2.7 or 4 times the face's box; output: one logit, positive is an attack. It fails on
cameras, screens and papers unlike those of its training, and where the face is small or blurred.

Minivision, Silent-Face-Anti-Spoofing, 2020, github.com/minivision-ai/Silent-Face-Anti-Spoofing.
"""

from verilens.card import Card

CARD = Card(
    name="minifasnet",
    title="MiniFASNet, silent face anti-spoofing",
    summary="finds presentation attacks on small crops of a face and what is around it",
    tasks=("spoof",),
    entry="model:MiniFASNet",
    paper="github.com/minivision-ai/Silent-Face-Anti-Spoofing",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.frequency"),
    levels=("frame", "clip"),
    limits=(
        "one camera's attacks do not tell another's: across data sets such networks err far more",
        "a face that is small, blurred or strongly compressed shows neither skin nor screen",
        "photographs of people, taken for bona fide, may be reproductions themselves",
    ),
    uncertain=(
        "which of the two attack classes is which is not published: their probabilities are added, "
        "and training knows attack and bona fide alone",
        "the official demo adds the probabilities of two networks, at 2.7 and at 4 times the box; "
        "a weights file here is one of them (config: variant, view)",
        "the published networks were trained on boxes of another face detector, cut and scaled "
        "without antialiasing; here CenterFace finds faces and Pillow scales them",
        "training: the spectrum is that of the crop as it is seen, not of the file before "
        "augmentation",
        "films: frames are scored like pictures and averaged; the authors judge frames alone",
    ),
)
