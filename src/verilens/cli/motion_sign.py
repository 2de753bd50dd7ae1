"""verilens motion sign and teach: a text signed from a lexicon or by a trained network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verilens.cli.motion_lexicon import Signed, Spoken, told

if TYPE_CHECKING:
    from verilens.records import Pose

SIGN = (
    'Examples:  verilens motion sign "Kleine Kinder essen Pizza" --lexicon signs -o out.mp4   |   '
    'verilens motion sign "am montag regen" --method tdm_slp --weights tdm.safetensors -o out.pose'
)
TEACH = (
    "Examples:  verilens motion teach slrtp train.pt --out reader.safetensors   |   "
    "verilens motion teach tdm_slp train.pt --out tdm.safetensors --set plan.epochs=20"
)
DRAWN = (".mp4", ".gif")


def sign(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to sign.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help=".mp4, .gif or a pose file.")
    ],
    lexicon: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Sign from recordings, one a word.")
    ] = None,
    method: Annotated[str, typer.Option(metavar="NAME", help="Or by a method that signs.")] = "",
    weights: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of the method; a .safetensors file.")
    ] = "starter",
    spoken: Spoken = "de",
    signed: Signed = "",
    fill: Annotated[
        str, typer.Option(metavar="NAME[=WEIGHTS]", help="Between signs: spline, cubic ...")
    ] = "linear",
    avatar: Annotated[bool, typer.Option("--avatar", help="Draw a shaded body, no lines.")] = False,
) -> None:
    """Sign a text: from a lexicon, whose missing signs are named, or by a trained network.

    A drawing gets a .pose file of the same name beside it.
    """
    from verilens.errors import ConfigError

    if (lexicon is None) == (not method):
        raise ConfigError("say what signs: --lexicon DIR or --method NAME, one of them")
    if lexicon is not None:
        from verilens.cli.motion_lift import filler
        from verilens.motion.joining import by, on_canvas
        from verilens.motion.lexicon import Lexicon

        signs = Lexicon(lexicon, spoken, signed)
        name, _, network = fill.partition("=")
        skeleton = signs.sign(signs.entries[0]).skeleton
        between = filler(name, network or "starter", skeleton)
        said = signs.say(text, fill=by(between))
        told(said.missing)
        pose = on_canvas(said.pose)
    else:
        pose = _produced(method, weights, text)
    written = save(pose, out, avatar)
    seconds = len(pose.joints) / pose.fps
    typer.echo(f"{' and '.join(map(str, written))}: {len(pose.joints)} frames, {seconds:.1f} s")


def _produced(method: str, weights: str, text: str) -> "Pose":
    from verilens import catalog
    from verilens.errors import ConfigError
    from verilens.motion.signer import Signer

    found = catalog.load(method, weights)
    if not isinstance(found, Signer):
        raise ConfigError(f"{method} does not sign; see 'verilens methods'")
    return found.sign(text)


def save(pose: "Pose", out: Path, avatar: bool) -> list[Path]:
    """Write a movement in the format of its suffix; drawings get a .pose file beside them."""
    from verilens.errors import ConfigError
    from verilens.poses.read import write

    if out.suffix.lower() not in DRAWN:
        if avatar:
            raise ConfigError(f"--avatar draws: write {', '.join(DRAWN)}, not {out.suffix}")
        write(out, [pose])
        return [out]
    draw(pose, out, avatar)
    beside = out.with_suffix(".pose")
    write(beside, [pose])
    return [out, beside]


def draw(pose: "Pose", out: Path, avatar: bool) -> None:
    """Draw a movement as lines, or on a shaded body."""
    from verilens.poses import avatar as body
    from verilens.poses import draw as lines

    film = {".mp4": lines.write_mp4, ".gif": lines.write_gif}[out.suffix.lower()]
    film(out, [pose], drawn=body.pictures if avatar else lines.pictures)


def teach(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="slrtp, tdm_slp, progressive_transformer ...")
    ],
    corpus: Annotated[
        Path,
        typer.Argument(metavar="CORPUS", help="Movements and text: .pt, .pkl, .json, .skels."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .safetensors file.")],
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Of the method, or a .toml file.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one value; repeatable."),
    ] = None,
) -> None:
    """Train a method that reads signing or makes it, on a corpus of signed sentences."""
    from rich.progress import Progress

    from verilens.errors import ConfigError
    from verilens.motion.submission import read_submission
    from verilens.train.resolve import resolve
    from verilens.train.signs import prepared
    from verilens.train.signs import teach as taught

    if out.suffix != ".safetensors":
        raise ConfigError(f"weights are written to a .safetensors file, not {out}")
    signed = read_submission(corpus)
    resolved = prepared(resolve(method, recipe, changes or []), signed)
    with Progress() as progress:
        task = progress.add_task(method, total=None)
        loss = 0.0
        for step in taught(resolved, signed, out):
            loss = step.loss
            progress.update(task, total=step.total, completed=step.n)
    typer.echo(f"{out}: {method}, {len(signed)} sentences, last loss {loss:.4g}")
