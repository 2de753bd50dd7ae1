"""Frame skipping: a live face moves unlike paper and screens, as three recurrent networks see it.

Neighbouring frames hardly differ, so one of every thirty is looked at. A frozen DenseNet-201
describes it, a BiLSTM, a GRU and an LSTM read the sequence, and a small LSTM judges the sum of
their scores. Input: whole frames of a video, 224 pixels; output: one logit, positive is an attack.
It fails on attacks that move like faces, such as replays, where appearance does not help.

Muhammad et al., "Deep Ensemble Learning with Frame Skipping for Face Anti-Spoofing", IPTA 2023,
arXiv:2307.02858.
"""

from verilens.card import Card

CARD = Card(
    name="frame_skipping",
    title="Deep ensemble learning with frame skipping",
    summary="reads how a face moves from one frame in thirty with three recurrent networks",
    tasks=("spoof",),
    entry="model:FrameSkipping",
    paper="arXiv:2307.02858",
    licence="Apache-2.0",
    cues=("temporal.motion",),
    levels=("clip",),
    own_reading=True,
    limits=(
        "reads videos alone: a still has no motion",
        "a replayed film of a live face moves like one",
        "without ImageNet weights (config: pretrained) the frozen DenseNet describes little",
        "looks at whole frames: what moves behind the face counts too",
    ),
    uncertain=(
        "which frame of a clip is taken: the first, as the repository says; the abstract says "
        "every n-th (config: pick)",
        "the released code strings all videos together into one sequence, so that states cross "
        "from one to the next; here each video is a sequence (config: sequence)",
        "the released meta-model is trained on the scores of the development set; here on samples "
        "the three networks never learn from, one of five (config: meta_every)",
        "MATLAB has one bias a gate, torch has two (config: single_bias)",
        "a scan takes ten moments, evenly spaced over the video: one in thirty frames of the ten "
        "seconds that the published sets have (config: view)",
        "comments call the meta-model bidirectional, its layer is an LSTM",
    ),
)
