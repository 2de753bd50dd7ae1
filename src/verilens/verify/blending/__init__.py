"""Blending: finds the seam where a face was laid into a picture, trained on genuine faces alone.

Every training step blends genuine faces with altered copies of themselves and learns to tell these
fakes from what they were made of, so nothing but the seam is learned, and no forgery is needed.
Input: an aligned face crop; output: one logit, positive is blended. It fails on faces made as a
whole, which have no seam, and after strong compression. `weak_feature` words its score for others.
Its starter weights are of a smaller network that a scan can afford (`Config.starter()`).

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022, arXiv:2204.08376;
as the weak feature of X2-DFD, NeurIPS 2025, arXiv:2410.06126.
"""

from verilens.card import Card

CARD = Card(
    name="blending",
    title="Self-blended images",
    summary="finds blending seams of swapped faces, trained on genuine faces alone",
    tasks=("face-forgery",),
    entry="model:Blending",
    paper="arXiv:2204.08376",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("visual.blending",),
    levels=("frame", "clip"),
    limits=(
        "a face that was generated as a whole, or re-enacted without blending, has no seam",
        "strong compression or scaling hides the seam",
        "a composed or retouched photograph has seams too",
    ),
    uncertain=(
        "outline of the mask: the authors take hulls of 81 landmarks; ours are ellipses fitted to "
        "five points, or to where a face lies in its crop (config: blend.parts)",
        "hue and saturation: the authors' code shifts them by less than one grey level; left out",
        "optimiser: the authors wrap SGD in sharpness-aware minimisation; a plan has plain SGD",
        "training crops: the authors vary the margin; ours is the view's",
        "SwinV2-B, X2-DFD's choice: how its blending detector was trained is not published "
        "(config: network)",
        "starter weights: EfficientNet-Lite2 at 160 pixels and 8 moments, not the paper's B4 at "
        "380 and 32 (config: network, view)",
        "films: frames are scored like pictures and averaged, as the authors do",
    ),
)
