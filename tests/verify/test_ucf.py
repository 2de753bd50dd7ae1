"""UCF: the paper's size, AdaIN and the contrastive term by hand, pairs, a toy with new methods."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from toy_seams import groups, scores, train_groups

from verilens import catalog, published
from verilens.batch import ClipBatch
from verilens.bench.metrics.ranking import auc, equal_error_rate
from verilens.errors import ConfigError, MissingWeights
from verilens.verify.detector import cross_entropy
from verilens.verify.ucf.config import Config
from verilens.verify.ucf.decoder import adaptive_norm
from verilens.verify.ucf.loss import contrast, regularisation, shuffled_within
from verilens.verify.ucf.model import UCF, normalised, pairs


def small(**changes: object) -> UCF:
    torch.manual_seed(0)
    return UCF(dataclasses.replace(Config.tiny(), **changes))


def batch(kinds: list[int]) -> ClipBatch:
    numbers = torch.tensor(kinds)
    generator = torch.Generator().manual_seed(3)
    frames = torch.rand(len(kinds), 1, 3, 64, 64, generator=generator)
    return ClipBatch(frames=frames, labels=(numbers > 0).float(), kinds=numbers)


def test_paper_size_and_shapes():
    with torch.device("meta"):
        method = UCF()
        faces = torch.zeros(2, 3, 256, 256)
        forgery = method.forgery.features(faces)
        maps = torch.cat([method.specific(forgery), method.common(forgery)], 1)
        assert forgery.shape == maps.shape == (2, 512, 8, 8)
        assert method.decoder(maps, method.content.features(faces)).shape == faces.shape
        assert method.kind_scores(faces).shape == (2, 5)
    total = sum(p.numel() for p in method.parameters())
    # 46.84 M with the two linear layers that the released encoders hold and never call.
    assert total == 46_830_234
    assert total + 2 * (2048 * 2 + 2) == pytest.approx(46.84e6, rel=1e-4)


def test_rebuilt_pictures_lie_within_the_range_of_the_input():
    method = small()
    maps = 50 * torch.randn(2, 32, 2, 2)
    rebuilt = method.decoder(maps, torch.randn(2, 32, 2, 2))
    assert rebuilt.shape == (2, 3, 64, 64)
    assert rebuilt.abs().max() <= 1


def test_adaptive_norm_takes_mean_and_deviation_from_the_style():
    torch.manual_seed(0)
    x, style = torch.randn(2, 4, 8, 8), 3 * torch.randn(2, 4, 8, 8) + 5
    found = adaptive_norm(x, style)
    assert torch.allclose(found.mean((2, 3)), style.mean((2, 3)), atol=1e-4)
    assert torch.allclose(found.std((2, 3)), style.std((2, 3)), atol=1e-4)
    assert torch.allclose(adaptive_norm(x, x), x, atol=1e-5)


def test_contrast_by_hand():
    torch.manual_seed(0)
    x = torch.randn(6, 8)
    away = torch.zeros(6, 8)
    away[:, 2] = 3
    assert contrast(x, x, x + away, margin=3).item() == pytest.approx(0, abs=1e-4)
    assert contrast(x, x, x, margin=3).item() == pytest.approx(3)
    assert contrast(x, x + away, x, margin=3).item() == pytest.approx(6, abs=1e-4)


def test_equal_features_cost_the_margin_in_each_of_four_terms():
    same = torch.ones(8, 5)
    kinds = torch.tensor([0, 0, 0, 0, 1, 2, 2, 1])
    assert regularisation(same, same, kinds, margin=3).item() == pytest.approx(12)


def test_far_classes_cost_nothing():
    kinds = torch.tensor([0, 0, 1, 2])
    features = 10.0 * kinds[:, None].expand(4, 3)
    common = 10.0 * (kinds > 0)[:, None].expand(4, 3)
    assert regularisation(common, features, kinds, margin=3).item() == pytest.approx(0, abs=1e-4)


def test_shuffling_stays_within_groups_and_moves():
    torch.manual_seed(0)
    groups = torch.tensor([2, 0, 1, 0, 2, 2, 1, 0, 0])
    orders = [shuffled_within(groups) for _ in range(20)]
    for order in orders:
        assert torch.equal(groups[order], groups)
        assert sorted(order.tolist()) == list(range(9))
    assert len({tuple(order.tolist()) for order in orders}) > 10


def test_pairs_repeat_the_fewer():
    torch.manual_seed(0)
    kinds = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
    places = pairs(kinds)
    genuine, fake = kinds[places].chunk(2)
    assert len(places) == 12 and (genuine == 0).all() and (fake > 0).all()
    assert sorted(places[6:].tolist()) == [1, 2, 3, 5, 6, 7]
    assert sorted(places[:6].tolist()) == [0, 0, 0, 4, 4, 4]


def test_content_encoder_and_decoder_do_not_touch_the_score():
    method = small().eval()
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        before = method(x)
        for part in (method.content, method.decoder, method.specific, method.specific_head):
            for tensor in part.parameters():
                tensor.normal_()
        assert torch.equal(method(x), before)
        for tensor in method.common.parameters():
            tensor.normal_()
        assert not torch.equal(method(x), before)


def test_swapped_forgery_is_drawn_into_the_picture_of_the_content():
    method = small()
    halves = method.halves(batch([0, 1, 0, 2]))
    seen = []
    method.decoder.forward = lambda forgery, content: (
        seen.append((forgery, content)) or 0 * (halves.faces)
    )
    loss = method.rebuilding(halves)
    (own, content), (swapped, again) = seen
    assert torch.equal(own[:2], swapped[2:]) and torch.equal(own[2:], swapped[:2])
    assert torch.equal(content, again)
    # Four L1 terms, each the mean over one half: two of genuine faces and two of fake ones.
    genuine, fake = halves.faces.abs().chunk(2)
    assert loss.item() == pytest.approx(2 * (genuine.mean() + fake.mean()).item(), rel=1e-5)


def test_batches_that_cannot_be_paired_are_refused():
    method = small()
    with pytest.raises(ConfigError, match="generators in the manifest"):
        method.training_step(dataclasses.replace(batch([0, 1]), kinds=None))
    with pytest.raises(ConfigError, match=r"plan\.group"):
        method.training_step(batch([1, 2]))
    with pytest.raises(ConfigError, match=r"config\.kinds"):
        method.training_step(batch([0, 5]))


def test_impossible_settings_are_refused():
    for changes in ({"kinds": 1}, {"channels": 12}):
        with pytest.raises(ConfigError, match=next(iter(changes))):
            Config(**changes)


def test_the_benchs_figures_by_hand():
    scores, labels = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    assert auc(scores, labels) == pytest.approx(0.75)
    assert equal_error_rate(scores, labels) == pytest.approx(0.5)


def test_training_can_start_from_imagenet(tmp_path):
    source = small().forgery.state_dict()
    trunk = {k: v for k, v in source.items() if not k.startswith("adjust_channel")}
    trunk = {name: tensor + 1 for name, tensor in trunk.items()}
    path = tmp_path / "imagenet.safetensors"
    save_file(trunk, path)
    method = small(pretrained=str(path))
    for encoder in (method.forgery, method.content):
        own = encoder.state_dict()
        assert all(torch.equal(own[name], tensor) for name, tensor in trunk.items())


def published_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors under the names of the released checkpoint."""
    prefixes = {
        "forgery.": "encoder_f.",
        "content.": "encoder_c.",
        "specific_head.": "head_spe.",
        "common_head.": "head_sha.",
        "specific.": "block_spe.conv2d.",
        "common.": "block_sha.conv2d.",
        "decoder.stages.0.": "con_gan.dconv_up3.",
        "decoder.stages.1.": "con_gan.dconv_up2.",
        "decoder.stages.2.": "con_gan.dconv_up1.",
        "decoder.last.": "con_gan.conv_last.",
    }
    found = {}
    for name, tensor in state.items():
        ours = next(prefix for prefix in prefixes if name.startswith(prefix))
        found[prefixes[ours] + name.removeprefix(ours)] = tensor
    return found


