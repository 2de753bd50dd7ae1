"""The graph of body parts: one token from the joints of one frame."""

import torch
from torch import Tensor, nn

from verilens.motion.g_sformer.config import Config

LIMBS = (
    (11, 12, 13),
    (4, 5, 6),
    (14, 15, 16),
    (1, 2, 3),
)  # left arm, left leg, right arm, right leg
TRUNK = (0, 7, 8, 9, 10)
PARTS = len(LIMBS) + 1


class Norm(nn.Module):
    """Layer normalisation as the released code has it: eps is added to the unbiased deviation."""

    def __init__(self, size: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))
        self.shift = nn.Parameter(torch.zeros(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return self.scale * centred / (x.std(-1, keepdim=True) + self.eps) + self.shift


class PartGraph(nn.Module):
    """Frames, (N, T, 17, 2), to tokens, (N, T, width).

    Every part's joints become a node; edges are learned of what two nodes have together:
    a_ij = sigmoid(w (h_i + h_j) + b), a_ii = 1, and a node's neighbours give relu(A h - h).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden, part = config.part_hidden, config.part_width
        self.limb = encoder(len(LIMBS[0]) * 2, hidden, part)
        self.trunk = encoder(len(TRUNK) * 2, hidden, part)
        self.place = nn.Parameter(torch.randn(PARTS, part))
        self.edge = nn.Linear(part, 1)
        self.joint = nn.Linear(2, config.joint_width, bias=False)
        self.norm = Norm(17 * config.joint_width)
        self.out = nn.Linear(17 * config.joint_width, config.width, bias=False)
        numbers = torch.arange(17.0)
        embedding = torch.stack([numbers.sin(), numbers.cos()], -1)
        self.embedding = embedding if config.joint_embedding else None

    def forward(self, joints: Tensor) -> Tensor:
        if self.embedding is not None:
            joints = joints + self.embedding.to(joints)
        nodes = self.nodes(joints)
        around = (self.edges(nodes) @ nodes - nodes).relu()
        parts = torch.cat([around, nodes], -1).flatten(2)
        token: Tensor = self.out(self.norm(parts + self.joint(joints).flatten(2)))
        return token

    def nodes(self, joints: Tensor) -> Tensor:
        """Return the parts of every frame, (N, T, 5, part_width)."""
        limbs = [self.limb(joints[:, :, limb].flatten(2)) for limb in LIMBS]
        trunk = self.trunk(joints[:, :, TRUNK].flatten(2))
        return torch.stack([*limbs, trunk], 2) + self.place

    def edges(self, nodes: Tensor) -> Tensor:
        """Return how much each part hears of each other, (N, T, 5, 5)."""
        both = nodes[:, :, :, None] + nodes[:, :, None]
        edges: Tensor = self.edge(both).squeeze(-1).sigmoid()
        own = torch.eye(PARTS, dtype=torch.bool, device=nodes.device)
        return edges.masked_fill(own, 1.0)


def encoder(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return what makes a node of a part's coordinates."""
    return nn.Sequential(
        nn.Linear(inputs, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, outputs), nn.Tanh()
    )
