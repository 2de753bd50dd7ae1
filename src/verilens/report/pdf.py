"""The report of one file as a PDF of a page or two, to attach and to print.

Holds what the page of `report.html` says first: the verdict, the picture with the strongest heat
map beside it, the evidence, the provenance, and how the report was made. Written with reportlab; a
letter that its font does not have is written as its code.
"""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from verilens.errors import MissingExtra
from verilens.records import Evidence, Report
from verilens.report import figures, posts, words
from verilens.report.escape import visible
from verilens.report.figures import RGB
from verilens.report.html import Context, Pictures, rank

FACE, BOLD = "Vera", "VeraBd"
MARGIN = 48.0  # points
SHOWN = 640  # longer side of a picture in pixels
LONGEST = 4000  # characters of a post's text; the rest is in the JSON
BOX = (161, 38, 13)  # RGB of a frame around what was changed
COLOURS = {"fake": "#a1260d", "suspicious": "#8a5a00", "unsure": "#4b4b55", "genuine": "#1c6b80"}


def render(report: Report, pictures: Pictures, shared: Context) -> bytes:
    """Return the report as a PDF file. MissingExtra without reportlab."""
    lab = _reportlab()
    file = io.BytesIO()
    document = lab["SimpleDocTemplate"](
        file,
        pagesize=lab["A4"],
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=_plain(f"verilens: {report.path}"),
        author=f"verilens {report.version}",
        invariant=True,
    )
    writer = _Writer(lab, float(document.width))
    writer.heading("verilens report", 18)
    writer.text(report.path, bold=True)
    if report.error is not None:
        writer.text(f"This file could not be read: {report.error.message}")
    _verdict(writer, report)
    _pictures(writer, report, pictures)
    _post(writer, report)
    _evidence(writer, report.evidence, shared)
    _provenance(writer, report)
    _making(writer, report, shared)
    document.build(writer.parts)
    return file.getvalue()


class _Writer:
    """Collects the parts of a document. Every text is escaped here."""

    def __init__(self, lab: dict[str, Any], width: float) -> None:
        self.parts: list[Any] = []
        self.width = width
        self._lab = lab

    def heading(self, text: str, size: float = 12, colour: str = "#1a1a1f") -> None:
        self.parts += [self._space(8), self._paragraph(text, BOLD, size, colour)]

    def text(self, text: str, bold: bool = False, size: float = 9) -> None:
        self.parts.append(self._paragraph(text, BOLD if bold else FACE, size, "#1a1a1f"))

    def bullets(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.text(f"- {text}")

    def table(self, rows: Sequence[Sequence[str]], shares: Sequence[float]) -> None:
        """Add rows of texts, the first one its head. shares: of the width, one a column."""
        cells = [
            [self._paragraph(text, BOLD if n == 0 else FACE, 7.5, "#1a1a1f") for text in row]
            for n, row in enumerate(rows)
        ]
        line = self._lab["HexColor"]("#c9c9d2")
        style = [("LINEBELOW", (0, 0), (-1, -1), 0.4, line), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        widths = [share * self.width for share in shares]
        table = self._lab["Table"](cells, colWidths=widths, repeatRows=1, style=style)
        self.parts += [self._space(3), table]

    def side_by_side(self, shown: Sequence[RGB]) -> None:
        """Add pictures in a row."""
        width = self.width / 2 - 6
        images = [self._image(rgb, width) for rgb in shown]
        row = images + [""] * (2 - len(images))
        self.parts += [self._space(6), self._lab["Table"]([row], colWidths=[self.width / 2] * 2)]

    def _image(self, rgb: RGB, width: float) -> Any:
        small = figures.fit(rgb, SHOWN)
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]))
        height, across = small.shape[:2]
        scale = min(width / across, 260.0 / height)
        file = io.BytesIO(data.tobytes())
        return self._lab["Image"](file, width=across * scale, height=height * scale)

    def _paragraph(self, text: str, face: str, size: float, colour: str) -> Any:
        style = self._lab["ParagraphStyle"](
            face,
            fontName=face,
            fontSize=size,
            leading=1.35 * size,
            textColor=colour,
            splitLongWords=1,
        )
        return self._lab["Paragraph"](_escaped(text), style)

    def _space(self, points: float) -> Any:
        return self._lab["Spacer"](1, points)


def _verdict(writer: _Writer, report: Report) -> None:
    verdict = report.verdict
    if verdict is None:
        return
    writer.heading(words.label(verdict).capitalize(), 16, COLOURS[verdict.decision])
    writer.text(
        f"{words.percent(verdict.probability)} {words.chance(verdict)}; "
        f"90% interval {words.interval(verdict)}.",
        bold=True,
    )
    writer.text(verdict.sentence)
    writer.text(words.meaning(verdict))
    for title, texts in (
        ("Evidence that disagrees", verdict.conflicts),
        ("What was not checked", verdict.not_checked),
    ):
        if texts:
            writer.heading(title, 10)
            writer.bullets(texts)


def _pictures(writer: _Writer, report: Report, pictures: Pictures) -> None:
    preview = pictures.preview
    if preview is None:
        return
    preview = figures.fit(preview, SHOWN)
    preview = _boxed(preview, posts.regions(report, (preview.shape[1], preview.shape[0])))
    shown, mapped = [preview], [e for e in report.evidence if e.where.heatmap is not None]
    if mapped and report.media is not None and report.media.kind == "image":
        strongest = max(mapped, key=rank)
        shown.append(_blended(preview, strongest))
    writer.side_by_side(shown)
    if len(shown) > 1:
        writer.text(
            f"Right: patch-wise scores of {strongest.method}, from dark blue (0) to yellow (1); a "
            "direction to look in, not a proof.",
            size=7.5,
        )


