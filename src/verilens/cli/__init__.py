"""The command line: one file a command. Importing it imports no torch and no decoder.

Exit codes: 0 everything scanned, 1 a bug or a damaged installation, 2 wrong use, 3 some files could
not be read (their errors are in the results), 130 stopped by Ctrl-C, 141 the reader of our output
went away.
"""

from typing import Annotated

import typer

from verilens.cli.bench_prompts import app as bench
from verilens.cli.camera import EXAMPLES as CAMERA
from verilens.cli.camera import camera
from verilens.cli.data import app as data
from verilens.cli.doctor import EXAMPLES as DOCTOR
from verilens.cli.doctor import doctor
from verilens.cli.explain import EXAMPLES as EXPLAIN
from verilens.cli.explain import explain
from verilens.cli.methods import EXAMPLES as METHODS
from verilens.cli.methods import methods
from verilens.cli.motion import app as motion
from verilens.cli.perturb import EXAMPLES as PERTURB
from verilens.cli.perturb import perturb
from verilens.cli.scan import EXAMPLES as SCAN
from verilens.cli.scan import scan
from verilens.cli.selftest import EXAMPLES as SELFTEST
from verilens.cli.selftest import selftest
from verilens.cli.serve import app as serve
from verilens.cli.train import EXAMPLES as TRAIN
from verilens.cli.train import train
from verilens.cli.weights import app as weights

app = typer.Typer(
    name="verilens",
    help="Tells whether a picture or a video is genuine, and shows where and why it is not.",
    epilog="Example: verilens scan photo.jpg",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(epilog=SCAN)(scan)
app.command(epilog=CAMERA)(camera)
app.command(epilog=EXPLAIN)(explain)
app.command(epilog=METHODS)(methods)
app.command(epilog=SELFTEST)(selftest)
app.command(epilog=DOCTOR)(doctor)
app.command(epilog=TRAIN)(train)
app.command(epilog=PERTURB)(perturb)
app.add_typer(data, name="data")
app.add_typer(bench, name="bench")
app.add_typer(motion, name="motion")
app.add_typer(weights, name="weights")
app.add_typer(serve, name="serve")


def _version(is_asked: bool) -> None:
    if is_asked:
        from verilens import __version__

        typer.echo(f"verilens {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Tells whether a picture or a video is genuine, and shows where and why it is not."""


def main() -> None:
    """Run the command line and exit."""
    from verilens.cli.exits import exits

    with exits():
        app()
