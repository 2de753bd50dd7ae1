"""verilens bench run, audit, compat, protocols and split: from a manifest to what is judged."""

import json as plain
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verilens.cli.bench import app, grid
from verilens.errors import ConfigError

if TYPE_CHECKING:
    from verilens.bench.audit import Audit
    from verilens.bench.run import Scored
    from verilens.records import Sample

RUN = (
    "Examples:  verilens bench run genimage.parquet --split test --out runs/genimage   |   "
    "verilens bench run jobs/all/test/*.parquet --method npr --method probe --out runs/npr"
)
AUDIT = "Example:  verilens bench audit runs/genimage/npr.parquet"
COMPAT = "Example:  verilens bench compat genvideo runs/genvideo/npr.parquet"
PROTOCOLS = "Examples:  verilens bench protocols   |   verilens bench protocols df40-3 --json"
SPLIT = (
    "Example:  verilens bench split genvideo-many-to-many genvideo.parquet --out jobs   "
    "(train on jobs/all/train.parquet, then run jobs/all/test/*.parquet)"
)

HOLDOUT = "Example:  verilens bench holdout mine.parquet --out split.parquet --test 0.25 --seed 1"

__all__ = ["app"]

Json = Annotated[bool, typer.Option("--json", help="As JSON on standard output.")]
Predictions = Annotated[
    Path, typer.Argument(metavar="PREDICTIONS", help="A file of 'verilens bench run'.")
]


@app.command("run", epilog=RUN)
def run_(
    manifests: Annotated[
        list[Path], typer.Argument(metavar="MANIFEST", help="What 'verilens data manifest' wrote.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where the predictions go, a file a method; and results."),
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=WEIGHTS]", help="Only these; repeatable. Default: all."),
    ] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="Only samples of this split.")] = "",
    frames: Annotated[
        int, typer.Option(min=1, help="Frames scored of a video that is stored as frames.")
    ] = 8,
    compat: Annotated[
        str, typer.Option(metavar="MODE", help="deepfakebench reads the first frames, as it does.")
    ] = "",
    limit: Annotated[
        int, typer.Option(min=0, help="Only the first N samples of each manifest; 0 means all.")
    ] = 0,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Files worked on at once; one a core.")
    ] = None,
    json: Json = False,
) -> None:
    """Score every sample once, by every method and by the verdict; go on where a run was stopped.

    Methods of posts read words with the media, or features published with a sample instead of them.

    Exit code 0: all scored; 3: some files could not be read (they count as missing).
    """
    import contextlib

    from verilens.bench import run as running
    from verilens.options import Options
    from verilens.store import Store

    if compat not in ("", "deepfakebench"):
        raise ConfigError(f"--compat {compat}: only deepfakebench reads frames in its own way")
    of_media, of_posts = running.asked_of(method)
    options = Options(methods=of_media, posts=of_posts, where=False, jobs=jobs)
    plan = running.Plan(frames=frames, first=compat == "deepfakebench")
    facts: dict[str, object] = {"command": "verilens " + " ".join(sys.argv[1:]), "split": split}
    samples = samples_of(manifests, split, limit, facts)
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(Store(out / "results.duckdb")) as results:
        scoring = running.run(samples, out, options, plan, facts, results)
        errors = _followed(scoring, len(samples), quiet=json)
    written = [str(path) for path in running.methods_of(out)]
    if json:
        typer.echo(plain.dumps({"predictions": written, "missing": errors}, indent=2))
    else:
        typer.echo(f"wrote {', '.join(written)}; {errors} files without a score", err=True)
    if errors:
        from verilens.cli.exits import UNREADABLE

        raise typer.Exit(UNREADABLE)


@app.command(epilog=AUDIT)
def audit(predictions: Predictions, json: Json = False) -> None:
    """Look for what makes a result look better than it is: leaks, imbalance, missing scores.

    A classifier that sees no pixel is scored on sources it was not fitted on; at chance is good.
    """
    from verilens.bench import predictions as stored
    from verilens.bench.audit import audit as audited

    found = audited(stored.read(predictions))
    if json:
        facts = asdict(found)
        facts["metadata_auc"] = found.metadata_auc and found.metadata_auc._asdict()
        typer.echo(plain.dumps(facts, indent=2))
    else:
        _show(found)


@app.command(epilog=COMPAT)
def compat(
    mode: Annotated[str, typer.Argument(metavar="MODE", help="deepfakebench or genvideo.")],
    predictions: Predictions,
    json: Json = False,
) -> None:
    """Print what an official evaluator would, quirks and all, with the corrected figure beside."""
    from verilens.bench import predictions as stored
    from verilens.bench.compat import MODES

    if mode not in MODES:
        raise ConfigError(f"no evaluator '{mode}'; known: {', '.join(MODES)}")
    found = MODES[mode](stored.read(predictions))
    if json:
        typer.echo(plain.dumps([c._asdict() for c in found], indent=2))
        return
    rows = [(c.part, c.metric, f"{c.official:.4f}", f"{c.corrected:.4f}") for c in found]
    quirks = dict.fromkeys(f"{c.metric}: {c.quirk}" for c in found if c.quirk)
    grid(("part", "metric", "official", "corrected"), rows, quirks)


