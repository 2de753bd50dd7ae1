"""One self-contained page a file, to read, print, and attach to a story.

Everything is inside the page: style, script, pictures. A Content-Security-Policy with hashes
allows only that and no network, so nothing a file says can load or run. All text is escaped, and
invisible characters are shown.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from verilens import catalog, weights
from verilens.card import Card
from verilens.records import Claim, Decision, Evidence, Kind, Report
from verilens.report import figures, people, posts, words
from verilens.report.escape import readable, shortened, visible
from verilens.report.figures import RGB, Aid
from verilens.report.timeline import timeline
from verilens.verify.calibrate import NOT_COUNTED, UNCALIBRATED, best_fit

PREVIEW = 1280
AID = 480
GHOST = 280


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pixels a page shows, RGB (H, W, 3) uint8.

    preview: the whole upright picture, or one moment of a video, at `preview_s`.
    thumbnails: (time in seconds, frame) of a video.
    aids: the classical views, from `figures.aids`; `aids_of` says which pixels they show.
    """

    preview: RGB | None = None
    preview_s: float | None = None
    thumbnails: tuple[tuple[float, RGB], ...] = ()
    aids: tuple[Aid, ...] = ()
    aids_of: str = ""


MEANING = (
    "fake: at most about 1 % of unseen genuine files reach it",
    "suspicious: at most about 5 % of unseen genuine files reach it",
    "genuine: about 5 % of unseen generated files fall below it",
)


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where decisions change, as probabilities: genuine up to, suspicious from, fake from.

    meaning: what the numbers stand for, e.g. "fake: at most 1% of genuine files reach it".
    """

    genuine: float
    suspicious: float
    fake: float
    meaning: tuple[str, ...] = ()

    def zones(self) -> list[tuple[Decision, float, float]]:
        """Return (decision, from, to) along the scale of probability."""
        edges = [0.0, self.genuine, self.suspicious, self.fake, 1.0]
        names: tuple[Decision, ...] = ("genuine", "unsure", "suspicious", "fake")
        zones = list(zip(names, edges[:-1], edges[1:], strict=True))
        return [zone for zone in zones if zone[2] > zone[1]]


class Weights(NamedTuple):
    """Name and SHA-256 of a weights file."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every page of one scan shares.

    cards, weights: by the method's name. weights holds those the scan used. of_faces, of_spoof,
        of_movement: thresholds of those claims; the others are those of AI origin.
    """

    thresholds: Mapping[Kind, Thresholds] = field(default_factory=dict)
    of_faces: Mapping[Kind, Thresholds] = field(default_factory=dict)
    of_spoof: Mapping[Kind, Thresholds] = field(default_factory=dict)
    of_movement: Mapping[Kind, Thresholds] = field(default_factory=dict)
    cards: Mapping[str, Card] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def context(chosen: Mapping[str, Path] | None = None) -> Context:
    """Return the context of a scan.

    chosen: weights file by method; None means the starter weights of every installed method.
    """
    cards = catalog.cards()
    if chosen is None:
        found = {name: weights.available(card).get("starter") for name, card in cards.items()}
        used = {name: Weights(card.name, card.sha256) for name, card in found.items() if card}
    else:
        used = {name: Weights(path.stem, weights.sha256(path)) for name, path in chosen.items()}
    names = frozenset(used)
    return Context(
        thresholds=_thresholds(names, "ai-generated"),
        of_faces=_thresholds(names, "face-swap"),
        of_spoof=_thresholds(frozenset(cards), "spoof"),
        of_movement=_thresholds(frozenset(cards), "generated-movement"),
        cards=cards,
        weights=used,
    )


def _thresholds(methods: frozenset[str], claim: Claim) -> dict[Kind, Thresholds]:
    kinds: tuple[Kind, ...] = ("image", "video", "movement")
    fits = {kind: best_fit(kind, methods, claim) for kind in kinds}
    return {
        kind: Thresholds(genuine=fit.clear, suspicious=fit.doubt, fake=fit.alarm, meaning=MEANING)
        for kind, fit in fits.items()
        if fit
    }


def write_page(
    report: Report, pictures: Pictures, folder: Path, shared: Context | None = None
) -> Path:
    """Write the page of one report into `folder` and return its path."""
    path = folder / page_name(report)
    page = render(report, pictures, shared or context())
    path.write_text(page, encoding="utf-8")
    return path


def page_name(report: Report) -> str:
    """Return a plain file name for this file alone: its stem, and a hash of path and bytes."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(report.path).stem).strip("-")[:40] or "file"
    facts = report.path + (report.media.sha256 if report.media else "")
    digest = hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem}-{digest[:12]}.html"


def rank(evidence: Evidence) -> tuple[bool, float]:
    """Order evidence: what the verdict counts first, then the higher score."""
    is_counted = not {NOT_COUNTED, UNCALIBRATED} & set(evidence.limits)
    return is_counted, evidence.score


