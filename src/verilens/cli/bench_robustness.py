"""verilens bench robustness: what perturbations cost a method, on the same samples."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verilens.cli.bench import (
    JUDGED,
    At,
    Cluster,
    Draws,
    Inverted,
    Json,
    Pool,
    Pools,
    Roles,
    busy,
    grid,
    pooling_of,
    put,
    read,
    write,
)
from verilens.cli.bench_fairness import app

if TYPE_CHECKING:
    from verilens.bench.robustness import Drop, Mean, Robustness

__all__ = ["app"]

ROBUSTNESS = (
    "Example:  verilens perturb test worse --kind jpeg --kind blur --keep-names; score each copy "
    "with 'verilens bench run'; then  verilens bench robustness clean/npr.parquet "
    "jpeg-3/npr.parquet jpeg-5/npr.parquet"
)


@app.command(epilog=ROBUSTNESS)
def robustness(
    clean: Annotated[Path, typer.Argument(metavar="CLEAN", help="Predictions for the originals.")],
    damaged: Annotated[
        list[Path],
        typer.Argument(
            metavar="PERTURBED",
            help="Predictions for copies, one file a kind and severity. Runs on a folder of "
            "'verilens perturb' say which it is; other files are called like jpeg-3.parquet.",
        ),
    ],
    metric: Annotated[str, typer.Option(help="What is compared.", rich_help_panel=JUDGED)] = "auc",
    threshold: At = 0.5,
    pool: Pools = Pool.mean,
    cluster: Cluster = "auto",
    draws: Draws = 1000,
    columns: Roles = [],  # noqa: B006
    inverted: Inverted = False,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curves over severity.")
    ] = None,
    json: Json = None,
) -> None:
    """Compare a method on perturbed copies with itself on the originals: drops with intervals.

    Only samples that both files score count; a drop is positive when the measure gets worse.
    """
    from verilens.bench import robustness as judging
    from verilens.bench.metrics.intervals import Plan
    from verilens.bench.score import Settings

    plan = Plan(draws=draws)
    settings = Settings(cluster=cluster, pooling=pooling_of(pool), threshold=threshold, plan=plan)
    (untouched,), copies = read([clean], columns, inverted), read(damaged, columns, inverted)
    with busy("comparing"):
        found = judging.robustness(untouched, [judging.named(c) for c in copies], metric, settings)
    if json != "-":
        heads = ("perturbation", "severity", "clean", "perturbed", "drop", "interval", "p")
        grid(heads, [*map(_drop, found.drops), *_means(found)], found.notes)
    if svg:
        from verilens.bench import plots

        put(svg, plots.alone(plots.severities({found.method: judging.curve(found)}, metric)))
    write(json, judging.plain(found))


def _drop(drop: "Drop") -> list[str]:
    if drop.drop is None:
        return [drop.kind, str(drop.severity), "-", "-", "-", drop.reason, ""]
    values = [f"{drop.clean:.3f}", f"{drop.value:.3f}", f"{drop.drop:+.3f}"]
    interval = "" if drop.low is None else f"[{drop.low:+.3f}, {drop.high:+.3f}]"
    p = "" if drop.p is None else f"{drop.p:.3f}"
    return [drop.kind, str(drop.severity), *values, interval, p]


def _means(found: "Robustness") -> list[list[str]]:
    means: list[Mean] = [*found.kinds, *([found.mean] if found.mean else [])]
    return [
        [f"mean of {m.kind}", "", "", "", f"{m.drop:+.3f}", f"[{m.low:+.3f}, {m.high:+.3f}]", ""]
        for m in means
    ]
