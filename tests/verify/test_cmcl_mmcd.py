"""CMCL with MMCD: its published size, its losses by hand, its labels, and what it learns."""

import dataclasses
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_features
from safetensors.torch import save_file

from verilens import published as published_files
from verilens.batch import Batch
from verilens.bench.metrics import accuracy
from verilens.datasets import dataset
from verilens.errors import DatasetError, MissingWeights
from verilens.media.opened import Opened
from verilens.records import Clip, Media, Post, Sample
from verilens.train import loop
from verilens.train.recipe import Plan
from verilens.verify.cmcl_mmcd import data
from verilens.verify.cmcl_mmcd.config import Config
from verilens.verify.cmcl_mmcd.features import (
    PAIRS,
    FeatureBatch,
    Features,
    filled,
    thinned,
)
from verilens.verify.cmcl_mmcd.model import CMCLMMCD, Found, agreement, gated
from verilens.verify.post_detector import Shown

TINY = Config.tiny()
UNUSED = 2 * 593_024  # layers that the official code makes and never runs


def noise(config: Config, count: int) -> Features:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=generator)

    return Features(
        draw(config.tokens, config.text_width),
        draw(config.emotion_width),
        draw(config.frames, config.frame_width),
        draw(config.emotion_width),
    )


@pytest.mark.parametrize(
    ("config", "whole", "trained"),
    [(Config(), 8_614_282, 7_087_754), (Config.fakett(), 8_581_514, 7_054_986)],
)
def test_published_sizes(config, whole, trained):
    with torch.device("meta"):
        weights = list(CMCLMMCD(config).parameters())
    assert sum(p.numel() for p in weights) == whole - UNUSED
    assert sum(p.numel() for p in weights if p.requires_grad) == trained - UNUSED


def test_shapes_of_what_it_gives():
    found = CMCLMMCD(TINY).eval()(noise(TINY, 3))
    assert [tuple(x.shape) for x in found[:3]] == [(3, 2)] * 3
    assert [tuple(x.shape) for x in found[3:]] == [(3, 1, TINY.width)] * 3


def summaries(first, second):
    rows = torch.tensor([[first]]), torch.tensor([[second]])
    nothing = torch.zeros(1, 2)
    return Found(nothing, nothing, nothing, frames=rows[0], text=rows[1], audio=rows[1])


@pytest.mark.parametrize(
    ("first", "second", "label", "expected"),
    [
        ([1.0, 0.0], [1.0, 0.0], 0.0, 0.0),
        ([1.0, 0.0], [1.0, 0.0], 1.0, 1.0),
        ([1.0, 0.0], [0.0, 1.0], 0.0, 1.0),
        ([1.0, 0.0], [0.0, 1.0], 1.0, 0.0),
        ([1.0, 0.0], [-1.0, 0.0], 1.0, 0.0),
    ],
)
def test_cosine_term_by_hand(first, second, label, expected):
    """Frames against text and against sound, which equals the text, so that pair costs nothing."""
    found = summaries(first, second)
    loss = agreement(found, torch.tensor([[label, 0.0, label]]))
    assert float(loss) == pytest.approx(2 * expected, abs=1e-6)


def test_the_gate_by_hand():
    joint = torch.tensor([[2.0, -3.0]])
    assert gated(joint, torch.zeros(1, 2)).abs().sum() == 0
    found = gated(joint, torch.tensor([[1.0, -1.0]]))
    assert found[0, 0] > 0 and found[0, 1] > 0  # both signs turn
    assert torch.allclose(found, joint * np.tanh(1.0) * torch.tensor([[1.0, -1.0]]))


def test_the_product_is_that_of_the_four_branches():
    torch.manual_seed(0)
    method = CMCLMMCD(TINY).eval()
    with torch.no_grad():
        for pair in (method.at, method.vt, method.va):
            pair.head[3].weight.zero_()
            pair.head[3].bias.copy_(torch.tensor([2.0, -1.0]))
        method.emotion_head[3].weight.zero_()
        method.emotion_head[3].bias.copy_(torch.tensor([0.5, 3.0]))
        product = method(noise(TINY, 2)).product
    assert torch.allclose(product, torch.tensor([[4.0, -3.0]] * 2))


def test_the_summary_is_the_first_content_token_or_the_front():
    torch.manual_seed(0)
    content, features = CMCLMMCD(TINY).eval(), noise(TINY, 1)
    front = CMCLMMCD(Config(**{**vars(TINY), "summary": "front"})).eval()
    front.load_state_dict(content.state_dict())
    with torch.inference_mode():
        aligned = content.align_text(content.text(features.text))
        assert torch.equal(content(features).text, aligned[:, 1:2])
        assert torch.equal(front(features).text, aligned[:, :1])