def render(report: Report, pictures: Pictures, shared: Context) -> str:
    """Return the page of one report as HTML."""
    media = report.media
    ranked = sorted(report.evidence, key=rank, reverse=True)
    asked = dict.fromkeys(e.method for e in ranked)
    preview = None if pictures.preview is None else _preview(pictures.preview)
    shown = (preview.width, preview.height) if preview else (0, 0)
    marks = people.marks(report, pictures.preview_s or 0.0, shown) if preview else []
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            assets=assets("page"),
            report=report,
            media=media,
            verdict=report.verdict,
            evidence=ranked,
            pictures=pictures,
            preview=preview,
            marks=marks,
            regions=posts.regions(report, shown) if preview else [],
            pieces=posts.pieces(report.post, ranked) if report.post else [],
            label=max(14, preview.width // 30) if preview else 0,
            bars=people.bars(report),
            layers=[_layer(e) for e in ranked if e.where.heatmap is not None],
            timeline=timeline(media, report.evidence) if media else None,
            thumbnails=[(t, _thumbnail(report, t, rgb)) for t, rgb in pictures.thumbnails],
            aids=[_aid(aid, AID) for aid in pictures.aids if not is_ghost(aid)],
            ghosts=[_aid(aid, GHOST) for aid in pictures.aids if is_ghost(aid)],
            shared=shared,
            thresholds=_zones(report, shared),
            used=[shared.cards[name] for name in asked if name in shared.cards],
            ramp=_ramp(),
        )
    )


def _zones(report: Report, shared: Context) -> Thresholds | None:
    """Return the thresholds of the claim that the verdict rests on."""
    if report.media is None:
        return None
    of_claim = {
        "face-swap": shared.of_faces,
        "spoof": shared.of_spoof,
        "generated-movement": shared.of_movement,
    }
    claim = report.verdict.claim if report.verdict else ""
    return of_claim.get(claim, shared.thresholds).get(report.media.kind)


def _thumbnail(report: Report, time_s: float, rgb: RGB) -> str:
    marks = people.marks(report, time_s, (rgb.shape[1], rgb.shape[0]))
    return figures.jpeg_uri(people.painted(rgb, marks), 80)


def is_ghost(aid: Aid) -> bool:
    """Tell the small JPEG ghosts from the large views."""
    return aid.title.startswith("JPEG ghost")


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture inside the page; width and height in CSS pixels."""

    address: str
    width: int
    height: int
    title: str = ""
    note: str = ""
    is_enlarged: bool = False


def _preview(rgb: RGB) -> Image:
    shown = figures.fit(rgb, PREVIEW)
    height, width = shown.shape[:2]
    factor = max(1, 384 // max(width, height))
    return Image(
        address=figures.jpeg_uri(shown),
        width=width * factor,
        height=height * factor,
        is_enlarged=factor > 1,
    )


def _layer(evidence: Evidence) -> tuple[Evidence, str]:
    heatmap = evidence.where.heatmap
    return evidence, "" if heatmap is None else figures.png_uri(figures.overlay(heatmap))


def _aid(aid: Aid, longer: int) -> Image:
    shown = figures.fit(aid.picture, longer)
    return Image(
        address=figures.jpeg_uri(shown, 75),
        width=shown.shape[1],
        height=shown.shape[0],
        title=aid.title,
        note=aid.note,
    )


@cache
def _ramp() -> str:
    return figures.png_uri(figures.colours(np.linspace(0, 1, 128, dtype=np.float32)[None]))


@dataclass(frozen=True, kw_only=True)
class Assets:
    """Style and script of one kind of page, and the policy that lets exactly these run."""

    style: Markup
    script: Markup
    policy: str


@cache
def assets(name: str) -> Assets:
    """Return the assets of "page" or "index"; what both share comes first."""
    loader = environment().loader
    assert loader is not None

    def source(file: str) -> str:
        return loader.get_source(environment(), file)[0]

    style = source("shared.css") + source(f"{name}.css")
    script = source(f"{name}.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    return Assets(style=Markup(style), script=Markup(script), policy=policy)  # our own files


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def environment() -> Environment:
    """Return the template environment: escapes everything, shows hidden characters, is strict."""
    result = Environment(
        loader=PackageLoader("verilens.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "percent": words.percent,
        "seconds": words.seconds,
        "flat": words.flat,
        "listed": words.listed,
        "shortened": shortened,
        "breakable": breakable,
        "lines": lines,
    }
    result.filters.update(filters)
    result.globals |= {"words": words, "posts": posts}
    return result


def _shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def lines(text: str) -> Markup:
    """Return text by a stranger, escaped, with its line breaks."""
    return Markup(str(escape(readable(text))))


def breakable(text: str) -> Markup:
    """Return a path, escaped, that may break after its separators."""
    return Markup(re.sub(r"([/_.-]+)", r"\1<wbr>", str(escape(visible(text)))))
