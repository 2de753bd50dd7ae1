"""`verilens explain` as a process: the verdict first, then the words."""

import json
import os
import subprocess
import sys

import pytest

import scanning
from model_server import Reply, always, completion, serving

KEY = "sk-verysecret-1234567890"
SAID = json.dumps(
    {
        "verdict": "genuine",
        "confidence": 0.6,
        "summary": "It is plain noise [bold]without[/bold] any object.",
        "claims": [{"says": "genuine", "what": "even noise", "region": "whole picture"}],
    }
)


def run(*arguments, cache, **environment):
    command = [sys.executable, "-m", "verilens", "explain", "--methods", scanning.npr()]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "COLUMNS": "120", **environment},
    )


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return scanning.picture(tmp_path_factory.mktemp("media") / "a.png")


def test_without_a_model_the_evidence_is_put_into_words(picture, tmp_path):
    done = run(picture, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("probability") < done.stdout.index("Why")
    assert "npr reads how up-sampling" in done.stdout


def test_the_verdict_comes_first_and_answers_are_kept(picture, tmp_path):
    with serving(always(completion(SAID))) as server:
        options = ["--endpoint", server.url, "--model", "toy-vl", "--price", "1,2"]
        done = run(picture, *options, cache=tmp_path, VERILENS_MODEL_KEY=KEY)
        assert done.returncode == 0, done.stderr
        assert done.stdout.index("probability") < done.stdout.index("In the words of toy-vl")
        assert "[bold]without[/bold]" in done.stdout
        assert "100 + 20 tokens, cost 0.0001" in done.stderr
        again = run(picture, *options, "--json", "-", cache=tmp_path, VERILENS_MODEL_KEY=KEY)
        assert len(server.requests) == 1 and server.keys == [f"Bearer {KEY}"]
    first, second = map(json.loads, again.stdout.splitlines())
    assert first["schema"] == "verilens/scan-v1" and second["schema"] == "verilens/explain-v1"
    assert second["decision"] == first["decision"] and second["model"]["is_cached"]
    assert second["model"]["outcome"] == "answered"
    assert "verysecret" not in done.stdout + done.stderr + again.stdout + again.stderr


def test_a_model_that_fails_leaves_the_verdict(picture, tmp_path):
    with serving(always(Reply(401, f"wrong {KEY}".encode()))) as server:
        options = ["--endpoint", server.url, "--model", "m", "--json", "-"]
        done = run(picture, *options, cache=tmp_path, VERILENS_MODEL_KEY=KEY)
    assert done.returncode == 3
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["decision"] and second["model"]["outcome"] == "failed"
    assert "verysecret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--endpoint", "http://127.0.0.1:9/v1"], "--model"),
        (["--model", "nowhere"], "no folder 'nowhere'"),
        (["--endpoint", "http://u:p@h/v1", "--model", "m"], "environment"),
        (["--price", "free"], "--price"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_scanned(picture, tmp_path, options, said):
    done = run(picture, *options, cache=tmp_path)
    assert done.returncode == 2 and said in done.stderr
    assert not done.stdout
