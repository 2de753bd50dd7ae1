"""A browser, a stand-in server, and tabs that fail a test on any error or foreign request."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_stub import Stub, media
from page_tabs import Tabs

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the example files."""
    return media()


@pytest.fixture
def stub(examples: Path) -> Iterator[Stub]:
    server = Stub(seconds=0.2)
    yield server
    server.close()


@pytest.fixture
def tabs(chromium: Any) -> Iterator[Tabs]:
    """Tabs of a browser; `tabs.expected` names the console's words that a test provokes."""
    found = Tabs(chromium)
    yield found
    for context in found.contexts:
        context.close()
    assert found.unexpected() == []
