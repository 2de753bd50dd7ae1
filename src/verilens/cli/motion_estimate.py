"""verilens motion estimate: poses out of a video, by a detector that the user has."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:  verilens motion estimate clip.mp4 --model rtmpose-m.onnx -o clip.pose   |   "
    "verilens motion estimate clip.mp4 --model pose_landmarker.task -o clip.json"
)


def estimate(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A film with a person in it.")],
    model: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="RTMPose as .onnx or MediaPipe as .task; nothing is downloaded.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="OUT", help="The poses to write.", show_default=False),
    ],
) -> None:
    """Find the poses in a video with a detector you have; it stays on this machine."""
    from rich.console import Console
    from rich.progress import track

    from verilens.errors import ConfigError
    from verilens.poses.estimate import Frames
    from verilens.poses.estimate import estimate as found
    from verilens.poses.read import WRITERS, write

    if out.suffix.lower() not in WRITERS or not out.parent.is_dir():
        raise ConfigError(f"cannot write {out}: name a file of {', '.join(WRITERS)} in a folder")

    def shown(frames: Frames, count: int) -> Frames:
        console = Console(stderr=True)
        return track(
            frames,
            video.name,
            count,
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    poses = found(video, model, shown)
    write(out, poses)
    frames, seen = len(poses[0]), (poses[0].confidence > 0).any(1).mean()
    typer.echo(
        f"{out}: {len(poses)} person{'s' * (len(poses) > 1)}, {poses[0].skeleton.name}, "
        f"{frames} frames, the first seen in {seen:.0%}"
    )
