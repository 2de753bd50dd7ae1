"""verilens data spoof: pictures of people in, simulated presentation attacks and a manifest out."""

import json as plain
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.presented import Order

EXAMPLES = (
    "Examples:  verilens data spoof portraits/ attacks/   |   "
    "verilens data spoof portraits.parquet attacks/ --kind print --kind replay --severity 2   |   "
    "verilens bench split spoof-unknown-mask attacks/manifest.parquet --out jobs"
)


def spoof(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="A picture, a folder of pictures, or a manifest."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or an empty folder.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="print, cut, replay or mask; all by default."),
    ] = None,
    severity: Annotated[
        list[int] | None,
        typer.Option(
            metavar="1-5", help="1 is well made; one of those given is drawn.", show_default="all"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance depends on it and on the picture's name.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Simulate presentation attacks: faces printed, cut out, shown on a screen, masked.

    Writes each picture of a person as it is and once under every attack, and OUT/manifest.parquet
    with attack, severity, source and a split by source. It only ever damages pictures you have.

    Exit code 0: everything done; 3: some pictures had no face or could not be read.
    """
    from verilens import manifest, presented
    from verilens.cli.exits import UNREADABLE
    from verilens.errors import ConfigError, DatasetError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: not an empty folder; name a new one")
    order = _order(kind or [], severity or [], seed)
    made = list(presented.make(presented.genuine(source), out, order))
    rows = [row for one in made for row in one.rows]
    if not rows:
        raise DatasetError(f"{source}: no picture with a face large enough")
    target = out / "manifest.parquet"
    manifest.write(target, rows, presented.DATASET, out)
    left = Counter(one.why.partition(":")[0] for one in made if one.why)
    counts = Counter(row.generator or presented.GENUINE for row in rows)
    if json:
        facts = {"manifest": str(target), "rows": dict(counts), "left_out": dict(left)}
        facts["splits"] = dict(Counter(row.split for row in rows))
        typer.echo(plain.dumps(facts, indent=2))
    else:
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        typer.echo(f"{target}: {len(rows):,} rows ({listed})")
        for one in made:
            if one.why:
                typer.echo(f"{one.source}: {one.why}", err=True)
    if left:
        raise typer.Exit(UNREADABLE)


def _order(kinds: list[str], severities: list[int], seed: int) -> "Order":
    """Return what to make of each picture; UnknownName, ConfigError."""
    from verilens.errors import ConfigError, UnknownName
    from verilens.media.presentation import KINDS, SEVERITIES
    from verilens.presented import Order

    for name in kinds:
        if name not in KINDS:
            raise UnknownName(f"--kind {name}: there are {', '.join(KINDS)}")
    if not set(severities) <= set(SEVERITIES):
        raise ConfigError("--severity: choose 1 (well made) to 5 (crude)")
    return Order(kinds=tuple(kinds or KINDS), severities=tuple(severities or SEVERITIES), seed=seed)
