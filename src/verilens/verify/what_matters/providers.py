"""What turns a video into the video that an expert reads.

A provider maps frames, RGB in [0, 1], (N, T, 3, H, W), to (N, C, T', h, w), each clip by itself,
and says how many channels C it gives. The ones here need no weights; `learned` has those that do.
"""

import math
from collections.abc import Callable
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

LUMA = (0.299, 0.587, 0.114)
FAINT = 0.01  # of the full range: contrast below it counts as noise


class Provider(Protocol):
    """Anything that derives a video; `channels` is its C. Networks are frozen when used."""

    @property
    def channels(self) -> int: ...

    def __call__(self, frames: Tensor) -> Tensor: ...


class Plugged(nn.Module):
    """A function of frames as a provider, e.g. a depth or flow network of one's own."""

    def __init__(self, function: Callable[[Tensor], Tensor], channels: int) -> None:
        super().__init__()
        self.function = function
        self.channels = channels

    def forward(self, frames: Tensor) -> Tensor:
        return self.function(frames)


class Texture(nn.Module):
    """Energies of DCT filters: a stand-in, without weights, for a vision model's features.

    Each plane (luma and two differences of colour) is filtered with the 15 non-constant 4 x 4 DCT
    functions; magnitudes and mean colours are averaged over cells of 4 x 4 pixels and divided by
    the cell's luma energy, so that a change of contrast alone leaves them unchanged; then the
    signed logarithm. Gives (N, 47, T, H / 4, W / 4).
    """

    channels = 47
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", dct_filters(4)[1:, None], persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        clips, _, _, height, width = frames.shape
        planes = opponent(frames.flatten(0, 1))  # (N T, 3, H, W)
        single = planes.reshape(-1, 1, height, width)
        responses = conv2d(single, self.filters, stride=2, padding=1).abs()
        cells = avg_pool2d(responses, 2)
        energies = cells.view(-1, 3, *cells.shape[1:])  # (N T, 3, 15, H / 4, W / 4)
        contrast = energies[:, 0].mean(1, keepdim=True) + FAINT
        colours = avg_pool2d(planes[:, 1:], 4)[..., : contrast.shape[-2], : contrast.shape[-1]]
        ratios = torch.cat([energies.flatten(1, 2), colours], 1) / contrast
        features = ratios.sign() * ratios.abs().log1p()
        return over_time(features, clips)


def over_time(maps: Tensor, clips: int) -> Tensor:
    """Return maps of single frames, (N T, C, h, w), as videos, (N, C, T, h, w)."""
    return maps.view(clips, -1, *maps.shape[1:]).transpose(1, 2)


def dct_filters(side: int) -> Tensor:
    """Return the orthonormal DCT functions of a side x side block, (side^2, side, side)."""
    place = (torch.arange(side) + 0.5) * math.pi / side
    rows = torch.cos(torch.arange(side)[:, None] * place) * math.sqrt(2 / side)
    rows[0] /= math.sqrt(2)
    return torch.einsum("ax,by->abxy", rows, rows).flatten(0, 1)


def opponent(pictures: Tensor) -> Tensor:
    """Return luma, blue minus luma and red minus luma, (N, 3, H, W)."""
    luma = (pictures * pictures.new_tensor(LUMA).view(3, 1, 1)).sum(1)
    return torch.stack([luma, pictures[:, 2] - luma, pictures[:, 0] - luma], 1)


