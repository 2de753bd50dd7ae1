"""ProtoGCN: sizes as published, prototypes as weights that sum to 1, the loss by hand."""

import dataclasses
import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from verilens.errors import ConfigError
from verilens.motion.protogcn.config import Config, Contrast
from verilens.motion.protogcn.loss import ClassContrast
from verilens.motion.protogcn.model import ProtoGCN
from verilens.motion.protogcn.network import MotionTopology, Prototypes
from verilens.motion.stretch import Stretch
from verilens.nn.graph import Width


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_full_size_has_the_published_number_of_parameters():
    with torch.device("meta"):
        method = ProtoGCN()
        gym = ProtoGCN(Config.finegym())
    assert count(method) == 4_344_860
    assert count(method.backbone) == 4_161_504
    assert count(method.classify) == 23_100
    assert count(method.contrast) == 160_256
    assert count(gym) == 4_284_245


def test_full_size_gives_features_and_a_graph_of_joint_pairs():
    with torch.device("meta"):
        found = ProtoGCN().rebuilt(torch.rand(3, 2, 100, 25, 3), torch.ones(3, 2, 100, 25))
    assert found.features.shape == (3, 2, 384, 25, 25)
    assert found.graph.shape == (3, 625)


def topology(graphs: int = 2) -> MotionTopology:
    torch.manual_seed(0)
    return MotionTopology(Width(3, 4, 1), torch.randn(graphs, 5, 5)).eval()


def test_the_graph_is_what_the_movement_adds():
    layer = topology()
    x = torch.randn(1, 3, 6, 5)
    assert not layer(x).graph.any()  # alpha and beta start at 0
    with torch.no_grad():
        layer.alpha[0], layer.beta[0] = 0.5, 2.0
        layer.alpha[1], layer.beta[1] = 9.0, 9.0  # never read
    p, q = layer.sender(x).mean(2), layer.receiver(x).mean(2)  # (1, 4, 5)
    graph = layer(x).graph[0]
    for n in range(4):  # channels 0 and 1 belong to the first graph, 2 and 3 to the second
        own = slice(n // 2 * 2, n // 2 * 2 + 2)
        within = (p[0, own].T @ q[0, own]).softmax(0)
        across = torch.tanh(p[0, n][:, None] - q[0, n][None])
        assert torch.allclose(graph[n], 0.5 * across + 2.0 * within, atol=1e-6)


def test_prototype_weights_sum_to_one_and_one_prototype_is_constant():
    torch.manual_seed(0)
    x = torch.randn(2, 25, 8)
    many = Prototypes(8, 7, 0.1).eval()
    assert many.weights(x).shape == (2, 25, 7)
    assert torch.allclose(many.weights(x).sum(-1), torch.ones(2, 25), atol=1e-6)
    assert many(x).std((0, 1)).min() > 0
    one = Prototypes(8, 1, 0.1).eval()
    assert torch.equal(one(x), one(x)[:1, :1].expand_as(x))


def contrast() -> ClassContrast:
    loss = ClassContrast(2, 2, Contrast(features=2))
    with torch.no_grad():
        loss.project.weight.copy_(torch.eye(2))
        loss.project.bias.zero_()
        loss.memory.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    return loss


GRAPHS = torch.tensor([[3.0, 4.0], [0.0, 2.0], [5.0, 0.0]])
LABELS = torch.tensor([0, 1, 1])


def test_contrastive_loss_by_hand():
    """Two classes, three samples; the first alone is recognised, so class 0 alone is updated."""
    loss = contrast()
    logits = torch.tensor([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    each = loss(GRAPHS, LABELS, logits).detach()
    memory = [0.9 * 1 + 0.1 * 3, 0.1 * 4]
    length = math.hypot(*memory)
    first = [memory[0] / length, memory[1] / length]
    cosines = [
        (first[0] * 0.6 + first[1] * 0.8, 0.8),
        (first[1], 1.0),
        (first[0], 0.0),
    ]
    for n, (a, b) in enumerate(cosines):
        own = (a, b)[int(LABELS[n])]
        expected = math.log(math.exp(a / 0.125) + math.exp(b / 0.125)) - own / 0.125
        assert math.isclose(float(each[n]), expected, rel_tol=1e-5)
    assert torch.allclose(loss.memory, torch.tensor([memory, [0.0, 1.0]]))


def test_memory_of_classes_without_a_recognised_sample_stays():
    loss = contrast()
    before = loss.memory.clone()
    wrong = torch.tensor([[1.0, 2.0], [2.0, 1.0], [2.0, 1.0]])
    loss(GRAPHS, LABELS, wrong)
    assert torch.equal(loss.memory, before)
    both = torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 2.0]])
    loss(GRAPHS, LABELS, both)
    assert torch.allclose(loss.memory[1], torch.tensor([0.25, 1.0]))  # 0.9 (0, 1) + 0.1 (2.5, 1)


def test_memory_is_saved_with_the_weights():
    assert "contrast.memory" in ProtoGCN(Config.tiny()).state_dict()


def test_the_contrastive_loss_draws_graphs_of_a_class_together():
    """Two classes of graphs under noise: features cluster, and the memory finds the classes."""
    torch.manual_seed(0)
    loss = ClassContrast(10, 2, Contrast(features=4))
    centres = torch.randn(2, 10)
    optimiser = torch.optim.Adam(loss.parameters(), 0.02)
    for _ in range(60):
        labels = torch.randint(2, (32,))
        graphs = centres[labels] + 0.4 * torch.randn(32, 10)
        each = loss(graphs, labels, torch.nn.functional.one_hot(labels).float())
        optimiser.zero_grad()
        each.mean().backward()
        optimiser.step()
    assert float(each.detach().mean()) < 0.1
    cosine = torch.cosine_similarity(*loss.memory, dim=0)
    assert float(cosine) < 0


def test_total_is_cross_entropy_and_a_fifth_of_the_contrast():
    from verilens.batch import PoseBatch

    method = ProtoGCN(dataclasses.replace(Config.tiny(), dropout=0.0)).eval()
    shape = (4, 2, 12, 20)
    batch = PoseBatch(
        joints=torch.randn(*shape, 3),
        confidence=torch.ones(shape),
        labels=torch.tensor([0, 1, 2, 0]),
    )
    ce = cross_entropy(method(batch.joints, batch.confidence), batch.labels)
    loss = method.training_step(batch)
    assert torch.allclose(loss.parts["ce"], ce)
    assert torch.allclose(loss.total, ce + 0.2 * loss.parts["contrast"])


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="multiple of graphs"):
        Config(width=20)
    with pytest.raises(ConfigError, match="prototypes"):
        Config(prototypes=0)
    assert Config().stretch == Stretch(skeleton="ntu25", origin="spine")
