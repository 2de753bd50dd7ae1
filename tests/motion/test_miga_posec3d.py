"""PoseC3D: sizes as published, spots by hand, mirror images, and names that help."""

import dataclasses
import math

import pytest
import torch
from safetensors.torch import save_file

from verilens.errors import ConfigError
from verilens.motion.augment import flipped
from verilens.motion.miga_posec3d.config import Config, Draw, Semantic
from verilens.motion.miga_posec3d.model import MigaPoseC3D
from verilens.motion.miga_posec3d.names import embeddings
from verilens.motion.miga_posec3d.volume import limbs, placed, spots
from verilens.poses import skeletons


def count(method: torch.nn.Module) -> int:
    return sum(p.numel() for p in method.parameters())


def test_full_size_has_the_published_number_of_parameters():
    paper = Config()
    body = dataclasses.replace(paper.stretch, skeleton="imigue22")
    with torch.device("meta"):
        assert count(MigaPoseC3D()) == 2_048_128
        assert count(MigaPoseC3D(dataclasses.replace(paper, stretch=body))) == 2_018_336
        assert count(MigaPoseC3D(Config.posec3d())) == 2_024_860


def test_full_size_maps_a_film_to_classes():
    with torch.device("meta"):
        method = MigaPoseC3D()
        maps = method.trunk(torch.rand(1, 41, 48, 56, 56))
        assert maps.shape == (1, 512, 24, 7, 7)
        assert method.classify(maps.mean((2, 3, 4))).shape == (1, 32)
        joints = torch.rand(1, 1, 48, 41, 2)
        assert method.eval()(joints, torch.ones(1, 1, 48, 41)).shape == (1, 32)


def one(x: float, y: float, sure: float = 1.0) -> torch.Tensor:
    """Return the 9 x 9 picture of one joint."""
    pixels = torch.tensor([x, y]).view(1, 1, 1, 1, 2)
    return spots(pixels, torch.full((1, 1, 1, 1), sure), 9, 0.6)[0, 0, 0]


def test_a_spot_by_hand():
    picture = one(4, 3, 0.8)
    assert picture[3, 4] == pytest.approx(0.8)
    beside = 0.8 * math.exp(-1 / (2 * 0.36))
    assert math.exp(-1 / (2 * 0.36)) == pytest.approx(0.2494, abs=1e-4)
    for y, x in ((3, 5), (3, 3), (2, 4), (4, 4)):
        assert picture[y, x] == pytest.approx(beside, abs=1e-6)
    assert picture[4, 5] == pytest.approx(0.8 * math.exp(-2 / (2 * 0.36)), abs=1e-6)
    assert picture[3, 6] == 0  # beyond three sigma


def test_faint_joints_draw_nothing_and_joints_outside_only_what_reaches_in():
    assert not one(4, 4, 0.0009).any() and one(4, 4, 0.001).any()
    assert one(-1, 4).argmax() == 4 * 9 and not one(-2, 4).any()


def test_of_two_persons_the_brighter_counts():
    pixels = torch.tensor([[4.0, 4.0], [5.0, 4.0]]).view(1, 2, 1, 1, 2)
    sure = torch.tensor([1.0, 0.5]).view(1, 2, 1, 1)
    both = spots(pixels, sure, 9, 0.6)[0, 0, 0]
    assert torch.equal(both, torch.maximum(one(4, 4), one(5, 4, 0.5)))


def test_mirror_image_of_the_film_is_the_film_of_mirrored_joints():
    torch.manual_seed(0)
    order = skeletons.skeleton("imigue41").flip
    joints, sure = torch.rand(2, 1, 4, 41, 2) * 100, torch.rand(2, 1, 4, 41)
    draw = Draw()
    film = spots(placed(joints, sure, draw), sure, 64, 0.6)
    other = flipped(joints, sure, order)
    mirrored = spots(placed(other.joints, other.confidence, draw), other.confidence, 64, 0.6)
    assert (mirrored - film.flip(-1)[:, list(order)]).abs().max() < 1e-4
    straight = flipped(torch.round(joints), sure, order)  # whole pixels: nothing is rounded
    pixels = torch.round(joints).clamp(max=63)
    film = spots(pixels, sure, 64, 0.6)
    turned = torch.stack([63 - pixels[..., 0], pixels[..., 1]], -1)[..., list(order), :]
    mirrored = spots(turned, straight.confidence, 64, 0.6)
    assert (mirrored - film.flip(-1)[:, list(order)]).abs().max() < 1e-6


