"""Scanning the joints of persons: alone, beside their film, and what is wrong with them."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import scanning
from verilens import scan
from verilens.cli import app
from verilens.errors import ConfigError
from verilens.options import Options, fingerprint
from verilens.poses.make import make_pose
from verilens.poses.read import WRITERS, write
from verilens.poses.scanned import SUFFIXES, is_movement
from verilens.poses.skeletons import skeleton
from verilens.poses.skels import write_skels
from verilens.records import Evidence, Verdict
from verilens.report import json as report_json
from verilens.verify import movement
from verilens.verify.calibrate import UNCALIBRATED

sys.path.insert(0, str(Path(__file__).parent / "verify"))
import moving

FPS = 10.0  # of the animation below, 24 frames long


def options(**settings):
    return Options(methods=(scanning.npr(),), where=False, **settings)


def written(path, *poses):
    write(path, poses or [moving.gesturing()])
    return path


FORMATS = {
    ".skeleton": "ntu25", ".pkl": "ntu25", ".skels": "phoenix50", ".json": "coco17",
    ".bvh": "cmu38", ".amc": "cmu38",
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "name"), FORMATS.items())
def test_every_format_is_scanned(tmp_path, suffix, name):
    count, dims = len(skeleton(name)), 2 if name == "coco17" else 3
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(1, count, dims)) + rng.normal(size=(150, 1, dims)).cumsum(0) / 9
    moved = joints + rng.normal(size=(150, count, dims)).cumsum(0) / 99
    pose = make_pose(moved, None, name, 25, units="px" if dims == 2 else "m", size=(640, 480))
    report = scan(written(tmp_path / f"clip{suffix}", pose), options())
    assert report.error is None, report.error
    assert [e.method for e in report.evidence] == ["living_motion"]


@pytest.mark.parametrize("suffix", [".pose", ".npz", ".csv"])
def test_a_file_of_joints_is_a_medium_of_its_own(tmp_path, suffix):
    report = scan(written(tmp_path / f"clip{suffix}"), options())
    assert report.error is None, report.error
    assert report.media.kind == "movement" and report.media.format == suffix[1:]
    assert report.media.frames == 91 and report.media.duration_s == pytest.approx(91 / 30)
    assert report.verdict.claim == "generated-movement"
    assert [e.method for e in report.evidence] == ["living_motion"]
    assert "the pixels it came from" in report.verdict.not_checked
    line = report_json.line(report)
    assert report_json.line(report_json.parse(line)) == line


def test_openpose_frames_of_a_person_too_short_end_in_unsure(tmp_path):
    report = scan(written(tmp_path / "one.npz", moving.gesturing(seconds=0.5)), options())
    assert report.verdict.decision == "unsure" and report.evidence == ()
    assert "too short: 16 frames" in report.verdict.sentence
    assert report.verdict.interval == (0.0, 1.0)


def test_of_two_persons_the_most_suspect_decides(tmp_path):
    still = moving.gesturing(seed=1)
    held = dataclasses.replace(still, joints=np.repeat(still.joints[:1], len(still), 0), person=1)
    report = scan(written(tmp_path / "two.npz", moving.gesturing(), held), options())
    assert [e.track for e in report.evidence] == [1, 2]
    chances = {e.track: movement.one(e).probability for e in report.evidence}
    lead = max(chances, key=chances.get)
    assert report.verdict.probability == pytest.approx(chances[lead])
    assert f"of person {lead}" in report.verdict.sentence


def test_other_files_say_that_they_are_neither(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    error = scan(path, options()).error
    assert error.type == "unsupported" and "nor does it hold the joints" in error.message
    (tmp_path / "notes.txt").write_text("words")
    assert "joints" not in scan(tmp_path / "notes.txt", options()).error.message


def test_a_file_of_many_clips_says_how_to_take_one_out(tmp_path):
    rng = np.random.default_rng(0)
    first = make_pose(rng.normal(size=(30, 50, 3)), None, "phoenix50", 25)
    path = tmp_path / "two.skels"
    write_skels(path, [first, first])
    error = scan(path, options()).error
    assert "verilens motion convert FILE OUT --clip NAME" in error.message


def test_every_format_that_is_written_is_known_by_its_suffix():
    assert set(WRITERS) <= SUFFIXES and is_movement(Path("A.POSE"))
    assert not is_movement(Path("a.mp4"))


# Beside a film


@pytest.fixture
def film(tmp_path):
    return scanning.animation(tmp_path / "film.gif")


def beside(tmp_path, seconds=2.3, fps=FPS):
    return written(tmp_path / "film.npz", moving.gesturing(seconds=seconds, fps=fps))


def test_the_movement_stands_beside_the_pixels(film, tmp_path):
    plain = scan(film, options())
    both = scan(film, options(poses=beside(tmp_path)))
    assert both.error is None, both.error
    assert [e.method for e in both.evidence] == ["npr", "living_motion"]
    assert both.verdict.probability == plain.verdict.probability
    assert both.verdict.claim == plain.verdict.claim
    assert "Judged apart and not counted" in both.verdict.sentence
    assert both.verdict.not_checked == plain.verdict.not_checked


@pytest.mark.parametrize(
    ("seconds", "fps", "words"),
    [(5.0, FPS, "the poses last 5.10 s, the video 2.40 s"), (2.3, 25.0, "25 frames a second")],
)
def test_joints_of_another_film_are_refused(film, tmp_path, seconds, fps, words):
    error = scan(film, options(poses=beside(tmp_path, seconds, fps))).error
    assert error.type == "unsupported" and words in error.message


def test_joints_go_with_films_alone(tmp_path):
    picture = scanning.picture(tmp_path / "one.png")
    error = scan(picture, options(poses=beside(tmp_path))).error
    assert error.message == "--poses goes with a video, not with an image"


def verdict(decision, claim="ai-generated"):
    return Verdict(
        decision=decision,
        probability=0.1,
        interval=(0.0, 0.2),
        sentence="About it. Not checked: sound.",
        not_checked=("sound",),
        claim=claim,
    )


@pytest.mark.parametrize(
    ("pixels", "moved", "both"),
    [
        ("genuine", "fake", "unsure"),
        ("genuine", "suspicious", "unsure"),
        ("genuine", "genuine", "genuine"),
        ("genuine", "unsure", "genuine"),
        ("unsure", "fake", "unsure"),
        ("suspicious", "genuine", "suspicious"),
        ("fake", "genuine", "fake"),
        ("fake", "fake", "fake"),
    ],
)
def test_movement_clears_nothing_and_condemns_nothing(pixels, moved, both):
    found = movement.beside(verdict(pixels), verdict(moved, movement.CLAIM))
    assert found.decision == both and found.probability == 0.1
    assert bool(found.conflicts) == (moved in ("fake", "suspicious"))


def test_a_score_that_nobody_calibrated_is_unsure():
    item = Evidence(method="theirs", claim=movement.CLAIM, score=0.99, logit=5)
    assert movement.one(item).decision == "unsure"
    own = dataclasses.replace(item, method="living_motion", limits=(UNCALIBRATED,))
    assert movement.one(own).decision == "unsure"


def test_results_depend_on_the_weights_of_movement(monkeypatch):
    before = fingerprint(options())
    monkeypatch.setattr("verilens.options.of_movement", list)
    assert fingerprint(options()) != before


# The command


def invoked(*arguments):
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(
        app, ["scan", "--methods", scanning.npr(), *map(str, arguments)]
    )


def test_the_command_writes_json_and_a_page(film, tmp_path):
    joints = beside(tmp_path)
    done = invoked(film, "--poses", joints, "--json", "-", "--html", tmp_path / "pages")
    assert done.exit_code == 0, done.output
    line = json.loads(done.stdout.splitlines()[0])
    assert [e["claim"] for e in line["evidence"]] == ["ai-generated", "generated-movement"]


def test_the_page_of_a_movement_shows_the_joints_over_time(tmp_path):
    path = written(tmp_path / "clip.pose")
    done = invoked(path, "--html", tmp_path / "pages")
    assert done.exit_code == 0, done.output
    (page,) = (p for p in (tmp_path / "pages").glob("*.html") if p.name != "index.html")
    text = page.read_text(encoding="utf-8")
    assert "The joints" in text and "Score over time" in text and text.count("Frame at") >= 12
    assert "probability that the movement is generated" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "post"], "--poses goes with one video"),
        (["--engine", "ray"], "a video with --poses is scanned by this process"),
    ],
)
def test_what_does_not_go_with_joints_is_refused(film, tmp_path, arguments, words):
    done = invoked(film, "--poses", beside(tmp_path), *arguments)
    assert isinstance(done.exception, ConfigError) and words in str(done.exception)


def test_joints_that_are_missing_or_beside_a_folder_are_refused(film, tmp_path):
    assert "there is no" in str(invoked(film, "--poses", tmp_path / "no.pose").exception)
    assert "one video" in str(invoked(tmp_path, "--poses", beside(tmp_path)).exception)
