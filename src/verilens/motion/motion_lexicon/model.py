"""A frame of a signer from two skeletons and one picture.

skeletons -> U-Net -> features of frame and picture
frame[p] = sum over q of softmax(f(p) . g(q)) picture[q]
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, l1_loss

from verilens.batch import Batch
from verilens.method import Loss, Method
from verilens.motion.motion_lexicon.config import Config


@dataclass(frozen=True, kw_only=True)
class RenderBatch(Batch):
    """Pairs of pictures of one signer each.

    joints, picture_joints: in [0, 1], x right and y down, (B, J, 2). picture, frame: RGB in [0, 1],
    (B, 3, H, W); `frame` is what is to be rendered for `joints`.
    """

    joints: Tensor
    picture_joints: Tensor
    picture: Tensor
    frame: Tensor


def drawn(
    joints: Tensor, edges: tuple[tuple[int, int], ...], size: int, thickness: float
) -> Tensor:
    """Return how near each pixel is to each bone, in [0, 1], (B, edges, size, size)."""
    axis = (torch.arange(size, device=joints.device) + 0.5) / size
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    pixels = torch.stack((x, y), -1).flatten(0, 1)  # (P, 2)
    ends = joints[:, torch.tensor(edges, device=joints.device)]  # (B, E, 2, 2)
    start, along = ends[:, :, None, 0], ends[:, :, None, 1] - ends[:, :, None, 0]
    offset = pixels - start  # (B, E, P, 2)
    share = (offset * along).sum(-1) / along.square().sum(-1).clamp_min(1e-8)
    nearest = start + share.clamp(0, 1)[..., None] * along
    distance = (pixels - nearest).norm(dim=-1)
    return torch.exp(-((distance / thickness) ** 2)).unflatten(-1, (size, size))


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Return two convolutions with normalisation and SiLU."""
    groups = 8 if outputs % 8 == 0 else 1
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.GroupNorm(groups, outputs)]
        layers.append(nn.SiLU())
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Features of every pixel of drawn bones, from near and far."""

    def __init__(self, inputs: int, width: int, levels: int) -> None:
        super().__init__()
        widths = [width * 2**n for n in range(levels + 1)]
        self.enter = block(inputs, width)
        self.down = nn.ModuleList(block(a, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList(
            block(a + b, a) for a, b in zip(widths[:-1][::-1], widths[1:][::-1], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns (B, width, H, W)."""
        x = self.enter(x)
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(avg_pool2d(x, 2))
        for up in self.up:
            x = up(torch.cat((kept.pop(), interpolate(x, scale_factor=2.0)), 1))
        return x


class Renderer(Method[RenderBatch]):
    """Shows a skeleton as the signer of a picture."""

    name = "motion_lexicon"

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.features = UNet(len(config.edges) + 2, config.width, config.levels)
        self.ask = nn.Conv2d(config.width, config.width, 1)
        self.answer = nn.Conv2d(config.width, config.width, 1)

    def seen(self, joints: Tensor) -> Tensor:
        """Return the features of a skeleton's picture, (B, width, H, W). joints: (B, J, 2)."""
        config = self.config
        bones = drawn(joints, config.edges, config.size, config.thickness)
        axis = torch.linspace(-1, 1, config.size, device=joints.device)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        places = torch.stack((x, y)).expand(len(joints), -1, -1, -1)
        features: Tensor = self.features(torch.cat((bones, places), 1))
        return features

    def forward(self, joints: Tensor, picture: Tensor, picture_joints: Tensor) -> Tensor:
        """Return RGB in [0, 1], (B, 3, H, W): the signer of `picture` in posture `joints`."""
        step = self.config.size // self.config.keys_px
        asked = self.ask(self.seen(joints)).flatten(2).transpose(1, 2)  # (B, P, W)
        keys = self.answer(avg_pool2d(self.seen(picture_joints), step)).flatten(2)  # (B, W, Q)
        colours = avg_pool2d(picture, step).flatten(2).transpose(1, 2)  # (B, Q, 3)
        shares = (asked @ keys / self.config.width**0.5).softmax(-1)
        sides = (self.config.size, self.config.size)
        frame: Tensor = (shares @ colours).transpose(1, 2).unflatten(2, sides)
        return frame

    def training_step(self, batch: RenderBatch) -> Loss:
        """Return the mean absolute difference from the true frame."""
        error = l1_loss(self(batch.joints, batch.picture, batch.picture_joints), batch.frame)
        return Loss(total=error, parts={"l1": error.detach()})