def test_every_weight_that_is_trained_gets_a_gradient():
    torch.manual_seed(0)
    method = CMCLMMCD(TINY).train()
    loss = method.training_step(toy(TINY, 6, 0))
    loss.total.backward()
    assert set(loss.parts) == {"answer", "joint", "product", "cosine"}
    missing = [n for n, p in method.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing
    plain = toy(TINY, 6, 0)
    plain = FeatureBatch(**{**vars(plain), "inconsistent": None})
    assert "cosine" not in method.training_step(plain).parts


def test_positions_change_the_answer_only_when_they_are_used():
    torch.manual_seed(0)
    plain, features = CMCLMMCD(TINY).eval(), noise(TINY, 1)
    placed = CMCLMMCD(Config(**{**vars(TINY), "positions": True})).eval()
    placed.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        assert not torch.allclose(plain(features).joint, placed(features).joint)


def test_rows_are_filled_and_thinned():
    rows = torch.arange(10.0)[:, None]
    assert filled(rows, 3)[:, 0].tolist() == [0, 1, 2]
    assert filled(rows[:2], 4)[:, 0].tolist() == [0, 1, 0, 0]
    assert thinned(rows, 4)[:, 0].tolist() == [0, 2, 4, 6]
    assert thinned(rows[:2], 3)[:, 0].tolist() == [0, 1, 0]


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.fixture
def published(tmp_path):
    """The miniature of FakeSV with published features beside it."""
    dataset("fakesv").fake(tmp_path)
    toy_features.published(tmp_path, [s.id for s in dataset("fakesv").samples(tmp_path)])
    return tmp_path


def shown(root: Path, **changes: object) -> list[Shown]:
    samples = dataset("fakesv").samples(root, "train")
    return [Shown(dataclasses.replace(sample, **changes), None) for sample in samples]


def test_published_features_become_batches(published):
    posts = shown(published)
    method = CMCLMMCD(TINY).train()
    assert [method.pixels_of(post.sample) for post in posts] == [None] * len(posts)
    batch = method.batch(posts)
    assert batch.text.shape == (len(posts), TINY.tokens, 24)
    assert batch.frames.shape == (len(posts), TINY.frames, 24)
    assert batch.audio.shape == batch.text_emotion.shape == (len(posts), 24)
    assert batch.labels.tolist() == [post.sample.label for post in posts]
    assert batch.inconsistent.tolist() == [[1, 1, 0]] * len(posts)
    assert isinstance(batch, Batch) and len(batch.split(2)) == 2
    assert torch.isfinite(method.training_step(batch).total)
    with torch.inference_mode():
        found = method.eval().logits(batch)
        each = [method.logits(method.batch([post])) for post in posts]
    assert torch.allclose(found, torch.cat(each), atol=1e-5)
    plain = method.batch(shown(published, attributes={"features": "../fea/fakesv"}))
    assert plain.inconsistent is None


@pytest.mark.parametrize("write", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))])
def test_a_pickle_that_would_run_code_is_refused(tmp_path, write, capsys):
    path = tmp_path / "evil.pkl"
    write({"last_hidden_state": Evil()}, path)
    with pytest.raises(DatasetError, match=r"evil\.pkl"):
        data.load(path)
    assert "run" not in capsys.readouterr().out
    with pytest.raises(DatasetError, match="missing"):
        data.load(tmp_path / "gone.pkl")


def test_what_is_missing_of_the_features_is_named(published):
    method, posts = CMCLMMCD(TINY), shown(published)
    name = posts[0].sample.id
    for field, value, message in (
        ("id", "999", "no video 999"),
        ("id", "../700", "no video id"),
        ("attributes", {"features": "../fea/fakesv", "inconsistent": "1,2,0"}, "three times"),
    ):
        with pytest.raises(DatasetError, match=message):
            method.batch(shown(published, **{field: value})[:1])
    with pytest.raises(DatasetError, match="text has 24 numbers, 32 are read"):
        CMCLMMCD(Config(**{**vars(TINY), "text_width": 32})).batch(posts)
    (published / "fea" / "fakesv" / "preprocess_visual" / f"{name}.pkl").unlink()
    with pytest.raises(DatasetError, match=rf"{name}\.pkl: missing"):
        method.batch(posts)


POST = Post(text="The bridge opened today", ocr="Breaking news", sha256="a" * 64)


