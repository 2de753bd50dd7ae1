"""What a person reads in the terminal: a line a file, a summary, and all about one file.

Functions return rich renderables; nothing is printed here. Colour is never the only cue: each
decision has a symbol and a word. Text from files is shown with hidden characters visible and
without markup.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from verilens.records import Evidence, Media, Person, Post, Report, Verdict
from verilens.report import posts, words
from verilens.report.escape import readable, shortened, visible

STYLES = {
    "fake": "bold red",
    "suspicious": "bold yellow",
    "unsure": "bold",
    "genuine": "bold cyan",
    "error": "magenta",
}
LONGEST = 300  # characters of a line that came out of a file
POST = 1000  # characters of a post's text
SCALE = 41  # characters of the probability scale


def line(report: Report, path_width: int | None = 40) -> Table:
    """Return one file on one line, cut at the right edge of the console.

    path_width: columns for the path, whose beginning is left out if need be; None shows all of it.
    """
    verdict = report.verdict
    text = _decision(verdict, padded=True)
    if verdict:
        text.append(f" {words.percent(verdict.probability):>4} ", style="bold")
        text.append(f"{words.interval(verdict):<13} ", style="dim")
    else:
        kind = report.error.type if report.error else "not scored"
        text.append(f" {visible(kind):<18} ", style="magenta")
    text.append(_path(report.path, path_width))
    text.append("  " + _why(report), style="dim")
    grid = Table.grid()
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_row(text)
    return grid


@dataclass
class Tally:
    """Counts of a scan, kept while it runs."""

    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count one report."""
        if report.verdict:
            self.decisions[report.verdict.decision] += 1
        else:
            self.errors[report.error.type if report.error else "not scored"] += 1

    @property
    def total(self) -> int:
        """Return the number of files."""
        return self.decisions.total() + self.errors.total()


