"""Knowledge-based prompts: facts, filter and patches by hand, and a planted background."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from toy_planted import SIDE, SIZES, SURFACES, contrasted, planted

from verilens.batch import ClipBatch
from verilens.bench.metrics import bpcer_at_apcer
from verilens.errors import ConfigError, MissingWeights
from verilens.records import View
from verilens.train.loop import fit
from verilens.train.recipe import Plan
from verilens.verify.mask_knowledge.config import Config
from verilens.verify.mask_knowledge.knowledge import load
from verilens.verify.mask_knowledge.model import MaskKnowledge, unevenness
from verilens.verify.mask_knowledge.patches import kept, pooled, relevance
from verilens.verify.mask_knowledge.prompts import Filter

SMALL = {
    "entities": ["real face", "skin", "pores", "3D mask", "resin", "edges"],
    "triples": [
        ["real face", "has", "skin"],
        ["skin", "shows", "pores"],
        ["real face", "shows", "pores"],
        ["real face", "lacks", "edges"],
        ["3D mask", "is made of", "resin"],
        ["resin", "has", "edges"],
        ["3D mask", "has", "edges"],
        ["3D mask", "lacks", "pores"],
    ],
}


def written(path: Path, **changes: object) -> Path:
    values = {"classes": ["real face", "3D mask"], **SMALL, **changes}
    file = path / "facts.toml"
    file.write_text("".join(f"{name} = {value!r}\n" for name, value in values.items()))
    return file


def small(**changes: object) -> MaskKnowledge:
    torch.manual_seed(0)
    return MaskKnowledge(dataclasses.replace(Config.tiny(), **changes))


def batch(samples: int = 6, moments: int = 1) -> ClipBatch:
    frames = torch.rand(samples, moments, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    return ClipBatch(frames=frames, labels=(torch.arange(samples) % 2).float())


def test_eight_triples_make_eight_sentences_of_two_classes(tmp_path):
    found = load(written(tmp_path))
    assert len(found.sentences) == 8 and found.sentences[4] == "3D mask is made of resin"
    assert found.members == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert found.classes == ("real face", "3D mask")


def test_the_packaged_facts_are_sound(caplog):
    found = load()
    assert len(found.sentences) >= 16 and not caplog.records
    assert sorted([*found.members[0], *found.members[1]]) == list(range(len(found.sentences)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"triples": [*SMALL["triples"], ["pores", "has", "skin"]]}, "leads back to itself"),
        ({"triples": [*SMALL["triples"], ["resin", "shows", "3D mask"]]}, "leads back to itself"),
        ({"triples": [*SMALL["triples"], ["skin", "shows", "pores"]]}, "comes twice"),
        ({"triples": [*SMALL["triples"], ["skin", "shows"]]}, "no triple"),
        ({"triples": [["real face", "has", "gills"]]}, "'gills' is none of the entities"),
        ({"triples": [["skin", "shows", "pores"]]}, "neither class leads to 'skin'"),
        ({"triples": [["real face", "has", "skin"]]}, "each class needs a triple"),
        ({"triples": []}, "list of 1 to"),
        ({"classes": ["real face"]}, "must name two entities"),
        ({"entities": ["real face", "real face", "3D mask"]}, "holds a word twice"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_unsound_facts_are_named(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=rf"facts\.toml: .*{said}"):
        load(written(tmp_path, **changes))


def test_an_unknown_relation_is_warned_of(tmp_path, caplog):
    triples = [*SMALL["triples"][:7], ["3D mask", "smells of", "pores"]]
    assert load(written(tmp_path, triples=triples)).sentences[7] == "3D mask smells of pores"
    assert "unknown relation 'smells of'" in caplog.text
    with pytest.raises(ConfigError, match="missing"):
        load(tmp_path / "missing.toml")
    (tmp_path / "broken.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="broken"):
        load(tmp_path / "broken.toml")


@pytest.mark.parametrize("heads", [1, 4])
def test_the_filter_weighs_facts(heads):
    torch.manual_seed(0)
    mix, facts = Filter(16, heads), normalize(torch.randn(5, 16), dim=1)
    pictures = normalize(torch.randn(3, 16), dim=1)
    with torch.inference_mode():
        for layer in (mix.query, mix.key, mix.value):
            layer.weight.add_(0.3 * torch.randn(16, 16))
        weights = mix.weights(pictures, facts)
        assert weights.shape == (3, heads, 5) and torch.allclose(
            weights.sum(2), torch.ones(3, heads)
        )
        order = [3, 0, 4, 1, 2]
        assert torch.allclose(mix.weights(pictures, facts[order]), weights[..., order], atol=1e-6)
        assert torch.allclose(mix(pictures, facts[order]), mix(pictures, facts), atol=1e-6)


def test_a_fact_that_is_the_picture_weighs_most():
    torch.manual_seed(0)
    mix, facts = Filter(16, 1), normalize(torch.randn(5, 16), dim=1)
    with torch.inference_mode():
        found = mix.weights(facts, facts)[:, 0].argmax(1)
    assert found.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("share", [0.5, 0.3, 0.001, 1.0])
def test_exactly_so_many_patches_are_kept(share):
    torch.manual_seed(0)
    scores = torch.rand(4, 196)
    chosen = kept(scores, share)
    assert (chosen.sum(1) == math.ceil(share * 196)).all()
    for row, score in zip(chosen, scores, strict=True):
        assert row.all() or score[row].min() >= score[~row].max()
    assert (kept(torch.zeros(2, 196), share).sum(1) == math.ceil(share * 196)).all()


def test_relevance_is_to_the_right_class_or_to_the_best():
    facts = torch.eye(3)[:2]
    patches = normalize(torch.tensor([[[3.0, 4, 0], [0, 0, 1]], [[4.0, 3, 0], [1, 0, 0]]]), dim=2)
    told = relevance(patches, facts, torch.tensor([0, 1]))
    assert torch.allclose(told, torch.tensor([[0.6, 0.0], [0.6, 0.0]]))
    assert torch.allclose(relevance(patches, facts), torch.tensor([[0.8, 0.0], [0.8, 1.0]]))


def test_gradients_reach_kept_patches_alone():
    patches = torch.randn(2, 16, 8, requires_grad=True)
    chosen = kept(torch.rand(2, 16), 0.5)
    pooled(patches, chosen)[:, 0].sum().backward()
    touched = patches.grad.abs().sum(2) > 0
    assert torch.equal(touched, chosen)


def test_keeping_all_is_the_plain_model():
    method = small(share=1.0).eval()
    x = batch().frames[:, 0]
    with torch.inference_mode():
        seen, told = method.seen(x), method.told()
        mean = normalize(seen.patches.mean(1), dim=1)
        scores = method.scores(mean, method.refined(seen.image, told))
        assert torch.allclose(method(x), scores[:, 1] - scores[:, 0], atol=1e-5)
        image = small(share=0.2, judge="image").eval()
        scores = image.scores(seen.image, image.refined(seen.image, told))
        assert torch.allclose(image(x), scores[:, 1] - scores[:, 0], atol=1e-5)
    assert "dropped" not in method.train().training_step(batch()).parts


def test_only_prompts_and_filter_learn():
    with torch.device("meta"):
        method = MaskKnowledge()
    trained = {n: p for n, p in method.named_parameters() if p.requires_grad}
    assert {n.split(".")[0] for n in trained} == {"prompts", "filter"}
    assert sum(p.numel() for p in trained.values()) == 2 * 16 * 512 + 3 * 512 * 512
    tiny = small().train()
    loss = tiny.training_step(batch(moments=2))
    loss.total.backward()
    assert set(loss.parts) == {"image", "kept", "dropped"} and loss.each.shape == (6,)
    frozen = [p for p in tiny.parameters() if not p.requires_grad]
    assert frozen and all(p.grad is None for p in frozen)


def test_losses_add_up_by_their_weights():
    found = small(weight_kept=2.0, weight_dropped=3.0).train().training_step(batch())
    parts = {name: float(part) for name, part in found.parts.items()}
    total = parts["image"] + 2 * parts["kept"] + 3 * parts["dropped"]
    assert float(found.total.detach()) == pytest.approx(total, rel=1e-5)
    assert float(unevenness(torch.zeros(4, 2))) == pytest.approx(0, abs=1e-6)
    by_hand = -0.5 * (math.log(2 * 0.9) + math.log(2 * 0.1))
    assert float(unevenness(torch.tensor([[math.log(9), 0.0]]))) == pytest.approx(by_hand, rel=1e-5)


def test_a_clip_scores_the_mean_of_its_frames():
    method = small()
    logits = np.array([-3.0, 0.5, 4.0, 800.0])
    pooled_logit = method.pool(logits, np.zeros(4))
    mean = np.mean(1 / (1 + np.exp(-logits)))
    assert 1 / (1 + np.exp(-pooled_logit)) == pytest.approx(mean, abs=1e-9)
    assert np.isfinite(method.pool(np.array([900.0]), np.zeros(1)))


def test_genuine_faces_turned_away_at_so_many_masks_let_in():
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.1, 0.2, 0.35, 0.4, 0.65])
    labels = np.repeat([1, 0], 5)
    found = [bpcer_at_apcer(scores, labels, ["3d-mask"] * 10, apcer) for apcer in (0.1, 0.2, 1.0)]
    assert found == pytest.approx([0.6, 0.2, 0.0])


def test_an_optimised_network_reads_its_facts_no_more():
    method = small().eval()
    x = batch().frames[:, 0]
    with torch.inference_mode():
        before = method(x)
        assert torch.allclose(method.optimised()(x), before, atol=1e-5)
    assert method.prompts is None and method.claim == "spoof"
    with pytest.raises(ConfigError, match="no prompts left"):
        method.training_step(batch())


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(MissingWeights, match="CLIPVisionModel"):
        small(pretrained=str(tmp_path))
    for fields in ({"share": 0.0}, {"tau": 0.0}, {"view": View(size=33)}, {"heads": 7}):
        with pytest.raises(ConfigError, match="mask_knowledge"):
            Config(**fields)


TIED = 1.0  # share of the training pictures whose wall tells the class


class Planted:
    """Batches in which the wall's colour tells the class as well as the surface does."""

    samples, steps = 400, 10

    def __init__(self, seed: int) -> None:
        self.frames, self.labels, _ = planted(self.samples, TIED, 10 + seed)

    def epoch(self, epoch: int, skip: int = 0):
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(self.samples))
        for step in range(skip, self.steps):
            chosen = order[step * 40 : (step + 1) * 40]
            yield ClipBatch(frames=self.frames[chosen, None], labels=self.labels[chosen])


