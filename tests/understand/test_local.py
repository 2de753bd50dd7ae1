"""Local models of three families: pictures, films and batches, without torchvision or a network."""

import socket
import sys

import numpy as np
import pytest

import saved_vlms
from verilens.errors import MissingWeights
from verilens.records import Clip, View
from verilens.understand.answerer import Asked, Question, Turn, key
from verilens.understand.local import opened

QUESTION = Question(
    turns=(Turn(role="system", text="Look."), Turn(role="user", text="Well?", shows=True)),
    max_tokens=5,
)


def clip(moments=1, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (moments, 40, 56, 3), dtype=np.uint8)
    return Clip(
        frames=pixels,
        times_s=np.arange(moments) * 0.5,
        boxes=np.tile(np.array([[0, 0, 56, 40]], np.int32), (moments, 1)),
        size=(56, 40),
        view=View(size=64, frames=moments, fit="contain"),
    )


@pytest.fixture(scope="module", params=[saved_vlms.smolvlm, saved_vlms.qwen, saved_vlms.llava])
def model(request, tmp_path_factory):
    return opened(request.param(tmp_path_factory.mktemp("models") / request.param.__name__))


def test_pictures_and_films_are_answered(model, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    still, film = (model.answer(QUESTION, [clip(moments)]) for moments in (1, 3))
    assert still.tokens_out <= 5 and still.outcome in ("answered", "cut-off", "empty")
    assert film.tokens_in > still.tokens_in > 10
    assert "torchvision" not in sys.modules


def test_a_batch_says_what_single_questions_say(model):
    asked = [Asked(QUESTION, (clip(seed=n),)) for n in range(2)]
    together = [answer.text for answer in model.together(asked)]
    assert together == [model.answer(*one).text for one in asked]


def test_questions_of_other_settings_are_not_mixed(model):
    short = Question(turns=QUESTION.turns, max_tokens=1)
    found = model.together([Asked(QUESTION, (clip(),)), Asked(short, (clip(),))])
    assert found[1].tokens_out <= 1 and found[0].text == model.answer(QUESTION, [clip()]).text


def test_drawn_answers_follow_the_seed(model):
    warm = Question(turns=QUESTION.turns, max_tokens=5, temperature=1.0, seed=4)
    assert model.answer(warm, [clip()]).text == model.answer(warm, [clip()]).text


def test_a_model_that_changed_has_other_answers_in_the_cache(tmp_path):
    folder = saved_vlms.llava(tmp_path / "llava")
    before = opened(folder).identity
    assert opened(folder).identity == before
    (folder / "generation_config.json").write_text("{}")
    after = opened(folder).identity
    asked = Asked(QUESTION, (clip(),))
    assert key(before, asked) != key(after, asked)


def test_folders_that_hold_no_model_are_named(tmp_path):
    with pytest.raises(MissingWeights, match=r"config\.json is missing"):
        opened(tmp_path)
    folder = saved_vlms.llava(tmp_path / "llava")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(MissingWeights, match="cannot be used"):
        opened(folder)
    with pytest.raises(MissingWeights, match="adapter_model"):
        opened(saved_vlms.llava(tmp_path / "other"), adapter=tmp_path)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of peft, about transformers
def test_an_adapter_is_laid_over_the_model(tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    folder = saved_vlms.llava(tmp_path / "llava")
    net = AutoModelForImageTextToText.from_pretrained(folder)
    tuned = get_peft_model(net, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name:
                weight.normal_()
    tuned.save_pretrained(tmp_path / "adapter")
    plain, over = opened(folder), opened(folder, adapter=tmp_path / "adapter")
    assert plain.identity != over.identity
    assert plain.answer(QUESTION, [clip()]).text != over.answer(QUESTION, [clip()]).text