def _boxed(preview: RGB, marks: Sequence[posts.RegionMark]) -> RGB:
    """Return the picture with a frame around every box that a method says was changed."""
    framed = preview.copy() if marks else preview
    for mark in marks:
        ends = (round(mark.x + mark.width), round(mark.y + mark.height))
        cv2.rectangle(framed, (round(mark.x), round(mark.y)), ends, BOX, 2)
    return framed


def _blended(preview: RGB, evidence: Evidence) -> RGB:
    heatmap = evidence.where.heatmap
    assert heatmap is not None
    layer = figures.overlay(heatmap)
    height, width = preview.shape[:2]
    fitted = cv2.resize(layer, (width, height), interpolation=cv2.INTER_LINEAR)
    alpha = 0.7 * fitted[..., 3:].astype(np.float32) / 255.0
    mixed = preview * (1.0 - alpha) + fitted[..., :3] * alpha
    blended: RGB = np.rint(mixed).astype(np.uint8)
    return blended


def _post(writer: _Writer, report: Report) -> None:
    """Write the words of a post, what is marked in them and in its picture."""
    if report.post is None:
        return
    writer.heading("The post")
    pieces = posts.pieces(report.post, report.evidence, LONGEST)
    writer.text("".join(piece.text for piece in pieces) or "The post has no text.")
    marks = posts.marked_words(report.post, report.evidence)
    if marks:
        writer.text("Words that a method says were changed:", bold=True)
        writer.bullets(marks)
    elif report.post.text and report.evidence:
        writer.text("No method marked a word.")
    regions = [
        f"{item.method}: box {region.box} ({region.score:.2f})"
        for item in report.evidence
        for region in item.where.regions
    ]
    if regions:
        writer.text("Boxes (left, top, right, bottom) that a method says were changed:", bold=True)
        writer.bullets(regions)
    writer.bullets([f"{label}: {text}" for label, text in posts.facts(report.post)])
    done = [f"{e.method}: {posts.kinds(e)}" for e in report.evidence if e.kinds]
    if done:
        writer.text("What was done, by method, each with its score:", bold=True)
        writer.bullets(done)


def _evidence(writer: _Writer, evidence: Sequence[Evidence], shared: Context) -> None:
    writer.heading("Evidence")
    if not evidence:
        writer.text("No method could look at this file.")
        return
    rows = [("Method", "Claim", "Score", "Why", "Limits")]
    for item in sorted(evidence, key=rank, reverse=True):
        title = shared.cards[item.method].title if item.method in shared.cards else ""
        limits = "; ".join(item.limits) or "none noted"
        name = f"{words.source(item)} {title}"
        rows.append((name, words.CLAIMS[item.claim], f"{item.score:.2f}", item.why, limits))
    writer.table(rows, (0.19, 0.13, 0.08, 0.3, 0.3))
    writer.bullets([said for item in evidence if (said := words.where(item))])


def _provenance(writer: _Writer, report: Report) -> None:
    if report.media is None:
        return
    found = report.media.provenance
    writer.heading("Provenance")
    writer.text(words.provenance(found))
    writer.bullets(
        [
            f"{claim.source}: {claim.statement} ({words.STRENGTHS[claim.strength]})"
            for claim in found.claims
        ]
    )
    if found.c2pa:
        writer.bullets([f"{name}: {words.flat(value)}" for name, value in found.c2pa.items()])


def _making(writer: _Writer, report: Report, shared: Context) -> None:
    writer.heading("How this report was made")
    media = report.media
    if media is not None:
        writer.text(", ".join(words.facts(media)))
        writer.text(f"SHA-256 of the file: {media.sha256}")
    writer.text(f"verilens {report.version}, {report.seconds:.1f} s")
    asked = dict.fromkeys(e.method for e in report.evidence)
    used = [name for name in asked if name in shared.weights]
    writer.bullets([f"{name}: weights {shared.weights[name].sha256}" for name in used])


def _escaped(text: str) -> str:
    plain = _plain(text)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    known = _letters()
    return "".join(c if c in known else f"\\u{ord(c):04x}" for c in visible(text))


@cache
def _letters() -> frozenset[str]:
    """Return the letters that the font has."""
    from reportlab.pdfbase import pdfmetrics

    _reportlab()
    return frozenset(chr(code) for code in pdfmetrics.getFont(FACE).face.charWidths)


@cache
def _reportlab() -> dict[str, Any]:
    """Return the names of reportlab that are used here, its fonts known."""
    try:
        import reportlab
        from reportlab.lib.colors import HexColor
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont
        from reportlab.platypus import Image, Paragraph, SimpleDocTemplate, Spacer, Table
    except ImportError as error:
        raise MissingExtra("PDF needs reportlab: pip install 'verilens[server]'") from error
    fonts = Path(reportlab.__file__).parent / "fonts"
    for face in (FACE, BOLD):
        pdfmetrics.registerFont(TTFont(face, str(fonts / f"{face}.ttf")))
    found = (HexColor, ParagraphStyle, Image, Paragraph, SimpleDocTemplate, Spacer, Table)
    return {"A4": A4, **{each.__name__: each for each in found}}
