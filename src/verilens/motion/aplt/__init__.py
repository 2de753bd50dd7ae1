"""APLT: labels for unlabelled movement, made between phases of training, not during them.

Offline, features of all clips are clustered with the labelled ones held in their class; clips above
their class's own threshold keep the label of their cluster, and class means become a classifier
that stays as it is. Online, the network learns from labels, from kept clips under strong changes,
and from that classifier. It fails where a class has no labelled clip, or classes overlap from the
start.

Zhang et al., "Asynchronous Pseudo Labeling and Training for semi-supervised micro-action
recognition", IJCAI 2025, arXiv:2504.07785.
"""

from verilens.card import Card

CARD = Card(
    name="aplt",
    title="Asynchronous pseudo labelling and training",
    summary="recognises movement from few labels and many clips without",
    tasks=("recognize",),
    entry="model:APLT",
    paper="arXiv:2504.07785",
    licence="own code; no official code was published",
    reads="poses",
    own_reading=True,
    limits=(
        "every class needs a labelled clip",
        "reads joints, where the paper reads film; its figures are not comparable",
        "labels of clusters are wrong together when a cluster is",
        "the paper's gain over FixMatch is not reproduced on joints: on SFINGE3D with a tenth of "
        "the labels our small network has Top-1 0.866, FixMatch 0.877, labels alone 0.786 (three "
        "seeds), and the labels that FixMatch keeps are right more often (0.937 against 0.895)",
    ),
    uncertain=(
        "clustering, thresholds and the weights of the loss are rebuilt from the paper's summary "
        "(config: temperature, weight)",
        "the network: ST-GCN++ on joints where the paper has one for film (config: width, stretch)",
        "first phase: labels alone for some epochs, else the first clusters are those of an "
        "untrained network (config: warmup)",
        "batches: half labelled, half not, as the paper's are not known",
    ),
)
