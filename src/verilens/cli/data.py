"""verilens data: public data sets in, one manifest out, and questions to it."""

import json as plain
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from verilens.cli.data_doctor import EXAMPLES as DOCTOR
from verilens.cli.data_doctor import doctor
from verilens.cli.data_faces import EXAMPLES as FACES
from verilens.cli.data_faces import faces
from verilens.cli.data_posts import EXAMPLES as POSTS
from verilens.cli.data_posts import posts
from verilens.cli.data_spoof import EXAMPLES as SPOOF
from verilens.cli.data_spoof import spoof
from verilens.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    from verilens.card import DataCard
    from verilens.records import Sample, Split

EXAMPLES = (
    "Examples:  verilens data list   |   verilens data manifest Celeb-DF-v2 --out celeb.parquet   "
    "|   verilens data query celeb.parquet 'select split, count(*) from samples group by split'"
)
EVERY = 1000  # rows between two looks at the clock
SPLITS = ("train", "val", "test")

app = typer.Typer(
    name="data",
    help="Read public data sets as they were published; nothing is ever downloaded.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode="rich",
)

app.command(epilog=DOCTOR)(doctor)
app.command(epilog=FACES)(faces)
app.command(epilog=POSTS)(posts)
app.command(epilog=SPOOF)(spoof)

Json = Annotated[bool, typer.Option("--json", help="As JSON on standard output.")]
Name = Annotated[str, typer.Argument(help="A data set; 'verilens data list' names them.")]
Manifest = Annotated[Path, typer.Argument(metavar="MANIFEST", help="What 'data manifest' wrote.")]


@app.command("list", epilog="Examples:  verilens data list   |   verilens data list --json")
def list_(json: Json = False) -> None:
    """List the data sets that can be read: what they hold and under which terms."""
    from verilens.datasets import datasets

    cards = [adapter.CARD for adapter in datasets().values()]
    if json:
        typer.echo(plain.dumps([asdict(card) for card in cards], indent=2))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    for heading in ("what it holds", "genuine", "fake", "for"):
        table.add_column(heading, justify="right" if heading in ("genuine", "fake") else "left")
    for card in cards:
        counts = (f"{count:,}" if count else "-" for count in (card.genuine, card.fake))
        table.add_row(card.name, card.summary, *counts, ", ".join(card.tasks))
    _print(table)


@app.command(epilog="Examples:  verilens data show celeb-df   |   verilens data show df40 --json")
def show(name: Name, json: Json = False) -> None:
    """Show one data set: its layout on disk, origin, terms, and the traps it holds."""
    from verilens.datasets import dataset

    card = dataset(name).CARD
    if json:
        typer.echo(plain.dumps(asdict(card), indent=2))
    else:
        _print(_facts(card))


