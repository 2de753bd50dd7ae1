"""Lifting and filling on real movement that was not trained on, as tables in Markdown.

    python benchmarks/motion_lift.py [--data ../shared/data/motion] [--cameras 4] [--quick]

lifting   CMU motion capture, the test sequences, seen by cameras drawn at random; as seen, with
          noise, and with joints lost
cmu       gaps cut into the same sequences, filled
nw_ucla   gaps in Kinect recordings of ten people, none of whom trained anything
Networks are the shipped weights. --quick reads less: one camera, every fourth gap. --only prints
some of the three, --gaps other lengths of gaps.
"""

import argparse
import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from verilens import catalog, weights
from verilens.bench import filling, lifting
from verilens.bench.metrics.intervals import Interval
from verilens.motion.fillers import SIMPLE, Fills, KeepsBones
from verilens.motion.lifter import Window
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.poses.cameras import Rig
from verilens.poses.convert import convert
from verilens.poses.packs import Labelled, packed
from verilens.records import Pose
from verilens.train.lifting import Filmed, Views, every, shots
from verilens.train.starter.movement import training

FAST = ("basketball", "jumping", "soccer")
LIFTERS = ("temporal_conv", "g_sformer")
CONTEXT, GAPS = 10, (5, 10, 20, 30)
KEPT = "cubic, bones kept"
PARTS = ("lifting", "cmu", "nw_ucla")
PEOPLE_EVERY = 12  # gaps of the large set
Movement = tuple[str, str, Pose]
KEPT_EVERY = 4  # of --quick


class Seen(NamedTuple):
    """How joints are given. px: noise. loss: chance of each joint to be missing."""

    title: str
    px: float = 0.0
    loss: float = 0.0


GIVEN = (Seen("as seen"), Seen("5 px of noise", 5.0), Seen("10 % of joints lost", loss=0.1))


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/motion"))
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--gaps", nargs="+", type=int, default=GAPS, help="Frames.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    clips = list(packed(given.data, "cmu_mocap"))
    keep = KEPT_EVERY if given.quick else 1
    for part in given.only:
        if part == "lifting":
            lift_tables(given.data, clips, 1 if given.quick else given.cameras)
        else:
            fill_tables(given.data, clips, keep, part, given.gaps)
    print(f"\n{(time.process_time() - begun) / 60:.1f} minutes of one core")


def lift_tables(root: Path, clips: Sequence[Labelled], cameras: int) -> None:
    """Print a table of lifters for every way in which joints are given."""
    filmed = Filmed(
        [convert(pose, "h36m17") for pose in training(root)], Window(frames=1), Views(), 256, 80
    )
    lifters: dict[str, lifting.Lifts] = {
        "mean pose": lifting.Linear.mean(filmed),
        "linear, frame by frame": lifting.Linear.fit(filmed),
    }
    shipped = [name for name in LIFTERS if weights.available(catalog.card(name))]
    lifters |= {f"`{name}`": catalog.load(name) for name in shipped}
    test = [(c.name, convert(every(c.pose, 2), "h36m17")) for c in clips if c.split == "test"]
    over = shots(test, Rig(), cameras)
    frames = sum(len(shot.seen) for shot in over)
    print(f"lifting: {len(test)} sequences, {cameras} cameras each, {frames:,} frames\n")
    for seen in GIVEN:
        rows = {
            name: lifting.judged(lifter, over, seen.px, seen.loss)
            for name, lifter in lifters.items()
        }
        head = [seen.title, *lifting.METRICS]
        table(head, ([n, *(told(r.figure(m)) for m in lifting.METRICS)] for n, r in rows.items()))


def fill_tables(
    root: Path, clips: Sequence[Labelled], keep: int, of: str, gaps: Sequence[int]
) -> None:
    """Print a table of fillers for each length of the gap, on one set."""
    network = catalog.load("stgcdiff")
    assert isinstance(network, StgcDiff)
    known = training(root)
    if of == "cmu":
        movements = [(c.name, c.action, every(c.pose, 2)) for c in clips if c.split == "test"]
    else:
        people = packed(root, "nw_ucla")
        movements = [(f"subject {c.subject}", c.action, larger(c.pose)) for c in people]
        keep *= PEOPLE_EVERY
    for frames in gaps:
        fitted = filling.Fitted.fit(known, CONTEXT, frames)
        title = f"{of}, gaps of {frames}"
        fill_table(title, movements, fillers(network, fitted, movements), frames, keep)


def larger(pose: Pose) -> Pose:
    """Return a movement in metres as millimetres."""
    return dataclasses.replace(pose, joints=pose.joints * 1000)


def fill_table(
    title: str, movements: Sequence[Movement], using: Mapping[str, Fills], frames: int, keep: int
) -> None:
    """Print how fillers do on gaps of so many frames, of which every `keep`-th is kept."""
    body = movements[0][2].skeleton
    over = filling.cut(movements, CONTEXT, frames, 15)[::keep]
    fast = np.array([gap.kind in FAST for gap in over])
    rows = {name: filling.judged(filler, over, body.edges) for name, filler in using.items()}
    names = len({gap.name for gap in over})
    print(f"{title}: {len(over)} gaps of {names} movements or persons; put together hard, the jerk "
          f"of a seam is {filling.cut_hard(over):.1f} times that of real movement\n")  # fmt: skip
    head = [title, "error", *(["fast actions"] if fast.any() else ()), f"above {KEPT}"]
    lines = []
    for name, row in rows.items():
        errors = [row.figure("error"), *([row.figure("error", fast)] if fast.any() else ())]
        more = row._replace(error=row.error - rows[KEPT].error).figure("error")
        shares = [f"{row.figure(of).value:.2f}" for of in ("seam", "inner")]
        shares.append(f"{row.figure('spread').value:.3f}")
        lines.append([name, *map(told, [*errors, more]), *shares])
    table([*head, "jerk at seams", "jerk in gap", "spread of bones"], lines)


def fillers(network: StgcDiff, fitted: Fills, movements: Sequence[Movement]) -> Mapping[str, Fills]:
    """Return every filler by the name it has in a table."""
    body = movements[0][2].skeleton
    return {
        **SIMPLE,
        KEPT: KeepsBones(SIMPLE["cubic"], body),
        "fitted passage, bones kept": KeepsBones(fitted, body),
        "`stgcdiff`": network.fitted_to(body),
    }


def told(figure: Interval) -> str:
    """Return a figure as text."""
    digits = 3 if 0 < figure.value < 1 else 1
    return f"{figure.value:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


if __name__ == "__main__":
    main()
