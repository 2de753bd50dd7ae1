"""Poses out of a film: a real detector network of one dot, run by ONNX Runtime on a real film."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from verilens.errors import MediaError, MissingExtra, MissingWeights
from verilens.poses.estimate import MAX_FRAMES, cut, estimate, joints_of, landmarks, load, placed


def film(path, places, size=(320, 240), fps=30):
    """Write a black film with a white square around each place."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for x, y in places:
            frame = np.zeros((size[1], size[0], 3), np.uint8)
            frame[max(y - 6, 0) : y + 6, max(x - 6, 0) : x + 6] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def dot_network(path, joints=17):
    """Write a network whose joint 7 lies where a picture, smoothed twice, is brightest.

    The others stand around it on a grid.
    """
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    def node(kind, inputs, output, **about):
        return helper.make_node(kind, inputs.split(), [output], **about)

    down = {"kernel_shape": [61, 1], "pads": [30, 0, 30, 0]}
    across = {"kernel_shape": [1, 61], "pads": [0, 30, 0, 30]}
    nodes = [node("ReduceMean", "input colours", "s0", keepdims=1)]
    for step, pool in enumerate((down, across, down, across)):
        nodes.append(node("AveragePool", f"s{step}", f"s{step + 1}", **pool))
    numbers = {"colours": [1]}
    for name, other, side in (("x", 2, 192), ("y", 3, 256)):
        numbers |= {f"{name}1": [1, other], f"{name}2": [1, side, 1], f"{name}3": [1, 1, 2]}
        numbers |= {f"{name}4": [1, 1, 2 * side], f"{name}5": [1, joints, 1]}
        nodes += [
            node("ReduceMax", f"s4 {name}1", f"{name}_max", keepdims=0),
            node("Add", f"{name}_max black", f"{name}_light"),
            node("Add", f"{name}_light half", f"{name}_more"),  # half sure at this light
            node("Div", f"{name}_light {name}_more", f"{name}_sure"),
            node("Reshape", f"{name}_sure {name}2", f"{name}_long"),
            node("Tile", f"{name}_long {name}3", f"{name}_two"),  # two bins a pixel
            node("Reshape", f"{name}_two {name}4", f"{name}_wide"),
            node("Tile", f"{name}_wide {name}5", f"{name}_each"),
            node("GatherElements", f"{name}_each {name}6", f"simcc_{name}", axis=2),
        ]
    held = [helper.make_tensor(k, TensorProto.INT64, [len(v)], v) for k, v in numbers.items()]
    for name, side, shifts in (
        ("x", 192, [70 * (joint % 5 - 2) for joint in range(joints)]),
        ("y", 256, [90 * (joint // 5 - 1) for joint in range(joints)]),
    ):
        bins = np.arange(2 * side) - np.array(shifts)[:, None]
        bins = bins.clip(0, 2 * side - 1)[None]
        held.append(helper.make_tensor(f"{name}6", TensorProto.INT64, bins.shape, bins.ravel()))
    held.append(helper.make_tensor("black", TensorProto.FLOAT, [1], [1.98602]))
    held.append(helper.make_tensor("half", TensorProto.FLOAT, [1], [0.02]))
    entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 256, 192])
    exits = [
        helper.make_tensor_value_info(f"simcc_{name}", TensorProto.FLOAT, [1, joints, 2 * side])
        for name, side in (("x", 192), ("y", 256))
    ]
    graph = helper.make_graph(nodes, "dot", [entry], exits, held)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def test_a_dot_is_followed_through_a_film(tmp_path):
    pytest.importorskip("onnxruntime")
    places = [(60 + 3 * n, 80 + 2 * n) for n in range(12)]
    film(tmp_path / "a.mp4", places)
    dot_network(tmp_path / "dot.onnx")
    (pose,) = estimate(tmp_path / "a.mp4", tmp_path / "dot.onnx")
    assert pose.skeleton.name == "coco17" and pose.size == (320, 240)
    assert (len(pose), pose.fps, pose.units) == (12, 30, "px")
    assert pose.confidence[:, 7].min() > 0.5
    away = np.abs(pose.joints[:, 7] - places).max(1)
    assert away[0] < 6 and away[1:].max() < 2  # at first the whole picture is the box


def test_the_box_is_placed_in_the_middle_and_back():
    matrix = placed(np.array([100.0, 50, 200, 250]), (192, 256))
    corners = np.array([[100, 50, 1], [200, 250, 1], [150, 150, 1]]) @ matrix.T
    assert corners[2].tolist() == [96, 128]
    assert corners[1, 1] - corners[0, 1] == pytest.approx(256 / 1.25)
    frame = np.zeros((300, 300, 3), np.uint8)
    frame[150, 150] = 255
    bright = cut(frame, matrix, (192, 256)).sum(0)
    assert np.unravel_index(bright.argmax(), bright.shape) == (128, 96)


def test_bins_and_heat_maps_give_the_same_place():
    x, y = np.zeros((1, 2, 384)), np.zeros((1, 2, 512))
    x[0, :, 100], y[0, :, 40] = 0.9, 0.7
    maps = np.zeros((1, 2, 64, 48))
    maps[0, :, 5, 12] = 0.7
    assert joints_of([x, y], (192, 256))[0].tolist() == [50, 20, 0.7]
    assert joints_of([maps], (192, 256))[0].tolist() == [48, 20, 0.7]


def point(x, y):
    return SimpleNamespace(x=x, y=y, z=0.5, visibility=None)


def test_landmarks_of_mediapipe_become_pixels():
    person = [point(0.5, 0.25)] * 33
    (one,) = landmarks(SimpleNamespace(pose_landmarks=[person]), "Pose", 640, 480)
    assert one.shape == (33, 4) and one[0].tolist() == [320, 120, 320, 1]
    parts = {"pose_landmarks": person, "face_landmarks": [], "left_hand_landmarks": []}
    result = SimpleNamespace(**parts, right_hand_landmarks=[point(1, 1)] * 21)
    (whole,) = landmarks(result, "Holistic", 640, 480)
    assert whole.shape == (543, 4) and whole[33:522].any() == 0 and whole[-1, 0] == 640
    assert landmarks(SimpleNamespace(hand_landmarks=[]), "Hand", 640, 480) == []


def test_without_a_model_nothing_is_guessed(tmp_path):
    with pytest.raises(MissingWeights, match="no model at"):
        load(tmp_path / "rtmpose.onnx")
    (tmp_path / "a.pth").write_bytes(b"weights")
    with pytest.raises(MissingWeights, match=r"\.onnx and \.task"):
        load(tmp_path / "a.pth")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "a.onnx").write_bytes(b"no model" * 100)
    with pytest.raises(MissingWeights, match="does not take it"):
        load(tmp_path / "a.onnx")


