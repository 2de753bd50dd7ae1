"""What the encoder of genuine faces is taught: some forgeries keep the identity, others do not."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn.functional import cosine_similarity


def identity(
    maps: Tensor,
    keep: Sequence[int],
    change: Sequence[int],
    reduction: Literal["sum", "mean"],
) -> Tensor:
    """Return the sum of 1 - cos over the kinds in `keep`, less that over those in `change`.

    maps: (G, K, C, H, W), kind 0 genuine; the cosine is between the channels at one place of the
    genuine and of a forged map. reduction: over groups and places.
    """
    cosines = cosine_similarity(maps[:, :1], maps, dim=2)  # (G, K, H, W)
    distances = (1 - cosines).transpose(0, 1).flatten(1)
    distances = distances.sum(1) if reduction == "sum" else distances.mean(1)
    return distances[list(keep)].sum() - distances[list(change)].sum()