@app.command(epilog=PROTOCOLS)
def protocols(
    name: Annotated[str | None, typer.Argument(help="One protocol, in full.")] = None,
    json: Json = False,
) -> None:
    """List the protocols, or show one: what trains, what is tested, where its figures stand."""
    from verilens.bench import protocols as known

    chosen = {name: known.protocol(name)} if name else known.protocols()
    if json:
        typer.echo(plain.dumps({key: asdict(one) for key, one in chosen.items()}, indent=2))
    elif name:
        one = chosen[name]
        rows = [("trains", _said(one.train)), ("validates", _said(one.val))]
        rows += [(f"tests {part.name}", _said(part)) for part in one.tests]
        grid(("part", "samples"), rows, (one.summary, *filter(None, (one.table, *one.uncertain))))
    else:
        grid(("protocol", "title"), [(key, one.title) for key, one in chosen.items()], ())


@app.command(epilog=SPLIT)
def split(
    protocol: Annotated[str, typer.Argument(help="As of 'verilens bench protocols'.")],
    manifests: Annotated[list[Path], typer.Argument(metavar="MANIFEST", help="Of its data sets.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the manifests go.")],
    json: Json = False,
) -> None:
    """Write the manifests of a protocol: JOB/train.parquet and JOB/test/PART.parquet.

    Refused when what trains shares a sample, a source or a person with what is tested.
    """
    from verilens.bench import protocols as known

    written = []
    for path in known.write(known.protocol(protocol), known.sets(manifests), out):
        written.append(str(path))
        if not json:
            typer.echo(f"wrote {path}", err=True)
    if json:
        typer.echo(plain.dumps({"manifests": written}, indent=2))


@app.command(epilog=HOLDOUT)
def holdout(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Of media of one's own.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The same with splits.")],
    test: Annotated[float, typer.Option(min=0.01, max=0.9, help="Share that is tested.")] = 0.25,
    val: Annotated[float, typer.Option(min=0.01, max=0.9, help="Share that validates.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Which sources, by chance.")] = 0,
    json: Json = False,
) -> None:
    """Split media of one's own by source, with generators in the test that never train.

    What shares a generator with a later split is left out and counted.
    """
    from collections import Counter

    from verilens import manifest as manifests
    from verilens.bench.holdout import hold_out
    from verilens.bench.protocols import sets

    (chosen,) = sets([manifest])
    held = hold_out(chosen.samples(), test, val, seed)
    manifests.write(out, held.samples, chosen.dataset, out.parent)
    counts = Counter((s.split, "fake" if s.label else "genuine") for s in held.samples)
    if json:
        found = {f"{name} {label}": n for (name, label), n in sorted(counts.items())}
        typer.echo(plain.dumps({**found, "left out": held.left_out}, indent=2))
        return
    rows = [(name, label, str(n)) for (name, label), n in sorted(counts.items())]
    grid(("split", "class", "samples"), rows, (f"{held.left_out} left out, too near to a test",))


def samples_of(
    manifests: list[Path], split: str, limit: int, facts: dict[str, object]
) -> "list[tuple[str, Sample]]":
    """Return (data set, sample), each once; notes the digest of what is read in `facts`.

    Samples of a folder that 'verilens perturb' wrote say so in their attributes.
    """
    from itertools import islice

    from verilens import manifest, tables
    from verilens.bench.curves import perturbed, shared

    named: dict[str, str] = {}
    found: dict[tuple[str, str], Sample] = {}  # parts of a protocol share their genuine media
    for path in manifests:
        dataset = str(tables.facts(path).get("dataset", path.stem))
        wanted = (s for s in manifest.read(path) if split in ("", s.split))
        chosen = [perturbed(sample) for sample in islice(wanted, limit or None)]
        named[path.name] = manifest.digest(chosen)
        for sample in chosen:
            found.setdefault((dataset, sample.id), sample)
    facts |= {"manifests": named, **shared(list(found.values()))}
    return [(dataset, sample) for (dataset, _), sample in found.items()]


def _followed(scoring: "Iterator[Scored]", total: int, quiet: bool) -> int:
    """Show progress and return how many files have no score."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    errors, last = 0, ""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("scoring samples", total=total)
        for scored in scoring:
            errors += scored.is_missing
            if scored.shot.sample.id != last:
                progress.advance(task)
            last = scored.shot.sample.id
    return errors


def _said(part: object) -> str:
    facts = {k: v for k, v in vars(part).items() if v and k != "name"}
    return ", ".join(f"{key} {_words(value)}" for key, value in facts.items())


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return " or ".join(map(str, value))
    if isinstance(value, dict):
        return " and ".join(f"{k}={_words(v)}" for k, v in value.items())
    return str(value)


def _show(found: "Audit") -> None:
    rows = [
        (name, found.samples[name], found.missing[name], found.sources[name],
         f"{found.effective[name]:.1f}")
        for name in found.samples
    ]  # fmt: skip
    heads = ("class", "samples", "without score", "sources", "worth independent samples")
    auc = found.metadata_auc
    said = f"a classifier that sees no pixels: {found.metadata_note}"
    if auc:
        said = (
            f"a classifier that sees no pixels: AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
        )
    grid(heads, [[str(cell) for cell in row] for row in rows], (said, *found.warnings))
    facts = [
        (fact, name, ", ".join(f"{key}: {value:.3g}" for key, value in values.items()))
        for fact, classes in found.tables.items()
        for name, values in classes.items()
        if values
    ]
    grid(("file fact", "class", "values"), facts, ())
