"""Everybody can use the page: axe in every state, light and dark, desk and phone."""

from pathlib import Path
from typing import Any

import pytest
from page_stub import Stub
from page_tabs import Tabs, violations

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect

LOOKS = {
    "desk": {"viewport": {"width": 1280, "height": 900}},
    "German phone": {"viewport": {"width": 360, "height": 740}, "locale": "de-DE"},
}
STATES = (
    *("empty", "uploading", "running", "still", "video", "people", "signed", "failed", "missing"),
    *("history", "found nothing", "folder", "compare", "compare empty", "delete", "key", "refused"),
)

NUMBERED = """() => [...document.querySelectorAll(
    'main :is(a, button, input, select, summary, [role=slider])'
  )].map((e, n) => (e.dataset.n = String(n)))"""
SMALL = """() => [...document.querySelectorAll('button, select, summary, .masthead a')]
  .map((e) => [e.textContent, e.getBoundingClientRect()])
  .filter(([, r]) => r.width && (r.width < 24 || r.height < 24)).map(([text]) => text)"""


def enter(state: str, stub: Stub, page: Any) -> None:
    """Bring the page into a state and wait until it shows."""
    sample = {"still": "edited.png", "video": "clip.mp4", "signed": "signed.jpg"}
    sample |= {"people": "people.mp4", "failed": "broken.jpg"}

    def go(path: str, awaited: str) -> None:
        page.evaluate("(path) => { location.hash = path; }", path)
        expect(page.locator(awaited).first).to_be_visible()

    if state in sample:
        go(f"#/job/{stub.fill([sample[state]])[0]['id']}", ".verdict")
        page.wait_for_load_state("networkidle")
    elif state == "running":
        stub.seconds = 30
        go(f"#/job/{stub.submit('genuine.jpg', 10)['id']}", ".running")
    elif state == "uploading":
        stub.slow_chunk_s = 5
        big = {"name": "film.mp4", "mimeType": "video/mp4", "buffer": bytes(6 * 2**20)}
        page.set_input_files("[data-pick=files]", [big])
        expect(page.get_by_role("progressbar")).to_be_visible()
    elif state == "missing":
        go("#/job/nothing", ".problem")
    elif state == "folder":
        made = [
            {"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": b"x"} for n in ("ai-like", "b")
        ]
        page.set_input_files("[data-pick=files]", made)
        expect(page.locator(".tally")).to_be_visible()
    elif state == "refused":
        page.set_input_files(
            "[data-pick=files]", [{"name": "a.txt", "mimeType": "", "buffer": b"x"}]
        )
        page.fill("#link", "no address")
        page.keyboard.press("Enter")
        expect(page.locator("div.refused")).to_be_visible()
    elif state == "key":
        stub.key = "vl_1_secret"
        page.reload()
        expect(page.get_by_role("dialog")).to_be_visible()
    elif state == "compare":
        a, b = (job["id"] for job in stub.fill(["edited.png", "clip.mp4"]))
        go(f"#/compare?a={a}&b={b}", ".differences")
    elif state == "compare empty":
        go("#/compare", ".empty")
    elif state in ("history", "delete", "found nothing"):
        stub.fill(["a.jpg", "clip.mp4", "broken.jpg"])
        go("#/history" + ("?q=nothing+like+it" if state == "found nothing" else ""), ".table-head")
        if state == "delete":
            page.locator(".jobs input").first.check()
            page.locator(".table-head .danger").click()
            expect(page.get_by_role("dialog")).to_be_visible()
    else:
        expect(page.locator(".drop")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(stub: Stub, tabs: Tabs, examples: Path, state: str, look: str) -> None:
    tabs.expected += ["404", "401", "415"]
    page = tabs.open(stub.base, reduced_motion="reduce", **LOOKS[look])
    enter(state, stub, page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 320, "height": 700})  # WCAG 1.4.10
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_everything_is_reached_by_keyboard(stub: Stub, tabs: Tabs) -> None:
    job = stub.fill(["people.mp4"])[0]
    page = tabs.open(stub.base, f"/#/job/{job['id']}")
    expect(page.locator(".verdict")).to_be_visible()
    wanted = set(page.evaluate(NUMBERED))
    page.evaluate("document.querySelector('.brand').focus()")
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.dataset.n ?? ''"))
    assert wanted <= seen


def test_the_skip_link_and_new_views_move_the_focus(stub: Stub, tabs: Tabs) -> None:
    page = tabs.open(stub.base)
    expect(page.locator(".drop")).to_be_visible()
    page.evaluate("document.querySelector('.skip').focus()")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_role("link", name="History").first.click()
    page.wait_for_function("() => document.activeElement.textContent === 'History'")


def test_nothing_moves_for_those_who_ask(stub: Stub, tabs: Tabs) -> None:
    stub.seconds = 30
    job = stub.submit("genuine.jpg", 10)
    page = tabs.open(stub.base, f"/#/job/{job['id']}", reduced_motion="reduce")
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0


def test_targets_are_large_enough(stub: Stub, tabs: Tabs) -> None:
    """WCAG 2.5.8: 24 x 24 CSS pixels for what is pressed, links in text apart."""
    job = stub.fill(["people.mp4"])[0]
    look = {"viewport": {"width": 360, "height": 740}}
    page = tabs.open(stub.base, f"/#/job/{job['id']}", **look)
    expect(page.locator(".verdict")).to_be_visible()
    small = page.evaluate(SMALL)
    assert small == []
