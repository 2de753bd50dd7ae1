"""Poses from a plain video, by a detector that the user has; nothing is ever downloaded.

Two kinds of model are taken by path: an ONNX file of RTMPose or another top-down detector with
SimCC or heat-map output, run by ONNX Runtime, and a .task file of MediaPipe (pose, hand or
holistic) where mediapipe is installed. The film is decoded in a process of its own.

RTMPose looks at one person: at the whole picture first, then at where the person was a frame ago.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError, MissingExtra, MissingWeights
from verilens.media.opened import Limits
from verilens.media.sandbox import Decoder
from verilens.poses.follow import Floats, followed
from verilens.poses.make import guessed, make_pose
from verilens.poses.skeletons import skeleton
from verilens.records import Pose, Skeleton, View

SIDE = 960  # longer side of the frames that are looked at
MAX_FRAMES = 3000
SECONDS = 600.0
MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # of ImageNet, as RTMPose was trained
SPREAD = np.array([58.395, 57.12, 57.375], np.float32)
PADDING = 1.25  # of a person's box
SMALLEST = 1 / 8  # of the picture, so that a wrong find can be left again
LEAST = 0.3  # confidence from which a joint says where the person is
ONNX = "pip install 'verilens[motion]'"
TASKS = {"Pose": "mediapipe33", "Hand": "hand21", "Holistic": "holistic543"}
MOST = {"Pose": {"num_poses": 4}, "Hand": {"num_hands": 8}, "Holistic": {}}  # MediaPipe's own is 1
MEDIAPIPE = "pip install mediapipe"

Pixels = NDArray[np.uint8]


class Detector(Protocol):
    """Finds the persons of one frame after the other."""

    skeleton: Skeleton
    three: bool  # whether joints have a depth

    def people(self, frame: Pixels, time_s: float) -> list[Floats]:
        """Return the joints of each person, (J, 2 or 3 and confidence), in pixels.

        frame: RGB (H, W, 3); time_s rises from call to call.
        """
        ...

    def close(self) -> None:
        """Give back what the detector holds."""
        ...


Frames = Iterable[tuple[Pixels, np.float64]]


def estimate(
    video: Path, model: Path, shown: Callable[[Frames, int], Frames] | None = None
) -> list[Pose]:
    """Return the poses of the persons in a video, in pixels of the upright film.

    shown: gives back the frames that it gets, so many, while it tells how far they are.

    Raises MissingWeights without the model, MissingExtra without what runs it, MediaError for a
    film that cannot be read or in which nobody is found.
    """
    with closing(load(model)) as detector:
        frames, times, fps, size = _film(video)
        scale = max(size) / max(frames.shape[1:3])
        moments: Frames = zip(frames, times, strict=True)
        if shown:
            moments = shown(moments, len(times))
        found = [detector.people(frame, float(time_s)) for frame, time_s in moments]
    persons = followed(found)
    if not persons:
        raise MediaError("no-frames", f"{video}: nobody was found in {len(frames)} frames")
    return [
        make_pose(
            values[..., :-1] * scale,
            values[..., -1],
            detector.skeleton,
            fps,
            units="px",
            frame="camera" if detector.three else "image",
            person=number,
            size=size,
        )
        for number, values in enumerate(persons)
    ]


def load(model: Path) -> Detector:
    """Return the detector in a file."""
    if not model.is_file():
        raise MissingWeights(
            f"no model at {model}; get an RTMPose .onnx or a MediaPipe .task file and name its path"
        )
    if model.suffix.lower() == ".onnx":
        return TopDown(model)
    if model.suffix.lower() == ".task":
        return MediaPipe(model)
    raise MissingWeights(f"{model}: detectors are read from .onnx and .task files")


class TopDown:
    """RTMPose and its like: one box in, joints as SimCC bins or heat maps out."""

    three = False

    def __init__(self, model: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtra(f"ONNX models need onnxruntime: {ONNX}") from error
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(model), settings, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise MissingWeights(f"{model}: ONNX Runtime does not take it ({error})") from error
        (entry,) = self._session.get_inputs()[:1]
        shape = [side if isinstance(side, int) else 0 for side in entry.shape]
        outputs = self._session.get_outputs()
        if len(shape) != 4 or shape[1] != 3 or len(outputs) not in (1, 2):
            raise MissingWeights(f"{model}: no detector of joints: input {entry.shape}")
        self._name = entry.name
        self.size = (shape[3] or 192, shape[2] or 256)  # width, height
        joints = outputs[0].shape[1]
        if not isinstance(joints, int):
            raise MissingWeights(f"{model}: it does not say how many joints it finds")
        self.skeleton = guessed(joints)
        self._box: Floats | None = None  # left, top, right, bottom, of the frame before

    def people(self, frame: Pixels, time_s: float) -> list[Floats]:
        """Return the one person the detector looks at; none when no joint is sure."""
        height, width = frame.shape[:2]
        box = np.array([0, 0, width, height], float) if self._box is None else self._box
        matrix = placed(box, self.size)
        found = joints_of(self._run(cut(frame, matrix, self.size)), self.size)
        person = np.concatenate([_back(found[:, :2], matrix), found[:, 2:]], 1)
        sure = person[person[:, 2] >= LEAST]
        self._box = None
        if len(sure) < 2:
            return []
        low, high = sure[:, :2].min(0), sure[:, :2].max(0)
        half = np.maximum(high - low, max(width, height) * SMALLEST) / 2
        self._box = np.concatenate([(low + high) / 2 - half, (low + high) / 2 + half])
        return [person]

    def close(self) -> None:
        """Do nothing: ONNX Runtime gives back by itself."""

    def _run(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = self._session.run(None, {self._name: picture[None]})
        return found


def placed(box: Floats, size: tuple[int, int]) -> Floats:
    """Return the (2, 3) matrix from pixels of the frame to those of the model's input.

    The box is widened to the input's shape and padded, its middle stays in the middle.
    """
    (left, top, right, bottom), (width, height) = box, size
    scale = 1 / (PADDING * max((right - left) / width, (bottom - top) / height))
    x, y = (left + right) / 2, (top + bottom) / 2
    return np.array([[scale, 0, width / 2 - scale * x], [0, scale, height / 2 - scale * y]])


def cut(frame: Pixels, matrix: Floats, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the model's input, (3, H, W), normalised."""
    import cv2

    cropped = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(((cropped - MEAN) / SPREAD).transpose(2, 0, 1), np.float32)


