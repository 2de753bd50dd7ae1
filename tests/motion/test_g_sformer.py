"""G-SFormer: its sizes, what skipped attention sees, and what it gains over simple lifters."""

import dataclasses

import pytest
import torch
from torch import nn

from verilens.errors import ConfigError
from verilens.motion.g_sformer.config import Config
from verilens.motion.g_sformer.graph import Norm, PartGraph
from verilens.motion.g_sformer.model import GSFormer, Layer, SkippedAttention
from verilens.motion.lifter import Window

TINY = Config.tiny()


@pytest.mark.parametrize(
    ("config", "count"),
    [(Config(), 8_007_575), (Config.middle(), 5_774_743), (Config.small(), 5_185_431)],
)
def test_sizes_of_the_released_networks(config, count):
    with torch.device("meta"):
        method = GSFormer(config)
        found = method.eval().both(torch.empty(2, 243, 17, 2))
    assert sum(p.numel() for p in method.parameters()) == count
    assert found.middle.shape == (2, 1, 17, 3) and found.every.shape == (2, 243, 17, 3)


def test_81_frames_need_one_layer_less():
    with torch.device("meta"):
        method = GSFormer(Config(window=Window(frames=81)))
    assert len(method.decoder) == 4
    with pytest.raises(ConfigError, match="power of skip"):
        Config(window=Window(frames=15))


def attention(shrink: bool = False) -> tuple[SkippedAttention, torch.Tensor]:
    torch.manual_seed(0)
    return SkippedAttention(TINY, shrink).eval(), torch.randn(2, 9, 16)


def dense(layer: SkippedAttention, x: torch.Tensor) -> torch.Tensor:
    """Return attention among all frames under the mask i mod 3 == j mod 3, (N, T, C)."""
    heads = layer.heads
    query, key, value = (
        f(x).unflatten(2, (heads, -1)).transpose(1, 2)
        for f in (layer.query, layer.key, layer.value)
    )
    scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
    number = torch.arange(x.shape[1]) % layer.skip
    scores = scores.masked_fill(number[:, None] != number, -torch.inf)
    return (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)


def test_skipped_attention_is_masked_dense_attention():
    layer, x = attention()
    with torch.inference_mode():
        assert torch.allclose(layer(x), layer.out(dense(layer, x)), atol=1e-5)


def test_shrinking_joins_three_neighbours():
    layer, x = attention(shrink=True)
    with torch.inference_mode():
        joined = dense(layer, x).unflatten(1, (3, 3)).flatten(2)
        assert layer(x).shape == (2, 3, 16)
        assert torch.allclose(layer(x), layer.out(joined), atol=1e-5)


def test_a_frame_is_deaf_to_its_neighbours():
    torch.manual_seed(0)
    layer, x = Layer(TINY).eval(), torch.randn(1, 9, 16)
    other = x.clone()
    other[:, 1] = torch.randn(16)
    with torch.inference_mode():
        changed = (layer(x) - layer(other)).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [n % 3 == 1 for n in range(9)]


def test_the_residual_of_a_shrinking_layer_keeps_first_or_largest_frames():
    x = torch.randn(1, 9, 16)
    for pool, wanted in ((1, x[:, ::3]), (3, x.unflatten(1, (3, 3)).amax(2))):
        layer = Layer(dataclasses.replace(TINY, pool=pool), shrink=True).eval()
        for out in (layer.attend.out, layer.feed[-1]):
            nn.init.zeros_(out.weight)
            nn.init.zeros_(out.bias)
        assert torch.allclose(layer(x), wanted)


def test_edges_of_the_body_graph_by_hand():
    torch.manual_seed(0)
    graph = PartGraph(TINY)
    nodes = graph.nodes(torch.randn(2, 3, 17, 2))
    edges = graph.edges(nodes)
    assert edges.shape == (2, 3, 5, 5)
    assert torch.equal(edges.diagonal(dim1=2, dim2=3), torch.ones(2, 3, 5))
    assert torch.allclose(edges, edges.transpose(2, 3))
    pair = nodes[0, 0, 1] + nodes[0, 0, 4]
    assert torch.allclose(edges[0, 0, 1, 4], graph.edge(pair).sigmoid().squeeze())


def test_limbs_share_their_encoder_and_the_joint_embedding_tells_them_apart():
    still = torch.zeros(1, 1, 17, 2)
    for embedding in (True, False):
        torch.manual_seed(0)
        graph = PartGraph(dataclasses.replace(TINY, joint_embedding=embedding))
        nn.init.zeros_(graph.place)
        given = still if graph.embedding is None else still + graph.embedding
        nodes = graph.nodes(given)[0, 0, :4]
        assert (nodes.std(0).max() < 1e-6) is not embedding


def test_norm_by_hand():
    found = Norm(3)(torch.tensor([[1.0, 2.0, 3.0]]))
    assert torch.allclose(found, torch.tensor([[-1.0, 0.0, 1.0]]), atol=1e-5)  # deviation 1 of 2


def test_drop_path_leaves_out_whole_samples_in_training_only():
    torch.manual_seed(0)
    layer = Layer(dataclasses.replace(TINY, drop_path=0.5, dropout=0.0))
    for part in (layer.feed[-1],):
        nn.init.zeros_(part.weight)
        nn.init.zeros_(part.bias)
    x = torch.randn(64, 9, 16)
    with torch.no_grad():
        attended = layer.eval()(x) - x
        moved = layer.train()(x) - x
    is_kept = moved.abs().amax((1, 2)) > 1e-6
    assert 16 < is_kept.sum() < 48
    assert torch.allclose(moved[is_kept], 2 * attended[is_kept], atol=1e-5)


@pytest.mark.parametrize(
    "facts", [{"pool": 4}, {"heads": 3}, {"skip": 1}, {"positions": 9}, {"skeleton": "coco17"}]
)
def test_impossible_settings_are_refused(facts):
    with pytest.raises(ConfigError, match="g_sformer"):
        dataclasses.replace(Config(), **facts)
