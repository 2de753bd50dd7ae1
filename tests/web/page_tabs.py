"""Tabs that remember what went wrong in them, and what axe says of a page."""

from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


class Tabs:
    """Opens tabs; afterwards says what went wrong in them."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.problems: list[str] = []
        self.expected: list[str] = []
        self.contexts: list[Any] = []

    def open(self, base: str, path: str = "/", **settings: Any) -> Any:
        settings = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}} | settings
        context = self.browser.new_context(**settings)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        page.on("request", lambda request: self._seen(request.url, base))
        page.goto(base + path)
        return page

    def _seen(self, url: str, base: str) -> None:
        if not url.startswith((base, "blob:", "data:")):
            self.problems.append(f"asked {url}")

    def unexpected(self) -> list[str]:
        return [p for p in self.problems if not any(text in p for text in self.expected)]


def violations(page: Any) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA and its best practices."""
    if not AXE.exists():
        pytest.skip("axe-core is not there: run `make test-web` once, or `npm ci` in web/")
    page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate(
        "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})"
        ".then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html + ' '"
        " + n.failureSummary).join(' | ')))",
        tags,
    )
    return [str(text) for text in found]
