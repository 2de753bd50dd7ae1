"""What the trunk reads of a crop: its colours, and the noise that high-pass filters leave of them.

A part that was re-made, resampled or laid in carries other noise than what surrounds it. So a third
group of maps says how strong the noise is in each place, compared with the whole crop.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from verilens.nn.high_pass import kernels

COLOURS = 3
UNIT = 4 / 255  # of noise that becomes 1; beyond BOUND units it tells of edges
BOUND = 3.0
FLOOR = 0.1  # units, what is added to the strength of noise: clipped skies have none
REACH = 7  # pixels a side, over which the strength is averaged


class Colours(nn.Module):
    """RGB in [0, 1] to [-1, 1], (N, 3, H, W)."""

    channels = COLOURS

    def forward(self, frames: Tensor) -> Tensor:
        return frames * 2 - 1


class Noise(nn.Module):
    """RGB in [0, 1], (N, 3, H, W), to colours, noise of each and its strength, (N, 15, H, W).

    It reckons in 32 bits whatever the caller's precision: 16 hold no noise beside a bright colour.
    """

    channels = COLOURS + 3 * COLOURS + 3
    kernels: Tensor
    box: Tensor

    def __init__(self) -> None:
        super().__init__()
        box = torch.ones(3, 1, REACH, REACH)
        line_first = kernels()[[2, 0, 1]].repeat(COLOURS, 1, 1)[:, None]
        self.register_buffer("kernels", line_first, persistent=False)
        self.register_buffer("box", box, persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, enabled=False):
            x = frames.float().contiguous(memory_format=torch.channels_last)  # 5 times as fast
            noise = conv2d(x, self.kernels, padding=2, groups=COLOURS) / UNIT
            clipped = noise.clamp(-BOUND, BOUND)
            size = clipped.abs().unflatten(1, (COLOURS, 3)).mean(1)
            strength = (self.near(size) / self.near(torch.ones_like(size[:1])) + FLOOR).log()
            apart = strength - strength.mean((2, 3), keepdim=True)
            return torch.cat([x * 2 - 1, clipped, apart], 1)

    def near(self, x: Tensor) -> Tensor:
        """Return the sum over each place's surroundings in the picture, (N, 3, H, W)."""
        laid_out = x.contiguous(memory_format=torch.channels_last)
        return conv2d(laid_out, self.box, padding=REACH // 2, groups=3)
