"""The terminal shows everything that matters, in words as well as colours."""

import dataclasses
import io
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from page_samples import ERROR, PEOPLE, REPORT, VIDEO
from report_strategies import reports
from rich.console import Console, RenderableType

from verilens.records import Report
from verilens.report import terminal


def shown(renderable: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 100])
def test_a_file_is_one_line(width: int) -> None:
    for report in (REPORT, VIDEO, ERROR):
        assert shown(terminal.line(report), width).count("\n") == 1


def test_line_names_decision_probability_interval_path_and_reason() -> None:
    text = shown(terminal.line(REPORT), 120)
    assert text.startswith("✗ fake")
    for part in ("93%", "84% to 97%", "/photos/a.jpg", "Because npr"):
        assert part in text


def test_error_line_names_type_and_message() -> None:
    assert shown(terminal.line(ERROR)).split()[:4] == ["–", "not", "scanned", "corrupt"]
    assert "the file is cut off" in shown(terminal.line(ERROR))


def test_long_paths_keep_their_end_or_all() -> None:
    report = dataclasses.replace(REPORT, path="/long" * 20 + "/name.jpg")
    assert "/name.jpg" in shown(terminal.line(report))
    assert report.path in shown(terminal.line(report, path_width=None), 400)


def test_hidden_characters_and_markup_are_shown() -> None:
    hostile = dataclasses.replace(REPORT, path="[red]\x1b[2J\u202e\nx[/red]")
    for text in (shown(terminal.line(hostile)), shown(terminal.detail(hostile))):
        assert "[red]\\x1b[2J\\u202e\\nx[/red]" in text


def test_summary_counts_decisions_and_errors() -> None:
    tally = terminal.Tally()
    for report in (REPORT, REPORT, VIDEO, ERROR):
        tally.add(report)
    text = shown(terminal.summary(tally, 2.0))
    assert "4 files in 2.0 s, 2.0 a second" in text
    assert [line.split()[:3] for line in text.splitlines()[1:]] == [
        ["✗", "fake", "2"],
        ["!", "suspicious", "1"],
        ["–", "not", "scanned"],
    ]
    assert "corrupt 1" in text
    assert "genuine" not in text


def test_detail_holds_what_a_person_needs() -> None:
    text = shown(terminal.detail(REPORT))
    for part in (
        "✗ fake   93% probability",
        "Because npr finds traces.",
        "npr says so.",
        "highest patch score 1.00, lower right",
        "npr and patchcraft disagree",
        "Example Newsroom CA",
        "c2pa: Made by AI (signed and validated)",
        "only 120 × 90 pixels",
        "the file is small",
        "faces were not checked",
        "a" * 64,
    ):
        assert part in text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports())
def test_any_report_is_shown_without_control_characters(report: Report) -> None:
    for renderable in (terminal.line(report), terminal.detail(report)):
        text = shown(renderable).replace("\n", "")
        assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in text)


def test_every_person_has_a_line() -> None:
    text = shown(terminal.detail(PEOPLE))
    lines = [line for line in text.splitlines() if "person" in line and "seen" in line]
    assert len(lines) == 3
    assert "✓ genuine" in lines[0] and "10%" in lines[0]
    assert "✗ fake" in lines[1] and "94%" in lines[1] and "seen once, at 3.0 s" in lines[1]
    assert "– not judged" in lines[2]
    assert "swap on person 2: flagged 2.0 s to 4.0 s (0.90)" in text
    assert "People" not in shown(terminal.detail(VIDEO))
