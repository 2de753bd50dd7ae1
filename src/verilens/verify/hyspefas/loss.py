"""The losses: focal cross-entropy, and a contrast against embeddings of earlier batches.

Khosla et al., "Supervised Contrastive Learning", arXiv:2004.11362; Wang et al., "Cross-Batch Memory
for Embedding Learning", arXiv:1912.06798; Lin et al., "Focal Loss", arXiv:1708.02002.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


def focal(logits: Tensor, labels: Tensor, alpha: float, gamma: float) -> Tensor:
    """Return a (1 - p)^gamma cross-entropy of every sample, (N,).

    p: probability of the right class; a: alpha for attacks, 1 - alpha for genuine faces.
    """
    each = binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
    right = torch.exp(-each)
    weight = alpha * labels + (1 - alpha) * (1 - labels)
    return weight * (1 - right) ** gamma * each


def supervised_contrast(
    anchors: Tensor, references: Tensor, alike: Tensor, other: Tensor, tau: float
) -> Tensor:
    """Return the mean over anchors of -mean over positives of log softmax(similarity / tau).

    anchors: (B, E), references: (R, E), of unit length. alike: pairs of one class; other: pairs
    that are not a sample with itself; both (B, R) bool. Anchors without a positive do not count.
    """
    scaled = (anchors @ references.T / tau).masked_fill(~other, -torch.inf)
    surprise = scaled.logsumexp(1, keepdim=True) - scaled
    positive = alike & other
    count = positive.sum(1)
    each = torch.where(positive, surprise, 0).sum(1) / count.clamp_min(1)
    counts = count > 0
    return each[counts].sum() / counts.sum().clamp_min(1)


class Memory(nn.Module):
    """The last `size` embeddings with their labels; batches are contrasted with all of them."""

    embeddings: Tensor
    labels: Tensor
    written: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("embeddings", torch.zeros(size, width))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.long))
        self.register_buffer("written", torch.zeros((), dtype=torch.long))  # since the start

    def __len__(self) -> int:
        return min(int(self.written), self.size)

    def remember(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Keep a batch and drop what is oldest; return the place of each sample, (B,)."""
        start, count = int(self.written), len(labels)
        places = (start + torch.arange(count, device=labels.device)) % self.size
        kept = slice(max(0, count - self.size), None)
        self.embeddings[places[kept]] = embeddings.detach().float()[kept]
        self.labels[places[kept]] = labels.long()[kept]
        self.written += count
        return places

    def contrast(self, embeddings: Tensor, labels: Tensor, tau: float) -> Tensor:
        """Return the contrast of a batch with the memory, which it enters first."""
        places = self.remember(embeddings, labels)
        count = len(self)
        alike = labels.long()[:, None] == self.labels[None, :count]
        other = places[:, None] != torch.arange(count, device=places.device)
        # A clone: the next pass writes into the memory before this one's gradient is taken.
        known = self.embeddings[:count].clone()
        return supervised_contrast(embeddings.float(), known, alike, other, tau)
