"""Vision-language models: sizes, padding, LoRA and what they write."""

import pytest
import torch

from verilens.errors import MissingWeights
from verilens.nn.tokens import Bytes, Saved, Words
from verilens.nn.vlm import Lora, Sizes, Vlm, add_lora, merge_lora

LLAVA = 7_063_427_072  # weights of llava-1.5-7b


def tiny(**settings) -> Vlm:
    torch.manual_seed(0)
    return Vlm(Sizes.tiny(), **settings).eval()


def frames(count=2, side=32, width=None):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, side, width or side, generator=generator)


def test_the_full_size_is_llava_and_its_lora_is_that_of_the_paper():
    with torch.device("meta"):
        model = Vlm(Sizes(), lora=Lora())
    every = dict(model.named_parameters())
    lora = sum(p.numel() for name, p in every.items() if "lora_" in name)
    assert sum(p.numel() for p in every.values()) - lora == LLAVA
    # Four projections of 4096 x 4096 and three of 4096 x 11008, in 32 layers, rank 16.
    assert lora == 32 * (4 * 2 * 16 * 4096 + 3 * 16 * (4096 + 11008))
    trained = {name for name, p in every.items() if p.requires_grad}
    assert trained == {n for n in every if "lora_" in n or "multi_modal_projector" in n}


@pytest.mark.parametrize("rank", [1, 16])
def test_lora_adds_2rd_weights_to_a_square_and_merges_exactly(rank):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.language_model = torch.nn.ModuleDict({"q_proj": torch.nn.Linear(24, 24)})

        def forward(self, x):
            return self.language_model["q_proj"](x)

    torch.manual_seed(0)
    net = Net()
    before = sum(p.numel() for p in net.parameters())
    add_lora(net, Lora(rank=rank, alpha=32, dropout=0.0))
    added = {n: p for n, p in net.named_parameters() if "lora_" in n}
    assert sum(p.numel() for p in net.parameters()) - before == 2 * rank * 24
    for weight in added.values():
        torch.nn.init.normal_(weight, std=0.1)
    x = torch.randn(3, 24)
    apart = net(x)
    merge_lora(net)
    assert not torch.allclose(apart, torch.zeros_like(apart))
    assert torch.allclose(net(x), apart, atol=1e-5)


def test_padding_changes_nothing():
    model = tiny()
    x = frames()
    questions, answers = ["Is it?", "A longer question?"], [model.answer("a"), model.answer("abc")]
    both = model.told(x, questions, answers)
    for n in range(2):
        one = model.told(x[n : n + 1], questions[n : n + 1], answers[n : n + 1])
        length = len(answers[n])
        assert torch.allclose(both.logits[n, :length], one.logits[0, :length], atol=1e-4)
        assert both.mask[n].sum() == length
    first = model.first(x, questions)
    assert torch.allclose(
        first[:, : model.tokens.size].log_softmax(-1)[:, 10:],
        both.logits[:, 0, : model.tokens.size].log_softmax(-1)[:, 10:],
        atol=1e-2,
    )


def test_log_probs_and_loss_by_hand():
    model = tiny()
    answers = [model.answer("yes"), model.answer("n")]
    told = model.told(frames(), ["Well?"] * 2, answers)
    each = told.log_probs()
    assert (each[1, len(answers[1]) :] == 0).all() and (each <= 0).all()
    total = sum(map(len, answers))
    assert told.loss().item() == pytest.approx(-each.sum().item() / total, abs=1e-5)


def test_what_it_writes_is_fixed_by_the_seed_and_holds_no_picture():
    model = tiny()
    with torch.no_grad():
        model.net.lm_head.weight[model.tokens.image] = 50 * model.net.lm_head.weight.abs().max()
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(model.say(frames(), ["Well?"] * 2, most=12, temperature=1.0))
    assert drawn[0] == drawn[1]
    assert all(model.tokens.image not in row and len(row) <= 12 for row in drawn[0])
    assert model.say(frames(), ["Well?"] * 2, 5) == model.say(frames(), ["Well?"] * 2, 5)


def test_a_choice_is_read_where_two_answers_part():
    model = tiny()
    found = model.choice(frames(), ["Well?"] * 2, ["It is ", "This is "], ("real.", "fake."))
    assert found.shape == (2, 2)
    told = model.told(frames(), ["Well?"] * 2, [model.answer("It is r"), model.answer("This is r")])
    place = len(model.tokens.ids(" It is "))
    r, f = model.tokens.ids("r")[0], model.tokens.ids("f")[0]
    assert torch.allclose(found[0], told.logits[0, place, [r, f]], atol=1e-4)


def test_any_shape_of_picture_is_padded_to_a_square():
    model = tiny()
    assert model.pixels(frames(side=20, width=50)).shape == (2, 3, 32, 32)
    band = model.pixels(torch.ones(1, 3, 16, 32))
    assert band[0, 0, 0].abs().max() < 1e-5 and band[0, 0, 16].min() > 1  # the mean above, white


def test_tokens_go_there_and_back():
    assert Bytes().text(Bytes().ids("Größe <answer>")) == "Größe <answer>"
    words = Words(("a", "b", "b", "</think>"))
    assert words.size == 5 + 3 and words.text(words.ids("b a </think>")) == "b a </think>"
    assert words.ids("zzz") == [4]
    assert Bytes().text([*Bytes().ids("ab"), 2, *Bytes().ids("c")]) == "ab"


@pytest.mark.parametrize("make", [lambda f: Saved(f), lambda f: Vlm(Sizes.tiny(), folder=f)])
def test_a_folder_without_a_model_is_named(make, tmp_path):
    with pytest.raises(MissingWeights, match=str(tmp_path)):
        make(str(tmp_path / "none"))
