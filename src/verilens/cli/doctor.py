"""verilens doctor: what this installation consists of, for a person or a bug report."""

import json as plain
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.health import Finding

EXAMPLES = "Examples:  verilens doctor   |   verilens doctor --json"
MARKS = {True: "[green]ok[/]", False: "[red]problem[/]", None: ""}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Show versions, cores, memory, GPU, extras, weights, decoders and folders.

    Exit code 1 when something that scanning needs is missing or altered.
    """
    from verilens.health import findings

    found = list(findings())
    if json:
        typer.echo(plain.dumps(_plain(found), indent=2))
    else:
        _show(found)
    if any(finding.is_well is False for finding in found):
        raise typer.Exit(1)


def _plain(found: "list[Finding]") -> dict[str, dict[str, object]]:
    result: dict[str, dict[str, object]] = {}
    for finding in found:
        part = result.setdefault(finding.part, {})
        part[finding.name] = {"is_well": finding.is_well, "says": finding.says}
    return result


def _show(found: "list[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    last = ""
    for finding in found:
        part = finding.part if finding.part != last else ""
        last = finding.part
        mark = MARKS[finding.is_well]
        table.add_row(f"[bold]{part}[/]", escape(finding.name), escape(finding.says), mark)
    Console(highlight=False).print(table)
