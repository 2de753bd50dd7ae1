"""verilens bench: predictions in, tables that can be defended out."""

import json as plain
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from verilens.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    from verilens.bench.columns import Columns
    from verilens.bench.matrix import Matrix
    from verilens.bench.metrics.grouping import Pooling
    from verilens.bench.result import Row, Table

EXAMPLES = (
    "Examples:  verilens bench score run/*.parquet --by generator --json table.json   |   "
    "verilens bench table table.json --html table.html"
)
SCORE = (
    "Examples:  verilens bench score run/npr.parquet --by generator   |   verilens bench score "
    "theirs.csv --columns score=prob_npr   |   verilens bench score run/*.parquet "
    "--threshold-from val --threshold-at fpr=0.05 --json table.json"
)
COMPARE = (
    "Examples:  verilens bench compare run/npr.parquet run/probe.parquet   |   verilens bench "
    "compare a.csv b.csv c.csv --metric eer --json -"
)
TABLE = "Example:  verilens bench table table.json --html table.html --latex table.tex"
LOCALIZE = "Example:  verilens bench localize run/npr.parquet forgerynet.parquet"
MATRIX = (
    "Examples:  verilens bench matrix auc.csv --types df40   |   "
    "verilens bench matrix simswap=simswap.json fsgan=fsgan.json --metric auc --metric eer"
)
JUDGED, DRAWN, READ = "What is judged", "How sure it is", "How files are read"


class Pool(StrEnum):
    """How the frames of a video become one score."""

    mean = "mean"
    median = "median"
    max = "max"
    none = "none"


app = typer.Typer(
    name="bench",
    help="Turn predictions into tables with intervals, and test whether methods differ.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="PREDICTIONS",
        help="Files of 'verilens bench run', or CSV, JSON, Parquet of others with id, score, "
        "label; one method each.",
        show_default=False,
    ),
]
Json = Annotated[
    str | None,
    typer.Option(metavar="FILE|-", help="As JSON; - is standard output and nothing else on it."),
]
Split = Annotated[
    str, typer.Option(metavar="NAME", help="Only rows of this split.", rich_help_panel=JUDGED)
]
At = Annotated[float, typer.Option(help="Scores above it are called fake.", rich_help_panel=JUDGED)]
From = Annotated[
    str,
    typer.Option(
        "--threshold-from",
        metavar="SPLIT|FILE|DIR",
        help="Set the threshold on these rows instead: a split of the same file, a file, or a "
        "folder with a file of the same name for each method. They are not judged.",
        rich_help_panel=JUDGED,
    ),
]
Rule = Annotated[
    str,
    typer.Option(
        "--threshold-at",
        metavar="RULE",
        help="balance (best balanced accuracy), eer, or fpr=0.05.",
        rich_help_panel=JUDGED,
    ),
]
Pools = Annotated[
    Pool, typer.Option(help="How frames become one score a sample.", rich_help_panel=JUDGED)
]
Cluster = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="Samples to draw together: a column, auto (identity, else source), or none.",
        rich_help_panel=DRAWN,
    ),
]
Draws = Annotated[int, typer.Option(min=20, help="Bootstrap draws.", rich_help_panel=DRAWN)]
Roles = Annotated[
    list[str],
    typer.Option(
        "--columns",
        metavar="PART=COLUMN",
        help="Which column holds id, score, label, generator, ... in files of others.",
        rich_help_panel=READ,
    ),
]
Inverted = Annotated[
    bool, typer.Option("--inverted", help="In these files 0 is fake.", rich_help_panel=READ)
]


@app.command(epilog=SCORE)
def score(
    files: Files,
    by: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN",
            help="Rows for each value of a column or attribute, e.g. generator; may be repeated.",
            rich_help_panel=JUDGED,
        ),
    ] = [],  # noqa: B006
    metrics: Annotated[
        str, typer.Option(metavar="A,B", help="Columns of the table.", rich_help_panel=JUDGED)
    ] = "",
    split: Split = "",
    threshold: At = 0.5,
    threshold_from: From = "",
    threshold_at: Rule = "balance",
    pool: Pools = Pool.mean,
    worst: Annotated[
        int, typer.Option(min=1, help="How many worst groups.", rich_help_panel=JUDGED)
    ] = 5,
    species: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="Attack species for APCER, ACER.", rich_help_panel=JUDGED
        ),
    ] = "generator",
    pad: Annotated[
        bool,
        typer.Option(
            "--pad",
            help="Presentation attacks: ISO/IEC 30107-3 rates, a row for each attack species.",
            rich_help_panel=JUDGED,
        ),
    ] = False,
    one_class: Annotated[
        bool,
        typer.Option("--one-class", help="Accept files of one class.", rich_help_panel=JUDGED),
    ] = False,
    cluster: Cluster = "auto",
    draws: Draws = 1000,
    columns: Roles = [],  # noqa: B006
    inverted: Inverted = False,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Look for leaks.", rich_help_panel=READ)
    ] = True,
    json: Json = None,
) -> None:
    """Score predictions: all samples, each group, the mean over groups and the worst ones.

    Samples without a score are counted, never judged. What cannot be determined says why.
    """
    from verilens.bench.audited import audited
    from verilens.bench.measures import DEFAULT, PAD
    from verilens.bench.metrics.intervals import Plan
    from verilens.bench.result import plain as as_json
    from verilens.bench.score import Settings
    from verilens.bench.score import score as scored

    settings = Settings(
        measures=tuple(m.strip() for m in metrics.split(",") if m.strip())
        or (PAD if pad else DEFAULT),
        by=tuple(dict.fromkeys([*([species] if pad else []), *by])),
        cluster=cluster,
        pooling=pooling_of(pool),
        split=split,
        threshold=threshold,
        validation=threshold_from,
        rule=threshold_at,
        species=species,
        one_class=one_class,
        worst=worst,
        plan=Plan(draws=draws),
    )
    given = read(files, columns, inverted)
    with busy("scoring"):
        table = scored(given, settings)
        table = audited(table, given) if audit else table
    if json != "-":
        _show(table)
    write(json, as_json(table))


