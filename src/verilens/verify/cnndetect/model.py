"""ResNet-50 with one output on a native-resolution crop."""

from torch import Tensor, nn

from verilens.nn.normalise import Normalise
from verilens.nn.resnet import ResNet, load_imagenet
from verilens.verify.cnndetect.config import Config
from verilens.verify.detector import Detector

SPREAD = 0.02  # of the head's first weights


class CNNDetect(Detector):
    """Classifies crops with a ResNet."""

    name = "cnndetect"
    sign = "traces of convolutional generators: {} crops"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.network = ResNet(config.depths, width=config.width, classes=1)
        nn.init.normal_(self.network.get_parameter("fc.weight"), std=SPREAD)
        self.normalise = Normalise()
        if config.pretrained:
            load_imagenet(self.network, config.pretrained)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.network(self.normalise(frames))
        return logits.squeeze(1)
