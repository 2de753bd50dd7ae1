"""Live streams: frames are skipped, persons kept apart, and nothing is decided too soon."""

import json

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from face_maker import figure, put, room
from verilens.cli import app
from verilens.errors import ConfigError, MediaError
from verilens.live import Gate, Pace, news, open_gate
from verilens.media import faces
from verilens.media.camera import frames
from verilens.verify.calibrate import Fit
from verilens.verify.minifasnet.config import Config
from verilens.verify.minifasnet.model import MiniFASNet

pytestmark = pytest.mark.skipif(faces.weights() is None, reason=f"needs {faces.INSTALL}")

FIT = Fit(
    methods=("minifasnet",),
    centre=np.array([0.0]),
    spread=np.array([1.0]),
    draws=np.array([[0.0, 1.0]]),
    alarm=0.9,
    doubt=0.7,
    clear=0.3,
)


class Bright(MiniFASNet):
    """Takes bright crops for attacks; counts what it was asked."""

    def __init__(self) -> None:
        super().__init__(Config.tiny())
        self.asked = 0
        self.eval()

    def forward(self, frames: Tensor) -> Tensor:
        self.asked += len(frames)
        return 40 * (frames.mean((1, 2, 3)) - 0.5)


def scene(light=0, where=(160, 120), side=90):
    picture = put(room((320, 240)), figure(), where, side).astype(int) + light
    return np.clip(picture, 0, 255).astype(np.uint8)


def watch(gate, frames, step_s=1 / 30):
    return [gate.see(n * step_s, frame) for n, frame in enumerate(frames)]


def test_most_frames_are_skipped(monkeypatch):
    looks = []
    find = faces.find
    monkeypatch.setattr(faces, "find", lambda *asked: looks.append(1) or find(*asked))
    detector = Bright()
    gate = Gate(detector, FIT, Pace(look=6, score=3))
    seen = watch(gate, [scene()] * 24)
    assert len(looks) == 4 and detector.asked == 8
    assert all(len(now) == 1 for now in seen) and {now[0].track for now in seen} == {1}


def test_nothing_is_decided_before_it_was_looked_at_often_enough():
    seen = watch(Gate(Bright(), FIT, Pace(look=1, score=1, least=3)), [scene(120)] * 4)
    assert [now[0].decision for now in seen] == ["unsure", "unsure", "fake", "fake"]
    assert seen[0][0].why == "looked at 1 of 3 times" and seen[0][0].probability == 0.5


def test_an_attack_that_comes_later_is_noticed_within_a_second():
    gate = Gate(Bright(), FIT, Pace(look=2, score=2, memory_s=0.3))
    seen = watch(gate, [scene(-60)] * 30 + [scene(140)] * 30)
    assert seen[29][0].decision == "genuine" and seen[59][0].decision == "fake"


def test_persons_are_kept_apart_and_forgotten_when_they_go():
    two = put(scene(where=(80, 120), side=80), figure(90), (240, 120), 70)
    gate = Gate(Bright(), FIT, Pace(look=1, score=1))
    seen = watch(gate, [two, two, room((320, 240)), two])
    assert [len(now) for now in seen] == [2, 2, 0, 2]
    assert {s.track for s in seen[1]} == {1, 2} and {s.track for s in seen[3]} == {3, 4}


def test_a_face_too_small_is_said_and_not_judged():
    gate = Gate(Bright(), FIT, Pace(look=1, score=1))
    assert gate.see(0.0, put(room((300, 300)), figure(), (150, 150), 22)) == ()
    assert 12 < gate.small_px < 32


def test_weights_without_calibration_decide_nothing():
    seen = watch(Gate(Bright(), None, Pace(look=1, score=1, least=1)), [scene(120)])
    assert seen[0][0].decision == "unsure" and "not calibrated" in seen[0][0].why


def test_the_shipped_gate_opens():
    gate = open_gate(pace=Pace(least=1))
    (seen,) = gate.see(0.0, scene())
    assert gate.fit is not None and seen.box[0] < 160 < seen.box[2]
    assert torch.get_num_threads() == 1


def test_wrong_frames_and_paces_are_refused():
    with pytest.raises(ConfigError, match="uint8"):
        Gate(Bright(), FIT).see(0.0, np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match="whole frames"):
        Pace(look=0)
    with pytest.raises(ConfigError, match="task spoof"):
        open_gate("npr")


def test_news_are_who_comes_what_changes_and_who_goes():
    gate = Gate(Bright(), FIT, Pace(look=1, score=1, least=2))
    shown = [scene(120)] * 3 + [room((320, 240))] * 2
    told = list(news(gate, ((n / 10, frame) for n, frame in enumerate(shown))))
    assert [(item.time_s, item.seen.decision, item.gone) for item in told] == [
        (0.0, "unsure", False),
        (0.1, "fake", False),
        (0.3, "fake", True),
    ]


def film(path, count=20):
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(count):
        out.write(np.ascontiguousarray(scene()[..., ::-1]))
    out.release()
    return path


def test_a_film_stands_in_for_a_camera(tmp_path):
    shown = list(frames(str(film(tmp_path / "film.avi", 3))))
    assert [time_s for time_s, _ in shown] == pytest.approx([0, 0.1, 0.2])
    assert np.abs(shown[0][1].astype(int) - scene()).mean() < 4  # RGB, not BGR
    with pytest.raises(MediaError, match="no such file"):
        next(frames(str(tmp_path / "absent.avi")))
    (tmp_path / "text.avi").write_text("no film")
    with pytest.raises(MediaError, match="cannot be opened"):
        next(frames(str(tmp_path / "text.avi")))


def test_the_camera_command_prints_a_line_for_each_change(tmp_path):
    path = str(film(tmp_path / "film.avi"))
    said = CliRunner().invoke(app, ["camera", path, "--json", "--seconds", "1.5"])
    told = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.exit_code == 0 and [item["track"] for item in told] == [1] * len(told)
    assert told[0]["decision"] == "unsure" and "looked at 1 of 3" in told[0]["why"]
    assert all(item["time_s"] < 1.5 and len(item["box"]) == 4 for item in told)
    shown = CliRunner().invoke(app, ["camera", path]).stdout
    assert "person 1" in shown and "looked at" in shown
