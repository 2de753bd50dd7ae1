"""The class-specific contrastive loss on rebuilt graphs, and its memory of classes."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from verilens.motion.protogcn.config import Contrast


class ClassContrast(nn.Module):
    """Draws each graph's feature to the memory of its class and away from the others'.

    memory: mean feature of recognised samples of each class, (classes, features); saved with the
        weights. It is updated by every training step, for classes with a recognised sample.
    """

    memory: Tensor

    def __init__(self, tokens: int, classes: int, settings: Contrast) -> None:
        super().__init__()
        self.settings = settings
        self.project = nn.Linear(tokens, settings.features)
        self.register_buffer("memory", torch.randn(classes, settings.features))

    def forward(self, graph: Tensor, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the loss of every sample, (B,).

        graph: rebuilt, (B, V x V). logits: of the classifier, only to see what it recognised.
        """
        features = self.project(graph)
        memory = self.remembered(features, labels, logits)
        self.memory.copy_(memory.detach())
        cosines = normalize(features, dim=1) @ normalize(memory, dim=1).T
        return cross_entropy(cosines / self.settings.temperature, labels, reduction="none")

    def remembered(self, features: Tensor, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the memory after this batch: m <- momentum m + (1 - momentum) mean of features.

        Gradients flow through the new part, as in the official code.
        """
        is_right = logits.argmax(1) == labels
        chosen = one_hot(labels, len(self.memory)).to(features.dtype) * is_right[:, None]
        counts = chosen.sum(0)[:, None]
        means = chosen.T @ features / counts.clamp(min=1)
        momentum = self.settings.momentum
        mixed = momentum * self.memory + (1 - momentum) * means
        return torch.where(counts > 0, mixed, self.memory)
