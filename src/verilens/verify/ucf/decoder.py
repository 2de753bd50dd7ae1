"""The decoder: a content map, drawn in the style of a forgery map, becomes a picture again."""

from torch import Tensor, nn
from torch.nn.functional import interpolate


def adaptive_norm(content: Tensor, style: Tensor, eps: float = 1e-5) -> Tensor:
    """Return `content` with the mean and deviation of every channel of `style`.

    content, style: (N, C, H, W). The variance counts N - 1.
    """
    deviation = (content.var((2, 3), keepdim=True) + eps).sqrt()
    whitened = (content - content.mean((2, 3), keepdim=True)) / deviation
    scale = (style.var((2, 3), keepdim=True) + eps).sqrt()
    return whitened * scale + style.mean((2, 3), keepdim=True)


def enlarged(x: Tensor, factor: int) -> Tensor:
    """Return `x` at `factor` times its sides, bilinear between the corner pixels."""
    return interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)


def stage(channels: int, out: int) -> nn.Sequential:
    """Return two 3 x 3 convolutions, `channels` to `out` to `out`."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, padding=1),
        nn.ReLU(inplace=True),
    )


class Decoder(nn.Module):
    """Maps content and forgery, (N, C, H, W) each, to pictures (N, 3, 32 H, 32 W) in [-1, 1].

    Three stages double the sides and halve the channels; a stage's convolutions serve both maps.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.stages = nn.ModuleList(stage(channels >> n, channels >> n + 1) for n in range(3))
        self.last = nn.Conv2d(channels >> 3, 3, 1)

    def forward(self, forgery: Tensor, content: Tensor) -> Tensor:
        for number, convolutions in enumerate(self.stages, 1):
            content = adaptive_norm(content, forgery)
            content = convolutions(self.dropout(enlarged(content, 2)))
            if number < len(self.stages):
                forgery = convolutions(self.dropout(enlarged(forgery, 2)))
        return enlarged(self.last(content), 4).tanh()
