"""verilens explain: the verdict first, then why, in words."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verilens.errors import ConfigError

if TYPE_CHECKING:
    from verilens.explain.explanation import Explanation
    from verilens.options import Options
    from verilens.records import Clip, Report, View
    from verilens.understand.answerer import Answerer
    from verilens.understand.asking import Tally

EXAMPLES = (
    "Examples:  verilens explain photo.jpg   |   verilens explain photo.jpg --endpoint "
    "http://127.0.0.1:8000/v1 --model Qwen2.5-VL-7B-Instruct   |   "
    "verilens explain clip.mp4 --model models/SmolVLM2-2.2B-Instruct --json -"
)
KEY = "VERILENS_MODEL_KEY"


def explain(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATHS", help="Files, as for 'verilens scan'.", show_default=False),
    ],
    endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A server that speaks OpenAI's chat completions: vLLM, Ollama, a hosted one. It "
            "is sent the pictures.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="The endpoint's model, or without --endpoint a local folder of transformers.",
        ),
    ] = None,
    key_env: Annotated[
        str, typer.Option(metavar="NAME", help="The environment variable that holds the key.")
    ] = KEY,
    methods: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these detectors, as for scan.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, max=64, help="Shown of a film.")] = 8,
    max_tokens: Annotated[int, typer.Option(min=64, help="Of an answer.")] = 768,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Questions at once.")] = 4,
    timeout: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds an answer.")] = 120.0,
    price: Annotated[
        str, typer.Option(metavar="IN,OUT", help="Of a million tokens, to work out the cost.")
    ] = "0,0",
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep answers in the cache folder.")
    ] = True,
    json: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Two lines of JSON a file, the verdict and then the explanation; - is standard "
            "output.",
        ),
    ] = None,
) -> None:
    """Say whether pictures and films are genuine, and then why, in words.

    Without a model the words come from the evidence alone. A model adds its own, checked against
    the detectors' maps; it never changes the verdict. Exit code 3: some file could not be read, or
    some answer could not be had.
    """
    from verilens.cli import run
    from verilens.options import Options

    asked = Asked(endpoint=endpoint, model=model, key_env=key_env, timeout_s=timeout, cache=cache)
    answerer = asked.answerer()
    shown = Shown(json, price)
    options = Options(methods=run.named(methods), where=True)
    failed = False
    pace = Pace(frames=frames, max_tokens=max_tokens, parallel=parallel)
    with ExitStack() as stack:
        stack.callback(shown.finish, answerer)
        for found in explained(paths, options, answerer, shown, pace):
            shown.explanation(found)
            failed |= found.verdict is None
            failed |= found.model is not None and found.model.outcome == "failed"
    if failed:
        from verilens.cli.exits import UNREADABLE

        raise typer.Exit(UNREADABLE)


def explained(
    paths: Sequence[str],
    options: "Options",
    answerer: "Answerer | None",
    shown: "Shown",
    pace: "Pace",
) -> "Iterator[Explanation]":
    """Scan, show each verdict at once, and yield the explanations as they come, in order."""
    from verilens.explain.explanation import explain as because
    from verilens.scanner import scan_many

    pixels = Pixels((replace(answerer.sees, frames=pace.frames),) if answerer else ())
    waiting: deque[Future[Explanation]] = deque()
    with ThreadPoolExecutor(pace.parallel, "explain") as pool:
        for report in scan_many(paths, options, pages=pixels):
            shown.verdict(report)
            clips = pixels.taken(report.path)
            waiting.append(pool.submit(because, report, clips, answerer, pace.max_tokens))
            while waiting and (waiting[0].done() or len(waiting) > 2 * pace.parallel):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much a model is shown and may say, and how many questions are under way."""

    frames: int = 8
    max_tokens: int = 768
    parallel: int = 4


class Pixels:
    """Keeps what a model is shown of each file until it is asked; see `scanner.Pages`."""

    def __init__(self, views: "Sequence[View]") -> None:
        self.views = views
        self._clips: dict[str, list[Clip]] = {}

    def add(self, report: "Report", clips: "Mapping[View, Clip]") -> None:
        """Keep the clips of one file."""
        self._clips[report.path] = [clips[v] for v in self.views if v in clips]

    def taken(self, path: str) -> "list[Clip]":
        """Return the clips of one file, and forget them."""
        return self._clips.pop(path, [])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command was told about its model."""

    endpoint: str | None
    model: str | None
    key_env: str = KEY
    timeout_s: float = 120.0
    cache: bool = True
    batch: int = 1

    def answerer(self) -> "Answerer | None":
        """Return the model that was asked for, None without one. ConfigError, MissingExtra."""
        if self.endpoint is None and self.model is None:
            return None
        if self.model is None:
            raise ConfigError("--endpoint needs --model NAME: what the server calls its model")
        found = self._remote(self.model) if self.endpoint else self._local(Path(self.model))
        if not self.cache:
            return found
        from verilens.options import cache_folder
        from verilens.understand.cache import Answers, Cached

        return Cached(found, Answers(cache_folder() / "answers.sqlite"))

    def _remote(self, model: str) -> "Answerer":
        from verilens.understand.endpoint import Endpoint, Limits
        from verilens.understand.secret import Secret

        limits = Limits(seconds=self.timeout_s)
        return Endpoint(self.endpoint or "", model, Secret.of(self.key_env), limits)

    def _local(self, folder: Path) -> "Answerer":
        if not folder.is_dir():
            raise ConfigError(
                f"no folder '{folder}'; name a local model's folder, or give --endpoint too"
            )
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from verilens.understand.local import opened

        return opened(folder, batch=self.batch)


class Shown:
    """What the command prints: verdicts at once, explanations when they come."""

    def __init__(self, json: str | None, price: str) -> None:
        from rich.console import Console

        self.tally = priced(price)
        self._file = None
        if json is not None and json != "-":
            try:
                self._file = Path(json).open("w", encoding="ascii")  # noqa: SIM115
            except OSError as error:
                raise ConfigError(f"cannot write {json}: {error.strerror}") from error
        self._is_json = json is not None
        self._shows = json != "-"
        self._lines = Console(highlight=False)
        self._errors = Console(stderr=True, highlight=False)

    def verdict(self, report: "Report") -> None:
        """Show a verdict."""
        from verilens.report import json, terminal

        self._line(json.dumps(report))
        if self._shows:
            self._lines.print(terminal.detail(report))

    def explanation(self, found: "Explanation") -> None:
        """Show an explanation."""
        import json

        from verilens.explain.explanation import line
        from verilens.explain.terminal import of_model, plain

        if found.model is not None:
            self.tally.add(found.model.answer)
        self._line(json.dumps(line(found), allow_nan=False, separators=(",", ":")))
        if self._shows:
            self._lines.print(plain(found))
            if found.model is not None:
                self._lines.print(of_model(found.model))

    def finish(self, answerer: "Answerer | None") -> None:
        """Close everything and show what the model cost."""
        if self._file is not None:
            self._file.close()
        if answerer is not None:
            answerer.close()
            self._errors.print(f"{answerer.name}: {self.tally}", markup=False)

    def _line(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text + "\n")
            self._file.flush()
        elif self._is_json:
            typer.echo(text)


def priced(price: str) -> "Tally":
    """Return a count of tokens with their prices; ConfigError."""
    from verilens.understand.asking import Tally

    try:
        each_in, each_out = (float(part) for part in price.split(","))
    except ValueError:
        raise ConfigError(f"--price is IN,OUT of a million tokens, not '{price}'") from None
    return Tally(price_in=each_in, price_out=each_out)
