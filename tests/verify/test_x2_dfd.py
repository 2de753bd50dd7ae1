"""X2-DFD: assessment, training records, scores of the first word, and what a weak score is "
"worth."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from toy_faces import SIDE, face

from scripted import Scripted
from verilens.batch import ClipBatch
from verilens.bench.metrics import auc
from verilens.errors import ConfigError, MissingWeights
from verilens.nn.vlm import Lora, Sizes, Vlm
from verilens.verify.weak_features import Turn, supplied, weak_feature
from verilens.verify.x2_dfd.assess import Feature, assess, features, normalised, ranked, stats
from verilens.verify.x2_dfd.config import QUESTION, Config
from verilens.verify.x2_dfd.model import X2DFD
from verilens.verify.x2_dfd.supply import IMAGE, Face, records

LABELS = [0] * 10 + [1] * 10


def tiny(**settings) -> X2DFD:
    torch.manual_seed(0)
    return X2DFD(Config.tiny(), **settings).eval()


def faces(count=2) -> torch.Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_questions_are_a_hundred_and_differ():
    found = features()
    assert len(found) == 100 == len({f.name for f in found}) == len({f.question for f in found})
    assert all(f.question.endswith("?") for f in found)


def test_ranking_is_exact_and_ties_go_by_name():
    """A scripted model answers each question right as often as it is told to."""
    right = {"a": (8, 6), "b": (10, 10), "c": (6, 8), "d": (2, 1)}  # of 10 real, of 10 fake
    asked = [Feature(name, f"Is it {name}?") for name in right]
    counts = dict.fromkeys(right, 0)

    def say(question, clips):
        name = question.turns[0].text[6]
        n = counts[name]
        counts[name] += 1
        on_real, on_fake = right[name]
        if n < 10:
            return "No." if n < on_real else "YES"
        return "yes!" if n - 10 < on_fake else "maybe"

    found = assess(Scripted(say), [()] * 20, LABELS, strong=2, asked=asked, parallel=1)
    assert [s.feature.name for s in found.strong] == ["b", "a"]
    assert [s.feature.name for s in found.weak] == ["c", "d"]
    assert [s.balanced for s in (*found.strong, *found.weak)] == pytest.approx([1, 0.7, 0.7, 0.15])


def test_marks_and_capitals_do_not_count_and_a_maybe_counts_in_the_total_alone():
    assert normalised(" YES. ") == normalised("yes") == normalised("Yes!?") == "yes"
    found = stats(Feature("f", "?"), ["no", "maybe", "YES.", "maybe"], [0, 0, 1, 1])
    assert (found.real_acc, found.fake_acc, found.balanced) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="real and fake"):
        stats(Feature("f", "?"), ["no"], [0])
    assert ranked([], 3).strong == ()


def test_records_have_one_picture_the_verdict_first_and_strong_features_only():
    strong = [Feature("blurred eyes", "?"), Feature("lopsided nose", "?")]
    seen = ("blurred eyes", "stiff expression")
    made = records(
        [Face("1", "a.png", True, seen), Face("2", "b.png", False, ()), Face("3", "c", True, ())],
        strong, expert=None,
    )  # fmt: skip
    for record in made.records:
        text = json.dumps(record)
        assert text.count(IMAGE) == 1 and "stiff" not in text
        assert [turn["from"] for turn in record["conversations"]] == ["human", "gpt"]
    said = [record["conversations"][1]["value"] for record in made.records]
    assert said[0] == "This image is fake. It shows blurred eyes."
    assert said[1] == "This image is real. It shows no blurred eyes or lopsided nose."
    assert said[2] == "This image is fake."


@pytest.mark.parametrize(
    ("score", "is_fake", "supports"),
    [(0.85, True, True), (0.85, False, False), (0.5, True, False), (0.5, False, False)],
)
def test_weak_scores_support_only_where_they_agree(score, is_fake, supports):
    made = records([Face("1", "a.png", is_fake, (), score)], [])
    question, answer = (turn["value"] for turn in made.records[0]["conversations"])
    assert f"A blending detector scores it {score:.3f}." in question
    assert answer.endswith(weak_feature(score)) is supports
    assert made.missing == 0


def test_a_missing_score_leaves_the_question_and_is_counted():
    made = records([Face("1", "a.png", True), Face("2", "b.png", True, (), 0.9)], [])
    assert made.missing == 1
    assert made.records[0]["conversations"][0]["value"] == f"{IMAGE}\n{QUESTION}"


def test_scores_of_the_first_word_sum_to_one_and_give_the_logit():
    method = tiny()
    odds = method.odds(faces())
    assert torch.allclose(odds.sum(1), torch.ones(2))
    assert torch.allclose(method(faces()), (odds[:, 1] / odds[:, 0]).log(), atol=1e-4)


def test_the_experts_score_stands_in_the_question():
    method = tiny(expert=lambda frames: frames.mean((1, 2, 3)))
    questions = method.questions(faces())
    assert "A blending detector scores it 0." in questions[0] and len(set(questions)) == 2
    assert not torch.equal(method(faces()), tiny()(faces()))


def test_the_projector_learns_more_slowly_and_the_rest_stays():
    method = tiny()
    groups = list(method.parameter_groups())
    assert groups[1]["lr"] == 2e-5 and "lr" not in groups[0]
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    optimiser = torch.optim.SGD([p for g in groups for p in g["params"]], lr=1.0)
    batch = ClipBatch(frames=faces(4)[:, None], labels=torch.tensor([0.0, 1.0, 0.0, 1.0]))
    for _ in range(2):
        optimiser.zero_grad()
        method.train().training_step(batch).total.backward()
        optimiser.step()
    changed = {n for n, p in method.named_parameters() if not torch.equal(before[n], p)}
    assert changed and all("lora_" in n or "multi_modal_projector" in n for n in changed)


def test_a_saved_llava_is_tuned_and_only_what_was_learned_is_stored(tmp_path):
    """A tiny LLaVA in a folder, as a user has a large one."""
    base = tmp_path / "llava"
    saved_llava(base)
    config = Config(
        base=str(base), lora=Lora(rank=2, alpha=4, dropout=0.0), view=Config.tiny().view
    )
    method = X2DFD(config).eval()
    state = method.state_dict()
    assert state and all("lora_" in n or "multi_modal_projector" in n for n in state)
    with torch.no_grad():
        for name, weight in method.named_parameters():
            if "lora_" in name:
                weight.add_(0.1)
    other = X2DFD(config).eval()
    assert not torch.allclose(other(faces()), method(faces()))
    other.load_state_dict(method.state_dict())
    assert torch.allclose(other(faces()), method(faces()), atol=1e-6)
    with pytest.raises(KeyError, match="missing or foreign"):
        other.load_state_dict({})


def saved_llava(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    texts = ["USER:", "ASSISTANT:", *QUESTION.split(), "This", "image", "is", "real.", "fake."]
    vocabulary = {w: n for n, w in enumerate(["<pad>", "<s>", "</s>", "<image>", "<unk>", *texts])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", additional_special_tokens=["<image>"],
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    Vlm(Sizes.tiny()).net.save_pretrained(folder)


def test_a_base_that_is_not_there_is_named():
    with pytest.raises(MissingWeights, match="no-such-folder"):
        X2DFD(Config(base="no-such-folder"))
    with pytest.raises(ConfigError, match="low and high"):
        Config(low=0.8, high=0.2)


def test_it_says_something_about_every_face():
    said = tiny().said(faces(), most=4)
    assert len(said) == 2 and all(isinstance(text, str) for text in said)


class StandIn(nn.Module):
    """A language model in small: it sees a face at 16 x 16 pixels, where no seam is left.

    It reads the three digits of a score in its question, if there is one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 64, 1),
        )  # fmt: skip
        self.read = nn.Linear(31, 1)

    def forward(self, pictures: torch.Tensor, questions: list[str]) -> torch.Tensor:
        small = nn.functional.interpolate(pictures, (16, 16), mode="area")
        return (self.see(small - 0.5) + self.read(torch.stack(list(map(digits, questions)))))[:, 0]


