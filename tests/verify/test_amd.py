"""AMD: its published size, losses and answers by hand, what a pass may touch, what it learns."""

import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_posts
from safetensors.torch import save_file

from verilens import catalog, published, weights
from verilens.batch import PostBatch
from verilens.bench.metrics import mean_box_iou
from verilens.datasets import dataset
from verilens.errors import ConfigError, DatasetError, MissingWeights
from verilens.media.opened import Limits, Opened
from verilens.media.read import read
from verilens.records import Clip, Media, Post, Sample
from verilens.verify.amd import answers, loss
from verilens.verify.amd.config import Config
from verilens.verify.amd.data import done_to
from verilens.verify.amd.model import AMD, frozen, passages
from verilens.verify.amd.tokens import EOS, IGNORED, Words, tokens
from verilens.verify.post_detector import Shown

TINY = Config.tiny()
SIZE = (400, 300)
FACTS = {"path": "a.png", "sha256": "b" * 64, "kind": "image", "format": "PNG"}


def changed(**fields):
    return dataclasses.replace(TINY, **fields)


@pytest.fixture(scope="module")
def method():
    torch.manual_seed(0)
    return AMD(TINY).eval()


def test_published_size():
    with torch.device("meta"):
        whole = AMD()
    assert sum(p.numel() for p in whole.artifact.parameters()) == 6_142_985
    base = sum(p.numel() for p in whole.florence.parameters())
    assert base == pytest.approx(231e6, rel=0.01)
    assert base + whole.florence.lm_head.weight.numel() == pytest.approx(0.27e9, rel=0.01)
    patches = (whole.config.florence.side // 32) ** 2
    assert patches + 1 == 577


def test_orthogonal_tokens_cost_nothing_and_equal_ones_do():
    assert float(loss.orthogonal(torch.eye(4, 8))) == 0
    assert float(loss.orthogonal(torch.eye(1, 8).repeat(2, 1))) == pytest.approx(2)


def test_energy_spread_evenly_costs_nothing():
    flat = torch.full((1, 768), 0.5)
    assert float(loss.magnitude(flat)) == pytest.approx(7.7e-4, abs=2e-5)
    spike = torch.zeros(1, 768)
    spike[0, 3] = 1
    assert float(loss.magnitude(spike)) == pytest.approx(math.log(768), abs=2e-3)
    assert float(loss.magnitude(spike)) == pytest.approx(6.644, abs=2e-3)


def test_boxes_by_hand():
    same = torch.tensor([[0.5, 0.5, 0.2, 0.4]])
    assert float(loss.boxes(same, same)) == pytest.approx(0, abs=1e-5)
    first, second = torch.tensor([[0.25, 0.5, 0.5, 1.0]]), torch.tensor([[0.75, 0.5, 0.5, 1.0]])
    assert float(loss.giou(first, second)) == pytest.approx(0, abs=1e-5)  # side by side
    left, right = torch.tensor([[0.05, 0.5, 0.1, 1.0]]), torch.tensor([[0.95, 0.5, 0.1, 1.0]])
    assert float(loss.giou(left, right)) == pytest.approx(-0.8, abs=1e-5)
    nothing = torch.zeros(1, 4)
    assert torch.isfinite(loss.boxes(same, nothing)) and torch.isfinite(
        loss.boxes(nothing, nothing)
    )


@pytest.mark.parametrize("bins", [1000, 32])
def test_box_coder_is_right_to_half_a_bin(bins):
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, y = np.sort(rng.uniform(0, SIZE[0], 2)), np.sort(rng.uniform(0, SIZE[1], 2))
        box = (x[0], y[0], x[1], y[1])
        found = answers.located(answers.locations(box, SIZE, bins), SIZE, bins)
        error = np.abs(np.array(found) - box)
        assert (error <= np.array([*SIZE, *SIZE]) / bins / 2 + 1e-9).all()


def test_text_without_locations_has_no_box():
    assert answers.located("B. Only face swap.", SIZE) == answers.NO_BOX
    assert answers.located("<loc_1><loc_2><loc_3>", SIZE) == answers.NO_BOX
    assert (
        answers.located("<loc_9><loc_9><loc_1><loc_1>", SIZE)[0] < 1000
    )  # turned corners are sorted
    assert mean_box_iou([answers.NO_BOX], [answers.NO_BOX]) == 1


@pytest.mark.parametrize("letter", answers.OPTIONS)
def test_every_answer_is_understood(letter):
    text, done = answers.OPTIONS[letter]
    variants = [text, text.lower(), text[:-1], text.replace("Both ", ""), text.lower()[3:]]
    variants += [text[: 2 * len(text) // 3], f"{text} {answers.FACE}<loc_1><loc_2><loc_3><loc_4>"]
    assert [answers.read(v, SIZE).letter for v in variants] == [letter] * len(variants)
    assert answers.letter_of(done) == letter
    assert answers.labels(letter).tolist() == [float(kind in done) for kind in answers.KINDS]


def test_ranking_vectors_are_the_published_ones():
    assert answers.ranking("A").tolist() == [0, 0, 0, 0]
    assert answers.ranking("B").tolist() == [1, -0.33, -0.33, -0.33]
    assert answers.ranking("E").tolist() == [0.5, -0.5, 0.5, -0.5]


def test_answers_name_box_and_words():
    places = answers.locations((40, 30, 200, 150), SIZE)
    text = answers.written(("face_swap", "text_attribute"), places, ("mourns", "it"))
    found = answers.read(text, SIZE)
    assert found.letter == "E" and found.words == ("mourns", "it")
    assert found.box == pytest.approx((40, 30, 200, 150), abs=0.3)
    assert answers.FACE not in answers.written(("text_swap",), places)
    marked = passages("He mourns IT, he said", found.words, 30)
    assert [("He mourns IT, he said"[p.start : p.end]) for p in marked] == ["mourns", "IT,"]
    assert passages("He mourns it", found.words, 1) == ()


def test_words_are_tokens_that_come_back():
    words = Words(TINY)
    text = "E. Both face swap and text swap. Manipulated face<loc_3><loc_7><loc_900><loc_999>"
    back = words.decode(words.encode(text))
    assert answers.read(back, SIZE) == answers.read(text, SIZE)
    ids = words.encode("Any word, any script: 大桥 می‌شود")
    assert ids[-1] == EOS and max(ids) < TINY.florence.vocabulary - TINY.bins


def test_the_sequence_grows_by_the_artifact_tokens(method):
    text, attention = method.question(["a short caption", "one two three four five six"])
    with torch.inference_mode():
        found = method.encode(torch.rand(2, 3, 128, 128), text, attention)
    patches = (128 // 32) ** 2 + 1
    assert found.states.shape == (2, patches + TINY.artifact_tokens + text.shape[1], 64)
    assert found.mask.shape == found.states.shape[:2]
    assert found.traces.box.shape == (2, 4) and found.traces.logits.max() <= 0


def test_the_first_pass_leaves_the_encoder_alone():
    torch.manual_seed(0)
    method = AMD(TINY).train()
    text, attention = method.question(["a caption"])
    picture = method.florence.model.get_image_features(torch.rand(1, 3, 128, 128)).pooler_output
    raw = method.artifact.tokens.expand(1, -1, -1)
    words = method.florence.get_input_embeddings()(text)
    asked = method.first_pass(torch.cat([picture, raw], 1), words, attention)
    method.artifact.traces(asked[:, picture.shape[1] :], asked[:, 1:17]).box.sum().backward()
    layers = [p for layer in method.encoder.layers for p in layer.parameters()]
    assert all(p.grad is None for p in layers) and all(p.requires_grad for p in layers)
    assert method.artifact.tokens.grad.abs().sum() > 0
    with frozen(method.encoder):
        assert not any(p.requires_grad for p in method.encoder.parameters())


def test_padding_changes_nothing(method):
    text, attention = method.question(["a caption"])
    longer = torch.cat([text, torch.ones(1, 5).long()], 1)
    room = torch.cat([attention, torch.zeros(1, 5).long()], 1)
    frames = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        one, other = method.encode(frames, text, attention), method.encode(frames, longer, room)
        assert torch.allclose(method.likelihood(one), method.likelihood(other), atol=1e-4)
        for a, b in zip(one[3:], other[3:], strict=True):
            assert torch.allclose(a, b, atol=1e-5)
        assert torch.allclose(one.traces.box, other.traces.box, atol=1e-5)


def test_a_batch_of_two_equals_two_of_one(method):
    text, attention = method.question(["a caption", "another one"])
    frames = torch.rand(2, 3, 128, 128)
    with torch.inference_mode():
        both = method(frames, text, attention)
        apart = [method(frames[n : n + 1], text[n : n + 1], attention[n : n + 1]) for n in (0, 1)]
    assert both.shape == (2, 6) and torch.allclose(both.exp().sum(1), torch.ones(2), atol=1e-4)
    assert torch.allclose(both, torch.cat(apart), atol=1e-4)


def test_the_loss_is_the_published_sum_and_reaches_every_weight():
    torch.manual_seed(0)
    method = AMD(changed(bins=32)).train()
    found = method.training_step(posts(method, ["A", "B", "D", "F"]))
    parts = {name: float(part) for name, part in found.parts.items()}
    total = parts["answer"] + 0.1 * parts["binary"] + 0.1 * parts["box"] + 0.05 * parts["regular"]
    assert float(found.total.detach()) == pytest.approx(total, rel=1e-5)
    found.total.backward()
    missing = [n for n, p in method.named_parameters() if p.grad is None]
    assert not missing, missing


def test_what_training_needs_is_asked_for():
    method = AMD(TINY)
    whole = posts(method, ["A"])
    with pytest.raises(ConfigError, match="answers and boxes"):
        method.training_step(dataclasses.replace(whole, answers=None))
    with pytest.raises(ConfigError, match="places"):
        method.encode(torch.rand(1, 3, 128, 128), torch.ones(1, 180).long(), torch.ones(1, 180))
    with pytest.raises(ConfigError, match="caption"):
        changed(question="what?")
    with pytest.raises(MissingWeights, match="no Florence-2 weights"):
        AMD(changed(pretrained="/nowhere", tokenizer="/nowhere"))
    with pytest.raises(MissingWeights, match="no tokenizer in /nowhere"):
        tokens(changed(tokenizer="/nowhere"))
    with pytest.raises(ConfigError, match="tokenizer"):
        changed(pretrained="/nowhere")


def posts(method: AMD, letters: list[str], seed: int = 0) -> PostBatch:
    return toy_posts.batch(method, letters, seed).to(torch.device("cpu"))


def shown(method: AMD, sample: Sample) -> Shown:
    view = method.config.view
    return Shown(sample, read(Path(sample.uri), (view,), Limits(), examined=False).clips[view])


class Mirrored(random.Random):
    """Draws that mirror every picture."""

    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize("name", ["dgm4", "mdsm"])
def test_samples_of_the_adapters_become_batches(tmp_path, name):
    adapter = dataset(name)
    adapter.fake(tmp_path)
    method = AMD(TINY)
    samples = list(adapter.samples(tmp_path, "train"))
    posts = [shown(method, sample) for sample in samples]
    plain = method.batch(posts)
    assert plain.frames.shape == (len(samples), 1, 3, 128, 128)
    assert plain.labels.tolist() == [float(bool(done_to(s))) for s in samples]
    for sample, box, ids in zip(samples, plain.boxes, plain.answers, strict=True):
        said = answers.read(
            method.tokens.decode([n for n in ids.tolist() if n != IGNORED], sample.text), (64, 64)
        )
        assert answers.OPTIONS[said.letter][1] == tuple(
            kind.replace("text_attribute", "text_swap") for kind in done_to(sample)
        )
        assert any(said.box) == bool(box.any()) == ("box" in sample.attributes)
        if positions := sample.attributes.get("words"):
            words = sample.text.lower().split()
            assert list(said.words) == [words[int(n)] for n in positions.split(",")]
    mirrored = method.batch(posts, Mirrored())
    assert torch.equal(mirrored.frames, plain.frames.flip(-1))
    has_box = plain.boxes[:, 2] > 0
    assert torch.allclose(mirrored.boxes[has_box, 0], 1 - plain.boxes[has_box, 0], atol=1e-5)


def test_a_batch_is_scored_as_a_scan_scores(method, tmp_path):
    dataset("dgm4").fake(tmp_path)
    posts = [shown(method, sample) for sample in dataset("dgm4").samples(tmp_path, "val")]
    with torch.inference_mode():
        found = method.logits(method.batch(posts).to(torch.device("cpu"))).tolist()
    media = Media(**FACTS, size_bytes=9, width=64, height=64)
    for post, logit in zip(posts, found, strict=True):
        given = Opened(media=media, clips={TINY.view: post.clip})
        seen = method.inspect(Post(text=post.sample.text, sha256="a" * 64), given)
        assert seen.logit == pytest.approx(logit, abs=1e-4)


def test_what_was_done_must_be_known(method, tmp_path):
    dataset("dgm4").fake(tmp_path)
    (sample, *_) = dataset("dgm4").samples(tmp_path, "train")
    for changes in ({"label": 1}, {"label": 1, "attributes": {"class": "dubbed"}}):
        wrong = dataclasses.replace(sample, **changes)
        with pytest.raises(DatasetError, match="what was done to a face or a caption"):
            method.batch([shown(method, wrong)])
    with pytest.raises(DatasetError, match="was not opened"):
        method.batch([Shown(sample, None)])


def opened(frame, config) -> Opened:
    view = config.view
    clip = Clip(
        frames=np.ascontiguousarray(frame.transpose(1, 2, 0))[None],
        times_s=np.zeros(1),
        boxes=np.array([[0, 0, *SIZE]], np.int32),
        size=SIZE,
        view=view,
    )
    media = Media(**FACTS, size_bytes=9, width=SIZE[0], height=SIZE[1])
    return Opened(media=media, clips={view: clip})


def test_evidence_says_what_was_done_and_where(method, monkeypatch):
    frames, captions, *_ = toy_posts.drawn(["E"], 0)
    said = "E. Both face swap and text swap. Manipulated face<loc_100><loc_200><loc_500><loc_900>"
    monkeypatch.setattr(
        AMD, "answer", lambda self, found, captions: [f"{said} Swapped words: minister"]
    )
    post = Post(text=captions[0], sha256="a" * 64)
    found = method.inspect(post, opened(frames[0, 0], TINY))
    assert 0 <= found.score <= 1 and (found.score > 0.5) == (found.logit > 0)
    assert set(found.kinds) == {"face_swap", "face_attribute", "text_swap"}
    assert all(0 <= score <= 1 for score in found.kinds.values())
    (region,) = found.where.regions
    assert region.box == pytest.approx((40, 60, 201, 271), abs=1)
    (passage,) = found.where.passages
    assert captions[0][passage.start : passage.end] == "minister"


@pytest.mark.parametrize("text", ["", "大桥今天通车了", "🎉" * 50, "word " * 5000])
def test_any_text_gives_evidence(method, text):
    frames, *_ = toy_posts.drawn(["A"], 0)
    found = method.inspect(Post(text=text, sha256="a" * 64), opened(frames[0, 0], TINY))
    assert math.isfinite(found.logit) and found.why


def test_saved_and_loaded_methods_agree(method, tmp_path):
    path = tmp_path / "w.safetensors"
    state = method.state_dict()
    save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, path)
    other = AMD(TINY).eval()
    weights.load_into(other, path)
    text, attention = method.question(["a caption"])
    frames = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        assert torch.equal(method(frames, text, attention), other(frames, text, attention))


def toy_config() -> Config:
    """Return the tiny network at the size of the generated pictures, with coarse locations."""
    florence = dataclasses.replace(
        TINY.florence, side=toy_posts.SIDE, dims=(8, 16, 32, 64), vocabulary=512, positions=96
    )
    view = dataclasses.replace(TINY.view, size=toy_posts.SIDE)
    return changed(florence=florence, view=view, bins=16)


def likeliest(method: AMD, letters: list[str]) -> tuple[list[str], list[str], np.ndarray]:
    """Return the likeliest options, the generated answers and the true boxes of drawn posts."""
    _, captions, boxes, _ = toy_posts.drawn(letters, 77)
    given = posts(method, letters, 77)
    with torch.inference_mode():
        found = method.encode(given.frames[:, 0], given.text, given.attention)
        options = [list(answers.OPTIONS)[n] for n in method.likelihood(found).argmax(1)]
        return options, method.answer(found, captions), boxes


@pytest.mark.slow
def test_learns_what_was_done_and_where_on_generated_posts():
    torch.manual_seed(0)
    method, rng, steps = AMD(toy_config()).train(), np.random.default_rng(1), 400
    toy_posts.teach(method, rng)
    optimiser = torch.optim.AdamW(method.parameters(), lr=2e-3)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda n: min(1, (n + 1) / 20) * (1 - n / steps)
    )
    for _ in range(steps):
        letters = toy_posts.draw(16, rng, genuine=0.3)
        loss = method.training_step(posts(method, letters, int(rng.integers(1e9)))).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    method.eval()
    size, draw = (toy_posts.SIDE, toy_posts.SIDE), np.random.default_rng(9)
    halves = toy_posts.draw(120, draw, genuine=0.5)
    options, _, _ = likeliest(method, halves)
    binary = np.mean([(a == "A") == (b == "A") for a, b in zip(options, halves, strict=True)])
    sixths = toy_posts.draw(120, draw, genuine=1 / 6)
    options, said, boxes = likeliest(method, sixths)
    six = np.mean([a == b for a, b in zip(options, sixths, strict=True)])
    found = [answers.located(text, size, method.config.bins) for text in said]
    overlap = mean_box_iou(found, boxes)
    assert binary >= 0.9 and six >= 0.7 and overlap >= 0.5, (binary, six, overlap)


def tokenizer(folder: Path) -> Path:
    """Write a tokenizer of the words of answers."""
    transformers, tokenizers = (pytest.importorskip(n) for n in ("transformers", "tokenizers"))
    named = ["<s>", "<pad>", "</s>", "<unk>", *Words(TINY)._ids]
    known = {word: n for n, word in enumerate(dict.fromkeys(named))}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(known, unk_token="<unk>"))
    inner.normalizer = tokenizers.normalizers.Lowercase()
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)
    return folder


