"""verilens motion lift and fill: files in, files out, and refusals that say what to do."""

import dataclasses

import numpy as np
import pytest
from safetensors.torch import save_file
from typer.testing import CliRunner

from verilens import catalog
from verilens.cli import app
from verilens.errors import ConfigError, MissingWeights, UnknownName
from verilens.motion.g_sformer.config import Config
from verilens.motion.g_sformer.model import GSFormer
from verilens.poses.make import make_pose
from verilens.poses.read import read, write
from verilens.weights import metadata

OWN = ("--method", "g_sformer", "--weights")


def run(*arguments: object):
    return CliRunner().invoke(app, ["motion", *map(str, arguments)], catch_exceptions=True)


def raised(*arguments: object) -> BaseException:
    found = run(*arguments).exception
    assert found is not None
    return found


@pytest.fixture
def film(tmp_path):
    rng = np.random.default_rng(0)
    pixels = 300 + 80 * rng.normal(size=(1, 17, 2)) + rng.normal(size=(12, 17, 2))
    path = tmp_path / "film.npz"
    write(path, [make_pose(pixels, None, "coco17", 30, units="px", size=(640, 480))])
    return path


@pytest.fixture
def weights(tmp_path):
    path, method = tmp_path / "own.safetensors", GSFormer(Config.tiny())
    state = {k: v.contiguous() for k, v in method.state_dict().items()}
    save_file(state, path, metadata("g_sformer", dataclasses.asdict(method.config)))
    return path


def test_lifts_joints_of_another_skeleton(film, weights, tmp_path):
    out = tmp_path / "space.npz"
    found = run("lift", film, "-o", out, *OWN, weights)
    assert found.exit_code == 0 and "12 frames of h36m17" in found.output
    (pose,) = read(out)
    assert pose.joints.shape == (12, 17, 3) and pose.skeleton.name == "h36m17"
    assert (pose.units, pose.frame, pose.fps) == ("m", "camera", 30)


def test_a_size_that_the_file_lacks_can_be_given(film, weights, tmp_path):
    (pose,) = read(film)
    bare = tmp_path / "bare.npz"
    write(bare, [dataclasses.replace(pose, size=(0, 0))])
    ask = ("lift", bare, "-o", tmp_path / "x.npz", *OWN, weights)
    assert "--size WIDTHxHEIGHT" in str(raised(*ask))
    assert run(*ask, "--size", "640x480").exit_code == 0
    for wrong in ("640", "0x480", "a x b"):
        assert "such as 1920x1080" in str(raised(*ask, "--size", wrong))


def test_nothing_is_lifted_without_weights(film, tmp_path):
    out = tmp_path / "x.npz"
    refused = raised("lift", film, "-o", out, "--weights", "nowhere")
    assert isinstance(refused, MissingWeights) and "no weights named 'nowhere'" in str(refused)
    assert not out.exists()


def test_methods_that_do_something_else_are_refused(film, tmp_path):
    out = tmp_path / "x.npz"
    refused = raised("lift", film, "-o", out, "--method", "npr")
    assert isinstance(refused, UnknownName) and "g_sformer, temporal_conv do" in str(refused)
    refused = raised("fill", film, film, "-o", out, "--method", "npr")
    assert isinstance(refused, UnknownName) and "stgcdiff, linear" in str(refused)
    with pytest.raises(UnknownName):
        catalog.card("g_former")


@pytest.mark.parametrize("method", ["linear", "cubic", "spline", "dtw-blend", "hold"])
def test_fills_between_two_files(film, tmp_path, method):
    out = tmp_path / "both.npz"
    found = run("fill", film, film, "-o", out, "--method", method, "--frames", 5)
    assert found.exit_code == 0 and f"12 + 5 + 12 frames by {method}" in found.output
    (whole,), (one,) = read(out), read(film)
    assert np.array_equal(whole.joints[:12], one.joints)
    assert np.array_equal(whole.joints[17:], one.joints)


def test_persons_that_are_not_there_are_refused(film, tmp_path):
    refused = raised("lift", film, "-o", tmp_path / "x.npz", "--person", 3)
    assert isinstance(refused, ConfigError) and "no person 3; it holds 1" in str(refused)