def joints_of(outputs: list[NDArray[np.float32]], size: tuple[int, int]) -> Floats:
    """Return x, y in pixels of the input and the confidence of each joint, (J, 3).

    outputs: SimCC (1, J, bins of x) and (1, J, bins of y), or heat maps (1, J, H, W).
    """
    width, height = size
    if len(outputs) == 2:
        x, y = (values[0] for values in outputs)
        sure = np.minimum(x.max(1), y.max(1))
        places = [x.argmax(1) * (width / x.shape[1]), y.argmax(1) * (height / y.shape[1])]
    else:
        maps = outputs[0][0]
        flat = maps.reshape(len(maps), -1)
        rows, columns = np.divmod(flat.argmax(1), maps.shape[2])
        sure = flat.max(1)
        places = [columns * (width / maps.shape[2]), rows * (height / maps.shape[1])]
    return np.stack([*places, np.clip(sure, 0, 1)], 1).astype(float)


def _back(points: Floats, matrix: Floats) -> Floats:
    return np.asarray((points - matrix[:, 2]) / matrix[[0, 1], [0, 1]])


class MediaPipe:
    """A .task file of MediaPipe Tasks: pose, hand, or holistic landmarks, told by what loads it."""

    three = True

    def __init__(self, model: Path) -> None:
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision
        except ImportError as error:
            raise MissingExtra(f".task models need mediapipe: {MEDIAPIPE}") from error
        self._image = mediapipe.Image
        self._format = mediapipe.ImageFormat.SRGB
        base, mode = BaseOptions(model_asset_path=str(model)), vision.RunningMode.VIDEO
        for kind, name in TASKS.items():
            options = getattr(vision, f"{kind}LandmarkerOptions")(
                base_options=base, running_mode=mode, **MOST[kind]
            )
            try:
                self._task = getattr(vision, f"{kind}Landmarker").create_from_options(options)
            except (RuntimeError, ValueError, OSError):  # a model of another kind
                continue
            self.kind, self.skeleton = kind, skeleton(name)
            return
        raise MissingWeights(f"{model}: mediapipe takes it for no pose, hand or holistic model")

    def people(self, frame: Pixels, time_s: float) -> list[Floats]:
        """Return the persons (or hands) that the task finds."""
        image = self._image(image_format=self._format, data=np.ascontiguousarray(frame))
        result = self._task.detect_for_video(image, round(time_s * 1000))
        return landmarks(result, self.kind, frame.shape[1], frame.shape[0])

    def close(self) -> None:
        """End the task, which else complains when Python does."""
        self._task.close()


def landmarks(result: Any, kind: str, width: int, height: int) -> list[Floats]:
    """Return the landmarks of a MediaPipe result in pixels, (J, 4) a person."""
    if kind == "Hand":
        groups = [[hand] for hand in result.hand_landmarks]
    elif kind == "Pose":
        groups = [[person] for person in result.pose_landmarks]
    else:
        parts = ("pose", "face", "left_hand", "right_hand")
        groups = [[getattr(result, f"{part}_landmarks") for part in parts]]
    counts = (33, 468, 21, 21) if kind == "Holistic" else (33 if kind == "Pose" else 21,)
    scale = np.array([width, height, width, 1.0])
    people = []
    for group in groups:
        found = [_points(part, count) for part, count in zip(group, counts, strict=True)]
        person = np.concatenate(found) * scale
        if person[:, 3].any():
            people.append(person)
    return people


def _points(points: Any, count: int) -> Floats:
    values = [[p.x, p.y, p.z, 1.0 if p.visibility is None else p.visibility] for p in points]
    return np.array(values[:count]) if len(values) >= count else np.zeros((count, 4))


def _film(path: Path) -> tuple[Pixels, NDArray[np.float64], float, tuple[int, int]]:
    """Return all frames of a film, scaled down to SIDE, their times, rate and upright size."""
    limits = Limits(max_moments=MAX_FRAMES, seconds=SECONDS)
    with Decoder(limits) as decoder:
        media = decoder.open(path, [], examined=False).media
        if media.kind != "video":
            raise MediaError("unsupported", f"{path}: a picture has no movement; give a video")
        count = media.frames or round((media.duration_s or 0) * (media.fps or 25))
        if count > MAX_FRAMES:
            raise MediaError("too-large", f"{path}: {count} frames; cut out at most {MAX_FRAMES}")
        view = View(size=SIDE, frames=max(count, 1), fit="contain", only="video")
        clip = decoder.open(path, [view], examined=False).clips[view]
    return clip.frames, clip.times_s, _rate(clip.times_s, media.fps), clip.size


def _rate(times: NDArray[np.float64], said: float | None) -> float:
    """Return the frames a second that the moments have; what the file says for a single one."""
    steps = np.diff(times)
    if len(steps) and float(np.median(steps)) > 0:
        return round(1 / float(np.median(steps)), 3)
    return said or 25.0
