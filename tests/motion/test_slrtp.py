"""The challenge's back-translation: sizes, search, and that it understands made-up signs."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_signs import prototypes, signed_from

from verilens.bench.metrics import signs
from verilens.errors import ConfigError, MissingWeights
from verilens.motion.retrieval import MeanPose, Retrieval
from verilens.motion.sentences import Sentence, Sentences, read_corpus
from verilens.motion.slrtp.config import Config
from verilens.motion.slrtp.model import BackTranslation
from verilens.motion.slrtp.search import beam_search
from verilens.motion.vocabulary import GLOSS, Vocabulary, counted
from verilens.train.loop import fit
from verilens.train.recipe import Plan

TEXT = Path(__file__).parents[3] / "shared" / "data" / "motion" / "phoenix14t_text"
CORPUS = TEXT / "PHOENIX-2014-T.train.corpus.csv"


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_sizes_are_those_of_sign_language_transformers():
    with torch.device("meta"):
        method = BackTranslation()
    assert size(method.encoder) == 9_458_176
    assert size(method.decoder) == 12_613_120
    assert size(method.frame_embedding) == 274_944
    assert method.to_words.weight.shape == (2892, 512)
    assert method.to_glosses.weight.shape == (1088, 512)


def test_vocabularies_follow_the_rule_of_sign_language_transformers():
    words = counted(["b a b", "c b a"])
    assert words == ("b", "a", "c")
    vocabulary = Vocabulary(words)
    assert vocabulary.words[:4] == ("<unk>", "<pad>", "<s>", "</s>")
    assert vocabulary.encode("a zzz c") == [5, 0, 6]
    assert vocabulary.decode([5, 4, 3, 6]) == "a b"
    assert Vocabulary((), GLOSS).words == ("<si>", "<unk>", "<pad>")


def test_beam_search_finds_what_trying_everything_finds():
    """Three words, sentences up to four: every one is scored."""
    end, start, longest = 3, 4, 4
    table = torch.randn(5, 5, generator=torch.Generator().manual_seed(3)) * 2

    def following(words, rows):
        return table[words[:, -1], :4] + rows[:, None] * table[words[:, 0], :4]

    def score(ids, row):
        words, total = [start], 0.0
        for word in ids:
            logs = following(torch.tensor([words]), torch.tensor([row])).log_softmax(-1)[0]
            total += float(logs[word])
            words.append(word)
        return total

    sentences = [
        (*body, end) for n in range(longest) for body in itertools.product(range(3), repeat=n)
    ]
    sentences += list(itertools.product(range(3), repeat=longest))
    found = beam_search(following, torch.full((2,), start), end, 4, longest)
    for row in (0, 1):
        best = max(sentences, key=lambda ids, row=row: score(ids, row))
        assert tuple(found[row]) == best
    greedy = beam_search(following, torch.full((1,), start), end, 1, longest)[0]
    word = start
    for chosen in greedy:
        assert chosen == int(table[word, :4].argmax())
        word = chosen


def world(count, seed=0, joints=10):
    """Return made-up signed sentences of 12 glosses, each gloss one word of text."""
    rng = np.random.default_rng(seed)
    glosses = [f"G{n}" for n in range(12)]
    lexicon = prototypes(glosses, joints, 8, np.random.default_rng(9))
    drawn = [rng.choice(glosses, rng.integers(2, 5), replace=False) for _ in range(count)]
    rows = [
        Sentence(name=str(n), gloss=" ".join(g), text=" ".join(g).lower())
        for n, g in enumerate(drawn)
    ]
    return rows, signed_from(rows, lexicon, 0.02, rng), lexicon


def taught(signed, config, epochs):
    torch.manual_seed(0)
    method = BackTranslation(config)
    batches = Sentences(signed=signed, words=method.text, glosses=method.gloss)
    for _ in fit(method, batches, Plan(lr=1e-3, epochs=epochs, batch=32, betas=(0.9, 0.998))):
        pass
    return method.eval()


def small(rows, joints=10):
    return Config(
        joints=joints,
        width=64,
        layers=1,
        heads=4,
        inner=128,
        words=counted(row.text for row in rows),
        glosses=counted(row.gloss for row in rows),
        longest=8,
    )


@pytest.mark.slow
def test_a_trained_reader_tells_signing_from_shuffled_signing():
    rows, signed, lexicon = world(400)
    reader = taught(signed, small(rows), epochs=25)
    tests, truth, _ = world(80, seed=1)
    moves, wanted = [s.joints for s in truth], [row.text for row in tests]
    shuffled = [moves[(n + 1) % len(moves)] for n in range(len(moves))]
    real, mixed = (signs.bleu(reader.translate(m), wanted)[0] for m in (moves, shuffled))
    print(f"BLEU-1 of true movements {real:.1f}, of shuffled ones {mixed:.1f}")
    assert real >= 3 * mixed
    scores = []
    for signer in (Retrieval(signed, lexicon, str.upper), MeanPose(signed)):
        ours = [signer.joints(row.text, len(m)) for row, m in zip(tests, moves, strict=True)]
        bleu = signs.bleu(reader.translate(ours), wanted)[0]
        scores.append((bleu, signs.total_distance(ours, moves)))
    print(f"(BLEU-1, distance) of retrieval {scores[0]}, of the mean pose {scores[1]}")
    assert scores[0][0] > scores[1][0]
    assert abs(scores[0][1] - 1) < abs(scores[1][1] - 1)


def test_padding_and_company_change_nothing():
    rows, signed, _ = world(6)
    torch.manual_seed(0)
    method = BackTranslation(small(rows)).eval()
    memory, mask = method.encode(*method._stacked([s.joints for s in signed]))
    for n, s in enumerate(signed):
        alone, _ = method.encode(*method._stacked([s.joints]))
        assert torch.allclose(memory[n, mask[n]], alone[0], atol=1e-5)
    whole = method.translate([s.joints for s in signed])
    assert whole == [method.translate([s.joints])[0] for s in signed]
    assert method.translate([signed[0].joints[:0]]) == [""]


def test_every_weight_learns_and_the_loss_is_the_sum_of_its_parts():
    rows, signed, _ = world(8)
    torch.manual_seed(0)
    method = BackTranslation(small(rows))
    batches = Sentences(signed=signed, words=method.text, glosses=method.gloss, batch=8)
    loss = method.training_step(next(batches.epoch(0)))
    loss.total.backward()
    parts = float(loss.parts["glosses"] + loss.parts["words"])
    assert float(loss.total.detach()) == pytest.approx(parts)
    assert all(p.grad is not None and p.grad.any() for p in method.parameters())


def test_what_is_missing_is_named():
    with torch.device("meta"):
        method = BackTranslation()
    with pytest.raises(MissingWeights, match="name no words"):
        method.translate([np.zeros((3, 178, 3), np.float32)])
    with pytest.raises(ConfigError, match="multiple of heads"):
        Config(width=100)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_real_sentences_fill_the_default_vocabularies():
    rows = read_corpus(CORPUS)
    assert len(rows) == 7096
    assert len(counted(row.text.lower() for row in rows)) == Config().word_count
    assert len(counted(row.gloss for row in rows)) == Config().gloss_count
