"""Pictures and films made anew for showing: nothing of an upload is ever sent back as it came.

Decoded and encoded in a process of its own, as `media.perturb` does: a still becomes a JPEG, a film
an H.264 mp4 without sound, neither larger than a screen needs.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

from verilens.errors import MediaError
from verilens.media import wire
from verilens.media.names import shown
from verilens.media.opened import Limits
from verilens.media.sandbox import Sandbox

TYPES = ("image/jpeg", "video/mp4")


class Preview(NamedTuple):
    """What was written. type: its media type. frames: 1 for a still."""

    type: str
    width: int
    height: int
    frames: int


class Previewer(Sandbox):
    """A process that writes previews; a context manager, as `Decoder`."""

    module = "verilens.media.preview.child"

    def __init__(self, limits: Limits, budget_s: float) -> None:
        """budget_s: a film that takes longer to encode ends there."""
        super().__init__(limits)
        self.budget_s = budget_s

    def write(self, source: Path, target: Path) -> Preview:
        """Write the preview of a file to `target`. Raises MediaError; `target` may be left over."""
        paths = {"source": os.path.abspath(source), "target": os.path.abspath(target)}
        asked = {**paths, "name": shown(source), "budget_s": self.budget_s}
        facts = self.ask(source, json.dumps(asked).encode() + b"\n", wire.receive_facts)
        kind = str(facts.get("type"))
        if kind not in TYPES:
            raise MediaError("crashed", f"{shown(source)}: the decoder answered nonsense")
        width, height, frames = (int(facts.get(name, 0)) for name in ("width", "height", "frames"))
        return Preview(kind, width, height, frames)