def digits(question: str) -> torch.Tensor:
    """Return the score in a question as one of ten a digit, and whether there is one, (31,)."""
    found = torch.zeros(31)
    _, sign, score = question.partition("scores it 0.")
    if sign:
        found[30] = 1
        for place, digit in enumerate(score[:3]):
            found[10 * place + int(digit)] = 1
    return found


def seamed(rng: np.random.Generator) -> np.ndarray:
    """Return a face with a seam around it: a thin ring of fine checks that scaling averages out."""
    ring = np.abs(distance() - rng.uniform(0.5, 0.7)) < 0.04
    checks = np.indices((SIDE, SIDE)).sum(0) % 2 * 2 - 1
    changed = face(rng) + rng.uniform(8, 20) * (ring * checks)[:, :, None]
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def distance() -> np.ndarray:
    """Return how far each pixel lies from the middle, 1 at the edge."""
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return np.hypot(rows, columns)


def seam_score(picture: np.ndarray) -> float:
    """Return how unevenly fine detail lies over rings around the middle, squashed to [0, 1]."""
    grey = picture.astype(float).mean(2)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    fine = np.abs(4 * grey[1:-1, 1:-1] - around)
    far = distance()[1:-1, 1:-1]
    rings = [np.median(fine[(far >= a) & (far < a + 0.08)]) for a in np.arange(0.3, 0.9, 0.08)]
    return float(1 / (1 + np.exp(-(np.ptp(rings) - 12) / 4)))


@pytest.mark.slow
def test_a_weak_score_helps_a_model_that_is_blind_to_seams():
    """Fakes have a wrong feature or a seam; the seam detector's score is fed, or not."""
    found = {}
    for fed in (False, True):
        found[fed] = _toy_auc(fed)
    print(f"AUC without the score {found[False]:.3f}, with it {found[True]:.3f}")
    assert found[True] >= found[False] + 0.10, found


def _toy_auc(fed: bool) -> float:
    rng = np.random.default_rng(0)

    def drawn(count):
        pictures, labels = [], []
        for n in range(count):
            kind = n % 4  # two real faces, one with a defect, one with a seam
            pictures.append(seamed(rng) if kind == 3 else face(rng, defect=kind == 2))
            labels.append(float(kind >= 2))
        return pictures, torch.tensor(labels)

    def asked(pictures):
        turn = Turn(QUESTION, "")
        return [
            supplied(turn, seam_score(p), False).question if fed else QUESTION for p in pictures
        ]

    def pixels(pictures):
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255

    torch.manual_seed(0)
    model = StandIn()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
    train, labels = drawn(1200)
    x, questions = pixels(train), asked(train)
    for _ in range(15):
        for part in torch.randperm(len(x)).split(32):
            logits = model(x[part], [questions[n] for n in part])
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    test, truth = drawn(400)
    with torch.inference_mode():
        scores = model.eval()(pixels(test), asked(test)).numpy()
    return auc(scores, truth.numpy())
