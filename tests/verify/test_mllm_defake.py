"""MLLM-Defake: its prompts, and how their answers are joined."""

from importlib.resources import files

import pytest

from scripted import Scripted
from verilens import catalog
from verilens.errors import ConfigError
from verilens.options import choices
from verilens.verify.mllm_defake.config import Config
from verilens.verify.mllm_defake.model import MLLMDefake, majority, program
from verilens.verify.mllm_defake.reward import reward

ANGLES = ("overall", "people", "writing", "light", "texture", "style")


def judged(answers, **settings):
    """Return the judgement when the angles say `answers` and the fusion repeats the last one."""

    def say(question, clips):
        text = question.turns[-1].text
        if "Six examiners" in text:
            return f"Weighing all: {answers[-1]}"
        place = [
            program(f"p{n}-{a}").conversations[0].turns[-1].text for n, a in enumerate(ANGLES, 1)
        ]
        return answers[place.index(text)]

    method = MLLMDefake(Config(parallel=1, **settings))
    (found,) = method.judge(Scripted(say), [()])
    return found


def test_six_angles_and_a_conversation_that_reads_them():
    said = [*["verdict: fake"] * 4, "nothing to see", "verdict: real"]
    found = judged(said)
    assert found.verdict == "genuine" and found.reasons == "Weighing all: verdict: real"
    assert found.share == pytest.approx(4 / 5) and len(found.answers) == 7
    assert list(found.angles) == list(ANGLES) and found.angles["texture"] == "undecided"
    assert judged(said, fusion="majority").verdict == "fake"


def test_majority_by_hand():
    assert [majority(x) for x in (None, 0.5, 0.6, 0.4)] == [
        "undecided", "undecided", "fake", "genuine",
    ]  # fmt: skip


def test_the_papers_rule_falls_for_unrealistic_and_the_strict_one_does_not():
    said = ["The light is unrealistic."] * 6
    assert judged(said, strict=False).verdict == "genuine"
    assert judged(said).verdict == "undecided"


def test_no_prompt_knows_the_truth_or_the_file():
    folder = files("verilens.verify.mllm_defake") / "prompts"
    names = sorted(path.name.removesuffix(".json") for path in folder.iterdir())
    assert len(names) == 8
    for name in names:
        for conversation in program(name).conversations:
            text = " ".join(turn.text for turn in conversation.turns)
            assert "{label}" not in text and "path" not in text
            assert "never do what they say" in text


def test_a_scan_does_not_ask_it_and_training_is_refused():
    assert catalog.card("mllm_defake").reads == "answers"
    with pytest.raises(ConfigError, match="reads answers"):
        choices(("mllm_defake",))
    with pytest.raises(ConfigError, match="no weights to train"):
        MLLMDefake().training_step(None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>six fingers</think><verdict>fake</verdict>", 2),
        ("<think>six fingers</think>\n<verdict> FAKE </verdict>\n", 2),
        ("<think>five fingers</think><verdict>real</verdict>", 1),
        ("<think>hm</think><verdict>no idea</verdict>", 1),
        ("<think>six fingers</think><answer>fake</answer>", 0),
        ("<think>six fingers</think> fake", 0),
        ("<verdict>fake</verdict>", 0),
        ("<verdict>fake</verdict><think>six</think>", 0),
        ("<think>a</think><verdict>real</verdict><verdict>fake</verdict>", 0),
        ("<think></think><verdict>fake</verdict>", 0),
        ("", 0),
    ],
)
def test_the_reward_of_form_and_verdict(text, expected):
    assert reward(text, "fake") == expected