class Flow(nn.Module):
    """OpenCV's dense optical flow between neighbouring moments, (N, 2, T - 1, H, W).

    Channels are x (rightwards) and y (downwards), in pixels of the given frames a step. Luma is
    normalised locally first, because flow takes a change of light for motion.
    """

    channels = 2

    def __init__(self, kind: Literal["farneback", "dis"] = "farneback") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, frames: Tensor) -> Tensor:
        luma = (frames * frames.new_tensor(LUMA).view(3, 1, 1)).sum(2)
        clips = [
            np.stack(list(map(self._between, clip[:-1], clip[1:])))
            for clip in map(_normalised_clip, luma.cpu().float().numpy())
        ]
        flow = torch.from_numpy(np.stack(clips)).to(frames)  # (N, T - 1, H, W, 2)
        return flow.permute(0, 4, 1, 2, 3).contiguous()

    def _between(self, one: NDArray[np.uint8], next_one: NDArray[np.uint8]) -> NDArray[np.float32]:
        start = np.zeros((*one.shape, 2), np.float32)
        if self.kind == "dis":  # a new one each time: it is not safe to share between threads
            dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            return np.asarray(dis.calc(one, next_one, start), np.float32)
        # Pyramid of 3 levels by 0.5, window 15, 3 iterations, polynomials over 5 pixels.
        flow = cv2.calcOpticalFlowFarneback(one, next_one, start, 0.5, 3, 15, 3, 5, 1.2, 0)
        return np.asarray(flow, np.float32)


def _normalised_clip(luma: NDArray[np.float32]) -> list[NDArray[np.uint8]]:
    return [locally_normalised(frame) for frame in luma]


def locally_normalised(luma: NDArray[np.float32], deviations: float = 2.5) -> NDArray[np.uint8]:
    """Return luma minus its local mean over its local deviation, as bytes; 128 is the mean.

    luma: (H, W) in [0, 1]; local is a square of a seventh of the shorter side. The bytes span
    +- `deviations`.
    """
    side = max(3, min(luma.shape) // 7 | 1)
    mean = cv2.blur(luma, (side, side))
    variance = cv2.blur(np.square(luma - mean), (side, side))
    scaled = (luma - mean) / (np.sqrt(variance) + FAINT)
    result: NDArray[np.uint8] = np.clip(np.rint(128 + 127 / deviations * scaled), 0, 255).astype(
        np.uint8
    )
    return result


class Haze(nn.Module):
    """A proxy of depth without weights: how much veil of light lies over each place.

    Air between camera and scene adds light, and almost every neighbourhood holds something dark; so
    the darkest value near a pixel, over the colour of the air, tells the transmission t, and -log t
    rises with distance (He, Sun and Tang 2009, dark channel prior). This is no depth network:
    indoors and in clear air it follows brightness and contrast rather than distance. Gives
    (N, 1, T, H, W).
    """

    channels = 1

    def __init__(self, patch: int = 15) -> None:
        super().__init__()
        self.patch = patch

    def forward(self, frames: Tensor) -> Tensor:
        clips, moments, _, height, width = frames.shape
        dark = self._darkest(frames.flatten(0, 1)).view(clips, moments, height, width)
        air = _air(frames, dark).view(clips, 1, 3, 1, 1)
        veil = self._darkest((frames / air).flatten(0, 1))
        depth = -(1 - 0.95 * veil).clamp(0.05, 1).log()
        pad = self.patch // 2
        smooth = avg_pool2d(depth[:, None], self.patch, 1, pad, count_include_pad=False)
        return over_time(smooth, clips)

    def _darkest(self, pictures: Tensor) -> Tensor:
        """Return the smallest value of any colour near each pixel, (N, H, W)."""
        lowest = pictures.amin(1, keepdim=True)
        darkest: Tensor = -max_pool2d(-lowest, self.patch, 1, self.patch // 2)
        return darkest[:, 0]


def _air(frames: Tensor, dark: Tensor) -> Tensor:
    """Return the colour of the air, (N, 3): the mean where the dark channel is brightest."""
    count = max(1, dark[0].numel() // 1000)
    places = dark.flatten(1).topk(count).indices[:, None].expand(-1, 3, -1)
    pixels = frames.transpose(1, 2).flatten(2)  # (N, 3, T H W)
    return pixels.gather(2, places).mean(2).clamp(min=0.05)


def relative(depth: Tensor) -> Tensor:
    """Return depth without its scale and shift over a clip, which one camera cannot know.

    depth: (N, 1, T, h, w). A flat one stays near zero.
    """
    mean = depth.mean((1, 2, 3, 4), keepdim=True)
    spread = depth.std((1, 2, 3, 4), correction=0, keepdim=True)
    return (depth - mean) / (spread + 0.05 * mean.abs() + 1e-3)
