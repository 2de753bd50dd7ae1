"""verilens bench prompts: prompt suites of multimodal models against a manifest."""

import json as plain
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verilens.cli.bench import grid
from verilens.cli.bench_robustness import app
from verilens.cli.explain import KEY, Asked, priced
from verilens.errors import ConfigError

if TYPE_CHECKING:
    from verilens.bench.prompts import Score
    from verilens.understand.answerer import Answerer

PROMPTS = (
    "Examples:  verilens bench prompts mine.parquet --endpoint http://127.0.0.1:8000/v1 --model "
    "Qwen2.5-VL-7B-Instruct --count 100 --out runs/prompts   |   "
    "verilens bench prompts mine.parquet --detector npr --out runs/npr-spoken"
)

__all__ = ["app"]


@app.command(epilog=PROMPTS)
def prompts(
    manifests: Annotated[
        list[Path], typer.Argument(metavar="MANIFEST", help="What 'verilens data manifest' wrote.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where predictions and answers go.")],
    suite: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help="A method with prompts, or a folder of them.")
    ] = "mllm_defake",
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="As for explain.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME|FOLDER", help="As for explain.")
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(metavar="NAME[=WEIGHTS]", help="Answers instead of a model, offline."),
    ] = None,
    key_env: Annotated[str, typer.Option(metavar="NAME", help="As for explain.")] = KEY,
    split: Annotated[str, typer.Option(metavar="NAME", help="Only samples of this split.")] = "",
    count: Annotated[
        int, typer.Option(min=0, help="So many genuine and so many fake ones; 0 means all.")
    ] = 0,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict/--official",
            help="Verdicts by a verdict line or whole words, or by mllm-defake's rule.",
        ),
    ] = True,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Questions at once.")] = 4,
    batch: Annotated[
        int, typer.Option(min=1, max=256, help="Questions a local model reads together.")
    ] = 4,
    timeout: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds an answer.")] = 120.0,
    price: Annotated[
        str, typer.Option(metavar="IN,OUT", help="Of a million tokens, to work out the cost.")
    ] = "0,0",
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Ask a model by every prompt of a suite, and say what each prompt is worth.

    Answers are kept in DIR: a run that was stopped goes on where it was. Predictions are those of
    'verilens bench run', one file a prompt, for 'verilens bench score'.
    """
    from verilens.bench import prompts as running
    from verilens.cli.bench_run import samples_of
    from verilens.understand.cache import Answers, Cached

    programs, costs = running.suite(suite), priced(price)
    asked = Asked(
        endpoint=endpoint,
        model=model,
        key_env=key_env,
        timeout_s=timeout,
        batch=batch,
        cache=False,
    )
    answerer = _answerer(detector, asked)
    facts: dict[str, object] = {"command": "verilens " + " ".join(sys.argv[1:]), "split": split}
    samples = running.drawn(samples_of(manifests, split, 0, facts), count)
    plan = running.Plan(count=count, strict=strict, parallel=parallel)
    out.mkdir(parents=True, exist_ok=True)
    scores: list[Score] = []
    with closing(Cached(answerer, Answers(out / "answers.sqlite"))) as kept:
        for scores, tally in running.score(samples, programs, kept, out, plan, facts):
            costs.asked, costs.cached = tally.asked, tally.cached
            costs.tokens_in, costs.tokens_out = tally.tokens_in, tally.tokens_out
            done = max(s.samples for s in scores)
            typer.echo(f"{done} of {len(samples)} samples; {costs}", err=True)
    _show(scores, json, asdict(costs) | {"cost": costs.cost})


def _answerer(detector: str | None, asked: Asked) -> "Answerer":
    """Return who answers; ConfigError for nobody or two."""
    model = asked.answerer() if detector is None else None
    if detector is not None and (asked.endpoint or asked.model):
        raise ConfigError("--detector answers instead of a model: leave out --endpoint and --model")
    if detector is not None:
        from verilens.verify.spoken import spoken

        return spoken(detector)
    if model is None:
        raise ConfigError("nobody to ask: give --endpoint and --model, or --detector")
    return model


def _show(scores: "list[Score]", as_json: bool, spent: dict[str, float]) -> None:
    rows = [
        {
            "prompt": s.prompt,
            "samples": s.samples,
            "decided": len(s.scores),
            "accuracy": s.accuracy,
            "balanced_accuracy": s.balanced_accuracy,
            "refused": s.refused,
            "undecided": s.undecided,
            "failed": s.failed,
        }
        for s in scores
    ]
    if as_json:
        typer.echo(plain.dumps({"prompts": rows, "spent": spent}, indent=2))
        return
    heads = tuple(name.replace("_", " ") for name in rows[0]) if rows else ()
    cells = [
        [f"{v:.3f}" if isinstance(v, float) else "–" if v is None else str(v) for v in row.values()]
        for row in rows
    ]
    grid(heads, cells, ("rates are over decided samples; a tie of the majority counts half",))
