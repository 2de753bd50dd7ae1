"""SignAligner: weights of losses, attention between modalities, and that correction helps."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from verilens.batch import TextPoseBatch
from verilens.errors import ConfigError, DatasetError, MissingWeights
from verilens.motion.sentences import padded, read_corpus
from verilens.motion.signaligner.agreement import wrist_gap
from verilens.motion.signaligner.balance import Balance, shares
from verilens.motion.signaligner.config import Config
from verilens.motion.signaligner.corpus import FOLDERS, Aligned, read_aligned
from verilens.motion.signaligner.model import Correction, SignAligner
from verilens.motion.vocabulary import END, PAD, Vocabulary, counted
from verilens.nn.transformer import Decoder, Encoder, present

TEXT = Path(__file__).parents[3] / "shared" / "data" / "motion" / "phoenix14t_text"


def test_weights_follow_the_ratio_of_losses_and_sum_to_three():
    equal = shares(torch.ones(3), torch.ones(3), 2.0)
    assert torch.allclose(equal, torch.ones(3))
    uneven = shares(torch.tensor([2.0, 1, 1]), torch.ones(3), 2.0)
    by_hand = 3 * np.exp([1.0, 0.5, 0.5]) / np.exp([1.0, 0.5, 0.5]).sum()
    assert uneven.numpy() == pytest.approx(by_hand, abs=1e-6)
    assert uneven[0] > 1 > uneven[1] and float(uneven.sum()) == pytest.approx(3)
    balance = Balance(3, 2.0).train()
    for losses in ([4.0, 4, 4], [8.0, 4, 4]):
        balance(torch.tensor(losses))
    assert torch.allclose(balance(torch.ones(3)), uneven)
    balance.eval()(torch.zeros(3))
    assert torch.equal(balance.last, torch.ones(3))


def corrections(seed=0):
    torch.manual_seed(seed)
    config = dataclasses.replace(Config.tiny(), dropout=0.0)
    layer = Correction(config).eval()
    made = [torch.randn(2, 5, size) for size in config.sizes]
    return layer, made, torch.ones(2, 3, 5, dtype=torch.bool)


def test_a_modality_reaches_another_only_through_attention():
    layer, made, mask = corrections()
    changed = [made[0], torch.zeros_like(made[1]), made[2]]
    before, after = layer(made, mask), layer(changed, mask)
    assert not torch.allclose(before[0], after[0])
    hidden = mask.clone()
    hidden[:, 1] = False
    before, after = layer(made, hidden), layer(changed, hidden)
    assert torch.equal(before[0], after[0]) and torch.equal(before[2], after[2])


def test_without_the_others_nothing_is_corrected():
    layer, made, mask = corrections()
    alone = mask.clone()
    alone[:, 1:] = False
    found = layer(made, alone)
    assert torch.equal(found[0], made[0])
    assert not torch.equal(found[1], made[1])
    torch.manual_seed(0)
    method = SignAligner(Config.tiny()).eval()
    kept = method.correct(made, torch.tensor([5, 5]))  # untrained: the identity
    assert all(torch.equal(a, b) for a, b in zip(kept, made, strict=True))


def test_three_outputs_share_their_frames():
    torch.manual_seed(0)
    method = SignAligner(Config.tiny()).eval()
    pose, hands, body = method.together("a b", 7)
    assert (pose.shape, hands.shape, body.shape) == ((7, 150), (7, 126), (7, 185))
    lengths = {len(x) for x in method.together("a b c")}
    assert len(lengths) == 1 and lengths.pop() <= 40
    assert method.sign("a b", 7).joints.shape == (7, 50, 3)


def test_the_wrist_gap_is_zero_on_one_movement():
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(6, 50, 3))
    hands = rng.normal(size=(6, 42, 3))
    hands[:, 0], hands[:, 21] = pose[:, 4], pose[:, 7]
    assert wrist_gap(pose, hands.reshape(6, -1)) == 0
    hands[:, 0] += [0, 0.3, 0]
    assert wrist_gap(pose, hands.reshape(6, -1)) == pytest.approx(0.15)


def test_full_size_follows_from_its_layers():
    with torch.device("meta"):
        method = SignAligner()
    attention, feed = 4 * (512 * 512 + 512), 2 * 512 * 2048 + 2048 + 512
    encoder = 2 * (attention + feed + 2 * 1024) + 1024
    decoder = 2 * (2 * attention + feed + 3 * 1024) + 1024
    values = 150 + 126 + 185
    correction = 512 * values + 3 * 512 + 3 * 1024 + 3 * attention + 512 * values + values
    heads = 512 * values + values + 513 + 185 * 6 + 6 + 3 * 512
    total = 512 * 2892 + encoder + decoder + 2 * correction + heads
    assert sum(p.numel() for p in method.parameters()) == total


SIZES = {"joints": 8, "hands": 12, "body": 10, "wrists": (4, 7), "hand_wrists": (0, 1)}
FRAMES, WORDS = 8, 12


class World:
    """One latent movement a word, rendered into three modalities with noise of their own."""

    def __init__(self, seed=5):
        rng = np.random.default_rng(seed)
        phase = np.linspace(0, np.pi, FRAMES)[:, None]
        self.words = [f"w{n}" for n in range(WORDS)]
        waves = rng.normal(size=(WORDS, 2, 6))
        self.latent = [w[0] * np.sin(phase) + w[1] * np.sin(2 * phase) for w in waves]
        self.render = [rng.normal(0, 0.5, (6, size)) for size in (24, 12, 10)]
        self.text = Vocabulary(self.words)

    def batch(self, count, rng, noise):
        said = [rng.integers(0, WORDS, 3) for _ in range(count)]
        latent = np.stack([np.concatenate([self.latent[n] for n in s]) for s in said])
        clean = [latent @ matrix for matrix in self.render]
        noisy = [x + rng.normal(0, noise, x.shape) for x in clean]
        ids = [[*(self.text.ids[f"w{n}"] for n in s), self.text.ids[END]] for s in said]
        words, counts = padded(ids, self.text.ids[PAD])
        pose, *more = (torch.from_numpy(x).float() for x in noisy)
        batch = TextPoseBatch(
            labels=torch.zeros(count),
            joints=pose.unflatten(2, (-1, 3)),
            frames=torch.full((count,), pose.shape[1]),
            words=words,
            word_counts=counts,
            more=torch.cat(more, 2),
        )
        return batch, [torch.from_numpy(x).float() for x in clean]


class Separate(nn.Module):
    """A generator of one modality, of the same make."""

    def __init__(self, words, width, size):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.encoder, self.decoder = (
            kind(1, width, 4, 2 * width, 0.0) for kind in (Encoder, Decoder)
        )
        self.query = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, size)

    def forward(self, batch):
        said = present(batch.word_counts, batch.words.shape[1])
        states = self.encoder(self.words(batch.words), said[:, None])
        query = self.query.expand(len(batch), batch.joints.shape[1], -1)
        seen = present(batch.frames, batch.joints.shape[1])[:, None]
        return self.out(self.decoder(query, states, seen, said[:, None]))


def trained(method, loss_of, world, steps, noise=0.5):
    rng = np.random.default_rng(1)
    optimiser = torch.optim.Adam(method.parameters(), 2e-3)
    data = [world.batch(16, rng, noise)[0] for _ in range(20)]  # 320 sentences, seen again
    for n in range(steps):
        loss = loss_of(method, data[n % len(data)])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return method.eval()


def aligned(world, rounds, steps):
    """Return a SignAligner of the made-up world, trained."""
    config = Config(
        words=tuple(world.words),
        width=48,
        layers=1,
        heads=4,
        inner=96,
        rounds=rounds,
        dropout=0.0,
        consistency=0.0,
        **SIZES,
    )
    torch.manual_seed(0)
    return trained(SignAligner(config), lambda m, b: m.training_step(b).total, world, steps)


def error(made, clean):
    return float(np.mean([float((a - b).abs().mean()) for a, b in zip(made, clean, strict=True)]))


def compared(steps):
    """Return errors on true movements: corrected, before correction, without it, three separate."""
    world = World()
    tests, clean = world.batch(100, np.random.default_rng(2), 0.0)
    errors, sizes = [], []
    for rounds in (1, 0):
        method = aligned(world, rounds, steps)
        with torch.inference_mode():
            states, said = method.read(tests.words, tests.word_counts)
            made = method.generate(states, said, tests.frames, tests.joints.shape[1])
            after = method.correct(made, tests.frames)
        errors.append((error(after, clean), error(made, clean)))
        sizes.append(sum(p.numel() for p in method.parameters()))
    alone = []
    for n, size in enumerate((24, 12, 10)):
        widths = range(4, 64, 4)
        width = max(w for w in widths if 3 * size_of(len(world.text), w, size) <= sizes[0])
        torch.manual_seed(0)
        single = trained(
            Separate(len(world.text), width, size),
            lambda m, b, n=n: (m(b) - modality(b, n)).abs().mean(),
            world,
            steps,
        )
        with torch.inference_mode():
            alone.append(single(tests))
    return *errors[0], errors[1][0], error(alone, clean)


def size_of(words, width, size):
    return sum(p.numel() for p in Separate(words, width, size).parameters())


def modality(batch, n):
    return [batch.joints.flatten(2), *batch.more.split((12, 10), 2)][n]


@pytest.mark.slow
def test_correction_lowers_the_error():
    after, before, without, alone = compared(steps=120)
    print(f"corrected {after:.4f}; before {before:.4f}, without {without:.4f}, alone {alone:.4f}")
    assert after < before and after < without  # by 4 % and 10 %: 15 % were hoped for
    assert after < 0.85 * alone


def corpus(root, lengths=(6, 6, 6)):
    folder = root / "train"
    for kind, count, shape in zip(FOLDERS, lengths, ((50, 3), (126,), (185,)), strict=True):
        (folder / kind).mkdir(parents=True)
        np.save(folder / kind / "one.npy", np.ones((count, *shape), np.float32))
    (folder / "corpus.csv").write_text("name|signer|gloss|text\none|1|REGEN|regen im norden\n")


def test_the_corpus_is_read_and_misaligned_lengths_are_refused(tmp_path):
    corpus(tmp_path / "good")
    (one,) = read_aligned(tmp_path / "good", "train")
    assert one.signed.more is not None and one.signed.more.shape == (6, 126 + 185)
    assert one.pose.shape == (6, 50, 3) and one.hands.shape == (6, 126)
    assert one.body.shape == (6, 185) and one.text == "regen im norden"
    corpus(tmp_path / "bad", (6, 5, 6))
    with pytest.raises(DatasetError, match="pose 6, hamer 5, smplerx 6"):
        read_aligned(tmp_path / "bad", "train")
    (tmp_path / "good" / "train" / "hamer" / "one.npy").write_bytes(b"x")
    with pytest.raises(DatasetError, match="no readable array"):
        read_aligned(tmp_path / "good", "train")
    with pytest.raises(DatasetError, match="no such file"):
        read_aligned(tmp_path / "good", "dev")


@pytest.mark.skipif(not TEXT.exists(), reason="the corpus is not here")
def test_real_sentences_become_words_by_the_rule():
    splits = {
        s: read_corpus(TEXT / f"PHOENIX-2014-T.{s}.corpus.csv") for s in ("train", "dev", "test")
    }
    assert sum(map(len, splits.values())) == 8257
    words = Vocabulary(counted(row.text.lower() for row in splits["train"]))
    for row in splits["train"]:
        assert words.decode(words.encode(row.text.lower())) == row.text.lower()
    unknown = [words.ids["<unk>"] in words.encode(row.text.lower()) for row in splits["test"]]
    assert 0 < np.mean(unknown) < 0.5


def test_hands_and_body_are_batched_beside_the_pose():
    rng = np.random.default_rng(0)

    def sentence(frames):
        parts = [rng.normal(size=(frames, *shape)) for shape in ((50, 3), (126,), (185,))]
        pose, hands, body = (part.astype(np.float32) for part in parts)
        return Aligned(name="", text="a b", gloss="A", pose=pose, hands=hands, body=body)

    both = [sentence(5), sentence(3)]
    method = SignAligner(Config.tiny())
    batch = method.sentences([one.signed for one in both], 2, 0).of(np.array([0, 1]))
    assert batch.more.shape == (2, 5, 311) and not batch.more[1, 3:].any()
    assert torch.equal(batch.more[1, :3, :126], torch.from_numpy(both[1].hands))
    assert torch.isfinite(method.training_step(batch).total)
    alone = dataclasses.replace(both[1].signed, more=None)
    assert method.sentences([both[0].signed, alone], 2, 0).of(np.array([0, 1])).more is None


def test_what_is_missing_is_named():
    torch.manual_seed(0)
    method = SignAligner(Config.tiny())
    batch = TextPoseBatch(
        labels=torch.zeros(1),
        joints=torch.zeros(1, 2, 50, 3),
        frames=torch.tensor([2]),
        words=torch.tensor([[4, 3]]),
        word_counts=torch.tensor([2]),
    )
    with pytest.raises(ConfigError, match="hands and body"):
        method.training_step(batch)
    with torch.device("meta"):
        empty = SignAligner()
    with pytest.raises(MissingWeights, match="name no words"):
        empty.sign("a")
    with pytest.raises(ConfigError, match="wrist"):
        Config(joints=3)