def test_deepfakebench_checkpoints_convert_tensor_by_tensor(tmp_path):
    with torch.device("meta"):
        shapes = catalog.build("ucf", {"kinds": 3}).state_dict()
    # Each tensor holds one number of its own, once in the file.
    own = {k: torch.tensor(float(n)).expand(v.shape) for n, (k, v) in enumerate(shapes.items())}
    theirs = published_names(own)
    theirs["encoder_f.last_linear.weight"] = torch.ones(2, 2048)
    path = tmp_path / "ucf_best.pth"
    torch.save(theirs, path)
    conversion = published.convert("ucf", path)
    assert conversion.config == {"kinds": 3}
    assert set(conversion.tensors) == set(own)
    assert all((conversion.tensors[name] == own[name]).all() for name in own)
    assert any("last_linear" in note for note in conversion.notes)
    torch.save({**theirs, "encoder_f.stranger": torch.ones(1)}, path)
    with pytest.raises(MissingWeights, match="stranger"):
        published.convert("ucf", path)


class Plain(UCF):
    """The same encoder with one linear layer, taught by the labels alone."""

    needs = frozenset()

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.told = nn.Linear(config.channels, 1)

    def forward(self, frames):
        return self.told(self.forgery.features(normalised(frames)).mean((2, 3))).squeeze(1)

    def training_step(self, batch):
        return cross_entropy(self(batch.frames[:, 0]), batch.labels)