def test_limbs_are_bright_along_their_length():
    pixels = torch.tensor([[2.0, 4.0], [6.0, 4.0], [4.0, 1.0]]).view(1, 1, 1, 3, 2)
    sure = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    film = limbs(pixels, sure, ((0, 1), (1, 2)), 9, 0.6)
    assert torch.allclose(film[0, 0, 0, 4, 2:7], torch.tensor(0.5))  # as sure as the less sure end
    assert film[0, 0, 0, 5, 4] == pytest.approx(0.5 * math.exp(-1 / 0.72), abs=1e-6)
    assert film[0, 0, 0, 4, 7] == pytest.approx(0.5 * math.exp(-1 / 0.72), abs=1e-6)
    assert not film[0, 1].any()


def test_the_box_holds_every_seen_joint_and_crops_lie_inside_it():
    torch.manual_seed(0)
    joints, sure = torch.randn(20, 1, 6, 17, 2) * 300, torch.ones(20, 1, 6, 17)
    joints[:, :, :, 3], sure[:, :, :, 3] = 1e6, 0  # a missing joint does not count
    seen = placed(joints, sure, Draw())[:, :, :, [n for n in range(17) if n != 3]]
    assert seen.min() >= 0 and seen.max() <= 63
    extent = seen.flatten(1, 3).amax(1) - seen.flatten(1, 3).amin(1)
    assert torch.allclose(extent.amax(1), torch.tensor(63 / 1.25), atol=1e-3)
    cropped = placed(joints, sure, Draw(), vary=True)
    scale = (cropped[:, 0, 0, 0] - cropped[:, 0, 0, 1]) / (seen[:, 0, 0, 0] - seen[:, 0, 0, 1])
    area = 1 / (scale * 63 / 55).prod(1)
    assert area.min() > 0.5 and area.max() <= 1.0001
    nobody = placed(joints, sure * 0, Draw())
    assert torch.isfinite(nobody).all()


def test_limb_films_have_a_channel_for_every_edge():
    limb = dataclasses.replace(Config.tiny(), draw=Draw(side=16, train_side=16, limbs=True))
    method = MigaPoseC3D(limb).eval()
    found = method(torch.randn(2, 2, 8, 20, 2), torch.ones(2, 2, 8, 20))
    assert found.shape == (2, 3) and len(method.edges) == 19


def test_names_that_share_words_lie_close():
    found = embeddings(("touching the head", "touching the neck", "crossing fingers"))
    assert torch.allclose(found.norm(dim=1), torch.ones(3))
    assert found[0] @ found[1] > 2 * found[0] @ found[2]
    assert torch.equal(embeddings(("Wave!",)), embeddings(("wave",)))


def test_embeddings_of_a_language_model_can_be_given(tmp_path):
    path = tmp_path / "names.safetensors"
    save_file({"embeddings": torch.eye(3) * 7}, path)
    assert torch.equal(embeddings(("a", "b", "c"), str(path)), torch.eye(3))
    with pytest.raises(ConfigError, match=r"shape \(3, 3\) for 2 classes"):
        embeddings(("a", "b"), str(path))
    with pytest.raises(ConfigError, match="no tensor 'embeddings'"):
        embeddings(("a", "b"), str(tmp_path / "none.safetensors"))


@pytest.mark.parametrize("rule", ["cosine", "contrast"])
def test_the_loss_on_names_is_least_at_the_name_of_the_class(rule):
    config = dataclasses.replace(Config.tiny(), semantic=Semantic(rule=rule))
    method = MigaPoseC3D(config)
    with torch.no_grad():
        features = torch.linalg.lstsq(method.project.weight, method.words.T).solution.T
        labels = torch.arange(3)
        if rule == "contrast":
            right = method.semantic(features, labels)
            assert right < method.semantic(features, labels.roll(1))
        else:
            cosines = torch.cosine_similarity(method.project(features), method.words)
            assert torch.allclose(method.semantic(features, labels), (1 - cosines).mean())


def test_without_names_or_weight_there_is_no_loss_on_them():
    for change in ({"labels": ()}, {"semantic": Semantic(weight=0.0)}):
        assert MigaPoseC3D(dataclasses.replace(Config.tiny(), **change)).project is None


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="as long"):
        Config(depths=(1, 1))
    with pytest.raises(ConfigError, match="drawn flat"):
        Config(stretch=dataclasses.replace(Config().stretch, dims=3))
    with pytest.raises(ConfigError, match="at least 8"):
        Draw(side=4)