def test_mediapipe_that_is_not_installed_is_named(tmp_path):
    try:
        import mediapipe  # noqa: F401
    except ImportError:
        (tmp_path / "a.task").write_bytes(b"task")
        with pytest.raises(MissingExtra, match="pip install mediapipe"):
            load(tmp_path / "a.task")


class Tasks:
    """What is used of `mediapipe.tasks.python.vision`; the only model there is finds hands."""

    def __init__(self):
        self.closed = 0
        self.RunningMode = SimpleNamespace(VIDEO="video")
        for kind in ("Pose", "Hand", "Holistic"):
            setattr(self, f"{kind}LandmarkerOptions", SimpleNamespace)
        for kind, error in (("Pose", FileNotFoundError), ("Holistic", ValueError)):
            setattr(self, f"{kind}Landmarker", self.landmarker(error))
        self.HandLandmarker = self.landmarker(None)

    def landmarker(self, error):
        def create(options):
            if error:
                raise error("of another kind")
            hand = [point(0.5, 0.5)] * 21
            result = SimpleNamespace(hand_landmarks=[hand][: options.num_hands])
            return SimpleNamespace(detect_for_video=lambda *_: result, close=self.close)

        return SimpleNamespace(create_from_options=create)

    def close(self):
        self.closed += 1


def test_a_task_is_told_by_what_takes_it_and_closed(tmp_path, monkeypatch):
    tasks = Tasks()
    image = SimpleNamespace(Image=lambda **_: None, ImageFormat=SimpleNamespace(SRGB=1))
    python = SimpleNamespace(BaseOptions=SimpleNamespace, vision=tasks)
    monkeypatch.setitem(sys.modules, "mediapipe", image)
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", python)
    (tmp_path / "a.task").write_bytes(b"task")
    film(tmp_path / "a.mp4", [(20, 20)] * 3)
    told = []
    (hand,) = estimate(
        tmp_path / "a.mp4", tmp_path / "a.task", lambda frames, n: told.append(n) or frames
    )
    assert hand.skeleton.name == "hand21" and len(hand) == 3 and told == [3]
    assert tasks.closed == 1


def test_films_without_anybody_and_pictures_say_so(tmp_path):
    pytest.importorskip("onnxruntime")
    from PIL import Image

    dot_network(tmp_path / "dot.onnx", joints=33)
    film(tmp_path / "dark.mp4", [(0, -500)] * 3)
    with pytest.raises(MediaError, match="nobody was found in 3 frames"):
        estimate(tmp_path / "dark.mp4", tmp_path / "dot.onnx")
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match="no movement"):
        estimate(tmp_path / "a.png", tmp_path / "dot.onnx")
    assert MAX_FRAMES >= 3000