SEEN, UNSEEN = (1, 2, 3), 4  # of four kinds of forgeries with one kind of seam
STRENGTH, SEAM = 0.14, 0.04


class Carried(NamedTuple):
    """AUC on forgeries of an unseen kind, with and without UCF; accuracy on the kinds seen."""

    ucf: float
    plain: float
    kinds: float


def carried(seed: int) -> Carried:
    def drawn(sources, kinds, seed):
        return groups(sources, kinds, seed, strength=STRENGTH, seam=SEAM)

    taught, tested = drawn(160, SEEN, 100 + seed), drawn(100, (UNSEEN,), 200 + seed)
    methods = []
    for cls in (UCF, Plain):
        torch.manual_seed(seed)
        method = cls(dataclasses.replace(Config.tiny(), kinds=4))
        train_groups(method, taught, epochs=14, lr=2e-3)
        methods.append(method)
    labels = [0, 1] * len(tested)
    ours, plain = (auc(scores(method, tested.flatten(0, 1)).numpy(), labels) for method in methods)
    seen = drawn(60, SEEN, 300 + seed)
    with torch.inference_mode():
        called = methods[0].kind_scores(seen.flatten(0, 1)).argmax(1).unflatten(0, (-1, 4))
    return Carried(ours, plain, float((called == torch.arange(4)).float().mean()))


@pytest.fixture(scope="module")
def three_seeds() -> Carried:
    found = Carried(*np.mean([carried(seed) for seed in range(3)], axis=0).tolist())
    print(found)
    return found


@pytest.mark.slow
def test_the_specific_half_tells_who_made_what(three_seeds):
    """Measured: 0.871 of four kinds, the genuine one among them."""
    assert three_seeds.kinds >= 0.8, three_seeds


@pytest.mark.slow
def test_the_common_half_carries_over_to_unseen_forgeries(three_seeds):
    """Measured: 0.930, 0.905 without. Seed 7, by which the toy was set: 0.930, 0.950 without."""
    assert three_seeds.ucf >= three_seeds.plain + 0.02, three_seeds
