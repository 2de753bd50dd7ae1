"""Asking an endpoint: what is sent, what comes back, and every way in which it goes wrong."""

import base64
import io
import json
import logging
import pickle
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model_server import Reply, always, completion, serving
from verilens.errors import (
    ConfigError,
    NoAccess,
    NotThere,
    Overloaded,
    ServerError,
    Unreachable,
)
from verilens.records import Clip, View
from verilens.understand.answerer import Answerer, Asked, Question, Turn
from verilens.understand.asking import PATIENCE, Tally, ask
from verilens.understand.cache import Answers, Cached
from verilens.understand.endpoint import Endpoint, Limits
from verilens.understand.secret import Secret

KEY = "sk-verysecret-1234567890"
QUESTION = Question(turns=(Turn(role="user", text="Genuine or fake?", shows=True),))
opened: list[Answerer] = []
QUICK = Limits(tries=3, seconds=5.0, first_wait_s=0.01)


def clip(moments: int = 1, value: int = 90) -> Clip:
    view = View(size=32, frames=moments, fit="contain")
    return Clip(
        frames=np.full((moments, 24, 32, 3), value, np.uint8),
        times_s=np.arange(moments) * 0.5,
        boxes=np.tile(np.array([[0, 0, 32, 24]], np.int32), (moments, 1)),
        size=(32, 24),
        view=view,
    )


def endpoint(url: str, limits: Limits = QUICK) -> Endpoint:
    opened.append(Endpoint(url, "toy-vl", Secret(KEY), limits))
    return opened[-1]


@pytest.fixture(autouse=True)
def closed():
    yield
    while opened:
        opened.pop().close()


def test_pictures_and_words_are_sent_and_counted():
    with serving(always(completion("It looks genuine."))) as server:
        answer = endpoint(server.url).answer(
            replace(QUESTION, schema={"type": "object"}), [clip(3)]
        )
    assert (answer.text, answer.outcome) == ("It looks genuine.", "answered")
    assert (answer.tokens_in, answer.tokens_out, answer.model) == (100, 20, "toy-vl")
    (asked,) = server.requests
    assert asked["model"] == "toy-vl" and asked["temperature"] == 0 and asked["max_tokens"] == 768
    assert asked["response_format"]["json_schema"]["schema"] == {"type": "object"}
    *shown, text = asked["messages"][0]["content"]
    assert text == {"type": "text", "text": "Genuine or fake?"} and len(shown) == 3
    start, _, data = shown[0]["image_url"]["url"].partition(",")
    assert start == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (32, 24)
    assert server.keys == [f"Bearer {KEY}"]


def test_a_busy_server_is_asked_again_when_it_says():
    def answer(asked, n):
        return Reply(429, b"slow down", {"Retry-After": "0"}) if n < 2 else completion("yes")

    with serving(answer) as server:
        assert endpoint(server.url).answer(QUESTION, []).text == "yes"
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("reply", "kind", "tries"),
    [
        (Reply(401, b"wrong key"), NoAccess, 1),
        (Reply(403, b"not yours"), NoAccess, 1),
        (Reply(404, b"no such model"), NotThere, 1),
        (Reply(400, b"cannot read the picture"), ServerError, 1),
        (Reply(302, b"", {"Location": "http://127.0.0.1:9/"}), ServerError, 1),
        (Reply(503, b"down"), Overloaded, 3),
        (Reply(breaks=True), Unreachable, 3),
        (Reply(200, b"<html>hello</html>"), ServerError, 1),
        (Reply(200, b"[" * 5000), ServerError, 1),
        (Reply(200, b"[]"), ServerError, 1),
        (Reply(200, b'{"choices": []}'), ServerError, 1),
        (Reply(200, b'{"choices": [{"message": "no"}]}'), ServerError, 1),
        (Reply(200, b" " * (2 << 20)), ServerError, 1),
    ],
)
def test_what_a_server_does_wrong_has_a_name(reply, kind, tries):
    with serving(always(reply)) as server:
        with pytest.raises(kind) as caught:
            endpoint(server.url).answer(QUESTION, [])
        assert len(server.requests) == tries
    assert type(caught.value) is kind and caught.value.message


def test_an_answer_that_drips_is_given_up():
    slow = replace(completion("x" * 400), pieces=400, pause_s=0.05)
    limits = Limits(tries=1, seconds=0.3)
    begun = time.monotonic()
    with serving(always(slow)) as server, pytest.raises(Unreachable, match="does not answer"):
        endpoint(server.url, limits).answer(QUESTION, [])
    assert time.monotonic() - begun < 5


def test_nobody_listens():
    with pytest.raises(Unreachable):
        endpoint("http://127.0.0.1:9", QUICK).answer(QUESTION, [])


