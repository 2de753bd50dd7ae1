"""verilens weights: what there is, published checkpoints in, networks for other runtimes out."""

import json as plain
from pathlib import Path
from typing import Annotated, cast

import typer

EXAMPLES = (
    "Examples:  verilens weights list   |   "
    "verilens weights import xception xception_best.pth   |   verilens weights export npr"
)
EXPORTS = (
    "Examples:  verilens weights export npr   |   "
    "verilens weights export xception=xception.safetensors --half -o xception.onnx   |   "
    "verilens weights export probe --to torch-export --json | jq .difference"
)
IMPORTED = """Then:  verilens scan face.jpg --methods {name}={out}"""

app = typer.Typer(
    help="List weights, import published checkpoints, export networks.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=EXAMPLES,
)


@app.command("list", epilog=EXAMPLES)
def list_(
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """List each method's weights and the published checkpoints it can take."""
    from verilens import catalog, published, weights

    cards = catalog.cards().values()
    known = {card.name: list(weights.available(card)) for card in cards}
    rules = {card.name: published.converter(card) for card in cards}
    if json:
        rows = [
            {
                "method": name,
                "weights": known[name],
                "imports": found.source if found else None,
                "licence": found.licence if found else None,
                "needs_backbone": bool(found and found.backbone),
            }
            for name, found in rules.items()
        ]
        typer.echo(plain.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("method", "weights", box=None, pad_edge=False)
    table.add_column("imports", overflow="fold")
    table.add_column("their licence", overflow="fold")
    for name, found in rules.items():
        origin = (found.source, found.licence) if found else ("-", "-")
        cells = (name, ", ".join(known[name]) or "-", *origin)
        table.add_row(*(escape(cell) for cell in cells))
    Console(highlight=False).print(table)


@app.command("import", epilog=EXAMPLES)
def import_(
    method: Annotated[str, typer.Argument(help="Whose checkpoint it is.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="The published file: .pth, .pt or .safetensors.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write; METHOD-FILE.safetensors by default."),
    ] = None,
    backbone: Annotated[
        Path | None,
        typer.Option(
            help="Local Hugging Face folder of the encoder or tokenizer that the file lacks."
        ),
    ] = None,
) -> None:
    """Convert a published checkpoint, every tensor checked by name and shape."""
    from verilens import published
    from verilens.cli.exits import UNREADABLE
    from verilens.errors import MissingWeights

    target = out or Path(f"{method}-{file.stem}.safetensors")
    try:
        conversion = published.convert(method, file, backbone)
    except MissingWeights as error:
        typer.echo(f"verilens: {error}", err=True)
        raise typer.Exit(UNREADABLE) from error
    card = published.write(conversion, target)
    typer.echo(f"{target}: {len(conversion.tensors)} tensors, sha256 {card.sha256[:12]}")
    typer.echo(f"licence of these weights: {card.licence}")
    for note in conversion.notes:
        typer.echo(f"note: {note}")
    typer.echo(IMPORTED.format(name=method, out=target))


@app.command("export", epilog=EXPORTS)
def export_(
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD[=WEIGHTS]",
            help="Whose network; other weights than 'starter' by name or .safetensors file.",
            show_default=False,
        ),
    ],
    to: Annotated[
        str, typer.Option(metavar="onnx|torch-export", help="For which runtime.")
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write; METHOD-WEIGHTS.onnx by default."),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in 16 bits (ONNX).")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare on crops of it too, not on noise only."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="What was written, as JSON on standard output.")
    ] = False,
) -> None:
    """Write a network for another runtime, once its logits were compared with torch's."""
    from verilens import exported

    order = exported.Order(
        method=method, to=cast(exported.Format, to), out=out, half=half, picture=picture
    )
    done = exported.export(order)
    if json:
        typer.echo(plain.dumps(done._asdict(), indent=2))
        return
    typer.echo(f"{done.file}: {done.format}, {done.weights:,} weights, {done.bytes:,} bytes")
    typer.echo(
        f"greatest difference of a logit from torch's, over {done.compared} inputs: "
        f"{done.difference:.1e} (at most {done.allowed})"
    )
    typer.echo(f"axes of any length: {', '.join(done.free)}")
