"""ProtoGCN as a recogniser; training adds the contrastive loss to cross-entropy."""

from torch import Tensor, nn

from verilens.batch import PoseBatch
from verilens.method import Loss
from verilens.motion.protogcn.config import Config
from verilens.motion.protogcn.loss import ClassContrast
from verilens.motion.protogcn.network import Backbone, Prototypes, Rebuilt
from verilens.motion.recognizer import Recognizer, classified, parents
from verilens.motion.streams import CHANNELS, shown


class ProtoGCN(Recognizer):
    """Class scores from pooled features; prototypes shape what the features become."""

    name = "protogcn"
    of_classes = ("classify.", "contrast.memory")
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.parents = parents(config.stretch.skeleton)
        joints = len(self.parents)
        size = (config.width, config.blocks, config.grown, config.graphs)
        self.backbone = Backbone(joints, CHANNELS, *size)
        channels = self.backbone.channels
        self.backbone.prototypes = Prototypes(channels, config.prototypes, config.dropout)
        self.classify = nn.Linear(channels, config.classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)
        self.contrast = ClassContrast(joints**2, config.classes, config.contrast)

    def rebuilt(self, joints: Tensor, confidence: Tensor) -> Rebuilt:
        """Return the features and the rebuilt graph."""
        x = shown(joints, confidence, self.config.stream, self.parents)
        found: Rebuilt = self.backbone(x)
        return found

    def forward(self, joints: Tensor, confidence: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.rebuilt(joints, confidence).features.mean((1, 3, 4)))
        return logits

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return cross-entropy and the weighted contrastive loss."""
        features, graph = self.rebuilt(*self.varied(batch))
        logits = self.classify(features.mean((1, 3, 4)))
        told = classified(logits, batch.labels)
        contrast = self.contrast(graph, batch.labels, logits.detach()).mean()
        total = told.total + self.config.contrast.weight * contrast
        return Loss(total, {**told.parts, "contrast": contrast.detach()}, told.each)
