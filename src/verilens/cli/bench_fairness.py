"""verilens bench fairness: on whom a detector errs more."""

from typing import TYPE_CHECKING, Annotated

import typer

from verilens.cli.bench import (
    DRAWN,
    JUDGED,
    At,
    Draws,
    Files,
    From,
    Inverted,
    Json,
    Pool,
    Pools,
    Roles,
    Rule,
    Split,
    busy,
    grid,
    pooling_of,
    read,
    write,
)
from verilens.cli.bench_run import app

if TYPE_CHECKING:
    from verilens.bench.fairness import Fairness

__all__ = ["app"]

FAIRNESS = (
    "Examples:  verilens bench fairness run/npr.parquet   |   verilens bench fairness "
    "run/npr.parquet --by skin-type --by 'skin-type x lighting' --merge skin-type=5,6:dark"
)


@app.command(epilog=FAIRNESS)
def fairness(
    files: Files,
    by: Annotated[
        list[str],
        typer.Option(
            metavar="ATTRIBUTE",
            help="Groups to compare, repeatable; 'a x b' crosses two. Default: age group, gender, "
            "skin type and lighting where they are stated.",
            rich_help_panel=JUDGED,
        ),
    ] = [],  # noqa: B006
    merge: Annotated[
        list[str],
        typer.Option(
            metavar="ATTRIBUTE=A,B:NAME",
            help="Take values together, e.g. skin-type=5,6:dark; repeatable.",
            rich_help_panel=JUDGED,
        ),
    ] = [],  # noqa: B006
    split: Split = "",
    threshold: At = 0.5,
    threshold_from: From = "",
    threshold_at: Rule = "balance",
    pool: Pools = Pool.mean,
    subject: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Who is drawn together.", rich_help_panel=DRAWN),
    ] = "identity",
    few: Annotated[
        int, typer.Option(min=1, help="People below it: flagged.", rich_help_panel=DRAWN)
    ] = 30,
    draws: Draws = 1000,
    columns: Roles = [],  # noqa: B006
    inverted: Inverted = False,
    json: Json = None,
) -> None:
    """Compare error rates of groups of people, drawing persons, never videos.

    Lists every group, empty ones too, tests each against everybody else, and names no person.
    """
    from verilens.bench import fairness as fair
    from verilens.bench.metrics.intervals import Plan
    from verilens.bench.score import Settings, prepared, renamed

    plan = Plan(draws=draws)
    settings = Settings(
        pooling=pooling_of(pool),
        split=split,
        threshold=threshold,
        validation=threshold_from,
        rule=threshold_at,
        one_class=True,
    )
    found = []
    for file in renamed(read(files, columns, inverted)):
        samples, at = prepared(file, settings)
        asked = fair.Asked(
            by=tuple(by) or fair.stated(samples),
            subject=subject,
            threshold=at.value,
            merge=_merges(merge),
            few=few,
            plan=plan,
        )
        with busy("drawing persons"):
            found.append(fair.fairness(samples, asked))
        if json != "-":
            _show_fairness(found[-1])
    write(json, {"methods": [fair.plain(one) for one in found]})


def _merges(given: list[str]) -> dict[str, dict[str, str]]:
    from verilens.errors import ConfigError

    merges: dict[str, dict[str, str]] = {}
    for text in given:
        attribute, _, rest = text.partition("=")
        values, mark, name = rest.rpartition(":")
        if not (attribute and values and mark and name):
            raise ConfigError(f"--merge {text}: write ATTRIBUTE=A,B:NAME, e.g. skin-type=5,6:dark")
        merges.setdefault(attribute, {}).update(dict.fromkeys(values.split(","), name))
    return merges


def _show_fairness(found: "Fairness") -> None:
    from verilens.bench import fairness as fair

    heads = ("group", "people", "fakes", "genuine", "missing", *fair.SHOWN, "p vs. others (Holm)")
    title = f"{found.method}: {found.samples} samples of {found.people} people"
    typer.echo(f"{title}, scores above {found.threshold:.4g} called fake")
    for cut in found.slices:
        typer.echo(f"\nby {cut.by}")
        notes = list(fair.remarks(cut))
        if cut is found.slices[-1]:
            notes += [*found.notes, f"{found.missing} samples have no score; none is counted"]
        grid(heads, fair.rows(cut), notes)
