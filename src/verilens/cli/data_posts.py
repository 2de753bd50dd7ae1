"""verilens data posts: the posts of a data set as files that a scan reads."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Example:  verilens data posts DGM4 dgm4-posts --split test --limit 100   |   "
    "verilens scan --task post dgm4-posts --json found.jsonl"
)


def posts(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder of the data set.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the posts.")],
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Which data set; told from the layout if not."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Only train, val or test.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many posts at most.")] = None,
) -> None:
    """Write each post of a data set as post.json with its media, for 'verilens scan --task post'.

    What is known of the truth stands in fields that no scan reads: x-label, x-class and others.
    """
    from verilens.datasets import dataset, recognise
    from verilens.errors import ConfigError
    from verilens.post_files import write
    from verilens.records import Split

    splits: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}
    if split is not None and split not in splits:
        raise ConfigError(f"--split is train, val or test, not '{split}'")
    adapter = dataset(as_) if as_ else recognise(root)
    samples = adapter.samples(root, splits[split] if split else None)
    found = (sample for sample in samples if sample.kind == "post")
    count = sum(1 for _ in write(islice(found, limit), out))
    typer.echo(f"{count} posts in {out}")
