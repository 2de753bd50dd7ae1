"""verilens selftest: does this installation still give the scores it was shipped with?"""

import json as plain
from typing import Annotated

import typer

EXAMPLES = "Examples:  verilens selftest   |   verilens selftest --json"


def selftest(
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Check the weights' hashes and re-score small pictures against stored values.

    Exit code 1 when a check fails.
    """
    from verilens.selftest import checks

    done = list(checks())
    if json:
        typer.echo(plain.dumps([check._asdict() for check in done], indent=2))
    else:
        for check in done:
            typer.echo(f"{'ok    ' if check.is_well else 'FAILED'}  {check.name}: {check.says}")
    if not all(check.is_well for check in done):
        raise typer.Exit(1)
