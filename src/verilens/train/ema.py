"""The moving average of a network's weights, which often generalises better than the weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """Follows a network: average <- decay average + (1 - decay) weights.

    The first steps use a smaller decay, (1 + n) / (10 + n), so that the random start is forgotten.
    Counters and other integers are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.tensors = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, n: int) -> None:
        """Take in the weights after step `n`, counted from 0."""
        decay = min(self.decay, (1 + n) / (10 + n))
        for name, value in self.network.state_dict().items():
            average = self.tensors[name]
            if value.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from an average that was saved."""
        for name, value in tensors.items():
            self.tensors[name].copy_(value)


@contextmanager
def swapped_in(network: nn.Module, tensors: Mapping[str, Tensor] | None) -> Iterator[None]:
    """Give the network these tensors for a while; None leaves it as it is."""
    if tensors is None:
        yield
        return
    own = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.load_state_dict(tensors)
    try:
        yield
    finally:
        network.load_state_dict(own)
