"""The two streams of SRM.

colours -> conv1 -> conv2 (guided) -> entry -> | middle -> | middle, exit -> |
             | noise  | noise               exchange    exchange          fusion -> head
noise   -> conv1 ---> conv2 --------> entry -> | middle -> | middle, exit -> |
"""

from torch import Tensor, nn

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.nn.xception import Xception, load_imagenet
from verilens.verify.detector import Detector
from verilens.verify.srm.config import Config
from verilens.verify.srm.loss import margin_loss
from verilens.verify.srm.noise import Exchange, Fusion, NoiseGuide, NoiseOfFeatures, NoisePicture


def entry_side(pixels: int) -> int:
    """Return the side of Xception's maps after its entry flow; 256 pixels give 16."""
    side = (pixels - 3) // 2 + 1 - 2
    for _ in range(3):
        side = -(-side // 2)
    return side


class SRM(Detector):
    """Classifies face crops by colours and noise."""

    name = "srm"
    claim = "face-swap"
    sign = "colours and noise of the face: {} look forged"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        stem, second, *_ = config.widths
        self.colours = Xception(widths=config.widths, middle=config.middle)
        self.noise = Xception(widths=config.widths, middle=config.middle)
        self.picture = NoisePicture()
        self.high1 = NoiseOfFeatures(stem)
        self.high2 = NoiseOfFeatures(second)
        self.guide = NoiseGuide(stem, second)
        self.guided = nn.Sequential(nn.BatchNorm2d(second), nn.ReLU(inplace=True))
        side = entry_side(config.view.size)
        self.exchanges = nn.ModuleList(
            Exchange(config.widths[4], side, config.reduction) for _ in range(2)
        )
        self.fusion = Fusion(config.widths[-1], config.squeeze)
        self.head = nn.Linear(config.widths[-1], 2)
        if config.pretrained:
            load_imagenet(self.colours, config.pretrained)
            load_imagenet(self.noise, config.pretrained)

    def forward(self, frames: Tensor) -> Tensor:
        scores = self.scores(frames)
        return scores[:, 1] - scores[:, 0]

    def scores(self, frames: Tensor) -> Tensor:
        """Return both classes' scores, genuine first, (N, 2). frames: (N, 3, H, W) in [0, 1]."""
        x = frames * 2 - 1
        y = self.picture(x)
        guide = self.guide(self.picture(y))  # filtered twice, as released
        x = self.colours.between(x, "conv1", "relu1")
        y = (self.noise.between(y, "conv1", "relu1") + self.high1(x)).relu_()
        x = self.colours.between(x, "conv2", "relu2")
        y = (self.noise.between(y, "conv2", "relu2") + self.high2(x)).relu_()
        x = self.guided(x * guide + x)
        half = 3 + self.config.middle // 2
        parts = (("block1", "block3"), ("block4", f"block{half}"))
        for (first, last), exchange in zip(parts, self.exchanges, strict=True):
            x = self.colours.between(x, first, last)
            y = self.noise.between(y, first, last)
            x, y = exchange(x, y)
        x = self.colours.between(x, f"block{half + 1}", "bn4")
        y = self.noise.between(y, f"block{half + 1}", "bn4")
        scores: Tensor = self.head(self.fusion(x, y).mean((2, 3)))
        return scores

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the margin loss over the crops."""
        count, moments = batch.frames.shape[:2]
        scores = self.scores(batch.frames.flatten(0, 1)).float()
        labels = batch.labels.long().repeat_interleave(moments)
        config = self.config
        each = margin_loss(scores, labels, config.margin, config.scale).view(count, moments).mean(1)
        total = each.mean()
        return Loss(total=total, parts={"margin": total.detach()}, each=each)