def accuracy(method: MaskKnowledge, frames: Tensor, labels: Tensor) -> float:
    with torch.inference_mode():
        return float(((method(frames) > 0) == (labels > 0)).float().mean())


def dropped_wall(method: MaskKnowledge, frames: Tensor, is_wall: Tensor) -> float:
    """Return the share of the dropped patches that show the wall."""
    with torch.inference_mode():
        patches, told = method.seen(frames).patches, method.told()
        chosen = kept(relevance(patches, method.means(told.facts)), method.config.share)
    return float(is_wall[~chosen].float().mean())


@pytest.mark.slow
def test_elimination_keeps_prompts_from_the_background(tmp_path, capsys):
    facts = {
        "entities": ["real face", "3D mask", *SURFACES],
        "triples": [["real face", "has", SURFACES[0]], ["3D mask", "has", SURFACES[1]]],
    }
    config = Config(
        clip=SIZES, context=4, heads=4, tau=0.1, knowledge=str(written(tmp_path, **facts)),
        view=View(size=SIDE, frames=1, fit="face"),
    )  # fmt: skip
    rows = []
    for seed in range(3):
        dual = contrasted(150, seed)
        frames, labels, is_wall = planted(400, 0.0, 20 + seed)  # the colours are swapped
        row = []
        for share in (0.5, 1.0):
            torch.manual_seed(seed)
            method = MaskKnowledge(dataclasses.replace(config, share=share))
            method.encoder.load_state_dict(dual.vision.state_dict())
            method.prompts.encoder.load_state_dict(dual.text.state_dict())
            for _ in fit(method, Planted(seed), Plan(lr=1e-2, batch=40, epochs=6, seed=seed)):
                pass
            method.eval()
            row.append(accuracy(method, frames, labels))
            if share < 1:
                row.append(dropped_wall(method, frames, is_wall))
        rows.append(row)
    with_it, wall, without = np.mean(rows, 0)
    with capsys.disabled():
        print(f"\nmask_knowledge accuracy with, dropped wall, accuracy without: {rows}")
    assert with_it >= 0.85
    assert without <= 0.70
    assert wall >= 0.80
