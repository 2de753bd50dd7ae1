"""Perturbed copies of files. The file is decoded and encoded in a process of its own.

Nothing of an untrusted file is decoded here: the parent hands over paths and moves the finished
file to its place, so that a run that is killed leaves no half-written one.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from verilens.errors import MediaError
from verilens.media import wire
from verilens.media.names import shown
from verilens.media.opened import Limits
from verilens.media.perturb.apply import check_severity
from verilens.media.perturb.kinds import kind
from verilens.media.sandbox import Sandbox

LIMITS = Limits(seconds=600.0)  # encoding a video takes longer than looking at it


@dataclass(frozen=True, kw_only=True)
class Written:
    """One perturbed file.

    kind: "image" or "video". format: "PNG", "JPEG", "WEBP", or the encoder of the video; "" for a
    copy at severity 0. damaged: frames of the source that could not be decoded.
    """

    path: Path
    kind: str = ""
    format: str = ""
    width: int = 0
    height: int = 0
    frames: int = 0
    damaged: int = 0


class Perturber(Sandbox):
    """A process that writes perturbed copies of files; a context manager, as `Decoder`."""

    module = "verilens.media.perturb.child"

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits or LIMITS)

    def write(
        self, source: Path, target: Path, name: str, severity: int, *, seed: int, sample: str
    ) -> Written:
        """Write `source` under the perturbation `name` to `target`, exactly there.

        seed, sample: what is drawn depends on them, on the name and on the severity, and on
            nothing else. sample: the sample's id, or any name that stays the same.

        Raises MediaError when the source cannot be used; then nothing is written.
        """
        check_severity(severity)
        job = {"kind": kind(name).name, "severity": severity, "seed": seed, "sample": sample}
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        os.close(descriptor)
        try:
            facts = (
                self._copied(source, partial)
                if severity == 0
                else self._asked(source, partial, job)
            )
            os.chmod(partial, 0o666 & ~_umask())
            os.replace(partial, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(partial)
        return Written(path=target, **facts)  # type: ignore[arg-type]

    def _asked(self, source: Path, partial: str, job: Mapping[str, object]) -> dict[str, str | int]:
        paths = {"source": os.path.abspath(source), "target": os.path.abspath(partial)}
        line = json.dumps({**paths, "name": shown(source), "job": job}).encode() + b"\n"
        return self.ask(source, line, wire.receive_facts)

    @staticmethod
    def _copied(source: Path, partial: str) -> dict[str, str | int]:
        try:
            shutil.copyfile(source, partial)
        except OSError as error:
            raise MediaError("missing", f"{shown(source)}: cannot be read; check it") from error
        return {}


def perturb_file(source: Path, target: Path, name: str, severity: int, seed: int = 0) -> Written:
    """Write one file under a perturbation; for many, keep a `Perturber`.

    The sample's name is that of the source without its folder.
    """
    with Perturber() as perturber:
        return perturber.write(source, target, name, severity, seed=seed, sample=source.name)


def suffix(name: str, severity: int, is_video: bool) -> str:
    """Return the suffix that fits what is written, e.g. ".jpg"."""
    from verilens.media.perturb.codecs import LOSSLESS, StillCodec

    if is_video:
        return ".mp4"
    codec = kind(name).compression(max(1, severity))
    return codec.suffix if isinstance(codec, StillCodec) else LOSSLESS.suffix


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
