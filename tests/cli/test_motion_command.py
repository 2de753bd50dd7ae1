"""verilens motion on the command line: what it says, what it writes, how it fails."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from verilens.cli import app, main
from verilens.errors import ConfigError, MediaError, MissingWeights, UnknownName
from verilens.poses import pyskl
from verilens.poses.make import make_pose
from verilens.poses.read import read, write


def run(*arguments):
    return CliRunner().invoke(app, ["motion", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def clip(tmp_path):
    """A file of two persons in 2D, the second without a nose."""
    numbers = np.random.default_rng(1)
    sure = np.ones((12, 17))
    sure[:, 0] = 0
    poses = [
        make_pose(numbers.normal(size=(12, 17, 2)), None, "coco17", 30, units="px"),
        make_pose(numbers.normal(size=(12, 17, 2)), sure, "coco17", 30, units="px", person=1),
    ]
    write(tmp_path / "clip.pose", poses)
    return tmp_path / "clip.pose"


def test_show_tells_what_a_file_holds(clip):
    said = run("show", clip).output
    assert "person 0, coco17 (17 joints, 2D), 12 frames at 30 a second" in said
    assert "person 1" in said and "never seen: nose" in said
    facts = json.loads(run("show", clip, "--json").output)["persons"]
    assert facts[1]["missing"] == pytest.approx(1 / 17, abs=1e-4) and facts[0]["fps"] == 30


def test_show_draws_what_it_is_asked_for(clip, tmp_path):
    outs = {kind: tmp_path / f"a.{kind}" for kind in ("html", "gif", "mp4", "svg")}
    options = [part for kind, path in outs.items() for part in (f"--{kind}", path)]
    run("show", clip, "--size", 64, *options)
    starts = {kind: path.read_bytes()[:12] for kind, path in outs.items()}
    assert starts["html"].startswith(b"<!doctype") and starts["svg"].startswith(b"<svg")
    assert starts["gif"].startswith(b"GIF89a") and starts["mp4"][4:8] == b"ftyp"


def test_convert_changes_skeleton_rate_and_format(clip, tmp_path):
    run("convert", clip, tmp_path / "a.json", "--person", 1, "--skeleton", "coco17", "--fill")
    said = run("convert", clip, tmp_path / "a.npz", "--skeleton", "h36m17", "--fps", 15).output
    assert "h36m17 (17 joints, 2D), 6 frames at 15 a second" in said
    first, second = read(tmp_path / "a.npz")
    assert first.fps == 15 and second.skeleton.name == "h36m17"


def test_a_rate_that_a_file_does_not_say_can_be_told(clip, tmp_path):
    run("convert", clip, tmp_path / "a.npz", "--as-fps", 60, "--fps", 30)
    assert len(read(tmp_path / "a.npz")[0]) == 6  # as long as 12 frames at 60


def test_a_file_of_many_clips_lists_them(tmp_path, clip):
    made = [pyskl.Annotation(name=f"c{n}", label=0, poses=read(clip)) for n in range(3)]
    pyskl.write_annotations(tmp_path / "a.pkl", made)
    assert "c1  2 x 12 frames" in run("show", tmp_path / "a.pkl").output
    held = json.loads(run("show", tmp_path / "a.pkl", "--json").output)
    assert [each["clip"] for each in held["clips"]] == ["c0", "c1", "c2"]
    assert "12 frames" in run("show", tmp_path / "a.pkl", "--clip", "c2").output


def test_skeletons_are_listed():
    assert "holistic178   178" in run("skeletons").output
    assert run("skeletons", "coco17").output.splitlines()[1].split() == ["1", "left_eye", "nose"]


def test_wrong_use_and_files_name_the_way_out(clip, tmp_path):
    for error, *arguments in (
        (UnknownName, "convert", clip, tmp_path / "a.npz", "--skeleton", "coco18"),
        (ConfigError, "convert", clip, tmp_path / "a.xyz"),
        (ConfigError, "convert", clip, tmp_path / "a.npz", "--person", 2),
        (ConfigError, "convert", clip, tmp_path / "a.npz", "--fps", 0),
        (ConfigError, "convert", clip, tmp_path / "a.npz", "--as-fps", 0),
        (ConfigError, "show", clip, "--view", "back"),
        (ConfigError, "show", clip, "--gif", tmp_path / "a.gif", "--view", "top"),
        (ConfigError, "show", clip, "--html", tmp_path / "gone" / "a.html"),
        (MediaError, "show", tmp_path / "gone.pose"),
        (
            MissingWeights,
            "estimate",
            clip,
            "--model",
            tmp_path / "m.onnx",
            "-o",
            tmp_path / "a.npz",
        ),
        (ConfigError, "estimate", clip, "--model", tmp_path / "m.onnx", "-o", tmp_path / "a.xyz"),
    ):
        with pytest.raises(error):
            run(*arguments)


def test_a_file_that_cannot_be_read_ends_with_three(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.pose").write_bytes(b"\xcd\xcc\xcc\x3d" + b"\xff" * 40)
    monkeypatch.setattr("sys.argv", ["verilens", "motion", "show", str(tmp_path / "a.pose")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "a.pose: it ends" in capsys.readouterr().err
