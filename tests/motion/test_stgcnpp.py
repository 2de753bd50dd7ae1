"""ST-GCN++ at its published size, and what its graph is for."""

import torch

from verilens.motion.stgcnpp.config import Config
from verilens.motion.stgcnpp.model import STGCNPP


def test_full_size_has_the_published_layout():
    with torch.device("meta"):
        method = STGCNPP()
        features = method.trunk(torch.rand(1, 2, 100, 25, 3))
    assert sum(p.numel() for p in method.parameters()) == 1_403_144  # published as 1.4 M
    assert features.shape == (1, 2, 256, 25, 25)


def test_one_layer_sees_neighbours_only_and_three_see_further():
    method = STGCNPP(Config.tiny()).eval()
    for block in method.trunk.blocks:
        torch.nn.init.normal_(block.space.norm.weight)
    still, moved = torch.zeros(2, 1, 1, 12, 20, 3).unbind(0)
    moved = moved.clone()
    moved[..., 7, :] = 1.0  # a hand
    first = method.trunk.blocks[0](method.trunk.norm(still))
    other = method.trunk.blocks[0](method.trunk.norm(moved))
    reached = {int(n) for n in (first - other).abs().sum((0, 1, 2)).nonzero()}
    assert reached == {6, 7}  # itself and its wrist
    further = (method.trunk(still) - method.trunk(moved)).abs().sum((0, 1, 2, 3)).nonzero()
    assert {4, 5, 6, 7} <= {int(n) for n in further}
