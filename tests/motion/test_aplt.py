"""APLT: thresholds by hand, clusters held by labels, and a classifier that stays as it is."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.motion.aplt.config import Config
from verilens.motion.aplt.model import APLT
from verilens.motion.aplt.offline import clustered, confidence, offline, thresholds


def test_thresholds_by_hand():
    """Three classes with means 0.8, 0.4 and 0.6: T = 0.6, scaled by 1, 1/2 and 3/4."""
    sure = torch.tensor([0.9, 0.7, 0.5, 0.3, 0.6, 0.6])
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    assert torch.allclose(thresholds(sure, labels, 3), torch.tensor([0.6, 0.3, 0.45]))


def test_raising_a_class_raises_its_own_normalised_threshold_alone():
    sure = torch.tensor([0.9, 0.7, 0.5, 0.3, 0.6, 0.6])
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    before = thresholds(sure, labels, 3) / sure.mean()
    raised = sure + 0.2 * (labels == 1)
    after = thresholds(raised, labels, 3) / raised.mean()
    assert after[1] > before[1]
    assert torch.allclose(after[[0, 2]], before[[0, 2]])


def test_an_empty_class_has_no_threshold():
    assert thresholds(torch.tensor([0.5]), torch.tensor([1]), 3).tolist() == [0, 0.5, 0]
    assert thresholds(torch.zeros(0), torch.zeros(0).long(), 2).tolist() == [0, 0]


def blobs(counts: tuple[int, ...], spread: float, seed: int = 0):
    """Return features of length 1 around one direction a class, and their classes."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    centres = torch.eye(8)[: len(counts)]
    return normalize(centres[labels] + spread * torch.randn(len(labels), 8, generator=rng)), labels


def hidden(truth: torch.Tensor, shown: int) -> torch.Tensor:
    """Return the labels with all but the first few of each class hidden."""
    place = torch.cat([torch.arange(int((truth == c).sum())) for c in truth.unique()])
    return torch.where(place < shown, truth, -1)


def test_labelled_points_never_leave_their_class():
    features, truth = blobs((20, 20, 20), 1.0)
    wrong = (truth + 1) % 3  # labels that the geometry contradicts
    labels = hidden(wrong, 5)
    found = clustered(features, labels, 3)
    known = labels >= 0
    assert torch.equal(found[known], labels[known]) and (found[~known] >= 0).all()


def test_separated_clusters_are_all_found_and_kept():
    features, truth = blobs((20, 30, 40), 0.0)
    phase = offline(features, hidden(truth, 1), 3, 0.1)
    assert torch.equal(phase.labels, truth)
    unlabelled = hidden(truth, 1) < 0
    assert torch.equal(phase.kept, unlabelled)
    noisy, truth = blobs((20, 30, 40), 0.05)
    assert torch.equal(offline(noisy, hidden(truth, 1), 3, 0.1).labels, truth)


def test_every_class_needs_a_label():
    features, truth = blobs((5, 5, 5), 0.1)
    with pytest.raises(ValueError, match="no labelled sample of class 1, 2"):
        clustered(features, torch.where(truth == 0, 0, -1), 3)


def test_adaptive_thresholds_keep_every_class_of_an_imbalanced_set():
    """Unlabelled 10 : 1, the rare class spread wide: 0.95 keeps none of it, its own limit does."""
    rng = torch.Generator().manual_seed(1)
    common, _ = blobs((200,), 0.15)
    rare = normalize(torch.eye(8)[1] + 0.6 * torch.randn(20, 8, generator=rng))
    features = torch.cat([common, rare])
    truth = torch.cat([torch.zeros(200), torch.ones(20)]).long()
    phase = offline(features, hidden(truth, 3), 2, 0.5)
    kept = [int((phase.kept & (phase.labels == c)).sum()) for c in (0, 1)]
    fixed = [int(((phase.confidence >= 0.95) & (phase.labels == c)).sum()) for c in (0, 1)]
    assert min(kept) > 0 and min(fixed) == 0
    assert phase.thresholds[1] < phase.thresholds[0]


