"""Prompt programs: answers travel on, files are checked, and nothing in either is run."""

import json

import pytest

from scripted import Scripted
from verilens.errors import ConfigError
from verilens.understand.programs import LONGEST_VALUE, Program, filled, parsed, run
from verilens.understand.verdicts import CODES, share_of_fakes, verdict


def program(*conversations, version="3"):
    return {"format_version": version, "name": "toy", "conversations": list(conversations)}


def conversation(variable, text, **more):
    return {"id": variable, "response_var_name": variable, "payload": [["user", text]], **more}


TWO = program(
    {"id": "look", "response_var_name": "seen", "decorators": [],
     "payload": [["system", "Look."], ["user", "What is there?", "{image_url}"]]},
    conversation("result", "You saw: {seen}. So {{real}} or fake?"),
)  # fmt: skip


def test_the_second_question_holds_the_first_answer_word_for_word():
    first = "a hand with {six} fingers, 100 % odd"
    model = Scripted(lambda q, c: first if q.turns[-1].shows else "fake")
    (ran,) = run(parsed(TWO, "toy"), model, [()])
    assert model.questions[1].turns[0].text == f"You saw: {first}. So {{real}} or fake?"
    assert ran.text == "fake" and ran.variables == {"seen": first, "result": "fake"}
    assert [t.role for t in model.questions[0].turns] == ["system", "user"]


def test_an_endless_answer_is_cut_before_it_travels_on():
    model = Scripted(lambda q, c: "x" * 15_000)
    run(parsed(TWO, "toy"), model, [()])
    assert len(model.questions[1].turns[0].text) < LONGEST_VALUE + 100


def test_a_missing_variable_raises():
    with pytest.raises(ConfigError, match=r"no answer named \{seen\}"):
        filled("{seen}", {})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (program(version="2"), "format_version"),
        (program(version=3), "format_version"),
        ([], "format_version"),
        ({"format_version": "3", "name": "x"}, "not in the form"),
        (program(conversation("answer", "hello")), "'result'"),
        (program(conversation("result", "{other}")), "no answer named {other}"),
        (program(conversation("result", "{result}")), "no answer named {result}"),
        (program(conversation("result", "It is {label}")), "the truth"),
        (program(conversation("result", "{_image_path}")), "the truth"),
        (program(conversation("result", "{a.__class__}")), "only names"),
        (program(conversation("result", "{a!r}")), "only names"),
        (program(conversation("result", "{0}")), "only names"),
        (program(conversation("result", "a { b")), "braces"),
        (program(conversation("result", "x", decorators=["os.remove"])), "decorators are code"),
        (program(conversation("res ult", "x")), "no name"),
        (program({"id": "r", "response_var_name": "result", "payload": [["boss", "x"]]}), "role"),
        (program({"id": "r", "response_var_name": "result", "payload": [["user", "x", "y"]]}),
         "third part"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_program_is_refused_by_name(value, said, tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ConfigError, match=r"p\.json") as caught:
        Program.read(path)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b" " * (2 << 20), b"\xff\xfe"])
def test_a_damaged_file_is_refused(content, tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"p\.json"):
        Program.read(path)


@pytest.mark.parametrize(
    ("text", "official", "strict"),
    [
        ("It looks real... but it is fake.", 0, 0),
        ("generated? no, REAL", 1, 1),
        ("no idea", -1, -1),
        ("这是真实的", 1, 1),
        ("这张图片是生成的", 0, 0),
        ("The light is unrealistic", 1, -1),  # the trap
        ("It is fake, really", 1, 0),  # the same
        ("It does not look real", 1, 0),
        ("not a real photograph", 1, 0),
        ("This is not AI-generated", 0, 1),
        ("a natural scene", 1, 1),
        ("Looks real, verdict: fake", 0, 0),
        ("fake hands or real ones? verdict: undecided", 1, -1),
        ("**Verdict:** real. It would be fake if not", 0, 1),
        ("", -1, -1),
    ],
)
def test_verdicts(text, official, strict):
    assert CODES[verdict(text)] == official
    assert CODES[verdict(text, strict=True)] == strict


def test_majority_by_hand():
    assert share_of_fakes(["fake", "fake", "genuine", "undecided"]) == pytest.approx(2 / 3)
    assert share_of_fakes(["fake", "genuine"]) == 0.5
    assert share_of_fakes(["undecided"]) is None
