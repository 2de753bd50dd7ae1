"""The pages in a real browser: they work, print, read well, and never ask a network."""

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_samples import (
    CONTEXT,
    ERROR,
    FACES,
    PEOPLE,
    PICTURE,
    PICTURES,
    REPORT,
    VIDEO,
    VIDEO_PICTURES,
)

from verilens.report import html
from verilens.report.index import EntryFile, entry, write_index

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Every text in view against the first opaque background behind it; WCAG 2.2, 1.4.3.
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = (rgb) => rgb.slice(0, 3)
    .map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const rgb = parse(getComputedStyle(e).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (["SCRIPT", "STYLE", "title"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parse(style.color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push([ratio.toFixed(2), walker.currentNode.textContent]);
  }
  return bad;
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["sync_api.BrowserContext"]:
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=CHROMIUM, args=FLAGS
        )
        yield context
        context.close()


@pytest.fixture
def tab(browser: "sync_api.BrowserContext") -> Iterator["sync_api.Page"]:
    """A tab that fails the test on any error, dialog, or request that leaves the page."""
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on(
        "request",
        lambda request: request.url.startswith(("file:", "data:")) or problems.append(request.url),
    )
    yield page
    page.close()
    assert problems == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of a picture, a video, an error and a hostile name, and their index."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = dataclasses.replace(REPORT, path="/x/<img src=x onerror=alert(1)>\u202egpj.exe")
    pairs = [(REPORT, PICTURES), (VIDEO, VIDEO_PICTURES), (ERROR, html.Pictures())]
    entries = EntryFile(folder)
    for name, (report, pictures) in zip(
        ("picture", "video", "error", "hostile"), [*pairs, (hostile, PICTURES)], strict=True
    ):
        path = html.write_page(report, pictures, folder, CONTEXT).rename(folder / f"{name}.html")
        entries.append(entry(report, pictures.preview, path))
    write_index(entries, folder)
    for name, report, pictures in (
        ("people", PEOPLE, VIDEO_PICTURES),
        ("faces", FACES, PICTURES),
    ):
        html.write_page(report, pictures, folder, CONTEXT).rename(folder / f"{name}.html")
    return folder


def go(tab: "sync_api.Page", folder: Path, name: str) -> None:
    tab.goto((folder / f"{name}.html").as_uri())


NAMES = ("picture", "video", "error", "hostile", "index", "people", "faces")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(tab: "sync_api.Page", folder: Path, name: str, scheme: str) -> None:
    tab.emulate_media(color_scheme=scheme)
    go(tab, folder, name)
    assert tab.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_nothing_is_wider_than_the_window(
    tab: "sync_api.Page", folder: Path, name: str, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 800})
    go(tab, folder, name)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_slider_works_from_the_keyboard(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "picture")
    tab.focus("#opacity")
    tab.keyboard.press("End")
    assert tab.get_attribute("#heat", "opacity") == "1"
    assert tab.inner_text("#opacity-value") == "100%"
    tab.keyboard.press("Home")
    assert tab.get_attribute("#heat", "opacity") == "0"


def test_methods_take_turns_on_the_picture(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "picture")
    assert tab.is_visible("#heat-0") and not tab.is_visible("#heat-1")
    tab.get_by_label("patchcraft").check()
    assert tab.is_visible("#heat-1") and not tab.is_visible("#heat-0")


def test_faces_are_boxed_and_the_boxes_can_be_hidden(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "faces")
    photo, box = (tab.locator(s).first.bounding_box() for s in ("#photo", ".face .box"))
    assert photo and box
    scale = photo["width"] / 120  # the picture is 120 pixels wide, the first face starts at 10, 20
    assert abs(box["x"] - photo["x"] - 10 * scale) < 4
    assert abs(box["y"] - photo["y"] - 20 * scale) < 4
    assert abs(box["width"] - 30 * scale) < 8
    assert tab.locator(".face text").all_text_contents() == ["1", "2"]
    tab.uncheck("#show-faces")
    assert not tab.is_visible("#faces")
    tab.check("#show-faces")
    assert tab.is_visible("#faces")


def test_people_are_listed_with_when_they_are_seen(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "people")
    assert tab.locator(".people tbody tr").count() == 3
    said = [text.strip() for text in tab.locator(".people .word").all_inner_texts()]
    assert said == ["genuine", "fake", "not judged"]
    assert tab.get_by_role("img", name="seen 3 times from 0.0 s to 6.0 s").count() == 1
    assert tab.locator(".people .flagged").count() == 1
    assert tab.locator(".face text").all_text_contents() == ["1", "2"]  # of those seen at 3 s


def test_thumbnails_point_at_their_moment(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "video")
    assert tab.get_attribute("#cursor", "visibility") == "hidden"
    thumbs = tab.locator(".thumb")
    thumbs.nth(1).hover()
    assert tab.get_attribute("#cursor", "x1") == "500.0"
    thumbs.nth(2).focus()
    assert tab.get_attribute("#cursor", "x1") == "1000.0"
    assert tab.get_attribute("#cursor", "visibility") == "visible"


def test_print_shows_the_heat_map_beside_the_picture(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "picture")
    tab.emulate_media(media="print", color_scheme="dark")
    tab.set_viewport_size({"width": 690, "height": 1000})  # A4 without margins
    assert not tab.is_visible(".controls")
    plain, heat = (tab.locator(".picture").nth(i).bounding_box() for i in (0, 1))
    assert plain and heat and heat["x"] >= plain["x"] + plain["width"]
    assert abs(heat["y"] - plain["y"]) < 1
    assert tab.evaluate("document.documentElement.scrollWidth") <= 690
    assert tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert tab.evaluate(CONTRAST) == []


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_pages_print(tab: "sync_api.Page", folder: Path, paper: str) -> None:
    for name in NAMES:
        go(tab, folder, name)
        assert tab.pdf(format=paper, print_background=True).startswith(b"%PDF")


def test_page_reads_without_scripts(folder: Path, browser: "sync_api.BrowserContext") -> None:
    page = browser.new_page()
    text = (folder / "picture.html").read_text(encoding="utf-8")
    page.set_content(text[: text.rindex("<script>")])
    assert page.is_visible("#heat-0")
    assert not page.is_visible(".controls")
    page.close()


def test_index_sorts_and_filters(tab: "sync_api.Page", folder: Path) -> None:
    go(tab, folder, "index")
    decisions = "#rows tr:not([hidden]) .word"
    assert tab.locator(decisions).all_inner_texts() == ["fake", "fake", "suspicious", "not scanned"]
    tab.get_by_role("button", name="Probability").click()
    tab.get_by_role("button", name="Probability").click()
    assert tab.locator(decisions).all_inner_texts()[0] == "not scanned"
    assert tab.locator("th[aria-sort]").all_inner_texts() == ["Probability"]
    tab.get_by_role("button", name="1 suspicious").click()
    assert tab.locator(decisions).all_inner_texts() == ["suspicious"]
    assert tab.inner_text("#shown") == "1 of 4 shown"
    tab.get_by_role("button", name="1 suspicious").click()
    tab.fill("#search", "PHOTOS cut")
    sync_api.expect(tab.locator("#shown")).to_have_text("1 of 4 shown")
    tab.locator("#rows tr:not([hidden]) a").click()
    assert tab.url.endswith("error.html")


def test_index_of_five_thousand_files_stays_quick(tab: "sync_api.Page", tmp_path: Path) -> None:
    row = entry(REPORT, PICTURE, tmp_path / "p.html")
    rows = [
        dataclasses.replace(row, path=f"/photos/{n:05}.jpg", probability=n / 5000)
        for n in range(5000)
    ]
    write_index(rows, tmp_path)
    begun = time.monotonic()
    go(tab, tmp_path, "index")
    tab.get_by_role("button", name="Probability").click()
    assert tab.locator("#rows tr a").first.inner_text() == "/photos/04999.jpg"
    tab.fill("#search", "0123")
    sync_api.expect(tab.locator("#shown")).to_have_text("11 of 5,000 shown")
    assert time.monotonic() - begun < 15
