"""Pages are whole, self-contained, and unmoved by hostile files."""

import base64
import dataclasses
import hashlib
import itertools
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
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
from report_strategies import reports

from verilens.records import Provenance, ProvenanceClaim, Report
from verilens.report import html

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>\u202egpj"
VOID = {"meta", "link", "img", "input", "br", "wbr", "image", "rect", "path", "circle", "line"}


class Page(HTMLParser):
    """Collects tags, attributes, scripts and visible text, and checks that tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.blocks: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.inside == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] in self.blocks:
            self.blocks[self.inside[-1]].append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(report: Report, pictures: html.Pictures = PICTURES) -> Page:
    return Page(html.render(report, pictures, CONTEXT))


def assert_closed(found: Page) -> None:
    """One script, no handlers, no inline styles, and every address inside the page."""
    assert len(found.blocks["script"]) == 1
    for tag, attributes in found.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:image/")), (tag, address[:40])


def test_page_says_what_it_must() -> None:
    text = page(REPORT).text
    for words in (
        "Fake 93% probability that it is AI-generated or forged 90% interval 84% to 97%",
        "genuine up to 25%",
        "Because npr finds traces.",
        "npr and patchcraft disagree",
        "faces were not checked",
        "patch-wise scores of npr",
        "it is not proof",
        "Aids to a person, not evidence.",
        "JPEG ghosts",
        "verilens 0.1.0",
        "a" * 64,
        "b" * 64,
        "arXiv:2312.10461",
        "2026-01-02 03:04:05 UTC",
        "Example Newsroom CA",
        "c2pa.created",
        "Limits of this report",
    ):
        assert words in text


def test_video_page_has_a_timeline_in_seconds() -> None:
    found = page(VIDEO, VIDEO_PICTURES)
    assert "Flagged segments From To Mean score Method 2.0 s 4.0 s 0.90 npr" in found.text
    thumbs = [a for tag, a in found.tags if a.get("class", "").startswith("thumb ")]
    assert len(thumbs) == 1  # only the middle one of three is flagged
    assert thumbs[0]["data-x"] == "500.0"
    (line,) = [a for tag, a in found.tags if tag == "polyline"]
    assert line["points"] == "0,180 500,20 1000,180"


def test_error_page_says_that_nothing_was_scored() -> None:
    text = page(ERROR, html.Pictures()).text
    assert "Not scanned the file is cut off" in text
    assert "No score was computed" in text
    assert "probability" not in text


def test_everything_is_inside_and_nothing_runs_from_the_file() -> None:
    assert_closed(page(REPORT))
    assert_closed(page(VIDEO, VIDEO_PICTURES))


def test_policy_allows_exactly_our_style_and_script() -> None:
    found = page(REPORT)
    (policy,) = [
        a["content"] or ""
        for _, a in found.tags
        if a.get("http-equiv") == "Content-Security-Policy"
    ]
    for kind in ("script", "style"):
        text = "".join(found.blocks[kind])
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_hostile_text_is_shown_and_never_run() -> None:
    claim = ProvenanceClaim(
        source=HOSTILE, statement=HOSTILE, ai=True, strength="trace", detail={HOSTILE: HOSTILE}
    )
    provenance = Provenance(
        state="ai",
        claims=(claim,),
        c2pa={HOSTILE: HOSTILE, "actions": [{HOSTILE: HOSTILE}], "errors": HOSTILE},
        metadata={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
    )
    assert REPORT.media is not None and REPORT.verdict is not None
    hostile = dataclasses.replace(
        REPORT,
        path=f"/tmp/{HOSTILE}",
        media=dataclasses.replace(
            REPORT.media, provenance=provenance, format=HOSTILE, codec=HOSTILE
        ),
        evidence=(dataclasses.replace(REPORT.evidence[0], why=HOSTILE, limits=(HOSTILE,)),),
        verdict=dataclasses.replace(REPORT.verdict, sentence=HOSTILE, conflicts=(HOSTILE,)),
    )
    found = page(hostile)
    assert_closed(found)
    assert "\u202e" not in html.render(hostile, PICTURES, CONTEXT)
    assert found.text.count("\\u202egpj") >= 10
    assert "alert" not in "".join(found.blocks["script"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports())
def test_any_report_makes_a_page(report: Report) -> None:
    assert_closed(page(report))


def test_headings_and_tables_are_in_order() -> None:
    found = page(REPORT)
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(a.get("scope") in ("col", "row") for tag, a in found.tags if tag == "th")
    assert all("alt" in a for tag, a in found.tags if tag == "img")
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    named = {a.get("aria-labelledby") for _, a in found.tags} - {None}
    assert named <= set(ids)


def test_page_is_written_under_a_plain_name(tmp_path: Path) -> None:
    path = html.write_page(
        dataclasses.replace(REPORT, path="/x/../\udcff ünï <b>.jpg"), PICTURES, tmp_path, CONTEXT
    )
    assert re.fullmatch(r"[A-Za-z0-9-]+\.html", path.name)
    assert path.parent == tmp_path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_page_names_differ_for_equal_files_elsewhere() -> None:
    other = dataclasses.replace(REPORT, path="/elsewhere/a.jpg")
    assert html.page_name(REPORT) != html.page_name(other)
    assert html.page_name(REPORT) == html.page_name(REPORT)


def test_tiny_pictures_are_enlarged_and_said_to_be() -> None:
    tiny = html.Pictures(preview=PICTURE[:8, :12])
    assert "re-encoded for this page and enlarged" in page(REPORT, tiny).text


def test_thresholds_without_a_zone_between_are_drawn() -> None:
    zones = html.Thresholds(genuine=0.5, suspicious=0.5, fake=0.9).zones()
    assert [zone[0] for zone in zones] == ["genuine", "suspicious", "fake"]


def test_context_knows_the_installed_methods() -> None:
    shared = html.context()
    assert shared.cards["npr"].paper == "arXiv:2312.10461"
    assert shared.made_at <= datetime.now(UTC)


def test_context_names_the_weights_that_were_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"abc")
    digest = hashlib.sha256(b"abc").hexdigest()
    assert html.context(chosen={"npr": path}).weights == {"npr": html.Weights("mine", digest)}


def test_video_without_scores_still_shows_its_moments() -> None:
    found = page(dataclasses.replace(VIDEO, evidence=()), VIDEO_PICTURES)
    assert "Moments" in found.text
    assert sum(tag == "button" for tag, _ in found.tags) == 3


@pytest.mark.parametrize("shape", [(1, 1, 3), (2000, 30, 3)])
def test_odd_pictures_make_a_page(shape: tuple[int, int, int]) -> None:
    assert_closed(page(REPORT, html.Pictures(preview=np.zeros(shape, dtype=np.uint8))))


def test_people_are_marked_listed_and_timed() -> None:
    page = Page(html.render(PEOPLE, VIDEO_PICTURES, CONTEXT))
    faces = [a for tag, a in page.tags if tag == "g" and "face" in (a.get("class") or "").split()]
    assert [a["class"] for a in faces] == ["face genuine", "face fake"]  # seen at 3 s
    text = " ".join(" ".join(page.words).split())
    for part in ("Person 2", "94%", "not judged", "swap on person 2", "seen once, at 3.0 s"):
        assert part in text
    seen = [a for tag, a in page.tags if tag == "rect" and a.get("class") == "seen"]
    assert len(seen) == 3
    flagged = [a for tag, a in page.tags if tag == "rect" and a.get("class") == "flagged"]
    assert [(float(a["x"]), float(a["width"])) for a in flagged] == [(333.3, 333.3)]


def test_a_stretch_that_only_repeats_a_person_is_drawn_once() -> None:
    page = html.render(PEOPLE, VIDEO_PICTURES, CONTEXT)
    assert page.count("swap on person 2</td>") == 1
    assert ">swap</li>" not in page and "swap on person 1</li>" in page


def test_zones_are_those_of_the_claim_that_leads() -> None:
    assert "fake from 92%" in html.render(PEOPLE, VIDEO_PICTURES, CONTEXT)
    assert "fake from 85%" in html.render(VIDEO, VIDEO_PICTURES, CONTEXT)


def test_a_picture_of_people_has_boxes_and_no_bars() -> None:
    page = Page(html.render(FACES, PICTURES, CONTEXT))
    kinds = [a.get("class") for tag, a in page.tags if tag == "g" and "face" in str(a.get("class"))]
    assert kinds == ["face suspicious", "face unsure"]
    assert not [a for tag, a in page.tags if a.get("class") == "bar"]


def test_boxes_are_painted_into_thumbnails() -> None:
    from verilens.report import people

    grey = np.full((90, 120, 3), 128, np.uint8)
    (mark,) = people.marks(dataclasses.replace(PEOPLE, people=PEOPLE.people[1:2]), 3.0, (120, 90))
    changed = (people.painted(grey, [mark]) != 128).any(-1)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), rows.min()) == (58, 18) and (columns.max(), rows.max()) == (92, 62)
    assert not changed[30:50, 70:80].any() and (grey == 128).all()


def test_a_face_between_two_sightings_is_placed_only_when_it_hardly_moves() -> None:
    from verilens.records import Person
    from verilens.report.people import box_at, stays

    still = Person(track=1, times_s=(0.0, 4.0), boxes=((0, 0, 40, 40), (8, 0, 48, 40)))
    assert box_at(still, 0.1) == (0, 0, 40, 40)
    assert box_at(still, 2.0) == (4, 0, 44, 40)
    assert box_at(still, 9.0) is None
    assert box_at(dataclasses.replace(still, boxes=((0, 0, 9, 9), (90, 0, 99, 9))), 2.0) is None
    assert stays([0.0, 1.0, 2.0, 6.0], 1.0) == [(-0.5, 2.5), (5.5, 6.5)]
