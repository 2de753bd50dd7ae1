"""What describes one moment: the strengths of its fine structure.

Re-synthesis changes how strong fine structure is and how it repeats, not what is shown. So the
encoder sees each frame beside its high-pass residual, and keeps of every feature map its mean and
the logarithm of its spread: a stretch that was low-passed, enlarged or re-noised moves them all.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

GAIN = 8.0  # residuals of a film are a few levels of 255
FLOOR = 1e-4  # of a variance, before its logarithm


class FrameEncoder(nn.Module):
    """A network that describes frames; any other with `features` may take the residual one's place.

    forward: RGB in [0, 1], (M, 3, H, W) -> (M, features). features: numbers a frame.
    """

    features: int


class ResidualEncoder(FrameEncoder):
    """Convolutions over a frame and its residual, pooled to means and log-spreads."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 6
        for stage, width in enumerate(widths):
            stride = 2 if stage else 1
            layers += [
                nn.Conv2d(channels, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
        self.layers = nn.Sequential(*layers)
        self.features = 2 * sum(widths)

    def forward(self, frames: Tensor) -> Tensor:
        x = torch.cat([frames - 0.5, GAIN * residual(frames)], 1)  # (M, 6, H, W)
        found = []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                variance, mean = torch.var_mean(x, (2, 3), correction=0)
                found += [mean, (variance + FLOOR).log() / 4]
        return torch.cat(found, 1)


def residual(frames: Tensor) -> Tensor:
    """Return each pixel minus the mean of its 3 x 3 neighbourhood, edges repeated."""
    return frames - avg_pool2d(pad(frames, (1, 1, 1, 1), mode="replicate"), 3, 1)