def opened(config: Config) -> Opened:
    view = config.view
    frames = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    clip = Clip(
        frames=frames,
        times_s=np.arange(3.0),
        boxes=np.zeros((3, 4), np.int32),
        size=(224, 224),
        view=view,
    )
    facts = {"path": "a.mp4", "sha256": "b" * 64, "kind": "video", "format": "mov"}
    media = Media(**facts, size_bytes=9, width=224, height=224)
    return Opened(media=media, clips={view: clip})


def test_a_scan_without_encoders_says_which_are_missing():
    with pytest.raises(MissingWeights, match="text_encoder, emotion_encoder, frame_encoder"):
        CMCLMMCD(TINY).eval().inspect(POST, opened(TINY))


def test_a_scan_reads_folders_of_encoders(tmp_path):
    pytest.importorskip("transformers")
    config = Config(**{**vars(TINY), **toy_features.encoders(tmp_path)})
    torch.manual_seed(0)
    method, given = CMCLMMCD(config).eval(), opened(config)
    found = method.inspect(POST, given)
    assert 0 <= found.score <= 1 and np.isfinite(found.logit)
    assert found.limits and set(found.kinds) == {"visual-text"}  # pairs with sound are not read
    facts = {"id": "1", "uri": "a.mp4", "kind": "post", "label": 1, "text": POST.text}
    sample = Sample(**facts, attributes={"ocr": POST.ocr})
    assert method.pixels_of(sample) == config.view
    with torch.inference_mode():
        again = method.logits(method.batch([Shown(sample, given.clips[config.view])]))
    assert float(again[0]) == pytest.approx(found.logit, abs=1e-5)
    wrong = Config(**{**vars(config), "text_width": 32})
    with pytest.raises(MissingWeights, match="text_encoder gives 24 numbers, 32 are read"):
        CMCLMMCD(wrong).eval().inspect(POST, opened(wrong))


def test_saved_and_loaded_methods_agree(tmp_path):
    torch.manual_seed(0)
    method = CMCLMMCD(TINY).eval()
    save_file(dict(method.state_dict()), tmp_path / "w.safetensors")
    from verilens import weights

    other = CMCLMMCD(TINY).eval()
    weights.load_into(other, tmp_path / "w.safetensors")
    with torch.inference_mode():
        assert torch.equal(method(noise(TINY, 2)).logits, other(noise(TINY, 2)).logits)


# Generated posts: fake exactly where the latents of text and frames are independent draws, so that
# no modality alone carries anything.

LATENT, PLACES = 32, 8


def toy(config: Config, count: int, seed: int) -> FeatureBatch:
    """Return posts of one fixed world. seed: of the draw."""
    world = np.random.default_rng(7)
    maps = [world.normal(size=(LATENT, w)) for w in (config.text_width, config.frame_width)]
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 2)
    said = rng.normal(size=(count, LATENT))
    seen = np.where(labels[:, None] == 1, rng.normal(size=(count, LATENT)), said)

    def rows(latent, matrix):
        base = (latent @ matrix / np.sqrt(LATENT))[:, None].repeat(PLACES, 1)
        return torch.from_numpy((base + 0.3 * rng.normal(size=base.shape)).astype(np.float32))

    def emotion():
        return torch.from_numpy(rng.normal(size=(count, config.emotion_width)).astype(np.float32))

    pairs = np.stack([labels, np.ones(count), np.ones(count)], 1)  # sound has nothing to do with it
    return FeatureBatch(
        labels=torch.from_numpy(labels.astype(np.float32)),
        text=rows(said, maps[0]),
        frames=rows(seen, maps[1]),
        text_emotion=emotion(),
        audio=emotion(),
        inconsistent=torch.from_numpy(pairs.astype(np.float32)),
    )


class Drawn:
    """Batches of one draw."""

    samples, steps = 1600, 50

    def __init__(self, config):
        self.whole = toy(config, self.samples, 1)

    def epoch(self, epoch, skip=0):
        order = torch.randperm(self.samples, generator=torch.Generator().manual_seed(epoch))
        for step in range(skip, self.steps):
            chosen = order[step * 32 : (step + 1) * 32]
            yield FeatureBatch(**{name: x[chosen] for name, x in self.whole._tensors().items()})


