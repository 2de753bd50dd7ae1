"""A page that plays a movement: one file, no network, opened from the disk.

`player.html` is the page; the movement stands in it as JSON, its coordinates as base64 of int16, so
that an hour of 17 joints stays below 20 MB.
"""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from verilens.poses.look import colour, edge_colour, shown
from verilens.poses.make import same_kind
from verilens.records import Pose

LARGEST = 32000
MISSING = -32768


def write_html(path: Path, poses: Sequence[Pose], title: str = "") -> None:
    """Write a page with scrubbing, speed, views and free rotation."""
    path.write_text(page(poses, title or path.stem), encoding="utf-8")


def page(poses: Sequence[Pose], title: str) -> str:
    """Return the page as text."""
    template = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    data = json.dumps(movement(poses), ensure_ascii=True).replace("<", "\\u003c")
    return template.replace("{{title}}", escape(title)).replace("{{movement}}", data)


def movement(poses: Sequence[Pose]) -> dict[str, object]:
    """Return what the page plays: places as int16 in the unit `unit`, -32768 where missing."""
    first = same_kind(poses)
    joints = np.stack(shown(poses))
    seen = np.stack([pose.confidence for pose in poses]) > 0
    every = joints[seen] if seen.any() else np.zeros((1, 3), np.float32)
    middle = (every.min(0) + every.max(0)) / 2
    unit = float(np.abs(every - middle).max()) / LARGEST or 1.0
    places = np.where(seen[..., None], np.round((joints - middle) / unit), MISSING)
    return {
        "fps": first.fps,
        "frames": len(first),
        "persons": len(poses),
        "skeleton": first.skeleton.name,
        "units": first.units,
        "unit": unit,
        "flat": first.joints.shape[2] == 2,
        "joints": first.skeleton.joints,
        "root": first.skeleton.root,
        "colours": [colour(joint) for joint in first.skeleton.joints],
        "edges": [[a, b, edge_colour(first, (a, b))] for a, b in first.skeleton.edges],
        "places": base64.b64encode(places.astype("<i2").tobytes()).decode("ascii"),
    }