def test_a_field_that_a_server_does_not_know_is_left_out_from_then_on():
    def answer(asked, n):
        if "max_tokens" in asked:
            return Reply(400, b"use max_completion_tokens instead of max_tokens")
        if "seed" in asked:
            return Reply(422, b'extra field "seed"')
        return completion("fine")

    with serving(answer) as server:
        found = endpoint(server.url)
        assert found.answer(QUESTION, []).text == found.answer(QUESTION, []).text == "fine"
        assert len(server.requests) == 4
    assert server.requests[-1]["max_completion_tokens"] == 768
    assert not {"seed", "max_tokens"} & set(server.requests[-1])


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (completion(""), "empty"),
        (completion(None), "empty"),
        (completion("  \n"), "empty"),
        (completion(None, refusal="I do not judge people."), "refused"),
        (completion("", "content_filter"), "refused"),
        (completion("It is", "length"), "cut-off"),
        (completion("ha " * 9000), "too-long"),
        (completion([{"type": "text", "text": "both "}, {"text": "parts"}, 3]), "answered"),
        (completion(17), "answered"),
    ],
)
def test_every_end_of_an_answer_has_an_outcome(reply, outcome):
    with serving(always(reply)) as server:
        assert endpoint(server.url).answer(QUESTION, []).outcome == outcome


def test_the_key_is_nowhere_to_be_read(caplog):
    """Neither in errors, answers, logs nor representations, even when the server repeats it."""
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"error": f"Incorrect key {KEY}; you sent Bearer {KEY}"}).encode()
    with serving(always(Reply(401, echo))) as server:
        with pytest.raises(NoAccess) as caught:
            endpoint(server.url).answer(QUESTION, [])
        found = endpoint(server.url)
    with serving(always(completion(f"your key is {KEY}"))) as server:
        answer = endpoint(server.url).answer(QUESTION, [])
    told = [
        str(caught.value),
        repr(caught.value),
        answer.text,
        repr(found.__dict__),
        found.identity,
    ]
    assert not any("verysecret" in text for text in [*told, caplog.text])
    assert repr(Secret(KEY)) == "[key]" and "verysecret" not in str(vars(Secret)) + str(Secret(KEY))
    with pytest.raises(TypeError, match="not stored"):
        pickle.dumps(Secret(KEY))


@pytest.mark.parametrize(
    "url", ["ftp://x/v1", "x", "http://", "http://me:pw@x/v1", "http://x/v1?key=1", "file:///etc"]
)
def test_an_address_that_is_none_or_holds_a_key_is_refused(url):
    with pytest.raises(ConfigError) as caught:
        Endpoint(url, "m")
    assert "pw" not in str(caught.value) and "key=1" not in str(caught.value)


def test_known_answers_are_not_paid_for_twice(tmp_path):
    with serving(lambda asked, n: completion(f"answer {n}")) as server:
        answers = Answers(tmp_path / "answers.sqlite")
        model = Cached(endpoint(server.url), answers)
        first = model.answer(QUESTION, [clip()])
        again = model.answer(QUESTION, [clip()])
        other = model.answer(QUESTION, [clip(value=91)])
        warmer = model.answer(replace(QUESTION, temperature=0.5), [clip()])
        answers.close()
        later = Cached(endpoint(server.url), Answers(tmp_path / "answers.sqlite"))
        opened.append(later)
        kept = later.answer(QUESTION, [clip()])
        assert len(server.requests) == 3
    assert first.text == again.text == kept.text == "answer 0"
    assert (first.is_cached, again.is_cached, kept.is_cached) == (False, True, True)
    assert (other.text, warmer.text) == ("answer 1", "answer 2")
    assert b"verysecret" not in (tmp_path / "answers.sqlite").read_bytes()


def test_a_failure_is_not_kept(tmp_path):
    def answer(asked, n):
        return Reply(400, b"no") if n == 0 else completion("now")

    with serving(answer) as server:
        model = Cached(endpoint(server.url), Answers(tmp_path / "a.sqlite"))
        opened.append(model)
        found = [next(ask(model, [Asked(QUESTION, ())])) for _ in range(2)]
    assert [a.outcome for a in found] == ["failed", "answered"]


def test_many_questions_come_back_in_order_and_one_failure_costs_one_answer():
    def answer(asked, n):
        text = asked["messages"][0]["content"][-1]["text"]
        time.sleep(0.02 * (int(text) % 3))
        return Reply(400, b"bad picture") if text == "5" else completion(f"to {text}")

    def numbered(n):
        return Asked(Question(turns=(Turn(role="user", text=str(n), shows=True),)), ())

    tally = Tally(price_in=2.0, price_out=10.0)
    with serving(answer) as server:
        found = list(ask(endpoint(server.url), map(numbered, range(12)), parallel=3))
    for one in found:
        tally.add(one)
    assert [a.text for a in found] == [f"to {n}" if n != 5 else "" for n in range(12)]
    assert found[5].outcome == "failed" and "bad picture" in found[5].note
    assert (tally.tokens_in, tally.tokens_out) == (1100, 220)
    assert tally.cost == pytest.approx((1100 * 2 + 220 * 10) / 1e6)


def test_a_server_that_answers_nobody_ends_the_run():
    asked = [Asked(QUESTION, ())] * 100
    with serving(always(Reply(400, b"no"))) as server:
        with pytest.raises(Overloaded, match=f"{PATIENCE} questions in a row"):
            list(ask(endpoint(server.url), asked, parallel=2))
        assert len(server.requests) < 20
    with serving(always(Reply(401, b"no"))) as server, pytest.raises(NoAccess):
        list(ask(endpoint(server.url), asked))