@app.command(epilog=COMPARE)
def compare(
    files: Files,
    metric: Annotated[str, typer.Option(help="What is compared.", rich_help_panel=JUDGED)] = "auc",
    split: Split = "",
    threshold: At = 0.5,
    threshold_from: From = "",
    threshold_at: Rule = "balance",
    pool: Pools = Pool.mean,
    cluster: Cluster = "auto",
    draws: Draws = 1000,
    columns: Roles = [],  # noqa: B006
    inverted: Inverted = False,
    json: Json = None,
) -> None:
    """Test whether methods differ on the samples that all of them scored.

    Paired bootstrap, and for AUC DeLong's test; p-values are corrected over all pairs (Holm).
    """
    from verilens.bench import compare as comparing
    from verilens.bench import table
    from verilens.bench.metrics.intervals import Plan
    from verilens.bench.score import Settings

    settings = Settings(
        cluster=cluster,
        pooling=pooling_of(pool),
        split=split,
        threshold=threshold,
        validation=threshold_from,
        rule=threshold_at,
        plan=Plan(draws=draws),
    )
    given = read(files, columns, inverted)
    with busy("comparing"):
        found = comparing.compare(given, metric, settings)
    if json != "-":
        heads = ("first", "second", "difference", "p (Holm)", "p, DeLong (Holm)")
        grid(heads, table.pairs(found), table.said_of(found))
    write(json, comparing.plain(found))


@app.command(epilog=TABLE)
def table(
    source: Annotated[
        Path, typer.Argument(metavar="TABLE", help="What 'bench score --json FILE' wrote.")
    ],
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="GitHub's dialect.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="For booktabs.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A page with plots that loads nothing.")
    ] = None,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Detectors compared",
    json: Json = None,
) -> None:
    """Write a table as Markdown, LaTeX or HTML with plots; without options, show it.

    The page has ROC and DET curves, reliability, a plot for each grouping, and robustness curves
    where the predictions hold perturbed copies.
    """
    from verilens.bench import result
    from verilens.bench import table as writing

    found = result.read(source)
    outputs = (
        (markdown, writing.markdown),
        (latex, writing.latex),
        (html, lambda table: writing.html(table, title)),
    )
    for path, text_of in outputs:
        if path is not None:
            put(path, text_of(found))
            typer.echo(f"wrote {path}", err=True)
    if json is None and not any(path for path, _ in outputs):
        _show(found)
    write(json, result.plain(found))


@app.command(epilog=MATRIX)
def matrix(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="CSV|TRAIN=TABLE...",
            help="A CSV with train,test,FIGURE, or for each training what 'bench score --by "
            "generator --json' wrote.",
        ),
    ],
    types: Annotated[
        str,
        typer.Option(metavar="df40|CSV", help="Types to average over: DF40's, or name,type."),
    ] = "",
    by: Annotated[str, typer.Option(help="Which groups of the tables are tests.")] = "generator",
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Figures of the tables, a matrix each; the first one."),
    ] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the heat map.")] = None,
    json: Json = None,
) -> None:
    """Put figures of many trainings and tests in one matrix, in Markdown, with means over types.

    A cell nobody measured stays blank and counts in no mean.
    """
    from verilens.bench import matrix as grids
    from verilens.bench import result

    named = dict(source.split("=", 1) for source in sources if "=" in source)
    tables = {train: result.read(Path(path)) for train, path in named.items()}
    if metric and not tables:
        raise ConfigError("--metric chooses among the figures of tables; a CSV holds one")
    asked = [grids.of_tables(tables, by, name) for name in metric or [""]] if tables else []
    asked = asked or [grids.read(Path(sources[0]))]
    known = grids.types_of(types)
    for one in asked if json != "-" else ():
        typer.echo(_matrix(one, known))
    if svg is not None:
        from verilens.bench.plots import alone

        put(svg, alone(grids.heat(asked[0]).svg))
    found = {one.measure: grids.plain(one) for one in asked}
    write(json, found if len(asked) > 1 else found[asked[0].measure])


