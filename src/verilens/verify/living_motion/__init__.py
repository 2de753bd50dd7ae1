"""Living motion: whether a movement of joints looks captured from a person, or made by a program.

People move in few smooth strokes over a constant tremor and noise, on bones that keep their length.
Fills, loops and networks leave other traces: jerk near nothing, joints in lockstep, passages that
follow a cubic, bones that stretch. Figures of speed, jerk, spectrum, shape and bones are taken of
each stretch of two seconds, for body and hands apart; a small network reads them. Input: the joints
of a person over time, flat or in space; output: one logit. It fails below ten frames a second, and
on movement that was captured and then smoothed. Dimensionless jerk follows Balasubramanian et al.,
"On the analysis of movement smoothness", doi:10.1186/s12984-015-0090-9.
"""

from verilens.card import Card

CARD = Card(
    name="living_motion",
    title="Plausibility of movement",
    summary="tells captured from generated movement by jerk, rhythm, shapes and bones",
    tasks=("movement",),
    entry="model:LivingMotion",
    paper="doi:10.1186/s12984-015-0090-9",
    licence="Apache-2.0",
    reads="poses",
    own_reading=True,
    cues=("visual.pose",),
    levels=("clip", "segment"),
    limits=(
        "shows that a movement was filled, looped, stitched or synthesised, not who made it or why",
        "captured movement that was smoothed, cleaned by hand or estimated from a poor film may "
        "look generated; a lifted or estimated skeleton carries the traces of its estimator",
        "the score of a clip is the mean over its stretches: a short generated passage in a long "
        "clip is marked as a segment and hardly moves the score",
        "loops and hard cuts of captured movement were missed when it had not learned from such: "
        "AUC 0.49 to 0.60",
        "hands alone come from one device: of hands of a device it had not seen it tells nothing "
        "(AUC 0.50)",
        "below ten frames a second, under a second, or with fewer than four joints nothing is said",
        "eyelids are measured and named, but too few captured faces were at hand to learn from: "
        "they do not count in the score",
    ),
    uncertain=(
        "which figures are taken, and all but the dimensionless jerk, are ours",
        "frames are read at fifteen a second, which sets with slower cameras have, so tremor above "
        "7.5 Hz is not seen (config: rate)",
    ),
)
