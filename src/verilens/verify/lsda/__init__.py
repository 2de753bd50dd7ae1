"""LSDA: a detector taught in latent space by forgeries that nobody made.

One encoder for each way of forging and one for genuine faces give feature maps of the same scene.
The forged ones are widened within their domain and mixed across domains, and a student learns
from these maps besides the labels; it alone is used on new pictures. Input: an aligned face crop;
output: one logit a crop, positive is fake. It fails on whole generated pictures, and training needs
every forgery of one source video side by side.

Yan et al., "Transcending Forgery Specificity with Latent Space Augmentation for Generalizable
Deepfake Detection", CVPR 2024, arXiv:2311.11278.
"""

from verilens.card import Card

CARD = Card(
    name="lsda",
    title="LSDA: Latent Space Data Augmentation",
    summary="a student of several forgery encoders whose features were widened and mixed",
    tasks=("face-forgery",),
    entry="model:LSDA",
    paper="arXiv:2311.11278",
    licence="Apache-2.0",
    extras=("backbones",),
    cues=("visual.blending", "visual.texture"),
    levels=("frame", "clip"),
    limits=(
        "knows face forgeries only: a picture generated as a whole may pass",
        "training reads groups: the genuine face and its forgery by every method",
        "five teachers make training six times as large as the network that is used",
    ),
    own_reading=True,
    uncertain=(
        "what a sample is in the augmentations: a feature map of the batch, as the paper has it; "
        "the released code takes each channel of a map for a sample (config: unit)",
        "the encoder of genuine faces is a pretrained, frozen face recogniser in the paper; the "
        "released code freezes three stages of an untrained one (config: frozen, pretrained); we "
        "freeze them only when weights are given",
        "teachers are trained together with the student, as in the released code; whether the "
        "paper trains them before is not known",
        "the identity term is summed over places and groups as released, which makes it the "
        "largest by far (config: identity_reduction)",
        "published figures were not in the sources at hand; the recipe's is the video-level AUC "
        "that two later papers quote",
    ),
)
