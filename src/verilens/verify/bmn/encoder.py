"""What describes one moment: the strengths of its fine structure.

Re-synthesis changes how strong fine structure is and how it repeats, not what is shown. So the
learned encoder sees each frame beside its high-pass residual, and keeps of every feature map its
mean and the logarithm of its spread: a stretch that was low-passed, enlarged or re-noised moves
them all. The fixed one measures residuals of filters that nobody had to learn, for few films.
"""

from collections.abc import Iterator

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


BLOCK = 16  # side of the places whose residuals are compared within a frame, in pixels
PERCENTS = (10, 50, 90)  # of those places, ordered: flat ones, usual ones, edges
LEVEL = 0.05  # of 255, beside which a residual shows
PERIOD = 8  # of coding blocks
LUMA = (0.299, 0.587, 0.114)


class FixedEncoder(FrameEncoder):
    """Logarithms of how strong the residuals of fixed filters are, and of how they repeat.

    Filters: differences of first to third order along each axis, both second ones at once and
    their sum, on luma at three scales and on two colours. Of each the mean over places, and what a
    tenth, half and nine tenths of the places stay below; of the first two orders also how unlike
    even and odd pixels are, and the eight places of a coding block.
    """

    features = 4 * (8 + 4 + 2) + 2 * 4

    def forward(self, frames: Tensor) -> Tensor:
        rgb = 255 * frames.float()
        luma = sum(part * rgb[:, n] for n, part in enumerate(LUMA))
        assert isinstance(luma, Tensor)
        half = halved(luma)
        fine = list(fine_residuals(luma))
        found = [_strengths(residual, BLOCK) for residual in fine]
        for image, block in ((half, BLOCK), (halved(half), BLOCK // 2)):
            found += [_strengths(residual, block) for residual in coarse_residuals(image)]
        for colour in (0, 2):
            *_, both = coarse_residuals(halved(rgb[:, colour] - luma))
            found.append(_strengths(both, BLOCK))
        for n, residual in enumerate(fine[:4]):
            found.append(_repeats(residual.abs().mean(1 + n % 2)))
        return torch.cat(found, 1)


def along(image: Tensor) -> Tensor:
    """Return each pixel minus its left neighbour, (M, H, W - 1)."""
    return image[:, :, 1:] - image[:, :, :-1]


def down(image: Tensor) -> Tensor:
    """Return each pixel minus its upper neighbour, (M, H - 1, W)."""
    return image[:, 1:] - image[:, :-1]


def fine_residuals(image: Tensor) -> Iterator[Tensor]:
    """Yield eight: along and down of first, second and third order, then the two coarse ones."""
    first = along(image), down(image)
    second = along(first[0]), down(first[1])
    yield from (*first, *second, along(second[0]), down(second[1]))
    yield from coarse_residuals(image)


def coarse_residuals(image: Tensor) -> Iterator[Tensor]:
    """Yield second differences taken along both axes, and their sum (Laplacian)."""
    across, upright = along(along(image)), down(down(image))
    yield down(down(across))
    yield across[:, 1:-1] + upright[:, :, 1:-1]


def halved(image: Tensor) -> Tensor:
    """Return means of 2 x 2 pixels, (M, H // 2, W // 2)."""
    even = image[:, : image.shape[1] // 2 * 2, : image.shape[2] // 2 * 2]
    rows = even[:, ::2] + even[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


def _strengths(residual: Tensor, block: int) -> Tensor:
    """Return PERCENTS and mean of the logarithms of the places' mean strengths, (M, 4)."""
    places = avg_pool2d(residual.abs()[:, None], block).flatten(1)
    ordered = (places + LEVEL).log().sort(1).values
    last = ordered.shape[1] - 1
    found = [ordered[:, (last * percent + 50) // 100] for percent in PERCENTS]
    return torch.stack([*found, ordered.mean(1)], 1)


def _repeats(profile: Tensor) -> Tensor:
    """Return how unlike even and odd places are, and the phases of a block, (M, 2).

    profile: strength by column or row, (M, L).
    """
    whole = profile[:, : profile.shape[1] // PERIOD * PERIOD]
    phases = whole.unflatten(1, (-1, PERIOD)).mean(1) + LEVEL
    even, odd = phases[:, ::2].mean(1), phases[:, 1::2].mean(1)
    parity = (even / odd).log().abs()
    return torch.stack([parity, (phases.amax(1) / phases.mean(1)).log()], 1)
