"""What a person reads of an explanation. Text of a model is shown plainly, without markup."""

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from verilens.explain.explanation import OUTCOMES, Explanation, ModelSays
from verilens.report.escape import shortened, visible

LONGEST = 1000  # characters of a model's summary
STYLES = {"contradicted": "bold yellow", "disputed": "yellow", "supported": "cyan"}


def plain(found: Explanation) -> RenderableType:
    """Return the explanation that needs no model."""
    return Group(_heading("Why"), *(Text(f"• {visible(text)}") for text in found.text))


def of_model(model: ModelSays) -> RenderableType:
    """Return what a model says, its claims with what became of them."""
    parts: list[RenderableType] = [_heading(f"In the words of {visible(model.answer.model)}")]
    if model.outcome != "answered":
        note = f" ({visible(shortened(model.note, 300))})" if model.note else ""
        parts.append(Text(f"Nothing usable: {OUTCOMES[model.outcome]}{note}."))
    else:
        parts.append(Text(f"{model.verdict} ({model.confidence:.0%} sure by its own account)"))
        parts.append(Text(visible(shortened(model.summary, LONGEST))))
        parts.append(_claims(model))
    if model.has_orders:
        parts.append(Text("The text holds instructions to its reader; they are not followed."))
    if model.disagreements:
        parts.append(_heading("Where it disagrees"))
        parts += [Text(f"• {visible(text)}") for text in model.disagreements]
    answer = model.answer
    spent = "known already" if answer.is_cached else f"{answer.seconds:.1f} s"
    parts.append(Text(f"{answer.tokens_in} + {answer.tokens_out} tokens, {spent}", style="dim"))
    return Group(*parts)


def _claims(model: ModelSays) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("for", "where", "claim", "detectors say"):
        table.add_column(name)
    for one in model.claims:
        claim = one.claim
        span = f" {claim.span_s[0]:.1f}-{claim.span_s[1]:.1f} s" if claim.span_s else ""
        finding = Text(one.finding, style=STYLES.get(one.finding, ""))
        table.add_row(claim.says, claim.region + span, Text(visible(claim.what)), finding)
    return table


def _heading(title: str) -> Group:
    return Group(Text(), Rule(Text(title, style="bold"), align="left", style="dim"))
