"""Motion lexicon: signs recorded once without identity, then shown on any signer.

Motion comes from the lexicon (`verilens.motion.lexicon`), the signer from one picture. The renderer
decides by the two skeletons alone which place of the picture each place of the frame shows, so the
signer's colours never enter its weights. Input: joints in a picture, one picture of a signer with
its joints; output: RGB. It fails on what the picture does not show, and it knows no cloth or light.

"Motion is the Choreographer: Learning Latent Pose Dynamics for Seamless Sign Language Generation",
arXiv:2508.04049.
"""

from verilens.card import Card

CARD = Card(
    name="motion_lexicon",
    title="Signer-independent motion lexicon",
    summary="shows a movement on the signer of one picture",
    tasks=("sign",),
    entry="model:Renderer",
    paper="arXiv:2508.04049",
    licence="Apache-2.0",
    reads="poses",
    extras=("train",),
    own_reading=True,
    risk="shows a person signing what they never signed",
    limits=(
        "no weights are shipped, and no command renders: it is a stand-in for the paper's video "
        "diffusion, which needs weights and data that are not public",
        "copies colours from one picture: what that hides cannot be shown",
        "mesh and hand parameters need SMPL-X and MANO, whose licences forbid shipping: joints "
        "stand for them",
    ),
    uncertain=(
        "everything learned: the paper's sizes, losses and figures could not be read",
        "rendering: attention from the frame's skeleton to the picture's, whose colours are its "
        "values, instead of latent video diffusion (config: width, size)",
        "from discrete signs to a continuous movement: gaps filled by straight lines, or by what "
        "`join` is given (motion/joining.py), instead of the paper's latent diffusion",
    ),
)
