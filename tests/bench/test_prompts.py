"""Prompt suites against a manifest: figures by hand, resuming, and predictions that score reads."""

import json
from collections import Counter
from contextlib import closing

import numpy as np
import pytest

import saved_vlms
import scanning
from scripted import Scripted
from verilens import manifest, tables
from verilens.bench import columns, predictions
from verilens.bench.prompts import (
    SEED,
    Judged,
    Plan,
    Score,
    by_majority,
    drawn,
    labelled,
    score,
    suite,
)
from verilens.errors import ConfigError
from verilens.records import Sample
from verilens.understand.answerer import Answer
from verilens.understand.cache import Answers, Cached
from verilens.understand.programs import parsed

PLAIN = parsed(
    {"format_version": "3", "name": "plain", "conversations": [
        {"id": "a", "response_var_name": "result", "payload": [["user", "Well?", "{image_url}"]]}
    ]}, "toy",
)  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Twenty pictures: genuine ones are dark, fakes bright, and one cannot be read."""
    root = tmp_path_factory.mktemp("pictures")
    found = []
    for n in range(20):
        path = scanning.picture(root / f"{n}.png", seed=n, side=32)
        found.append(Sample(id=f"{n}", uri=str(path), kind="image", label=n % 2, source=f"s{n}"))
    return [("toy", sample) for sample in found]


def by_parity(question, clips):
    """Say fake of every second picture, told by its pixels."""
    n = next(n for n in range(20) if same(n, clips[0].frames[0]))
    return {4: "I'm sorry, I can't judge that.", 6: "no idea", 9: "verdict: real"}.get(
        n, f"verdict: {'fake' if n % 2 else 'real'}"
    )


def same(n, frame):
    pixels = np.random.default_rng(n).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return np.array_equal(pixels, frame)


def done(samples, answerer, out, **plan):
    out.mkdir(exist_ok=True)
    *_, (scores, tally) = score(samples, [PLAIN], answerer, out, Plan(**plan), {"split": ""})
    return scores, tally


def test_figures_by_hand_and_predictions_that_score_reads(samples, tmp_path):
    gone = ("toy", Sample(id="gone", uri="/nowhere.png", kind="image", label=1))
    (found,), tally = done([*samples, gone], Scripted(by_parity), tmp_path)
    assert (found.samples, len(found.scores)) == (21, 18)
    assert (found.refused, found.undecided, found.failed) == (1, 1, 1)
    assert found.accuracy == pytest.approx(17 / 18)
    assert found.balanced_accuracy == pytest.approx((1 + 0.9) / 2)
    assert tally.asked == 20
    assert len(columns.read(tmp_path / "plain.parquet").score) == 21
    rows = list(predictions.read(tmp_path / "plain.parquet"))
    assert [r.id for r in rows] == [*map(str, range(20)), "gone"]
    assert rows[9].score == 0.0 and rows[9].label == 1
    assert rows[4].score is None and rows[4].attributes["answer.outcome"] == "refused"
    assert rows[6].error == "undecided" and "MediaError" in rows[20].error
    facts = tables.facts(tmp_path / "plain.parquet")
    assert facts["method"] == "scripted/plain" and facts["strict"] is True
    lines = list(map(json.loads, (tmp_path / "responses.jsonl").read_text().splitlines()))
    assert len(lines) == 20 and lines[9]["text"] == "verdict: real"


def test_a_run_that_was_stopped_goes_on_and_comes_to_the_same(samples, tmp_path):
    asked = Counter()

    def say(question, clips):
        if stopping and asked.total() == 7:
            raise KeyboardInterrupt
        text = by_parity(question, clips)
        asked[clips[0].frames.tobytes()] += 1
        return text

    stopping = True
    first = Cached(Scripted(say), Answers(tmp_path / "a.sqlite"))
    with closing(first), pytest.raises(KeyboardInterrupt):
        done(samples, first, tmp_path, parallel=1)
    assert not (tmp_path / "plain.parquet").exists()
    stopping = False
    with closing(Cached(Scripted(say), Answers(tmp_path / "a.sqlite"))) as model:
        (again,), tally = done(samples, model, tmp_path, parallel=1)
    (whole,), _ = done(samples, Scripted(by_parity), tmp_path / "whole")
    assert max(asked.values()) == 1 and asked.total() == 20 and tally.cached == 7
    rows = [list(predictions.read(p / "plain.parquet")) for p in (tmp_path, tmp_path / "whole")]
    assert rows[0] == rows[1] and len({r.id for r in rows[0]}) == 20
    assert again == whole


def test_the_suite_of_the_paper_has_a_plain_question_six_angles_and_their_fusion():
    names = [program.name for program in suite("mllm_defake")]
    assert len(names) == 8 and sum(name.startswith("p") for name in names) == 7
    fusion = next(p for p in suite("mllm_defake") if p.name == "fusion")
    assert len(fusion.conversations) == 7
    with pytest.raises(ConfigError, match="no prompts"):
        suite("npr")


def test_every_angle_and_the_fusion_run_and_the_majority_joins_six(samples, tmp_path):
    model = Scripted(lambda q, c: by_parity(q, c))
    *_, (scores, tally) = score(
        samples[:3], suite("mllm_defake"), model, tmp_path, Plan(), {"split": ""}
    )
    assert [s.prompt for s in scores][-1] == "majority" and len(scores) == 9
    assert tally.asked == 3 * 14
    assert all(s.accuracy == 1 for s in scores)
    fused = [q for q in model.questions if "Six examiners" in q.turns[-1].text]
    assert len(fused) == 3 and fused[0].turns[-1].text.count("verdict: real") >= 7


def test_six_independent_experts_of_70_percent_reach_what_their_majority_must():
    """Ties split evenly: 0.7443 + 0.5 x 0.1852 = 0.837."""
    rng = np.random.default_rng(0)
    names = [f"e{n}" for n in range(6)]
    chunk = [
        ("d", Sample(id=f"{n}", uri="", kind="image", label=int(rng.integers(2))))
        for n in range(500)
    ]
    found = []
    for name in names:
        for dataset, sample in chunk:
            says = sample.label if rng.random() < 0.7 else 1 - sample.label
            score_ = None if rng.random() < 0.02 else float(says)
            row = labelled(dataset, sample)
            found.append(Judged(name, row.__class__(**{**vars(row), "score": score_})))
    total = Score(prompt="majority")
    for one in by_majority(chunk, found, names):
        total.add(one)
    print(f"majority of six: {total.accuracy:.3f}")
    assert 0.79 <= total.accuracy <= 0.89
    assert len(total.scores) + total.undecided == total.samples == 500


def test_samples_are_drawn_evenly_with_the_papers_seed(samples):
    assert SEED == 3706
    chosen = drawn(samples, 4)
    assert Counter(s.label for _, s in chosen) == {0: 4, 1: 4} and chosen == drawn(samples, 4)
    with pytest.raises(ConfigError, match="--count 11"):
        drawn(samples, 11)


def test_a_detector_that_speaks_runs_the_whole_command_without_a_network(
    samples, tmp_path, monkeypatch
):
    import socket

    from typer.testing import CliRunner

    from verilens.cli import app

    def refuse(*_):
        raise AssertionError("no connection may be opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    path = tmp_path / "m.parquet"
    manifest.write(path, [s for _, s in samples], "toy", tmp_path)
    out = tmp_path / "run"
    done = CliRunner().invoke(
        app,
        ["bench", "prompts", str(path), "--detector", scanning.npr(), "--count", "3", "--out",
         str(out), "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [p["prompt"] for p in found["prompts"]][:2] == ["fusion", "p0-plain"]
    assert all(p["decided"] == 6 for p in found["prompts"])
    assert len(list(out.glob("*.parquet"))) == 9
    scored = CliRunner().invoke(
        app, ["bench", "score", str(out / "fusion.parquet"), "--metrics", "acc,bacc", "--json",
              str(tmp_path / "t.json"), "--draws", "20"],
    )  # fmt: skip
    assert scored.exit_code == 0, scored.output


def test_a_local_model_reads_several_questions_at_once(samples, tmp_path):
    """One without any training: what it writes decides nothing, and is counted as that."""
    from typer.testing import CliRunner

    from verilens.cli import app

    path, suite_ = tmp_path / "m.parquet", tmp_path / "suite"
    manifest.write(path, [s for _, s in samples[:5]], "toy", tmp_path)
    suite_.mkdir()
    asks = {"id": "a", "response_var_name": "result", "payload": [["user", "?", "{image_url}"]]}
    one = {"format_version": "3", "name": "plain", "conversations": [asks]}
    (suite_ / "plain.json").write_text(json.dumps(one))
    folder = saved_vlms.llava(tmp_path / "llava")
    done = CliRunner().invoke(
        app,
        ["bench", "prompts", str(path), "--suite", str(suite_), "--model", str(folder), "--batch",
         "2", "--out", str(tmp_path / "run"), "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)["prompts"]
    assert found["samples"] == 5 and found["decided"] == 0 and found["accuracy"] is None


def test_answers_count_towards_cost_once(samples, tmp_path):
    class Costly(Scripted):
        def answer(self, question, clips):
            self.questions.append(question)
            return Answer(text="verdict: real", outcome="answered", model="m", tokens_in=10,
                          tokens_out=2)  # fmt: skip

    with closing(Cached(Costly(None), Answers(tmp_path / "a.sqlite"))) as model:
        _, first = done(samples, model, tmp_path)
        _, second = done(samples, model, tmp_path)
    assert (first.tokens_in, first.cached) == (200, 0)
    assert (second.tokens_in, second.cached) == (0, 20)
