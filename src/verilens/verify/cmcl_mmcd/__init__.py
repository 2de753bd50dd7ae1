"""CMCL with MMCD: short-video posts whose text, sound and pictures contradict each other.

Features of text, its emotion, frames and the speaker's emotion are brought to one width. A cosine
loss pulls the summaries of two modalities together where a language model called them consistent,
and apart where not; co-attention and small transformers fuse each pair, and the product of four
branches gates the answer. Input: extracted features; output: false or true. It fails where a false
claim is consistent with its pictures, and it reads no pixels itself.

"Consistency-Aware Fake Videos Detection on Short Video Platforms", ICIC 2025, LNCS 15859.
"""

from verilens.card import Card

CARD = Card(
    name="cmcl_mmcd",
    title="Cross-modal consistency learning and multi-modal collaborative diagnosis",
    summary="tells misleading short videos by modalities that contradict each other",
    tasks=("post",),
    entry="model:CMCLMMCD",
    paper="ICIC 2025, LNCS 15859",
    licence="not stated by its repository",
    reads="post",
    modality="audio-visual",
    extras=("backbones",),
    cues=("semantic.visual-text", "semantic.audio-text", "semantic.visual-audio"),
    levels=("clip",),
    limits=(
        "says that a post misleads, not which statement is false",
        "reads features, not pixels: of a scanned post it needs the folders of three encoders",
        "a scan reads no sound: the speaker's emotion is left at zero then, and the report says so",
        "trained on Douyin and Kuaishou (Chinese) or TikTok (English) of a few years",
        "no weights ship: the data sets are handed out under agreements",
    ),
    uncertain=(
        "the summary of frames and text is their first content token: the official code drops the "
        "token in front before it takes the first (config: summary)",
        "which language model called pairs consistent",
        "the paper's tables were not read; the repository states no figures",
        "published labels hold integers beside texts, which the official loader reads as "
        "consistent; here both are what they say",
        "the official code also makes two transformer layers of 593,024 weights that nothing runs "
        "(nn.TransformerEncoder copies the layer it is given); they are left out, so each size is "
        "1,186,048 weights below that of the published file",
        "early stopping by balanced accuracy, where the official code takes macro F1",
    ),
)