@app.command(
    epilog="Examples:  verilens data manifest FaceForensics++ --out ff.parquet   |   "
    "verilens data manifest lists --as deepfakebench --map /home/author=/data --out dfb.parquet"
)
def manifest(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder of the data set.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the manifest goes.", show_default=False)
    ],
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Which data set; told from the layout if not."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Only train, val or test.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OLD=NEW",
            help="Replace the beginning of paths; may be given again.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write one Parquet row a sample: id, place, label, generator, source, split and the rest.

    Files that a list names are written whether they exist or not: finding those that do not is what
    'data doctor' is for.
    """
    from verilens import manifest as manifests
    from verilens.datasets import dataset, recognise

    prefixes = _prefixes(map_ or [])
    if split is not None and split not in SPLITS:
        raise ConfigError(f"--split {split}: expected one of {', '.join(SPLITS)}")
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; name the root of the data set")
    adapter = dataset(as_) if as_ else recognise(root)
    found = adapter.samples(root.resolve(), _split(split))
    if prefixes:
        found = (manifests.relocate(sample, prefixes) for sample in found)
    tally = Tally()
    begun = time.monotonic()
    name = adapter.CARD.name
    rows = _written(out, tally.counted(found), name, root.resolve())
    if not rows:
        out.unlink()
        wanted = f" of split {split}" if split else ""
        raise DatasetError(f"{root}: no samples{wanted}; see 'verilens data show {name}'")
    _report(out, name, tally, time.monotonic() - begun, json)


@app.command(epilog="Example:  verilens data fake celeb-df miniature")
def fake(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty or a new folder.")],
) -> None:
    """Write a miniature of a data set in its official layout, to try things on."""
    from verilens.datasets import dataset

    adapter = dataset(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: not an empty folder; name a new one")
    adapter.fake(folder)
    count = sum(1 for path in folder.rglob("*") if path.is_file())
    typer.echo(f"{folder}: {count} files of a miniature {adapter.CARD.title}", err=True)


@app.command(
    epilog="Example:  verilens data query m.parquet \"select attributes['compression'] as c, "
    'count(*) as n from samples where label = 1 group by c"'
)
def query(
    manifest: Manifest,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A question to the table samples.")],
    json: Json = False,
) -> None:
    """Ask a manifest a question in SQL (DuckDB's); its rows are the table samples."""
    columns, rows = _asked(manifest, sql)
    if json:
        typer.echo(plain.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(*map(escape, columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    _print(table)


class Tally:
    """Counts samples as they pass: by label and split, and by generator."""

    def __init__(self) -> None:
        self.by_split: Counter[tuple[str, int]] = Counter()
        self.by_generator: Counter[str] = Counter()

    def counted(self, samples: "Iterable[Sample]") -> "Iterator[Sample]":
        """Yield the samples, counting them."""
        for sample in samples:
            self.by_split[sample.split, sample.label] += 1
            if sample.label:
                self.by_generator[sample.generator] += 1
            yield sample

    def split(self, name: str) -> "Count":
        """Return how many samples a split holds."""
        return Count(self.by_split[name, 0], self.by_split[name, 1])


class Count(NamedTuple):
    """Samples of each label."""

    genuine: int
    fake: int


def _split(name: str | None) -> "Split | None":
    known: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}
    return known[name] if name else None


def _prefixes(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise ConfigError(f"--map {pair}: OLD=NEW is expected, e.g. --map /home/author=/data")
        found[old] = new
    return found


def _written(out: Path, samples: "Iterable[Sample]", dataset: str, root: Path) -> int:
    """Write the manifest and return its number of rows; ConfigError when it cannot be written."""
    from verilens import manifest

    try:
        return manifest.write(out, _watched(samples), dataset, root)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror})") from error


def _watched(samples: "Iterable[Sample]") -> "Iterator[Sample]":
    """Yield the samples, showing how many and how fast on a terminal's standard error."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows {task.fields[rate]}"))
    begun = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("manifest", total=None, rate="")
        for number, sample in enumerate(samples, 1):
            yield sample
            if number % EVERY == 0:
                rate = number / (time.monotonic() - begun)
                progress.update(task, completed=number, rate=f"{rate:,.0f} rows/s")


def _asked(manifest: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return (column names, rows) of the answer; ConfigError holds what DuckDB says of the SQL."""
    import duckdb

    from verilens import tables

    tables.opened(manifest)
    with duckdb.connect() as database:
        database.execute("set memory_limit = '512MB'")
        path = str(manifest).replace("'", "''")
        database.execute(f"create view samples as select * from read_parquet('{path}')")
        try:
            answer = database.execute(sql)
            return [column[0] for column in answer.description or []], answer.fetchall()
        except duckdb.Error as error:
            raise ConfigError(f"the query failed: {error}") from error


def _report(out: Path, dataset: str, tally: Tally, seconds: float, json: bool) -> None:
    rows = tally.by_split.total()
    splits = {name: tally.split(name) for name in (*SPLITS, "") if sum(tally.split(name))}
    if json:
        facts: dict[str, object] = {"manifest": str(out), "dataset": dataset, "rows": rows}
        facts["splits"] = {name: count._asdict() for name, count in splits.items()}
        facts["generators"] = dict(tally.by_generator.most_common())
        facts["seconds"] = round(seconds, 3)
        typer.echo(plain.dumps(facts, indent=2))
        return
    from rich.table import Table

    table = Table("split", "genuine", "fake", box=None, pad_edge=False)
    for name, count in splits.items():
        table.add_row(name or "(none)", f"{count.genuine:,}", f"{count.fake:,}")
    _print(table)
    made = ", ".join(f"{name} {count:,}" for name, count in tally.by_generator.most_common(12))
    more = len(tally.by_generator) - 12
    typer.echo(f"fakes by: {made or 'none'}{f' and {more} more' if more > 0 else ''}")
    typer.echo(f"{out}: {rows:,} rows of {dataset} in {seconds:.1f} s")


def _facts(card: "DataCard") -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    rows = {
        "data set": f"{card.name}: {card.title}",
        "holds": card.summary,
        "for": ", ".join(card.tasks),
        "layout": card.layout,
        "year": str(card.year),
        "genuine": f"{card.genuine:,}" if card.genuine else "",
        "fake": f"{card.fake:,}" if card.fake else "",
        "paper": card.paper,
        "licence": card.licence,
        "access": card.access,
        "consent": card.consent,
    }
    for label, text in rows.items():
        if text:
            table.add_row(label, escape(text))
    for label, notes in (("traps", card.traps), ("uncertain", card.uncertain)):
        for number, note in enumerate(notes):
            table.add_row("" if number else label, escape(note))
    return table


def _print(content: Any) -> None:
    from rich.console import Console

    Console(highlight=False).print(content)
