"""Presentation attacks in a live stream: faces judged while they stand before the camera.

    frame -> every Nth: faces -> every Mth: score -> running mean of each person -> decision

Neighbouring frames of a camera say nearly the same, so most are skipped: faces are looked for in
one of `Pace.look`, and scored in one of `Pace.score`; in between the last answer stands. Whatever
the network takes, a frame that comes while nothing is due costs nothing.

    gate = open_gate()
    for time_s, rgb in camera:
        for seen in gate.see(time_s, rgb):
            ...  # seen.track, seen.decision, seen.probability, seen.box
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import ConfigError
from verilens.media import faces
from verilens.media.faces import Face
from verilens.media.opened import LEAST_FACE_PX, PEOPLE
from verilens.media.people import cutout
from verilens.options import of_task
from verilens.records import Box, Decision

if TYPE_CHECKING:
    from verilens.verify.calibrate import Fit
    from verilens.verify.detector import Detector

Pixels = NDArray[np.uint8]
SAME = 0.3  # overlap of two boxes from one look to the next that are one person


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much of a stream is looked at.

    look, score: one frame of so many is searched for faces, and scored. memory_s: how long a score
    bears on the decision; it fades by half in this time. least: scores before anything is decided.
    """

    look: int = 6
    score: int = 3
    memory_s: float = 1.0
    least: int = 3

    def __post_init__(self) -> None:
        if min(self.look, self.score, self.least) < 1 or self.memory_s <= 0:
            raise ConfigError("a pace counts in whole frames from 1 on, and remembers for a while")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One face as it stands now. probability: of an attack; 0.5 until something is known.

    decision: "fake" is an attack, "genuine" a bona fide presentation. why: of "unsure", in words.
    """

    track: int
    box: Box
    decision: Decision
    probability: float
    why: str = ""


@dataclass
class _Person:
    """What is known of one face: where it was last, and the fading sum of its logits."""

    track: int
    face: Face
    total: float = 0.0
    weight: float = 0.0
    scores: int = 0
    at_s: float = field(default=0.0)

    def add(self, time_s: float, logit: float, memory_s: float) -> None:
        fading = 0.5 ** (max(0.0, time_s - self.at_s) / memory_s) if self.scores else 0.0
        self.total, self.weight = self.total * fading + logit, self.weight * fading + 1
        self.scores, self.at_s = self.scores + 1, time_s


class Gate:
    """Judges the faces of one stream. Not for several threads at once."""

    def __init__(self, detector: "Detector", fit: "Fit | None", pace: Pace | None = None) -> None:
        """fit: the calibrated model; None where these weights have none, so nothing is decided."""
        faces.require()
        self.detector, self.fit, self.pace = detector, fit, pace or Pace()
        self._people: list[_Person] = []
        self._small_px = 0
        self._frames = self._tracks = 0

    def see(self, time_s: float, frame: Pixels) -> tuple[Seen, ...]:
        """Return the faces in front of the camera, largest first; none when nobody is there.

        time_s: rising. frame: RGB, (H, W, 3) uint8.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ConfigError(f"a frame must be (H, W, 3) uint8, not {frame.shape} {frame.dtype}")
        number, self._frames = self._frames, self._frames + 1
        is_look, is_score = number % self.pace.look == 0, number % self.pace.score == 0
        if is_look or (is_score and self._people):
            picture = Image.fromarray(frame)
            if is_look:
                self._look(picture)
            if is_score and self._people:
                self._score(time_s, picture)
        return tuple(self._said(person) for person in self._people)

    @property
    def small_px(self) -> int:
        """Return the size of the largest face that is too small to be judged, 0 for none."""
        return self._small_px

    def _look(self, picture: Image.Image) -> None:
        """Find the faces and tell who was there before; whoever is gone is forgotten."""
        found = faces.find(picture)
        small = [face.side for face in found if face.side < LEAST_FACE_PX]
        self._small_px = round(max(small, default=0))
        known, self._people = self._people, []
        for face in [face for face in found if face.side >= LEAST_FACE_PX][:PEOPLE]:
            before = _nearest(face, known)
            if before is None:
                self._tracks += 1
                before = _Person(self._tracks, face)
            else:
                known.remove(before)
            before.face = face
            self._people.append(before)

    def _score(self, time_s: float, picture: Image.Image) -> None:
        view = self.detector.config.view
        boxes = [cutout(person.face, view, picture.size) for person in self._people]
        side = (view.size, view.size)
        crops = [np.asarray(picture.resize(side, Image.Resampling.BICUBIC, box)) for box in boxes]
        for person, logit in zip(
            self._people, self.detector.crop_logits(np.stack(crops)).tolist(), strict=True
        ):
            person.add(time_s, logit, self.pace.memory_s)

    def _said(self, person: _Person) -> Seen:
        from verilens.verify.fuse import decide

        left, top, right, bottom = person.face.box
        box = (int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom)))
        if person.scores < self.pace.least:
            why = f"looked at {person.scores} of {self.pace.least} times"
            return Seen(track=person.track, box=box, decision="unsure", probability=0.5, why=why)
        logit = person.total / person.weight
        if self.fit is None:
            chance = float(1 / (1 + np.exp(-logit)))
            why = "these weights are not calibrated"
            return Seen(track=person.track, box=box, decision="unsure", probability=chance, why=why)
        fused = float(self.fit.logits({self.detector.name: logit})[0])
        chance = float(1 / (1 + np.exp(-fused)))
        decision = decide(chance, self.fit, shift=0.0, abstain=False)
        return Seen(track=person.track, box=box, decision=decision, probability=chance)


def _nearest(face: Face, known: Sequence[_Person]) -> _Person | None:
    if not known:
        return None
    boxes = np.array([person.face.box for person in known], np.float64)
    shared = faces.overlaps(np.array(face.box, np.float64), boxes)
    best = int(shared.argmax())
    return known[best] if shared[best] >= SAME else None


class News(NamedTuple):
    """What changed before the camera. gone: the person is not there any more."""

    time_s: float
    seen: Seen
    gone: bool = False


def news(gate: Gate, frames: Iterable[tuple[float, Pixels]]) -> Iterator[News]:
    """Yield whoever comes, is decided about otherwise than before, or goes.

    frames: rising seconds, and RGB (H, W, 3) uint8.
    """
    here: dict[int, Seen] = {}
    for time_s, frame in frames:
        now = {seen.track: seen for seen in gate.see(time_s, frame)}
        for track, seen in here.items():
            if track not in now:
                yield News(time_s, seen, gone=True)
        for track, seen in now.items():
            if track not in here or here[track].decision != seen.decision:
                yield News(time_s, seen)
        here = now


def open_gate(method: str | None = None, pace: Pace | None = None) -> Gate:
    """Return a gate with a method that looks for presentation attacks, on one core.

    method: a name, or "name=weights"; None takes the first that comes with weights. MissingExtra
    when nothing here can find faces, ConfigError when the method does not look at faces.
    """
    from verilens.verify.calibrate import best_fit
    from verilens.verify.panel import assemble, reads_faces, single_threaded

    single_threaded()
    panel = assemble(of_task("spoof", (method,) if method else None)[:1])
    (detector,) = panel.detectors
    if not reads_faces(detector):
        raise ConfigError(f"{detector.name} does not look at faces one by one")
    is_own = detector.name not in panel.uncalibrated
    fit = best_fit("video", frozenset({detector.name}), "spoof") if is_own else None
    return Gate(detector, fit, pace)
