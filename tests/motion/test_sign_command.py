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
from verilens.motion import lexicon
from verilens.motion.submission import read_submission
from verilens.poses import avatar
from verilens.poses.make import make_pose
from verilens.poses.read import read, write

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


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory):
    """Return a lexicon of two signs of the published sequences, which have no hips."""
    root = tmp_path_factory.mktemp("phoenix")
    (movement, *_) = read_submission(DATA / "phoenix14t_skels_sample" / "dev.skels").values()
    for gloss, start in (("UEBERSCHWEMMUNG", 10), ("SCHOEN", 30)):
        recording = root / f"{gloss}.pose"
        write(recording, [make_pose(movement.joints[start:][:12], None, "phoenix50", 25)])
        entry = lexicon.Entry(path="", spoken_language="de", signed_language="gsg", glosses=gloss)
        lexicon.add(root / "signs", recording, entry)
    return root / "signs"


@has_data
@pytest.mark.parametrize("text", ["Schöne ÜBERSCHWEMMUNG", "u\u0308berschwemmung", "SCHÖN schoen"])
def test_german_words_are_found_however_they_are_written(phoenix, tmp_path, text):
    words = ["motion", "sign", text, "--lexicon", str(phoenix), "-o", str(tmp_path / "o.pose")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and ("no sign for: Schöne\n" in done.output) == ("Schöne" in text)


@has_data
def test_the_head_of_a_body_without_hips_is_in_the_picture(phoenix):
    pose = read(phoenix / "gsg" / "schoen.pose")[0]
    for picture in avatar.pictures([pose], "front", 240):
        pixels = np.asarray(picture).astype(int)
        assert max(picture.size) <= 240
        assert np.abs(pixels[0] - avatar.PAPER).max() < 8  # nothing reaches the upper edge
        dark = np.abs(pixels - np.array(avatar.HAIR)).max(-1) < 30
        assert dark.any() and dark.nonzero()[0].min() > 2


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
