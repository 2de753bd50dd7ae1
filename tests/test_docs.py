"""The documentation says what the program does: commands exist, methods and targets are named."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from verilens import catalog
from verilens.cli import app
from verilens.datasets import datasets

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^(?:\$ )?(verilens [^#|\n]*)", re.MULTILINE)
TARGET = re.compile(r"\bmake ([a-z-]+)")


def commands() -> list[str]:
    """Return every verilens command that stands in a code block of the documentation."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", "".join(p.read_text() for p in PAGES), re.DOTALL)
    found = {line.strip() for block in blocks for line in COMMAND.findall(block)}
    return sorted(line for line in found if "..." not in line)


def groups() -> dict[str, list[str]]:
    """Return the commands of each group of commands, such as `verilens data`."""
    return {
        group.name: [command.name or command.callback.__name__ for command in inner]
        for group in app.registered_groups
        if (inner := group.typer_instance.registered_commands)
    }


def named(arguments: list[str]) -> list[str]:
    """Return the words of a line that name its command, such as ["serve", "keys", "list"]."""
    found, inner = [], app
    for word in arguments:
        found.append(word)
        below = {group.name: group.typer_instance for group in inner.registered_groups}
        inner = below.get(word)
        if inner is None:
            return found
        if len(found) < len(arguments) and arguments[len(found)].startswith("-"):
            return found  # a group that is a command too
    return found


@pytest.mark.parametrize("line", commands())
def test_documented_options_exist(line: str) -> None:
    _, *arguments = shlex.split(line)
    command = named(arguments)
    shown = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [*command, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (a for a in arguments if a.startswith("--")):
        assert option in shown.output


def test_every_command_is_documented() -> None:
    text = "".join(p.read_text() for p in PAGES)
    for command in app.registered_commands:
        assert f"verilens {command.name or command.callback.__name__}" in text
    for group, names in groups().items():
        for name in names:
            assert f"verilens {group} {name}" in text


def test_every_make_target_named_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {t for p in PAGES for t in TARGET.findall(p.read_text())}
    assert named - {"sure"} <= targets


def built(page: str) -> str:
    """Return a page of the documentation as it is published, filled in from the cards."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec and spec.loader
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    return hooks.on_page_markdown((ROOT / "docs" / page).read_text())


def test_the_docs_page_of_methods_is_built_from_every_card() -> None:
    page = built("methods.md")
    for card in catalog.cards().values():
        assert f"`{card.name}`" in page
        assert all(limit in page for limit in card.limits)


def test_the_docs_page_of_data_sets_is_built_from_every_card() -> None:
    page = built("data.md")
    for name, adapter in datasets().items():
        assert f"`{name}`" in page
        assert all(trap in page for trap in adapter.CARD.traps)
