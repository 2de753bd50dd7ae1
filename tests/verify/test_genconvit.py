"""GenConViT: the released sizes and vote, what its switches change, and what it learns."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from torch import Tensor

from verilens.batch import ClipBatch
from verilens.errors import ConfigError, DatasetError, MissingWeights
from verilens.records import Clip, View
from verilens.verify.genconvit.backbone import HybridBackbone
from verilens.verify.genconvit.config import Backbone, Config
from verilens.verify.genconvit.convert import CONVERTER
from verilens.verify.genconvit.model import GenConViT, NetworkA, NetworkB
from verilens.verify.genconvit.vote import averaged_logit, released_logit, rescore, vote

TINY = Config.tiny()


def changed(**fields: object) -> Config:
    return dataclasses.replace(TINY, **fields)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_released_sizes():
    with torch.device("meta"):
        a, b = NetworkA(Config()), NetworkB(Config())
    assert count(a) == pytest.approx(59.2e6, rel=0.01)
    assert count(b) == pytest.approx(695.2e6, rel=0.01)
    assert count(b.latent) == 2 * (25088 * 12544 + 12544)
    assert count(a.encoder) + count(a.decoder) == pytest.approx(0.57e6, rel=0.01)


def test_shapes_at_full_size():
    """On the meta device, where a forward pass costs nothing."""
    with torch.device("meta"):
        a, b = NetworkA(Config()), NetworkB(Config())
        crops = torch.rand(2, 3, 224, 224)
        assert a.reconstruct(crops).shape == (2, 3, 224, 224)
        assert a(crops).shape == (2, 2)
        found = b(crops)
        z, _ = b.latent(b.encoder(crops).flatten(1), draws=True)
    assert z.shape == (2, 12544)
    assert found.small.shape == (2, 3, 112, 112) and found.x_hat.shape == (2, 3, 224, 224)
    assert found.outputs.shape == (2, 2)


def outputs_of(sigmoids: list[list[float]]) -> Tensor:
    return torch.logit(torch.tensor(sigmoids, dtype=torch.float64))


@pytest.mark.parametrize(
    ("sigmoids", "is_fake", "score"),
    [([[0.9, 0.2], [0.7, 0.4]], True, 0.8), ([[0.2, 0.9]], False, 0.1)],
)
def test_vote_of_the_release(sigmoids, is_fake, score):
    outputs = outputs_of(sigmoids)
    assert vote(outputs).is_fake == is_fake
    assert vote(outputs).score == pytest.approx(score)
    assert torch.sigmoid(released_logit(outputs)).item() == pytest.approx(score)


def test_scores_of_the_release_can_contradict_its_labels_and_the_repaired_ones_cannot():
    fake, genuine = outputs_of([[0.4, 0.3]]), outputs_of([[0.3, 0.4]])
    assert vote(fake).is_fake and vote(fake).score < 0.5
    assert not vote(genuine).is_fake and vote(genuine).score > 0.5
    assert averaged_logit(fake) > 0 > averaged_logit(genuine)


def test_votes_of_certain_networks_stay_exact():
    outputs = torch.tensor([[60.0, -60.0], [55.0, -80.0]])
    assert vote(outputs).score == 1
    assert released_logit(outputs).item() == pytest.approx(55 + np.log(2), abs=0.01)
    assert released_logit(-outputs).item() == pytest.approx(-60 - np.log(2), abs=0.01)


def test_evidence_is_one_vote_of_all_frames_and_networks():
    torch.manual_seed(0)
    method = GenConViT(TINY).eval()
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    clip = Clip(
        frames=frames,
        times_s=np.arange(3.0),
        boxes=np.tile(np.array([[0, 0, 32, 32]], np.int32), (3, 1)),
        size=(32, 32),
        view=TINY.view,
    )
    x = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        outputs = method.outputs(x)
    assert outputs.shape == (3, 2, 2)
    evidence = method.inspect([clip])[0]
    assert evidence.score == pytest.approx(vote(outputs.flatten(0, 1)).score, abs=1e-6)
    assert len(evidence.where.timeline) == 3


def result_file(path, scores, stated, true):
    columns = {"name": list("abcdef"), "pred": scores, "klass": ["x"] * 6}
    labels = {"pred_label": stated, "correct_label": true}
    path.write_text(json.dumps({"video": columns | labels}))
    return path


def test_result_files_of_the_release_are_scored_again(tmp_path):
    scores = [0.97, 0.61, 0.44, 0.52, 0.08, 0.02]
    stated = ["FAKE", "FAKE", "REAL", "FAKE", "REAL", "REAL"]
    true = ["FAKE", "FAKE", "FAKE", "REAL", "REAL", "REAL"]
    found = rescore(result_file(tmp_path / "result.json", scores, stated, true))
    labels = [label == "FAKE" for label in true]
    above = [score >= 0.5 for score in scores]
    assert found.auc == pytest.approx(roc_auc_score(labels, scores))
    assert found.f1 == pytest.approx(f1_score(labels, above))
    assert found.accuracy == pytest.approx(accuracy_score(true, stated))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "other.json").write_text('{"rows": []}')
    with pytest.raises(DatasetError, match="no result file"):
        rescore(tmp_path / "other.json")
    path = result_file(tmp_path / "short.json", [0.5], ["FAKE"] * 6, ["FAKE"] * 6)
    with pytest.raises(DatasetError, match="differ in length"):
        rescore(path)


def batch(samples: int = 4, moments: int = 1) -> ClipBatch:
    frames = torch.rand(samples, moments, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return ClipBatch(frames=frames, labels=torch.tensor([0.0, 1.0]).repeat(samples // 2))


def swin_gradients(method: GenConViT) -> list[Tensor | None]:
    method.train().training_step(batch()).total.backward()
    parts = [module for module in method.modules() if isinstance(module, HybridBackbone)]
    assert len(parts) == 2
    return [p.grad for part in parts for p in (*part.swin.parameters(), *part.project.parameters())]


def test_swin_learns_only_where_it_is_inserted():
    assert all(gradient is None for gradient in swin_gradients(GenConViT(TINY)))
    gradients = swin_gradients(GenConViT(changed(hybrid=True)))
    assert all(gradient is not None for gradient in gradients)
    assert sum(float(gradient.abs().sum() > 0) for gradient in gradients) > 0.9 * len(gradients)


def test_swin_changes_the_score_only_where_it_is_inserted():
    x = torch.rand(2, 3, 32, 32)
    for hybrid in (False, True):
        torch.manual_seed(0)
        method = GenConViT(changed(hybrid=hybrid)).eval()
        with torch.inference_mode():
            before = method(x)
            for part in method.modules():
                if isinstance(part, HybridBackbone):
                    part.project.weight.mul_(-3)
            assert torch.equal(method(x), before) != hybrid


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("networks", ["a", "b", "both"])
def test_repaired_networks_train_every_weight(networks, hybrid):
    method = GenConViT(changed(faithful=False, hybrid=hybrid, networks=networks)).train()
    loss = method.training_step(batch(moments=2))
    loss.total.backward()
    assert ("kl" in loss.parts) == (networks != "a")
    assert loss.each is not None and loss.each.shape == (4,)
    for name, weight in method.named_parameters():
        assert weight.requires_grad and weight.grad is not None, name


def test_latent_draws_when_training_and_gives_its_mean_at_test():
    torch.manual_seed(0)
    for faithful in (True, False):
        latent = NetworkB(changed(faithful=faithful)).latent
        features = torch.rand(1, latent.mu.in_features).expand(4000, -1)
        with torch.no_grad():
            mean = latent.mu(features[:1])
            assert torch.equal(latent(features[:1], draws=False)[0], mean)
            z, divergence = latent(features, draws=True)
            log_variance = mean if faithful else latent.var(features[:1])
        assert torch.allclose(z.mean(0), mean[0], atol=0.12)
        assert torch.allclose(z.var(0).log(), log_variance[0], atol=0.12)
        by_hand = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        assert divergence[0].item() == pytest.approx(0 if faithful else by_hand.item(), rel=1e-4)


def test_random_latents_at_test_are_a_choice():
    torch.manual_seed(0)
    steady, drawn = GenConViT(TINY).eval(), GenConViT(changed(sample_at_test=True)).eval()
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(steady(x), steady(x))
        assert not torch.equal(drawn(x), drawn(x))


def test_impossible_settings_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="multiple of 32"):
        Config(view=View(size=200, fit="face"))
    with pytest.raises(ConfigError, match="differ in length"):
        Config(backbone=Backbone(swin_heads=(3, 6)))
    with pytest.raises(MissingWeights, match="ConvNextForImageClassification"):
        GenConViT(Config(networks="a", backbone=Backbone(pretrained=str(tmp_path))))


def test_local_folders_are_started_from(tmp_path):
    torch.manual_seed(0)
    donor = GenConViT(TINY).network_a.backbone
    donor.convnext.save_pretrained(tmp_path / "convnext")
    donor.swin.save_pretrained(tmp_path / "swin")
    backbone = dataclasses.replace(TINY.backbone, pretrained=str(tmp_path))
    method = GenConViT(changed(backbone=backbone, networks="b"))
    for name, weight in method.network_b.backbone.named_parameters():
        if not name.startswith("project."):
            assert torch.equal(weight, donor.get_parameter(name)), name


def blank(*shape: int) -> Tensor:
    """Return a tensor of any size that takes no memory."""
    return torch.zeros(1).expand(shape)


def layer(name: str, *shape: int) -> dict[str, Tensor]:
    return {f"{name}.weight": blank(*shape), f"{name}.bias": blank(shape[0])}


def timm_convnext() -> dict[str, Tensor]:
    """Return timm 0.6.5's convnext_tiny by its own names."""
    widths, depths = (96, 192, 384, 768), (3, 3, 9, 3)
    found = layer("stem.0", 96, 3, 4, 4) | layer("stem.1", 96)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if stage:
            before, at = widths[stage - 1], f"stages.{stage}.downsample"
            found |= layer(f"{at}.0", before) | layer(f"{at}.1", width, before, 2, 2)
        for block in range(depth):
            at = f"stages.{stage}.blocks.{block}"
            found[f"{at}.gamma"] = blank(width)
            found |= layer(f"{at}.conv_dw", width, 1, 7, 7) | layer(f"{at}.norm", width)
            found |= layer(f"{at}.mlp.fc1", 4 * width, width)
            found |= layer(f"{at}.mlp.fc2", width, 4 * width)
    return found | layer("head.norm", 768) | layer("head.fc", 1000, 768)


