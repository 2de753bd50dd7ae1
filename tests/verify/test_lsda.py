"""LSDA: the latent augmentations by hand, the identity term, sizes, a toy with new forgeries."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from toy_seams import groups, scores, train_groups

from verilens.batch import ClipBatch
from verilens.bench.metrics.ranking import auc
from verilens.errors import ConfigError, MissingWeights
from verilens.records import View
from verilens.verify.detector import cross_entropy
from verilens.verify.lsda.augment import (
    across_domains,
    extrapolated,
    hardest,
    interpolated,
    jittered,
    mixed,
    shifted,
    widened,
    within_domains,
)
from verilens.verify.lsda.config import Config, Pretrained
from verilens.verify.lsda.iresnet import FaceEncoder
from verilens.verify.lsda.loss import identity
from verilens.verify.lsda.model import LSDA, encoder, grouped


def small(**changes: object) -> LSDA:
    torch.manual_seed(0)
    return LSDA(dataclasses.replace(Config.tiny(), **changes))


def batch(groups: int = 2, kinds: int = 3, moments: int = 1) -> ClipBatch:
    generator = torch.Generator().manual_seed(3)
    count = groups * kinds
    numbers = torch.arange(kinds).repeat(groups)
    frames = torch.rand(count, moments, 3, 64, 64, generator=generator)
    return ClipBatch(frames=frames, labels=(numbers > 0).float(), kinds=numbers)


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_paper_sizes():
    with torch.device("meta"):
        method = LSDA()
        assert size(method.student[0]) == 17_548_616
        assert size(method.student[1]) == 918_016
        face = FaceEncoder(64, (3, 13, 30, 3))
        maps = encoder(Config())(torch.zeros(1, 3, 256, 256))
        assert maps.shape == face(torch.zeros(1, 3, 256, 256)).shape == (1, 512, 8, 8)
        assert method.head(maps).shape == (1, 2)
    # A face recogniser ends in a linear layer with a norm, which LSDA holds but never calls.
    unused = 7 * 7 * 512 * 512 + 512 + 2 * 512
    assert size(face) + unused == pytest.approx(65.16e6, rel=1e-4)
    assert 5 * size(method.student) + size(face) + unused == pytest.approx(157.5e6, rel=1e-3)


def test_teachers_leave_the_output_of_the_student_alone():
    method = small().eval()
    x = torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        before = method(x)
        method.teachers = None
        assert torch.equal(method(x), before)
    assert small().eval().optimised().teachers is None


def test_a_step_of_no_length_changes_nothing():
    z, other = torch.rand(2, 5, 4)
    assert torch.equal(interpolated(z, other, 0), z)
    assert torch.equal(extrapolated(z, other, 0), z)
    assert torch.equal(jittered(z, other, 0), z)
    assert torch.equal(shifted(z, other, z, 0), z)


def test_the_ends_of_the_steps():
    z, mean = torch.rand(2, 4)
    hard = torch.tensor([3.0, 1.0, 0.0, 2.0])
    assert torch.allclose(interpolated(z, hard, 1), hard)
    assert torch.equal(extrapolated(mean, mean, 0.7), mean)
    assert torch.allclose(shifted(z, hard, mean, 1), z + hard - mean)


def test_the_hardest_of_five_points():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -9.0]])
    distances = (points - points.mean(0)).norm(dim=1)  # the mean is (0, -1.6)
    assert distances.argmax() == 4
    assert torch.equal(hardest(points), points[4])


def test_mixing_stays_between_the_two():
    torch.manual_seed(0)
    z, other = torch.rand(2, 6)
    assert torch.equal(mixed(z, other, 1.0), z)
    assert torch.equal(mixed(z, other, 0.0), other)
    point = mixed(z, other, 0.3)
    assert torch.allclose((point - z).norm() + (point - other).norm(), (z - other).norm())


def test_maps_of_a_group_are_mixed_with_one_share_each():
    torch.manual_seed(0)
    corners = torch.eye(3).view(1, 3, 3, 1, 1).repeat(4, 1, 1, 1, 1)
    found = across_domains(corners, (0.5, 2.0)).view(4, 3, 3)
    assert torch.allclose(found.sum(2), torch.ones(4, 3)) and (found >= 0).all()
    for group in found:
        own = group.diagonal()
        moved = own[own < 1 - 1e-6]
        assert torch.allclose(moved, moved[:1].expand_as(moved))
        assert sorted(group.sum(0).tolist()) == pytest.approx([1, 1, 1])  # a permutation
    assert (found != corners.view(4, 3, 3)).any()


def test_every_choice_is_one_of_the_four_augmentations():
    torch.manual_seed(0)
    samples = torch.randn(50, 6)
    centre, far = samples.mean(0), hardest(samples)
    drawn = [widened(samples, torch.full((50,), choice)) - samples for choice in range(4)]
    toward, away = drawn[0], drawn[1]
    others = samples[(samples != far).any(1)]
    toward, rest = toward[(samples != far).any(1)], far - others
    assert torch.cosine_similarity(toward, rest).min() > 0.99
    assert torch.cosine_similarity(away, samples - centre).min() > 0.99
    assert 0 < drawn[2].std() < 1
    ratios = toward.norm(dim=1) / rest.norm(dim=1)
    assert ratios.min() >= 0 and ratios.max() <= 1 and ratios.std() > 0.1
    assert all(torch.isfinite(step).all() for step in drawn)


@pytest.mark.parametrize("unit", ["map", "channel"])
def test_domains_are_widened_apart_from_each_other(unit):
    torch.manual_seed(0)
    maps = torch.stack([torch.zeros(6, 4, 2, 2), 100 + torch.randn(6, 4, 2, 2)], 1)
    found = within_domains(maps, unit)
    assert found.shape == maps.shape
    assert found[:, 0].abs().max() < 10 and found[:, 1].min() > 50
    assert (found != maps).any()


def test_identity_term_is_zero_for_equal_maps_and_falls_as_swaps_move_away():
    torch.manual_seed(0)
    same = torch.randn(2, 1, 6, 3, 3).expand(2, 5, 6, 3, 3).clone()
    keeps, changes = Config().keeps, Config().changes
    assert identity(same, keeps, changes, "sum").item() == pytest.approx(0, abs=1e-4)
    values = []
    for step in (0.0, 0.5, 1.0):
        maps = same.clone()
        maps[:, list(changes)] += step * torch.randn(2, 2, 6, 3, 3, generator=torch.manual_seed(1))
        values.append(identity(maps, keeps, changes, "sum").item())
    assert values[0] > values[1] > values[2]
    assert identity(maps, keeps, changes, "mean").item() == pytest.approx(values[2] / 18, rel=1e-4)
    assert identity(maps, changes, keeps, "sum").item() == pytest.approx(-values[2], rel=1e-4)


def test_groups_keep_the_moments_of_a_face_together():
    given = batch(groups=2, kinds=3, moments=2)
    found = grouped(given, 3)
    assert found.shape == (4, 3, 3, 64, 64)
    assert torch.equal(found[1, 2], given.frames[2, 1])
    assert torch.equal(found[2, 0], given.frames[3, 0])


def test_batches_without_groups_are_refused():
    given = batch()
    for wrong in (
        dataclasses.replace(given, kinds=None),
        dataclasses.replace(given, kinds=given.kinds.flip(0)),
        batch(groups=3, kinds=2),
    ):
        with pytest.raises(ConfigError, match=r"plan\.group"):
            small().training_step(wrong)
    with pytest.raises(ConfigError, match="teachers"):
        small().eval().optimised().training_step(given)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="keeps"):
        Config(domains=3)
    with pytest.raises(ConfigError, match="face_width"):
        Config(channels=100)


@pytest.mark.parametrize("unit", ["map", "channel"])
def test_either_encoder_of_genuine_faces_trains(unit):
    method = small(genuine="efficientnet", unit=unit).train()
    loss = method.training_step(batch())
    loss.total.backward()
    assert set(loss.parts) == {"domain", "binary", "distil", "identity"}
    assert all(p.grad is not None for p in method.parameters())


def test_face_recognition_weights_load_and_freeze(tmp_path):
    path = tmp_path / "backbone.pth"
    torch.manual_seed(1)
    source = FaceEncoder(4, (1, 1, 1, 1))
    head = {"fc.weight": torch.zeros(2, 2), "features.bias": torch.zeros(2)}
    torch.save(source.state_dict() | head, path)
    method = small(pretrained=Pretrained(faces=str(path)))
    for name, value in method.teachers.genuine.state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name
    trained = {n for n, p in method.teachers.genuine.named_parameters() if p.requires_grad}
    assert not any(n.startswith(("layer1", "layer2", "layer3")) for n in trained)
    assert any(n.startswith("layer4") for n in trained)
    with pytest.raises(MissingWeights, match="iResNet"):
        small(pretrained=Pretrained(faces=str(path)), face_depths=(1, 1, 1, 2))


class Labels(LSDA):
    """The same student, taught by the labels alone."""

    def training_step(self, batch):
        return cross_entropy(self(batch.frames[:, 0]), batch.labels)


def three_layers(config: Config) -> nn.Sequential:
    """Return a small encoder, (N, 3, 32, 32) to (N, channels, 8, 8)."""
    layers: list[nn.Module] = []
    for channels, width, stride in ((3, 12, 1), (12, 24, 2), (24, 32, 2)):
        convolution = nn.Conv2d(channels, width, 3, stride, 1)
        layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(32, config.channels, 1))


def unseen_auc(cls: type[LSDA], held_out: int, seed: int) -> float:
    kinds = [kind for kind in (1, 2, 3, 4) if kind != held_out]
    seen = groups(64, kinds, seed, side=32)
    tested = groups(200, (held_out,), seed + 1000, side=32)
    # The noise pictures show no persons, so the identity term is left out.
    view = View(size=32, frames=1, fit="face")
    known = dataclasses.replace(Config.tiny(), domains=4, keeps=(), changes=(), view=view)
    torch.manual_seed(seed)
    method = cls(dataclasses.replace(known, genuine="efficientnet", identity_weight=0.0))
    train_groups(method, seen, epochs=15, lr=3e-3)
    found = torch.cat([scores(method, tested[:, kind]) for kind in range(2)])
    return auc(found.numpy(), [0] * 200 + [1] * 200)


@pytest.mark.slow
def test_augmented_features_carry_over_to_unseen_forgeries(monkeypatch):
    """Each of four forgeries is left out in turn; all encoders are small convolutional networks."""
    monkeypatch.setattr("verilens.verify.lsda.model.encoder", three_layers)
    folds = [(held_out, seed) for held_out in (1, 2, 3, 4) for seed in range(3)]
    full, labels = ([unseen_auc(cls, *fold) for fold in folds] for cls in (LSDA, Labels))
    # Seeds 0 to 2 gave 0.857 against 0.813.
    assert np.mean(full) >= np.mean(labels) + 0.02, (full, labels)
