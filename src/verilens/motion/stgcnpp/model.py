"""ST-GCN++ as a recogniser: trunk, mean over joints, time and persons, one linear layer."""

from torch import Tensor, nn

from verilens.motion.recognizer import Recognizer, parents
from verilens.motion.stgcnpp.config import Config
from verilens.motion.streams import CHANNELS, shown
from verilens.nn.graph import GraphTrunk


class STGCNPP(Recognizer):
    """Class scores from features of a graph network."""

    name = "stgcnpp"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.parents = parents(config.stretch.skeleton)
        size = (config.width, config.blocks, config.grown)
        self.trunk = GraphTrunk(self.parents, CHANNELS, *size)
        self.classify = nn.Linear(self.trunk.channels, config.classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)

    def forward(self, joints: Tensor, confidence: Tensor) -> Tensor:
        x = shown(joints, confidence, self.config.stream, self.parents)
        features = self.trunk(x).mean((1, 3, 4))  # (B, K)
        logits: Tensor = self.classify(features)
        return logits
