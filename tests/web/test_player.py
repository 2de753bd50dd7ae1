"""The page that plays a movement, opened from the disk in a browser."""

import numpy as np
import pytest

from verilens.poses.make import make_pose
from verilens.poses.player import write_html

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(chromium, tmp_path):
    """A tab with thirty frames of somebody; it fails the test on any error."""
    times = np.linspace(0, 6, 30)[:, None, None]
    rest = np.random.default_rng(0).normal(size=(1, 25, 3))
    pose = make_pose(rest + 0.2 * np.sin(times + rest), None, "ntu25", 30, frame="world")
    write_html(tmp_path / "a.html", [pose])
    page = chromium.new_page(viewport={"width": 900, "height": 700})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text))
    page.on(
        "request", lambda request: errors.append(request.url) if "http" in request.url else None
    )
    page.goto((tmp_path / "a.html").as_uri())
    yield page
    page.close()
    assert errors == []


def drawn(tab):
    """Return the stage as a picture."""
    return tab.evaluate("stage.toDataURL()")


def test_it_plays_pauses_and_is_scrubbed(tab):
    first = drawn(tab)
    tab.evaluate("pen.clearRect(0, 0, 5000, 5000)")
    assert len(drawn(tab)) < len(first) / 2
    tab.click("#play")
    tab.wait_for_timeout(500)  # the page lets nobody evaluate text, so nothing waits for a frame
    tab.click("#play")
    at = tab.evaluate("frame")
    assert at > 3
    tab.wait_for_timeout(150)
    assert tab.evaluate("frame") == at
    tab.fill("#scrub", "20")
    assert "frame 20" in tab.inner_text("#time") and "0.67 s" in tab.inner_text("#time")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("frame") == 21


def test_views_and_the_mouse_turn_it(tab):
    front = drawn(tab)
    tab.click("text=Side")
    side = drawn(tab)
    tab.click("text=Top")
    assert len({front, side, drawn(tab)}) == 3
    box = tab.locator("#stage").bounding_box()
    tab.mouse.move(box["x"] + 300, box["y"] + 200)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 380, box["y"] + 160)
    tab.mouse.up()
    assert tab.evaluate("yaw") == pytest.approx(-0.8)
    assert tab.locator("[aria-pressed=true]").count() == 0


def test_a_slow_speed_is_slow(tab):
    tab.select_option("#speed", "0.1")
    tab.click("#play")
    tab.wait_for_timeout(1000)
    assert 1 <= tab.evaluate("frame") <= 5
