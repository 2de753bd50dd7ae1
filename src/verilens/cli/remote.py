"""`verilens scan --server`: files go to a server, reports come back as if scanned here."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from verilens import pipeline
from verilens.client import Client, Question
from verilens.client.client import REFUSED, unscanned
from verilens.errors import ConfigError, MediaError, ServerError
from verilens.media.sources import Source, UrlRules, expand
from verilens.options import Options
from verilens.records import Report
from verilens.scanner import Pages

AT_ONCE = 8  # files on their way


def question(options: Options, is_fresh: bool) -> Question:
    """Return what a server is asked. ConfigError for weights, which are the server's choice."""
    if any("=" in method for method in options.methods or ()):
        raise ConfigError("weights are the server's choice: name methods only, e.g. npr")
    return Question(methods=options.methods, fresh=is_fresh)


def scan_many(
    client: Client,
    paths: Sequence[str],
    options: Options,
    question: Question,
    pages: Pages | None,
) -> Iterator[Report]:
    """Yield a report for every file of `paths`, in their order. ServerError stops the scan."""
    if pages is not None:
        raise ConfigError(
            "pages need the pixels: leave out --html, and take reports from the server's page"
        )
    rules = UrlRules(max_bytes=options.max_bytes)
    found = expand(paths, urls=rules, fetching=False)
    submit = partial(_submit, client, question)
    yield from pipeline.run(found, submit, options.jobs or AT_ONCE)


def _submit(client: Client, question: Question, source: Source) -> Callable[[], Report]:
    """Send one file or address; return what is left to do for its report."""
    if source.error is not None:
        return partial(unscanned, source.name, source.error.kind, _own(source, source.error))
    try:
        job = client.submit(source.path or source.name, question)
    except (MediaError, ServerError) as error:
        if isinstance(error, ServerError) and error.kind not in REFUSED:
            raise
        return partial(unscanned, source.name, error.kind, _own(source, error))
    finally:
        source.discard()
    return partial(client.finished, job, source.name)


def _own(source: Source, error: MediaError | ServerError) -> str:
    """Return a message without the name of the file, which stands beside it."""
    message = error.message
    for name in (source.name, str(source.path), source.path.name if source.path else ""):
        message = message.removeprefix(f"{name}: ")
    return message
