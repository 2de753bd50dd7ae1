"""The encoder of genuine faces: an iResNet, the residual network of face recognition (ArcFace).

    picture -> 3 x 3 convolution -> four stages, each halving the sides -> norm -> 2 x 2 mean

Tensors are named as in the face recognition weights that are in circulation, so such a file loads
as it is; its last linear layer is not used here.
"""

from pathlib import Path

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from verilens.errors import MissingWeights
from verilens.published import read

HEAD = ("fc", "features")  # of a face recogniser; not used here


class Block(nn.Module):
    """Residual block: norm, 3 x 3 convolution, norm, PReLU, strided 3 x 3 convolution, norm."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.prelu = nn.PReLU(out)
        self.conv2 = nn.Conv2d(out, out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut: Tensor = x if self.downsample is None else self.downsample(x)
        y: Tensor = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.bn3(self.conv2(y)) + shortcut
        return y


class FaceEncoder(nn.Module):
    """Maps (N, 3, H, W) to (N, 8 x width, H / 32, W / 32).

    depths: blocks of the four stages.
    """

    def __init__(self, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        channels = width
        self.stages: list[str] = []
        for number, depth in enumerate(depths):
            out = width << number
            blocks = [
                Block(out if position else channels, out, 1 if position else 2)
                for position in range(depth)
            ]
            channels = out
            self.stages.append(f"layer{number + 1}")
            self.add_module(self.stages[-1], nn.Sequential(*blocks))
        self.bn2 = nn.BatchNorm2d(channels)
        self.channels = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def freeze(self, stages: int) -> None:
        """Keep the first `stages` from being trained."""
        for name in self.stages[:stages]:
            self.get_submodule(name).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return avg_pool2d(self.bn2(x), 2)


def load_faces(network: FaceEncoder, path: str) -> None:
    """Copy the published weights of a face recogniser into `network`.

    MissingWeights when a tensor of it is absent or of another shape.
    """
    tensors = read(Path(path)).tensors
    kept = {name: tensor for name, tensor in tensors.items() if name.split(".")[0] not in HEAD}
    try:
        network.load_state_dict(kept)
    except RuntimeError as error:
        raise MissingWeights(f"{path}: not weights of this iResNet: {error}") from error
