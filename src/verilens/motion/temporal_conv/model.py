"""The temporal convolutions: expand, blocks with ever wider reach, shrink.

    (N, T, J x 2) -> widths[0] -> [widths[n] dilated, 1] + residual, for every n -> (N, J x 3)

On one window the convolutions may step over what the middle frame does not need (`forward`); on a
whole film they slide (`slide`). Both give the same poses.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

from verilens.motion.lifter import Lifter
from verilens.motion.temporal_conv.config import Config
from verilens.poses.skeletons import skeleton


class Block(nn.Module):
    """A convolution over time and one over channels, added to the middle of what they read."""

    def __init__(self, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.wide = nn.Conv1d(channels, channels, width, bias=False)
        self.wide_norm = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1, bias=False)
        self.mix_norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, stride: int, dilation: int) -> Tensor:
        width = self.wide.kernel_size[0]
        middle = width // 2 * dilation
        kept = x[:, :, middle : x.shape[2] - middle : stride]
        x = conv1d(x, self.wide.weight, stride=stride, dilation=dilation)
        x = self.dropout(self.wide_norm(x).relu())
        x = self.dropout(self.mix_norm(self.mix(x)).relu())
        return kept + x


class TemporalConv(Lifter):
    """VideoPose3D."""

    name = "temporal_conv"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        joints = len(skeleton(config.skeleton).joints)
        channels = config.channels
        self.expand = nn.Conv1d(joints * 2, channels, config.widths[0], bias=False)
        self.expand_norm = nn.BatchNorm1d(channels)
        self.blocks = nn.ModuleList(Block(channels, w, config.dropout) for w in config.widths[1:])
        self.shrink = nn.Conv1d(channels, joints * 3, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, joints: Tensor) -> Tensor:
        return self._run(joints, is_window=True)[:, 0]

    def slide(self, joints: Tensor) -> Tensor:
        """Return every frame that has a whole window, (N, T - window + 1, J, 3)."""
        return self._run(joints, is_window=False)

    def _run(self, joints: Tensor, is_window: bool) -> Tensor:
        first, *others = self.config.widths
        x = joints.flatten(2).transpose(1, 2)
        x = conv1d(x, self.expand.weight, stride=first if is_window else 1)
        x = self.dropout(self.expand_norm(x).relu())
        reach = first
        for block, width in zip(self.blocks, others, strict=True):
            stride, dilation = (width, 1) if is_window else (1, reach)
            x = cast(Block, block)(x, stride, dilation)
            reach *= width
        found: Tensor = self.shrink(x).transpose(1, 2)
        return torch.unflatten(found, 2, (-1, 3))
