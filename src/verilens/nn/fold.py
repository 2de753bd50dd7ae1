"""Batch norm into the convolution before it: the same numbers from fewer passes over memory."""

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_batch_norms(module: nn.Module) -> None:
    """Merge, in place, each batch norm that directly follows a convolution in a Sequential.

    The convolution may be the last layer of a Sequential of its own (a separable convolution).
    `module` must be in evaluation mode; afterwards it cannot be trained or take weights files.
    """
    if module.training:
        raise ValueError("fold_batch_norms needs a module in evaluation mode")
    for sequence in [m for m in module.modules() if isinstance(m, nn.Sequential)]:
        for (_, layer), (name, norm) in pairwise(list(sequence.named_children())):
            convolution = _ending(layer)
            if convolution is not None and isinstance(norm, nn.BatchNorm2d):
                _merge(convolution, norm)
                setattr(sequence, name, nn.Identity())


def _ending(layer: nn.Module) -> nn.Conv2d | None:
    """Return the convolution that gives the layer's output, None when something else does."""
    while type(layer).forward is nn.Sequential.forward and len(list(layer.children())):
        layer = list(layer.children())[-1]
    return layer if isinstance(layer, nn.Conv2d) else None


def _merge(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