def test_a_local_folder_is_where_training_begins(tmp_path):
    torch.manual_seed(0)
    donor = AMD(TINY)
    donor.florence.save_pretrained(tmp_path)
    tokenizer(tmp_path)
    torch.manual_seed(1)
    method = AMD(changed(pretrained=str(tmp_path), tokenizer=str(tmp_path))).eval()
    found, wanted = method.florence.state_dict(), donor.florence.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    ids = method.tokens.encode(answers.TEXTS[4])
    assert ids[0] == 0 and ids[-1] == EOS and 3 not in ids
    assert answers.read(method.tokens.decode(ids), SIZE).letter == "E"
    text, attention = method.question(["a caption", "of two posts"])
    with torch.inference_mode():
        chances = method(torch.rand(2, 3, 128, 128), text, attention)
    assert torch.isfinite(chances).all()


def test_small_pictures_are_enlarged_to_what_the_base_reads():
    method = AMD(changed(view=dataclasses.replace(TINY.view, size=64))).eval()
    seen = method.seen(torch.full((1, 3, 64, 64), 0.25))
    assert seen.shape == (1, 3, 128, 128)
    assert torch.allclose(seen, method.normalise(torch.full((1, 3, 128, 128), 0.25)), atol=1e-5)


def official(tokens: int = 8, pool: int = 16) -> dict[str, torch.Tensor]:
    """Return random tensors under the names of an official checkpoint, two stages, two layers."""
    dims, width, ffn, words = (32, 64), 64, 128, 300
    shapes: dict[str, tuple[int, ...]] = {}

    def pair(name: str, *shape: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = shape, shape[:1]

    for n, (before, dim) in enumerate(((3, 32), (32, 64))):
        pair(f"vision_tower.convs.{n}.proj", dim, before, *((7, 7) if n == 0 else (3, 3)))
        pair(f"vision_tower.convs.{n}.norm", dim if n == 0 else before)
        for block, kind in (("spatial_block", "window"), ("channel_block", "channel")):
            place = f"vision_tower.blocks.{n}.0.{block}"
            for conv in ("conv1", "conv2"):
                pair(f"{place}.{conv}.fn.dw", dim, 1, 3, 3)
            pair(f"{place}.{kind}_attn.norm", dim)
            pair(f"{place}.{kind}_attn.fn.qkv", 3 * dim, dim)
            pair(f"{place}.{kind}_attn.fn.proj", dim, dim)
            pair(f"{place}.ffn.norm", dim)
            pair(f"{place}.ffn.fn.net.fc1", 4 * dim, dim)
            pair(f"{place}.ffn.fn.net.fc2", dim, 4 * dim)
    shapes |= {"image_projection": (dims[-1], width)}
    pair("image_proj_norm", width)
    shapes |= {f"image_pos_embed.{x}_embeddings.weight": (50, 32) for x in ("row", "column")}
    shapes |= {"visual_temporal_embed.pos_idx_to_embed": (100, dims[-1])}
    text = "language_model.model"
    shapes |= {f"{text}.learnable_tokens": (tokens, width), f"{text}.shared.weight": (words, width)}
    for side in ("encoder", "decoder"):
        shapes[f"{text}.{side}.embed_positions.weight"] = (98, width)
        pair(f"{text}.{side}.layernorm_embedding", width)
        for n in (0, 1):
            layer = f"{text}.{side}.layers.{n}"
            for attention in ("self_attn", "encoder_attn")[: 1 if side == "encoder" else 2]:
                for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
                    pair(f"{layer}.{attention}.{part}", width, width)
                pair(f"{layer}.{attention}_layer_norm", width)
            pair(f"{layer}.fc1", ffn, width)
            pair(f"{layer}.fc2", width, ffn)
            pair(f"{layer}.final_layer_norm", width)
    for head, shape in {
        "classifier": (2, width), "Second_classifier": (2, width),
        "attn_linear": (pool, width), "attn_weight": (1, pool),
        "Bbox_Verification.norm_layer_aggr": (width,),
        "Bbox_Verification.aggregator.out_proj": (width, width),
        "Bbox_Verification.bbox_head.0": (2 * width, width),
        "Bbox_Verification.bbox_head.1": (2 * width,),
        "Bbox_Verification.bbox_head.3": (2 * width, 2 * width),
        "Bbox_Verification.bbox_head.4": (2 * width,),
        "Bbox_Verification.bbox_head.6": (4, 2 * width),
    }.items():  # fmt: skip
        pair(f"{text}.{head}", *shape)
    shapes[f"{text}.Bbox_Verification.aggregator.in_proj_weight"] = (3 * width, width)
    shapes[f"{text}.Bbox_Verification.aggregator.in_proj_bias"] = (3 * width,)
    torch.manual_seed(0)
    found = {name: torch.randn(shape) for name, shape in shapes.items()}
    return found | {"language_model.final_logits_bias": torch.zeros(1, words)}


def test_official_checkpoints_are_taken_by_name_and_shape(tmp_path):
    theirs, path = official(), tmp_path / "official.bin"
    torch.save({f"module.{name}": tensor.half() for name, tensor in theirs.items()}, path)
    folder = tokenizer(tmp_path / "models")
    with pytest.raises(ConfigError, match="hold no tokenizer"):
        published.convert("amd", path)
    found = published.convert("amd", path, folder)
    published.write(found, tmp_path / "ours.safetensors")
    method = catalog.load("amd", str(tmp_path / "ours.safetensors"))
    florence = method.config.florence
    assert (florence.dims, florence.depths, florence.heads) == ((32, 64), (1, 1), (1, 2))
    assert (florence.layers, florence.text_heads, florence.positions) == (2, 1, 96)
    assert (method.config.artifact_tokens, method.config.pool_width) == (8, 16)
    ours = method.state_dict()
    projection = "florence.model.multi_modal_projector.image_projection.weight"
    assert torch.equal(ours[projection], theirs["image_projection"].half().float().T)
    shared = theirs["language_model.model.shared.weight"].half().float()
    assert torch.equal(ours["florence.lm_head.weight"], shared)
    assert ours["artifact.tokens"].shape == (8, 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"language_model.final_logits_bias": torch.ones(1, 300)}, "final_logits_bias: not zero"),
        ({"language_model.model.attn_weight.bias": None}, r"1 missing: artifact\.pool\.2\.bias"),
        ({"language_model.model.more": torch.ones(1)}, "language_model.more"),
        ({"language_model.model.learnable_tokens": None}, "without a place|of another shape"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, change, message):
    tensors = {name: x for name, x in (official() | change).items() if x is not None}
    torch.save(tensors, tmp_path / "official.bin")
    with pytest.raises(MissingWeights, match=message):
        published.convert("amd", tmp_path / "official.bin", tokenizer(tmp_path / "models"))


def test_published_sizes_are_read_off_the_shapes():
    from verilens.verify.amd.convert import _config

    base = Config()
    with torch.device("meta"):
        whole = AMD(base)
    theirs = {
        "language_model.model.shared.weight": whole.florence.lm_head.weight,
        "language_model.model.learnable_tokens": whole.artifact.tokens,
        "language_model.model.attn_linear.weight": whole.artifact.pool[0].weight,
    }
    encoder = whole.encoder
    text = "language_model.model.encoder"
    theirs[f"{text}.embed_positions.weight"] = encoder.embed_positions.weight
    theirs |= {f"{text}.layers.{n}.fc1.weight": x.fc1.weight for n, x in enumerate(encoder.layers)}
    tower = whole.florence.model.vision_tower
    for n, conv in enumerate(tower.convs):
        theirs[f"vision_tower.convs.{n}.proj.weight"] = conv.conv.weight
        for k in range(base.florence.depths[n]):
            theirs[f"vision_tower.blocks.{n}.{k}.spatial_block.ffn.norm.weight"] = conv.conv.bias
    found = _config(theirs)
    assert dataclasses.replace(base.florence, **found["florence"]) == base.florence
    assert found["artifact_tokens"] == 32 and found["pool_width"] == 256
