"""verilens data faces: which generated pictures are faces that look like photographs."""

import json as plain
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Example:  verilens data faces measured.csv --out kept.csv   (columns: id, and any of prompt, "
    "face, colour_variance, edge_density, style, accepted)"
)


def faces(
    measured: Annotated[
        Path, typer.Argument(metavar="CSV", help="What was measured of each picture.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the ids that stay, one a line.")
    ] = None,
    prompt: Annotated[float, typer.Option(min=0, max=1, help="Least prompt probability.")] = 0.5,
    face: Annotated[float, typer.Option(min=0, max=1, help="Least face confidence.")] = 0.9,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Choose realistic faces out of a prompt-to-picture collection, as Diffusion Deepfake did.

    Four filters one after the other: the prompt asks for a face, a face is found, it looks like a
    photograph, nobody rejected it. What was not measured is dropped and counted.
    """
    from verilens.cli.bench import grid, put
    from verilens.face_filter import Limits, keep, read

    kept, stages = keep(read(measured), Limits(prompt=prompt, face=face))
    if out:
        put(out, "".join(f"{candidate.id}\n" for candidate in kept))
    if json:
        found = {"kept": [c.id for c in kept], "stages": [asdict(stage) for stage in stages]}
        typer.echo(plain.dumps(found, indent=2))
        return
    rows = [(s.name, str(s.entered), str(s.kept), str(s.unmeasured)) for s in stages]
    grid(("filter", "entered", "kept", "not measured"), rows, (f"{len(kept)} pictures stay",))