def test_confidence_is_a_softmax_of_cosines():
    features = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    centres = torch.eye(2)
    found = confidence(features, centres, torch.tensor([0, 0]), 0.5)
    assert torch.allclose(found, torch.tensor([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))]).float())


def clips(count: int, labels: list[int] | None, seed: int = 0) -> PoseBatch:
    rng = torch.Generator().manual_seed(seed)
    given = torch.full((count,), -1) if labels is None else torch.tensor(labels)
    return PoseBatch(
        joints=torch.randn(count, 1, 12, 20, 3, generator=rng),
        confidence=torch.ones(count, 1, 12, 20),
        labels=given,
        index=torch.arange(count),
    )


def mixed(labelled: PoseBatch, unlabelled: PoseBatch) -> PoseBatch:
    parts = {
        name: torch.cat([getattr(labelled, name), getattr(unlabelled, name)])
        for name in ("joints", "confidence", "labels", "index")
    }
    return PoseBatch(**parts)


def test_labels_and_the_memory_classifier_change_offline_only():
    torch.manual_seed(0)
    method = APLT(dataclasses.replace(Config.tiny(), round_epochs=2, warmup=1)).train()
    known, unknown = clips(6, [0, 1, 2, 0, 1, 2]), clips(20, None, 1)
    optimiser = torch.optim.SGD(method.parameters(), 0.1)
    updates, means = [], []
    for epoch in range(5):
        method.relabel(epoch, known, unknown)
        before, phase = method.means.clone(), method.phase
        for _ in range(2):
            optimiser.zero_grad()
            method.training_step(mixed(known, unknown)).total.backward()
            optimiser.step()
        assert torch.equal(before, method.means) and method.phase is phase  # bit for bit
        updates.append(method.updates)
        means.append(before)
    assert updates == [0, 1, 1, 2, 2]  # warm-up, then every second epoch
    assert not means[0].any() and torch.equal(means[1], means[2])
    assert not torch.equal(means[2], means[3])


def test_only_kept_clips_teach():
    torch.manual_seed(0)
    method = APLT(Config.tiny()).train()
    known, unknown = clips(6, [0, 1, 2, 0, 1, 2]), clips(20, None, 1)
    method.relabel(0, known, unknown)
    phase = method.phase
    assert method.offset == 12 and len(phase.labels) == 12 + 20  # one changed copy of each
    method.phase = phase._replace(kept=torch.zeros_like(phase.kept))
    loss = method.training_step(mixed(known, unknown))
    assert float(loss.parts["unlabelled"]) == 0 and float(loss.parts["kept"]) == 0
    method.phase = phase._replace(kept=torch.ones_like(phase.kept))
    loss = method.training_step(mixed(known, unknown))
    assert float(loss.parts["unlabelled"].detach()) > 0 and float(loss.parts["kept"]) == 1


def test_baselines_take_their_labels_from_the_network_itself():
    known, unknown = clips(6, [0, 1, 2, 0, 1, 2]), clips(20, None, 1)
    kept = {}
    for scheme, threshold in (("fixmatch", 0.9999), ("fixmatch", 0.01), ("pseudo", 0.95)):
        torch.manual_seed(0)
        method = APLT(dataclasses.replace(Config.tiny(), scheme=scheme, threshold=threshold))
        method.relabel(0, known, unknown)
        assert method.phase is None and not method.means.any()
        loss = method.train().training_step(mixed(known, unknown))
        kept[scheme, threshold] = float(loss.parts["kept"])
    assert kept == {("fixmatch", 0.9999): 0, ("fixmatch", 0.01): 1, ("pseudo", 0.95): 1}
    method = APLT(dataclasses.replace(Config.tiny(), scheme="supervised")).train()
    assert "unlabelled" not in method.training_step(mixed(known, unknown)).parts


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="temperature must be above 0"):
        Config(temperature=0.0)
    with pytest.raises(ConfigError, match="round_epochs"):
        Config(round_epochs=0)
    with pytest.raises(ConfigError, match="must be one of"):
        from verilens import catalog

        catalog.settings("aplt", {"scheme": "guess"})