def probe(train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    """Return scores of a ridge regression on one modality alone."""
    x, y = train.double(), labels.double() * 2 - 1
    mean, spread = x.mean(0), x.std(0) + 1e-9
    x, z = (x - mean) / spread, (test.double() - mean) / spread
    solved = torch.linalg.solve(x.T @ x + 100 * torch.eye(x.shape[1]).double(), x.T @ y)
    return (z @ solved > 0).double()


@pytest.mark.slow
def test_learns_that_modalities_contradict_each_other_where_none_tells_alone():
    torch.manual_seed(0)
    config = Config(tokens=PLACES, frames=PLACES)
    batches, test = Drawn(config), toy(config, 400, 2)
    method = CMCLMMCD(config)
    for _ in loop.fit(method, batches, Plan(lr=3e-4, epochs=6, batch=32)):
        pass
    with torch.inference_mode():
        found = method.eval()(test.features())
        alike = torch.nn.functional.cosine_similarity(found.frames, found.text, 2)[:, 0]
    right = accuracy(found.logits.softmax(1)[:, 1].numpy(), test.labels.numpy())
    gap = float(alike[test.labels == 0].mean() - alike[test.labels == 1].mean())
    alone = {
        name: accuracy(probe(a, batches.whole.labels, b).numpy(), test.labels.numpy())
        for name, a, b in (
            ("text", batches.whole.text.mean(1), test.text.mean(1)),
            ("frames", batches.whole.frames.mean(1), test.frames.mean(1)),
            ("audio", batches.whole.audio, test.audio),
        )
    }
    assert right >= 0.85 and gap >= 0.5, (right, gap)
    assert max(alone.values()) <= 0.58, alone


def test_pairs_are_named_as_the_evidence_names_them():
    assert PAIRS == ("visual-text", "audio-text", "visual-audio")


RUN = "transformer_encoder.layers.0"  # the copy that runs, of a layer that does not


def official(config: Config) -> dict[str, torch.Tensor]:
    """Return a method's weights under the names that the official code saves, unused ones too."""
    torch.manual_seed(0)
    ours = CMCLMMCD(config).state_dict()
    renamed = {
        r"(text_emotion|text|frames|audio)\.0\.": "content.mlp_{}.0.",
        r"align_(frames|text)\.layer\.": f"content.transformer_align_{{}}.{RUN}.",
        r"emotion\.": "content.trm_emo.",
        r"emotion_head\.": "content.content_classifier_emo.",
        r"joint_head\.": "content.content_classifier.",
        r"(at|vt|va)\.fuse\.": "content.trm_{}.",
        r"(at|vt|va)\.head\.": "content.content_classifier_{}.",
    }
    theirs = {"text_emotion": "text_emo", "text": "text_semantic", "frames": "vision"}
    found = {}
    for name, tensor in ours.items():
        if ".attend." in name:
            found[attention(name)] = tensor
            continue
        pattern, place = next(pair for pair in renamed.items() if re.match(pair[0], name))
        match = re.match(pattern, name)
        group = match.groups()[0] if match.groups() else ""
        words = {"frames": "visual"} if name.startswith("align") else theirs
        found[place.format(words.get(group, group)) + name[match.end() :]] = tensor
    copies = {
        name.replace(RUN, "transformer_encoder_layer"): torch.randn(2)
        for name in found
        if RUN in name
    }
    return found | copies


def attention(name: str) -> str:
    """Return the official name of a weight of a co-attention."""
    pair, _, which, part, *rest = name.split(".")
    side, heads = {"first": "v", "second": "s"}[which], f"content.co_attention_{pair}"
    inner = f"{heads}.multi_head"
    norms = {"scale": "gamma", "shift": "beta"}
    if part in ("query", "key", "value"):
        return f"{inner}.multihead_attn_{side}.w_{part[0]}.linear.{rest[0]}"
    if part == "ffn":
        conv = {"0": "conv1", "2": "conv2"}[rest[0]]
        return f"{heads}.PoswiseFeedForwardNet_{side}.{conv}.{rest[1]}"
    return {
        "positions": f"{inner}.pos_emb_{side}.pos_enc.weight",
        "enter": f"{inner}.linear_{side}.{rest[0] if rest else ''}",
        "leave": f"{inner}.proj_{side}.linear.{rest[0] if rest else ''}",
        "norm": f"{inner}.layer_norm_{side}.{norms.get(rest[0] if rest else '')}",
        "last": f"{heads}.PoswiseFeedForwardNet_{side}.layer_norm.{norms.get((rest or [''])[0])}",
    }[part]


def test_checkpoints_of_the_official_code_are_taken(tmp_path):
    path, config = tmp_path / "fakett_val_3_0.8", Config.fakett()
    torch.save(official(config), path)
    found = published_files.convert("cmcl_mmcd", path)
    assert found.config == {"text_width": 512} and "never runs" in found.notes[0]
    torch.manual_seed(0)
    ours = CMCLMMCD(config).state_dict()
    assert all(torch.equal(found.tensors[name], ours[name]) for name in ours)
    torch.save({n: x for n, x in official(config).items() if "trm_va" not in n}, path)
    with pytest.raises(MissingWeights, match=r"12 missing: va\.fuse"):
        published_files.convert("cmcl_mmcd", path)
