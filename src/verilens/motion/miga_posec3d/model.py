"""PoseC3D as a recogniser of micro-gestures, with the loss on class names."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from verilens.batch import PoseBatch
from verilens.method import Loss
from verilens.motion.miga_posec3d.config import Config
from verilens.motion.miga_posec3d.names import embeddings
from verilens.motion.miga_posec3d.network import SlowOnly
from verilens.motion.miga_posec3d.volume import limbs, placed, spots
from verilens.motion.recognizer import Recognizer, classified
from verilens.poses import skeletons


class MigaPoseC3D(Recognizer):
    """Class scores from a film of spots. Without labels there is no loss on their names."""

    name = "miga_posec3d"
    config: Config
    words: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        skeleton = skeletons.skeleton(config.stretch.skeleton)
        self.edges = skeleton.edges
        maps = len(self.edges) if config.draw.limbs else len(skeleton.joints)
        self.trunk = SlowOnly(maps, config)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(self.trunk.channels, config.classes)
        nn.init.normal_(self.classify.weight, std=0.01)
        nn.init.zeros_(self.classify.bias)
        self.project: nn.Linear | None = None
        if config.labels and config.semantic.weight > 0:
            words = embeddings(config.labels, config.semantic.file)
            self.register_buffer("words", words, persistent=False)
            self.project = nn.Linear(self.trunk.channels, words.shape[1], bias=False)

    def film(self, joints: Tensor, confidence: Tensor) -> Tensor:
        """Return the joints drawn, (B, K, T, H, W), cropped at random in training."""
        draw = self.config.draw
        pixels = placed(joints, confidence, draw, vary=self.training)
        side = draw.train_side if self.training else draw.side
        if draw.limbs:
            return limbs(pixels, confidence, self.edges, side, draw.sigma)
        return spots(pixels, confidence, side, draw.sigma)

    def features(self, joints: Tensor, confidence: Tensor) -> Tensor:
        """Return the pooled features, (B, C)."""
        pooled: Tensor = self.trunk(self.film(joints, confidence)).mean((2, 3, 4))
        return pooled

    def forward(self, joints: Tensor, confidence: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.dropout(self.features(joints, confidence)))
        return logits

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return cross-entropy and, where classes have names, the loss on them."""
        features = self.features(*self.varied(batch))
        told = classified(self.classify(self.dropout(features)), batch.labels)
        if self.project is None:
            return told
        named = self.semantic(features, batch.labels)
        total = told.total + self.config.semantic.weight * named
        return Loss(total, {**told.parts, "names": named.detach()}, told.each)

    def semantic(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return how far features are from the names of their classes."""
        if self.project is None:
            raise RuntimeError("no class names were given")
        settings = self.config.semantic
        cosines = normalize(self.project(features), dim=1) @ self.words.to(features).T
        if settings.rule == "cosine":
            return (1 - torch.take_along_dim(cosines, labels[:, None], 1)).mean()
        return cross_entropy(cosines / settings.temperature, labels)
