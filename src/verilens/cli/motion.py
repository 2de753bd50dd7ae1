"""verilens motion: movement as joints over time."""

import typer

from verilens.cli.motion_recognize import EVALUATE, RECOGNIZE, evaluate, recognize
from verilens.cli.motion_train import EXAMPLES as TRAIN
from verilens.cli.motion_train import train

app = typer.Typer(help="Movement: recognise it, train and judge what does.", no_args_is_help=True)
app.command(epilog=TRAIN)(train)
app.command(epilog=EVALUATE)(evaluate)
app.command(epilog=RECOGNIZE)(recognize)
