"""Drive the page of a fresh server as a reader would, and keep pictures of what is seen.

    python benchmarks/serve_demo.py demo-shots

Starts `verilens serve` on a free port with a data folder of its own, gives it the files of
`examples/make.py` through headless Chromium (upload, verdict, slider, seek, report, folder,
history, comparison; light and dark, desk and phone, English and German), and writes PNG files and
the downloaded reports into the folder. Fails when a step does not show what it should.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

EXAMPLES = Path(__file__).parents[1] / "examples" / "make.py"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
START_S, SCAN_S = 120.0, 180_000
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where pictures and reports go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, served(Path(work) / "data") as base:
        media = Path(work) / "examples"
        subprocess.run([sys.executable, EXAMPLES, media], check=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            walk(browser, base, media, folder)
            browser.close()
    print(f"screenshots and reports are in {folder}/")


@contextlib.contextmanager
def served(data: Path) -> Iterator[str]:
    """Yield the address of a server that is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "verilens", "serve", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command) as server:
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until_ready(base, server)
            yield base
        finally:
            server.terminate()


def wait_until_ready(base: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{base}/readyz", timeout=5).close()
            return
        time.sleep(0.2)
    raise SystemExit(f"the server at {base} did not become ready in {START_S:g} s")


class Walk:
    """One reader's tab. Anything in the console or to another host ends the walk."""

    def __init__(
        self, browser: Browser, base: str, folder: Path, name: str, **look: object
    ) -> None:
        self.folder, self.name, self.base = folder, name, base
        settings = {"viewport": DESK, "locale": "en-GB", "reduced_motion": "reduce"} | look
        self.page: Page = browser.new_context(**settings).new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.base, "blob:", "data:")):
            self.problems.append(f"asked {url}")

    def shot(self, step: str) -> None:
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self.folder / f"{self.name}-{step}.png", full_page=True)

    def close(self) -> None:
        if self.problems:
            raise SystemExit(f"{self.name}: " + "; ".join(self.problems))
        self.page.context.close()


def walk(browser: Browser, base: str, media: Path, folder: Path) -> None:
    desk = Walk(browser, base, folder, "desk")
    still = see_still(desk, media)
    film = see_film(desk, media)
    see_folder(desk, media)
    see_lists(desk, still, film)
    figures(desk)
    desk.close()
    looks = {
        "dark": {"color_scheme": "dark"},
        "german": {"locale": "de-DE"},
        "phone": {"viewport": PHONE, "locale": "de-DE", "is_mobile": True, "has_touch": True},
    }
    for name, look in looks.items():
        other = Walk(browser, base, folder, name, **look)
        for step, address in {"start": "/", "still": still, "film": film}.items():
            other.page.goto(base + address)
            expect(other.page.locator(".drop, .verdict").first).to_be_visible()
            other.shot(step)
        other.page.goto(f"{base}/#/history")
        expect(other.page.locator(".jobs")).to_be_visible()
        other.shot("history")
        other.close()


def give(desk: Walk, *files: Path) -> None:
    desk.page.goto(desk.base)
    desk.page.set_input_files("[data-pick=files]", list(files))


def see_still(desk: Walk, media: Path) -> str:
    page = desk.page
    page.goto(desk.base)
    expect(page.locator(".drop")).to_be_visible()
    desk.shot("start")
    give(desk, media / "ai-like.png")
    expect(page.locator(".running, .verdict").first).to_be_visible()
    desk.page.screenshot(path=desk.folder / "desk-running.png")
    expect(page.locator(".verdict h2")).to_have_text("Fake", timeout=SCAN_S)
    expect(page.locator(".stage img")).to_be_visible()
    slider = page.get_by_role("slider", name="Heat map")
    slider.fill("80")
    assert page.locator("canvas.heat").evaluate("(c) => c.style.opacity") == "0.8"
    page.get_by_role("combobox", name="Method").select_option("npr")
    desk.shot("still")
    page.locator(".stage").focus()
    for key in "+++":
        page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    desk.shot("zoomed")
    for kind in ("html", "json", "pdf"):
        save_report(desk, kind)
    return page.evaluate("() => '/' + location.hash")


def save_report(desk: Walk, kind: str) -> None:
    with desk.page.expect_download(timeout=60_000) as waiting:
        desk.page.get_by_role("button", name=f"Save the report as {kind.upper()}").click()
    waiting.value.save_as(desk.folder / f"report.{kind}")
    assert (desk.folder / f"report.{kind}").stat().st_size > 1000


def see_film(desk: Walk, media: Path) -> str:
    page = desk.page
    give(desk, media / "clip.mp4")
    expect(page.locator(".verdict h2")).to_have_text("Fake", timeout=SCAN_S)
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    plot = page.get_by_role("slider", name=re.compile("Score over time"))
    box = plot.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 30)
    now = page.evaluate("() => document.querySelector('video').currentTime")
    assert abs(now - 3.0) < 0.2, now
    plot.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.querySelector('video').currentTime") > now
    desk.shot("film")
    return page.evaluate("() => '/' + location.hash")


def see_folder(desk: Walk, media: Path) -> None:
    page = desk.page
    give(desk, *(media / name for name in ("genuine.jpg", "edited.png", "signed.jpg", "clip.mp4")))
    expect(page.locator(".jobs tbody tr")).to_have_count(4, timeout=60_000)
    desk.page.screenshot(path=desk.folder / "desk-folder-running.png")
    expect(page.locator(".batch > .running")).to_have_count(0, timeout=SCAN_S)
    desk.shot("folder")
    page.get_by_role("link", name="signed.jpg").click()
    expect(page.locator(".chain")).to_be_visible()
    desk.shot("provenance")


def see_lists(desk: Walk, still: str, film: str) -> None:
    page = desk.page
    page.goto(f"{desk.base}/#/history")
    expect(page.locator(".jobs tbody tr")).to_have_count(5)
    desk.shot("history")
    first, second = (address.rsplit("/", 1)[1] for address in (still, film))
    page.goto(f"{desk.base}/#/compare?a={first}&b={second}")
    expect(page.locator(".differences")).to_be_visible()
    desk.shot("compare")
    page.goto(desk.base)
    broken = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff" + bytes(99)}
    page.set_input_files("[data-pick=files]", [broken])
    expect(page.locator(".problem, div.refused").first).to_be_visible(timeout=SCAN_S)
    desk.problems = [text for text in desk.problems if "status of 4" not in text]
    desk.shot("broken")


def figures(desk: Walk) -> None:
    """Print the weight of the first load and the time until the page can be used."""
    page = desk.page
    page.context.clear_cookies()
    page.goto("about:blank")
    page.goto(desk.base)
    expect(page.locator(".drop")).to_be_visible()
    ready = page.evaluate("() => performance.getEntriesByName('verilens-interactive')[0].startTime")
    print(f"interactive after {ready:.0f} ms")


if __name__ == "__main__":
    main()