def summary(tally: Tally, seconds: float) -> Table:
    """Return the counts of a scan as a table. seconds: how long it took."""
    rate = f"{tally.total / seconds:.1f} a second" if seconds > 0 else ""
    table = Table(
        title=f"{tally.total:,} {'file' if tally.total == 1 else 'files'} in "
        f"{words.seconds(seconds)}{', ' + rate if tally.total > 1 and rate else ''}",
        title_justify="left",
        title_style="bold",
        show_header=False,
        box=None,
        padding=(0, 2, 0, 0),
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for decision in words.ORDER:
        if tally.decisions[decision]:
            label = Text(f"{words.SYMBOLS[decision]} {decision}", style=STYLES[decision])
            table.add_row(label, f"{tally.decisions[decision]:,}", words.DECISIONS[decision])
    if tally.errors:
        kinds = ", ".join(f"{visible(kind)} {n:,}" for kind, n in tally.errors.most_common())
        label = Text("– not scanned", style=STYLES["error"])
        table.add_row(label, f"{tally.errors.total():,}", Text(kinds))
    return table


def detail(report: Report) -> Panel:
    """Return all that is known about one file."""
    parts: list[RenderableType] = []
    if report.media:
        parts += [
            Text(" · ".join(visible(fact) for fact in words.facts(report.media)), style="dim")
        ]
    if report.post:
        parts += _post(report.post, report.evidence)
    if report.error:
        parts += [Text(), _decision(None), Text(visible(report.error.message))]
        parts += [Text(f"error type: {visible(report.error.type)}", style="dim")]
    if report.verdict:
        parts += [Text(), *_verdict(report.verdict)]
        parts += [_heading("Evidence"), _evidence(report.evidence)]
        parts += _people(report.people or ())
        shown = words.apart(report.evidence)
        parts += _list("Where", [where for e in shown if (where := words.where(e))])
        parts += _list("Evidence that disagrees", report.verdict.conflicts)
    if report.media:
        parts += _provenance(report.media)
        parts += _list("Quality", report.media.quality.notes)
    if report.verdict:
        limits = dict.fromkeys(limit for e in report.evidence for limit in e.limits)
        parts += _list("Limits", list(limits))
        parts += _list("Not checked", report.verdict.not_checked)
    parts += [Text(), _origin(report)]
    return Panel(
        Group(*parts),
        title=Text(visible(PurePath(report.path).name or report.path), style="bold"),
        title_align="left",
        padding=(1, 2),
    )


def _decision(verdict: Verdict | None, padded: bool = False) -> Text:
    symbol = words.SYMBOLS[verdict.decision] if verdict else "–"
    word = words.label(verdict) if verdict else "not scanned"
    style = STYLES[verdict.decision if verdict else "error"]
    return Text(f"{symbol} {word:<11}" if padded else f"{symbol} {word}", style=style)


def _path(path: str, width: int | None) -> str:
    shown = visible(path)
    if width is None:
        return shown
    return f"{shown:<{width}}" if len(shown) <= width else "…" + shown[1 - width :]


def _why(report: Report) -> str:
    if report.verdict is None:
        return visible(report.error.message) if report.error else ""
    return visible(report.verdict.sentence)


def _verdict(verdict: Verdict) -> list[RenderableType]:
    headline = _decision(verdict)
    headline.append(f"   {words.percent(verdict.probability)}", style="bold")
    headline.append(f" {words.chance(verdict)}", style="")
    low, high = (round(share * (SCALE - 1)) for share in verdict.interval)
    at = round(verdict.probability * (SCALE - 1))
    scale = Text("0% ", style="dim")
    for column in range(SCALE):
        if column == at:
            scale.append("●", style=STYLES[verdict.decision])
        else:
            scale.append(
                "━" if low <= column <= high else "─", style="" if low <= column <= high else "dim"
            )
    scale.append(f" 100%   90% interval {words.interval(verdict)}", style="dim")
    return [headline, scale, Text(), Text(visible(verdict.sentence))]


def _evidence(evidence: Sequence[Evidence]) -> RenderableType:
    if not evidence:
        return Text("No method could look at this file.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("method", "claim", "score", "why"):
        table.add_column(name, justify="right" if name == "score" else "left")
    for e in sorted(evidence, key=lambda e: e.score, reverse=True):
        claim = words.CLAIMS[e.claim] + (f", person {e.track}" if e.track else "")
        why = visible(e.why)
        table.add_row(Text(visible(e.method)), Text(claim), f"{e.score:.2f}", Text(why))
    return table


def _post(post: Post, evidence: Sequence[Evidence]) -> list[RenderableType]:
    """Return a post's words, the marked ones in brackets too: colour is never the only cue."""
    said = Text()
    for piece in posts.pieces(post, evidence, POST):
        text = readable(piece.text)
        said.append(f"[{text}]" if piece.by else text, style="bold red" if piece.by else "")
    facts = [f"{label}: {text}" for label, text in posts.facts(post)]
    marked = [f"marked by {text}" for text in posts.marked_words(post, evidence)]
    done = [f"{item.method}: {posts.kinds(item)}" for item in evidence if item.kinds]
    lines = [*facts, *marked, *done]
    empty = Text("(no text)", style="dim")
    return [_heading("The post"), said if post.text else empty, *(_item(line) for line in lines)]


def _people(people: Sequence[Person]) -> list[RenderableType]:
    """Return a line for each person: decision, probability, when seen."""
    if not people:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for person in people:
        found = person.verdict
        decision = _decision(found) if found else Text("– not judged", style=STYLES["error"])
        chance = words.percent(found.probability) if found else ""
        name = Text(f"person {person.track}")
        table.add_row(name, decision, chance, Text(words.seen(person), style="dim"))
    return [_heading("People"), table]


def _provenance(media: Media) -> list[RenderableType]:
    found = media.provenance
    lines = [
        f"{claim.source}: {claim.statement} ({words.STRENGTHS[claim.strength]})"
        for claim in found.claims
    ]
    lines += [
        f"C2PA {key.replace('_', ' ')}: {words.flat(value)}"
        for key, value in (found.c2pa or {}).items()
        if value
    ]
    lines += found.notes
    return [
        _heading("Provenance"),
        Text(words.provenance(found)),
        *(_item(text) for text in lines),
    ]


def _origin(report: Report) -> Text:
    lines = [visible(report.path)]
    if report.media:
        lines.append(f"sha256 {report.media.sha256}")
    lines.append(f"verilens {visible(report.version)}, {report.seconds:.1f} s")
    return Text("\n".join(lines), style="dim")


def _list(title: str, items: Sequence[str]) -> list[RenderableType]:
    return [_heading(title), *(_item(text) for text in items)] if items else []


def _item(text: str) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row("•", Text(visible(shortened(text, LONGEST))))
    return grid


def _heading(title: str) -> Group:
    return Group(Text(), Rule(Text(title, style="bold"), align="left", style="dim"))
