"""The FakeLocator network.

face -> ResNet maps -> x attention -> top-down decoder -> map
                   \\-> pooled -> logit
"""

import dataclasses
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.nn.normalise import Normalise
from verilens.nn.resnet import ResNet
from verilens.records import Clip, View
from verilens.verify.detector import TILES, Detector, tensor
from verilens.verify.fakelocator.config import Config
from verilens.verify.fakelocator.partial import distorted
from verilens.verify.fakelocator.truth import of_masks, of_pairs

SOFTNESS = 0.08  # of the elliptic attention's edge, in half axes


class Located(NamedTuple):
    """Logits, positive is fake, (N,), and how far each pixel is remade, (N, 1, H, W) in [0, 1]."""

    logits: Tensor
    maps: Tensor


class Decoder(nn.Module):
    """Maps an encoder's maps, finest first, to one map of the picture's size.

    inside: channels of the encoder's maps.
    """

    def __init__(self, inside: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in inside)
        self.merge = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            )
            for _ in inside
        )
        self.out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, maps: list[Tensor], size: tuple[int, int]) -> Tensor:
        x = self.merge[-1](self.lateral[-1](maps[-1]))
        for n in range(len(maps) - 2, -1, -1):
            larger = interpolate(x, maps[n].shape[2:], mode="bilinear", align_corners=False)
            x = self.merge[n](larger + self.lateral[n](maps[n]))
        x = interpolate(x, size, mode="bilinear", align_corners=False)
        grey: Tensor = self.out(x).sigmoid()
        return grey


class FakeLocator(Detector):
    """Says whether a face was edited, and maps where."""

    name = "fakelocator"
    claim = "face-swap"
    sign = "texture that a generator's up-sampling leaves: {} crops show it"
    needs = frozenset({"masks"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        if config.truth == "pairs":  # else fakes without a mask would be left out
            self.needs = frozenset({"kinds"})  # type: ignore[misc]
        self.encoder = ResNet(config.depths, config.expansion, config.width)
        stages = range(len(config.depths))
        inside = (config.width, *((config.width << n) * config.expansion for n in stages))
        self.decoder = Decoder(inside, config.decoder)
        self.head = nn.Linear(self.encoder.out_channels, 1)
        self.normalise = Normalise()

    def forward(self, frames: Tensor) -> Tensor:
        return self._logits(self.encoded(frames)[-1])

    def locate(self, frames: Tensor, attention: Tensor | None = None) -> Located:
        """Return logits and maps of faces.

        frames: RGB in [0, 1], (N, 3, H, W). attention: where the face can have been edited, from
        face parsing, (N, 1, H, W) in [0, 1]; None leaves it to the config.
        """
        maps = self.encoded(frames)
        size = (frames.shape[2], frames.shape[3])
        if attention is None and self.config.attention == "ellipse":
            attention = (
                ellipse(size, self.config.view.margin).to(frames).expand(len(frames), -1, -1, -1)
            )
        return Located(self._logits(maps[-1]), self.decoder(guided(maps, attention), size))

    def encoded(self, frames: Tensor) -> list[Tensor]:
        """Return the encoder's maps, from H / 2 to H / 32."""
        return self.encoder.taps(self.normalise(frames))

    def features(self, frames: Tensor) -> Tensor:
        """Return what the head reads, (N, C); single-sample clustering sorts by it."""
        return self.encoded(frames)[-1].mean((2, 3))

    def _logits(self, last: Tensor) -> Tensor:
        logits: Tensor = self.head(last.mean((2, 3)))
        return logits.squeeze(1)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the distance of maps and the cross-entropy of the head, sample by sample."""
        config, shape = self.config, batch.frames.shape[:2]
        wanted = of_pairs(batch, config.stretch) if config.truth == "pairs" else of_masks(batch)
        found = self.locate(self._augmented(batch).flatten(0, 1))
        apart = (found.maps - wanted.flatten(0, 1)).abs()
        apart = apart if config.regression == "l1" else apart**2
        maps = apart.flatten(1).mean(1).view(shape).mean(1)
        labels = batch.labels[:, None].expand(shape)
        entropy = binary_cross_entropy_with_logits(
            found.logits.float().view(shape), labels, reduction="none"
        ).mean(1)
        each = config.map_weight * maps + config.class_weight * entropy
        parts = {"map": maps.mean().detach(), "bce": entropy.mean().detach()}
        return Loss(total=each.mean(), parts=parts, each=each)

    def _augmented(self, batch: ClipBatch) -> Tensor:
        """Return the frames, genuine ones distorted by chance; draws from torch's generator."""
        is_genuine = batch.labels == 0
        if not self.config.partial_p or not is_genuine.any():
            return batch.frames
        frames = batch.frames.clone()
        seed = int(torch.randint(2**31, ()))
        frames[is_genuine] = distorted(frames[is_genuine], self.config.partial_p, seed)
        return frames

    @property
    def map_view(self) -> View | None:
        """Return what `heatmap` reads of a still: the faces, or tiles over all of it."""
        view = self.config.view
        return dataclasses.replace(
            view, frames=1, crops=TILES if view.fit == "crop" else view.crops
        )

    @torch.inference_mode()
    def heatmap(self, tiles: Clip, cells: int = 64) -> NDArray[np.float32]:
        """Return the fakeness of the picture, (rows, columns) in [0, 1], longer side `cells`.

        Each crop's map is laid where the crop was cut; no crop counts as genuine.
        """
        width, height = tiles.size
        scale = cells / max(width, height)
        shape = max(1, round(height * scale)), max(1, round(width * scale))
        total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for frame, box in zip(tiles.frames, tiles.boxes, strict=True):
            grey = self.locate(tensor(frame[None]).to(self.device)).maps[0, 0]
            _lay(grey.float().cpu().numpy(), box * scale, total, count)
        return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _lay(
    grey: NDArray[np.float32],
    box: NDArray[np.float64],
    total: NDArray[np.float32],
    count: NDArray[np.float32],
) -> None:
    """Add a crop's map to the cells that `box` covers, which may reach beyond the picture."""
    rows, columns = total.shape
    left, top = (int(edge) for edge in np.floor(box[:2] + 1e-6))
    right, bottom = (int(edge) for edge in np.ceil(box[2:] - 1e-6))
    size = max(1, right - left), max(1, bottom - top)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    place = np.s_[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    inside = np.s_[max(0, -top) : max(0, rows - top), max(0, -left) : max(0, columns - left)]
    total[place] += small[inside]
    count[place] += 1


def guided(maps: list[Tensor], attention: Tensor | None) -> list[Tensor]:
    """Return maps times attention at their size. attention: (N, 1, H, W) in [0, 1]; None is 1."""
    if attention is None:
        return maps
    sized = (interpolate(attention, m.shape[2:], mode="area") for m in maps)
    return [m * a for m, a in zip(maps, sized, strict=True)]


def ellipse(size: tuple[int, int], margin: float) -> Tensor:
    """Return 1 inside the ellipse of an aligned face, softly falling to 0, (1, 1, H, W).

    margin: sides of the crop in sides of the face's box, which the ellipse fills.
    """
    y, x = (margin * torch.linspace(-1, 1, edge) for edge in size)
    radius = (y[:, None] ** 2 + x[None] ** 2).sqrt()
    return torch.sigmoid((1 - radius) / SOFTNESS)[None, None]
