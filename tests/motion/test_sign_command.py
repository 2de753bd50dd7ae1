"""A sentence from the dummy lexicon becomes a film, a pose file, and a shaded body."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from verilens.cli import app
from verilens.errors import ConfigError, UnknownName
from verilens.poses import avatar
from verilens.poses.make import make_pose
from verilens.poses.read import read

DATA = Path(__file__).parents[3] / "shared" / "data" / "motion"
SIGNS = DATA / "pose_files" / "dummy_lexicon"
has_data = pytest.mark.skipif(not DATA.exists(), reason="the motion data is not here")


@has_data
@pytest.mark.parametrize("flag", [[], ["--avatar"]])
def test_a_sentence_becomes_a_film_with_its_poses_beside(tmp_path, flag):
    out = tmp_path / "out.mp4"
    words = ["motion", "sign", "Kinder, Zebra!", "--lexicon", str(SIGNS), "-o", str(out), *flag]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "no sign for: Zebra" in done.output
    pose = read(out.with_suffix(".pose"))[0]
    with av.open(str(out)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == len(pose.joints) and frames[0].shape[0] <= 480
    steps = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(frames)]
    assert 0 < max(steps) < 25  # it moves, and nothing flashes


def test_what_signs_must_be_said_once(tmp_path):
    for words in ([], ["--lexicon", "x", "--method", "tdm_slp"]):
        done = CliRunner().invoke(app, ["motion", "sign", "x", "-o", "o.pose", *words])
        assert isinstance(done.exception, ConfigError)


@has_data
def test_a_text_without_any_known_sign_is_refused(tmp_path):
    words = ["motion", "sign", "Zebra", "--lexicon", str(SIGNS), "-o", str(tmp_path / "o.pose")]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UnknownName) and not list(tmp_path.iterdir())
    body = [*words[:-1], str(tmp_path / "o.npz"), "--avatar"]
    body[2] = "Kinder"
    assert isinstance(CliRunner().invoke(app, body).exception, ConfigError)


def test_the_body_is_shaded_and_leaves_out_what_is_missing():
    joints = np.random.default_rng(0).normal(size=(2, 178, 3)).astype(np.float32)
    sure = np.ones((2, 178), np.float32)
    sure[1] = 0
    sure[1, :2] = 1
    first, second = avatar.pictures([make_pose(joints, sure, "holistic178", 25)], "front", 120)
    assert isinstance(first, Image.Image) and max(first.size) <= 120
    colours = [len(np.unique(np.asarray(p).reshape(-1, 3), axis=0)) for p in (first, second)]
    assert colours[0] > 50 and colours[1] < colours[0]
