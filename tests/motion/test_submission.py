"""Predictions in every format, what is wrong with them, and the official rules of scoring."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from verilens.bench import signing
from verilens.cli import app
from verilens.errors import ConfigError, DatasetError
from verilens.motion.submission import Signed, problems, read_submission
from verilens.poses.read import read
from verilens.poses.skeletons import skeleton

DATA = Path(__file__).parents[3] / "shared" / "data" / "motion"
SIGNS = DATA / "pose_files" / "dummy_lexicon" / "sgg"
has_data = pytest.mark.skipif(not DATA.exists(), reason="the motion data is not here")


@pytest.fixture
def movements():
    rng = np.random.default_rng(0)
    return {f"s-{n}": np.cumsum(rng.normal(size=(8 + n, 178, 3)), 0) / 9 for n in range(3)}


def as_signed(movements, text="regen im norden"):
    return {n: Signed(joints=m.astype(np.float32), text=text) for n, m in movements.items()}


def test_every_format_gives_the_same_movements(movements, tmp_path):
    tensors = {name: torch.from_numpy(m).float() for name, m in movements.items()}
    torch.save(tensors, tmp_path / "a.pt")
    full = {
        n: {"name": n, "text": "regen", "gloss": "REGEN", "poses_3d": t, "speaker": "1"}
        for n, t in tensors.items()
    }
    torch.save(full, tmp_path / "full.pt")
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({n: t.numpy() for n, t in tensors.items()}))
    (tmp_path / "a.json").write_text(json.dumps({n: t.tolist() for n, t in tensors.items()}))
    for name in ("a.pt", "full.pt", "a.pkl", "a.json"):
        found = read_submission(tmp_path / name)
        assert list(found) == list(movements)
        for key, signed in found.items():
            assert np.array_equal(signed.joints, tensors[key].numpy())
    assert read_submission(tmp_path / "full.pt")["s-0"].text == "regen"


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


@pytest.mark.parametrize("suffix", [".pt", ".pkl"])
def test_code_in_a_file_is_never_run(tmp_path, suffix):
    path = tmp_path / f"evil{suffix}"
    if suffix == ".pt":
        torch.save({"a": Evil()}, path)
    else:
        path.write_bytes(pickle.dumps({"a": Evil()}))
    with pytest.raises(DatasetError, match="evil"):
        read_submission(path)


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text('{"a": {"text": "x"}}')
    (tmp_path / "c.json").write_text('{"a": [[1, 2], [3]]}')
    (tmp_path / "d.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, told in (
        ("a.json", "readable JSON"),
        ("b.json", "poses_3d"),
        ("c.json", "no array of numbers"),
        ("d.txt", "predictions are"),
        ("empty", "no .pose file"),
        ("nowhere.pt", "no such file"),
    ):
        with pytest.raises(DatasetError, match=told):
            read_submission(tmp_path / name)


def test_faults_are_found_one_by_one(movements):
    good = as_signed(movements)
    assert problems(good, names=list(good)) == []
    one = good["s-0"].joints
    broken = {
        "nan": np.where(np.arange(178)[:, None] == 3, np.nan, one),
        "none": one[:0],
        "still": np.zeros_like(one),
        "pixels": one * 1e4,
        "flat": one[..., :2],
        "long": np.repeat(one, 30, 0),
    }
    found = {n: Signed(joints=j.astype(np.float32)) for n, j in broken.items()}
    told = problems(found, lengths={"long": len(one)})
    for name, fault in (
        ("nan", "no numbers"),
        ("none", "no frames"),
        ("still", "at the origin"),
        ("pixels", "pixels"),
        ("flat", r"not (frames, 178, 3)"),
        ("long", "240 frames, where the reference has 8"),
    ):
        assert [line for line in told if line.startswith(f"{name}:") and fault in line], name
    assert problems({"x": good["s-0"]}, names=["y"]) == [
        "1 sentences are missing, such as y",
        "1 names are not asked for, such as x",
    ]


class Parrot:
    """Reads every movement as the same sentence, and remembers how long they were."""

    def translate(self, movements):
        self.lengths = [len(m) for m in movements]
        return ["regen im süden"] * len(movements)

    def features(self, movements):
        return np.stack([m.mean((0, 1)) for m in movements])


def test_only_25_frames_a_second_are_halved(movements):
    truth = as_signed(movements)
    reader = Parrot()
    same = signing.score(truth, truth, reader)
    assert same.dtw_mje == 0 and same.distance == 1 and same.duration == 1
    assert reader.lengths == [4, 5, 5] and same.frechet == pytest.approx(0, abs=1e-9)
    assert same.bleu[0] == pytest.approx(200 / 3) and len(same.row()) == 10
    halved = {n: Signed(joints=s.joints[::2]) for n, s in truth.items()}
    assert signing.score(halved, truth, fps=12).dtw_mje == 0
    assert signing.score(truth, truth, fps=24).duration == pytest.approx(np.mean([2, 9 / 5, 2]))
    with pytest.raises(DatasetError, match="missing"):
        signing.score({}, truth)
    silent = as_signed(movements, text="")
    with pytest.raises(DatasetError, match="no text"):
        signing.score(truth, silent, reader)


def test_the_published_rows_are_there():
    board = signing.leaderboard()
    assert board.rows["USTC-MoE"][0] == 34.85 and len(board.columns) == 10
    assert signing.leaderboard("hidden-test").rows["hfut-lmc"][7] == 0.0492
    with pytest.raises(ConfigError, match="known: phoenix14t-test"):
        signing.leaderboard("nowhere")


def test_the_skeleton_has_the_challenge_order():
    names = skeleton("holistic178").joints
    assert len(names) == len(set(names)) == 178
    assert names[:8] == (
        *("right_shoulder", "right_elbow", "right_wrist"),
        *("left_shoulder", "left_elbow", "left_wrist", "right_hip", "left_hip"),
    )
    assert names[8] == "right_hand_wrist" and names[12] == "right_thumb_tip"
    assert names[29] == "left_hand_wrist" and names[49] == "left_pinky_tip"


@has_data
def test_a_folder_of_reduced_pose_files_becomes_the_challenge_layout():
    found = read_submission(SIGNS)
    assert {n: s.joints.shape for n, s in found.items()} == {
        "essen": (73, 178, 3),
        "kinder": (45, 178, 3),
        "kleine": (68, 178, 3),
        "pizza": (53, 178, 3),
    }
    pose = read(SIGNS / "kinder.pose")[0]
    joints = found["kinder"].joints
    for place, name in ((0, "right_shoulder"), (5, "left_wrist"), (8, "right_hand_wrist")):
        assert np.array_equal(joints[:, place], pose.joints[:, pose.skeleton.index(name)])
    assert np.array_equal(joints[:, 49], pose.joints[:, pose.skeleton.index("left_pinky_tip")])


def test_the_commands_check_and_score(movements, tmp_path):
    data = {
        n: {"name": n, "text": "regen", "gloss": "REGEN", "poses_3d": torch.from_numpy(m).float()}
        for n, m in movements.items()
    }
    torch.save(data, tmp_path / "ref.pt")
    torch.save({n: d["poses_3d"] for n, d in data.items()}, tmp_path / "pred.pt")
    run = CliRunner(env={"COLUMNS": "200"})
    ref, pred = str(tmp_path / "ref.pt"), str(tmp_path / "pred.pt")
    checked = run.invoke(app, ["motion", "check", pred, "--reference", ref])
    assert checked.exit_code == 0 and "no problems" in checked.output
    scored = run.invoke(app, ["motion", "score", pred, ref])
    assert scored.exit_code == 0 and "USTC-MoE" in scored.output
    assert "no text measures" in scored.output
    figures = json.loads(run.invoke(app, ["motion", "score", pred, ref, "--json"]).output)
    assert figures["dtw_mje"] == 0 and figures["bleu"] is None
    torch.save({"x": data["s-0"]["poses_3d"]}, tmp_path / "bad.pt")
    bad = run.invoke(app, ["motion", "check", str(tmp_path / "bad.pt"), "--reference", ref])
    assert bad.exit_code == 3 and "3 sentences are missing" in bad.output


def test_a_reader_is_taught_saved_and_scores(movements, tmp_path):
    data = {
        n: {"name": n, "text": "regen im norden", "gloss": "REGEN NORD", "poses_3d": m.tolist()}
        for n, m in movements.items()
    }
    (tmp_path / "ref.json").write_text(json.dumps(data))
    run = CliRunner()
    ref, out = str(tmp_path / "ref.json"), str(tmp_path / "reader.safetensors")
    small = ("config.width=16", "config.heads=2", "config.layers=1", "config.inner=16")
    changes = [word for change in (*small, "plan.epochs=1") for word in ("--set", change)]
    taught = run.invoke(app, ["motion", "teach", "slrtp", ref, "--out", out, *changes])
    assert taught.exit_code == 0, taught.output
    scored = run.invoke(app, ["motion", "score", ref, ref, "--weights", out, "--json"])
    assert scored.exit_code == 0, scored.output
    assert json.loads(scored.output)["wer"] is not None
