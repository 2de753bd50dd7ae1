"""Which detections of consecutive frames are the same person.

Detectors list the persons of a frame in any order. Each is followed to the nearest one of the frame
before, measured by the mean distance of the joints both have, nearest pairs first; a jump of more
than half the size of a person begins a new one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verilens.poses.make import MAX_PEOPLE

Floats = NDArray[np.float64]
JUMP = 0.5  # of the diagonal of the joints of a person
PATIENCE = 25  # frames after which somebody who left is somebody new


def followed(frames: Sequence[Sequence[Floats]]) -> list[Floats]:
    """Return one array (T, J, D + 1) a person, the last column confidence, 0 where not seen.

    frames: for each frame the persons in it, (J, D + 1) each.
    """
    people: list[dict[int, Floats]] = []
    last: list[tuple[int, Floats]] = []
    for number, found in enumerate(frames):
        matched = _match([(n, who) for n, who in last], found, number)
        for index, person in enumerate(found):
            at = matched.get(index)
            if at is None and len(people) < MAX_PEOPLE:
                people.append({})
                last.append((number, person))
                at = len(people) - 1
            if at is not None:
                people[at][number] = person
                last[at] = (number, person)
    shape = next((person.shape for found in frames for person in found), (0, 3))
    return [_filled(seen, len(frames), shape) for seen in people]


def _match(last: list[tuple[int, Floats]], found: Sequence[Floats], number: int) -> dict[int, int]:
    """Return which person (by number) each detection (by index) continues."""
    pairs = []
    for at, (when, before) in enumerate(last):
        if number - when <= PATIENCE:
            for index, person in enumerate(found):
                distance = _distance(before, person)
                if distance <= JUMP:
                    pairs.append((distance, at, index))
    taken: dict[int, int] = {}
    for _, at, index in sorted(pairs):
        if index not in taken and at not in taken.values():
            taken[index] = at
    return taken


def _distance(before: Floats, after: Floats) -> float:
    """Return the mean distance of common joints as a share of the person's size."""
    both = (before[:, -1] > 0) & (after[:, -1] > 0)
    if not both.any():
        return np.inf
    a, b = before[both, :-1], after[both, :-1]
    seen = before[before[:, -1] > 0, :-1]
    size = float(np.linalg.norm(np.ptp(seen, 0))) or 1.0
    return float(np.linalg.norm(a - b, axis=1).mean()) / size


def _filled(seen: dict[int, Floats], frames: int, shape: tuple[int, ...]) -> Floats:
    whole = np.zeros((frames, *shape))
    for number, person in seen.items():
        whole[number] = person
    return whole
