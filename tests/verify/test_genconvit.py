"""GenConViT: the released sizes and vote, what its switches change, and what it learns."""

import dataclasses
import json

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