@app.command(epilog=LOCALIZE)
def localize(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help="A file of 'verilens bench run'.")
    ],
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="What 'verilens data manifest' wrote.")
    ],
    split: Split = "",
    draws: Draws = 200,
    json: Json = None,
) -> None:
    """Judge where predictions say a forgery lies: spans of videos, masks of pictures.

    Of posts what was done, by kind, and the box of the forged face.
    """
    from verilens import manifest as manifests
    from verilens.bench import diagnosis
    from verilens.bench import localize as places
    from verilens.bench import predictions as scored
    from verilens.bench.metrics.intervals import Plan
    from verilens.bench.result import bounds, words

    rows = list(scored.read(predictions))
    samples = [s for s in manifests.read(manifest) if split in ("", s.split)]
    plan, found = Plan(draws=draws), {}
    with busy("judging places"):
        films = [s for s in samples if s.kind in ("video", "frames")]
        if any(s.segments for s in films):
            found["spans"] = places.spans(rows, films, plan)
        if any(s.mask for s in samples):
            found["pixels"] = places.pixels(rows, (s for s in samples if s.kind == "image"), plan)
        if any("class" in s.attributes for s in samples if s.kind == "post"):
            found["posts"] = diagnosis.posts(rows, samples, plan)
    if not found:
        also = "nor posts of which it says what was done"
        raise DatasetError(f"{manifest}: has neither forged spans nor masks to judge by, {also}")
    for kind, one in found.items() if json != "-" else ():
        cells = ([name, words(c, ""), bounds(c, ""), c.reason] for name, c in one.cells.items())
        said = f"{one.samples} judged, {one.silent} with nothing proposed, {one.absent} not scored"
        grid((kind, "value", "interval", ""), cells, [said])
    write(json, {kind: places.plain(one) for kind, one in found.items()})


def _matrix(found: "Matrix", types: dict[str, str]) -> str:
    """Return a matrix in Markdown with its means, and the same over types where they are given."""
    from verilens.bench import matrix as grids

    shown = [f"{found.measure}\n", grids.markdown(found)]
    shown += [_transferred("test", grids.transfer(found))]
    if types:
        shown += [grids.markdown(grids.by_type(found, types))]
        shown += [_transferred("type", grids.transfer(found, types))]
    return "\n".join(shown)


def _transferred(what: str, means: tuple[float, float]) -> str:
    said = ("-" if mean != mean else f"{mean:.3f}" for mean in means)
    return "mean on the same {0}: {1}; on any other {0}: {2}\n".format(what, *said)


def read(files: list[Path], columns: list[str], inverted: bool) -> "list[Columns]":
    """Return the files in memory, one or many; a folder stands for the Parquet files in it."""
    from verilens.bench.columns import load

    roles = {}
    for given in columns:
        part, mark, column = given.partition("=")
        if not mark:
            raise ConfigError(f"--columns {given}: write PART=COLUMN, e.g. score=prob_npr")
        roles[part] = column
    paths: list[Path] = []
    for file in files:
        paths += sorted(file.glob("*.parquet")) if file.is_dir() else [file]
    if not paths:
        raise DatasetError(f"{files[0]}: no predictions; make them with 'verilens bench run'")
    with busy("reading"):
        return [load(path, roles, inverted) for path in paths]


def pooling_of(pool: Pool) -> "Pooling | None":
    """Return how frames are pooled, None to judge frames."""
    return None if pool is Pool.none else cast("Pooling", pool.value)


def _show(table: "Table") -> None:
    from verilens.bench import table as writing
    from verilens.bench.result import title

    heads = (*writing.HEADS, *(title(measure) for measure in table.measures))
    rows = ([*writing.counts(row), *_figures(row, table)] for row in table.rows)
    grid(heads, rows, writing.remarks(table))


def _figures(row: "Row", table: "Table") -> Iterable[str]:
    from verilens.bench.result import bounds, words

    for measure in table.measures:
        cell = row.cells.get(measure)
        yield "\n".join(filter(None, (words(cell, measure), bounds(cell, measure))))


def grid(heads: Iterable[str], rows: Iterable[Iterable[str]], notes: Iterable[str]) -> None:
    """Print a table with remarks below it."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False)
    for n, head in enumerate(heads):
        grid.add_column(head, justify="left" if n < 2 else "right")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
    console.print(grid)
    for note in notes:
        console.print(Text(f"- {note}"))


def busy(what: str) -> Any:
    """Return what shows that something goes on, on standard error."""
    from rich.console import Console

    return Console(stderr=True).status(what)


def write(path: str | None, found: dict[str, Any]) -> None:
    """Write JSON to a file, or to standard output for -; nothing for None."""
    if path is None:
        return
    text = plain.dumps(found, indent=1, allow_nan=False)
    if path == "-":
        typer.echo(text)
    else:
        put(Path(path), text + "\n")


def put(path: Path, text: str) -> None:
    """Write text, and the folder it goes into; ConfigError when that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error
