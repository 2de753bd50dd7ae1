"""SPSL: the picture rebuilt from the phase of its spectrum, as a fourth colour.

Up-sampling repeats the spectrum, which shows in the phase more than in the magnitude. SPSL sets all
magnitudes to 1, transforms back and gives the result to Xception beside the colours. Input: a face
crop; output: one logit a crop, positive is forged. It fails where the trace of up-sampling is gone:
faces scaled, blurred or strongly compressed after the swap (frame AUC 0.96 on FaceForensics++ c23,
0.82 at c40, 0.77 on Celeb-DF v2).

Liu et al., "Spatial-Phase Shallow Learning: Rethinking Face Forgery Detection in Frequency Domain",
CVPR 2021, arXiv:2103.01856; configured as in DeepfakeBench, arXiv:2307.01426.
"""

from verilens.card import Card

CARD = Card(
    name="spsl",
    title="Spatial-Phase Shallow Learning",
    summary="adds the phase of the spectrum to a face's colours",
    tasks=("face-forgery",),
    entry="model:SPSL",
    paper="arXiv:2103.01856",
    licence="Apache-2.0",
    cues=("visual.frequency",),
    levels=("frame", "clip"),
    limits=(
        "scaling, blur or strong compression after the swap removes the trace",
        "learns the forgeries it saw: on other data sets it is weaker",
        "needs a face; a picture without one has no meaning to it",
    ),
    uncertain=(
        "depth: DeepfakeBench measures the whole Xception; the paper's shallow network lacks the "
        "middle flow (config: middle=0), which blocks exactly is not verified",
        "phase of the mean of the three colours, as in DeepfakeBench",
        "crop: 1.3 times the face box at 256 x 256 (config: view)",
        "videos: scores of frames are averaged",
    ),
)
