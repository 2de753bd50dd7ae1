"""The additive margin of the paper's loss."""

from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot


def margin_loss(scores: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """Return cross-entropy of scale x (scores - margin at the true class), (N,).

    scores: (N, classes). labels: (N,) int64.
    """
    true = one_hot(labels, scores.shape[1])
    return cross_entropy(scale * (scores - margin * true), labels, reduction="none")