def timm_swin() -> dict[str, Tensor]:
    """Return timm 0.6.5's swin_tiny_patch4_window7_224 by its own names."""
    found = layer("patch_embed.proj", 96, 3, 4, 4) | layer("patch_embed.norm", 96)
    for stage, (depth, heads) in enumerate(zip((2, 2, 6, 2), (3, 6, 12, 24), strict=True)):
        width = 96 * 2**stage
        for block in range(depth):
            at = f"layers.{stage}.blocks.{block}"
            found |= layer(f"{at}.norm1", width) | layer(f"{at}.norm2", width)
            found |= layer(f"{at}.attn.qkv", 3 * width, width)
            found |= layer(f"{at}.attn.proj", width, width)
            found |= layer(f"{at}.mlp.fc1", 4 * width, width)
            found |= layer(f"{at}.mlp.fc2", width, 4 * width)
            found[f"{at}.attn.relative_position_bias_table"] = blank(169, heads)
            found[f"{at}.attn.relative_position_index"] = blank(49, 49)
            if block % 2 and stage < 3:
                found[f"{at}.attn_mask"] = blank((56 // 2**stage // 7) ** 2, 49, 49)
        if stage < 3:
            found |= layer(f"layers.{stage}.downsample.norm", 4 * width)
            reduction = f"layers.{stage}.downsample.reduction.weight"
            found[reduction] = blank(2 * width, 4 * width)
    return found | layer("norm", 768) | layer("head", 1000, 768)


def release(letter: str) -> dict[str, Tensor]:
    """Return a network's checkpoint as the release lays it out."""
    found, swin = layer("fc", 500, 2000) | layer("fc2", 2, 500), timm_swin()
    trunk = "backbone" if letter == "a" else "convnext_backbone"
    found |= {f"embedder.{name}": tensor for name, tensor in swin.items()}
    found |= {f"{trunk}.patch_embed.backbone.{name}": tensor for name, tensor in swin.items()}
    found |= {f"{trunk}.{name}": tensor for name, tensor in timm_convnext().items()}
    found |= layer(f"{trunk}.patch_embed.proj", 768, 1000, 1, 1)
    widths = (3, 16, 32, 64, 128, 256) if letter == "a" else (3, 16, 32, 64, 128)
    for n, (before, after) in enumerate(pairwise(widths)):
        found |= layer(f"encoder.features.{3 * n}", after, before, 3, 3)
        if letter == "b":
            norm = f"encoder.features.{3 * n + 1}"
            found |= layer(norm, after)
            found |= {f"{norm}.running_{what}": blank(after) for what in ("mean", "var")}
            found[f"{norm}.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    widths = (256, 128, 64, 32, 16, 3) if letter == "a" else (256, 64, 32, 16, 3)
    for n, (before, after) in enumerate(pairwise(widths)):
        found[f"decoder.features.{2 * n}.weight"] = blank(before, after, 2, 2)
        found[f"decoder.features.{2 * n}.bias"] = blank(after)
    if letter == "b":
        found |= layer("fc3", 500, 1000) | layer("encoder.fc1", 256, 25088)
        found |= layer("encoder.fc2", 128, 256)
        found |= layer("encoder.mu", 12544, 25088) | layer("encoder.var", 12544, 25088)
    return found


@pytest.mark.parametrize(("letter", "weights"), [("a", 59_214_875), ("b", 695_210_767)])
def test_every_tensor_of_a_release_has_its_place(letter, weights):
    """Against the release itself, run with random weights, network A had equal outputs."""
    published = CONVERTER.prepared(release(letter))
    changes = CONVERTER.config(published)
    assert changes == {"networks": letter}
    with torch.device("meta"):
        own = GenConViT(Config(**changes))
    placed = {}
    for name, tensor in published.items():
        if CONVERTER.reason(name) is None:
            ours = CONVERTER.place(name)
            assert ours is not None and ours not in placed, name
            placed[ours] = tensor
    wanted = {name: tensor.shape for name, tensor in own.state_dict().items()}
    assert {name: tensor.shape for name, tensor in placed.items()} == wanted
    assert sum(t.numel() for t in own.parameters()) == weights


def test_fused_layers_are_cut_in_order():
    name = "embedder.layers.2.blocks.4.attn.qkv.bias"
    found = CONVERTER.prepared({"fc.bias": blank(500), name: torch.arange(6.0)})
    places = {CONVERTER.place(published): tensor.tolist() for published, tensor in found.items()}
    own = "network_a.backbone.swin.swin.encoder.layers.2.blocks.4.attention"
    wanted = {f"{own}.{p}_proj.bias": [2.0 * n, 2.0 * n + 1] for n, p in enumerate("qkv")}
    assert places == {"network_a.head.1.bias": [0.0] * 500, **wanted}


def test_a_release_whose_two_swins_differ_is_refused():
    swin = {"embedder.norm.bias": blank(4), "backbone.patch_embed.backbone.norm.bias": blank(4) + 1}
    with pytest.raises(MissingWeights, match="differs from the same tensor"):
        CONVERTER.prepared(swin)


def test_a_folder_holds_one_file_of_each_network():
    both = {f"ed/{name}": t for name, t in release("a").items()}
    both |= {f"vae/{name}": t for name, t in release("b").items()}
    found = CONVERTER.prepared(both)
    assert CONVERTER.config(found) == {"networks": "both"}
    for letter in "ab":
        alone = set(CONVERTER.prepared(release(letter)))
        assert {name for name in found if name.startswith(letter)} == alone
    with pytest.raises(MissingWeights, match="second file of network A"):
        CONVERTER.prepared({"ed/fc.bias": blank(500), "copy/fc.bias": blank(500)})


SIDE = 32


def field(samples: int, rng: np.random.Generator) -> Tensor:
    """Return soft colour noise of deviation 1, (samples, 3, SIDE, SIDE)."""
    noise = torch.from_numpy(rng.normal(size=(samples, 3, SIDE + 6, SIDE + 6)).astype(np.float32))
    soft = torch.nn.functional.avg_pool2d(noise, 7, 1)
    return soft / soft.std((2, 3), keepdim=True)


def uniform(samples: int, low: float, high: float, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, (samples, 3, 1, 1)).astype(np.float32))


def ellipse(samples: int, low: float, high: float, rng: np.random.Generator) -> Tensor:
    """Return soft ellipses with half axes in [low, high] of half a side, in [0, 1]."""
    line = torch.linspace(-1, 1, SIDE)
    centre, axes = uniform(samples, -0.15, 0.15, rng), uniform(samples, low, high, rng)
    across = ((line - centre[:, 0]) / axes[:, 0]).square()
    along = ((line[:, None] - centre[:, 1]) / axes[:, 1]).square()
    return torch.sigmoid((1 - across - along) * 6)[:, None]


def faces(samples: int, rng: np.random.Generator) -> Tensor:
    face = ellipse(samples, 0.45, 0.65, rng)
    skin, wall = uniform(samples, 0.4, 0.8, rng), uniform(samples, 0.1, 0.6, rng)
    return face * skin + (1 - face) * wall + 0.03 * field(samples, rng)


def toy(samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return genuine faces, then faces with another one's middle blended in.

    What is blended in carries the grid that a generator's up-sampling leaves.
    """
    rng = np.random.default_rng(seed)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    grid = 0.08 * ((rows + columns) % 2 * 2 - 1)
    genuine, hosts, donors = (faces(samples, rng) for _ in range(3))
    blend = ellipse(samples, 0.25, 0.4, rng)
    forged = blend * (donors + grid) + (1 - blend) * hosts
    pictures = torch.cat([genuine, forged])
    grain = torch.from_numpy(rng.normal(0, 0.02, tuple(pictures.shape)).astype(np.float32))
    return (pictures + grain).clamp(0, 1), torch.arange(2 * samples).div(samples).floor()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learns_blended_ellipses(seed):
    """About 45 s a seed on one thread; all unseen pictures are told apart.

    Network B's error falls from 0.628 to 0.293 and from 0.663 to 0.277 with seeds 0 and 1.
    """
    torch.manual_seed(seed)
    method, errors = GenConViT(TINY).train(), []
    pictures, labels = toy(300, seed)
    trained = [p for p in method.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=3e-3)
    for _ in range(900):
        chosen = torch.randperm(len(labels))[:16]
        loss = method.training_step(ClipBatch(frames=pictures[chosen, None], labels=labels[chosen]))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        errors.append(float(loss.parts["mse"]))
    method.eval()
    unseen, true = toy(150, 1000 + seed)
    with torch.inference_mode():
        called = torch.cat([method(x) for x in unseen.split(50)]) > 0
    assert (called == true.bool()).float().mean() >= 0.75
    assert np.mean(errors[-20:]) <= 0.5 * errors[0]
