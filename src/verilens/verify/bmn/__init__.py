"""BMN: where in a film a forged stretch begins and ends, from all pairs of beginnings and ends.

A film is read as up to 100 evenly spaced moments. A frame encoder describes each by the strengths
of its fine structure; boundary heads say where a stretch begins or ends, and a map over all (start,
duration) pairs how well each fits, with features sampled inside it. Input: a film's moments in
native-resolution crops; output: scored segments in seconds. It compares a film with itself, so it
fails where all of it is forged, and where a forgery leaves the fine structure of the crop alone.

Lin et al., "BMN", ICCV 2019, arXiv:1907.09702; for forged spans: ForgeryNet, arXiv:2103.05630.
"""

from verilens.card import Card

CARD = Card(
    name="bmn",
    title="Boundary-Matching Network on forged spans",
    summary="names the seconds of a film that were forged",
    tasks=("ai-video", "localize"),
    entry="model:BMN",
    paper="arXiv:2103.05630",
    licence="Apache-2.0",
    cues=("visual.texture", "visual.frequency", "temporal.motion"),
    levels=("segment", "clip"),
    limits=(
        "compares a film with itself: one that is forged throughout shows nothing",
        "a stretch shorter than the step between moments, a hundredth of the film, can be missed",
        "sees the middle of the frame; a forged part elsewhere leaves it unmoved",
        "footage of another camera or encoder, edited in honestly, differs from the rest as well",
        "its weights (bmn=stretches) found stretches made by coarse up-sampling, half of those "
        "made through fewer pixels, and hardly any re-encoded, warped, re-noised or interpolated",
        "a dissolve or a cut between like scenes can look like a forged stretch to these weights",
    ),
    uncertain=(
        "features: the paper takes 400 numbers a moment from a network trained on actions; here a "
        "small encoder of residuals gives them and is trained along (any other can be given); or "
        "fixed filters, of which nothing is learned, for few films (config: described)",
        "each moment's features are taken with and without the film's mean, our addition; or "
        "against the median of its shot (config: against)",
        "map: by start and duration, as the paper; the code released with ForgeryNet indexes it by "
        "start and end (config: columns)",
        "regression loss: the three groups of cells are weighed equally, where the paper draws "
        "equally many of each",
        "reported scores are the fourth root of start x end x regression x classification, so that "
        "0.5 means what it does elsewhere; the order is the paper's",
        "segments are cut at scene cuts and leave out blank moments, our addition",
    ),
    own_reading=True,
)
