"""Verdicts on presentation attacks: every number of faces has an outcome, in ISO's terms."""

import pytest
import torch
from safetensors.torch import save_file

import scanning
from face_maker import figure, film, put, room, save
from verilens import catalog, weights
from verilens.cli.run import asked
from verilens.errors import ConfigError
from verilens.media import faces as finder
from verilens.options import Options, choices, of_task
from verilens.records import Evidence, Faces, Media, Person, Verdict
from verilens.report import html, words
from verilens.report import json as report_json
from verilens.scanner import scan
from verilens.verify import calibrate
from verilens.verify.calibrate import OTHER_WEIGHTS
from verilens.verify.people import judged
from verilens.verify.presentation import presented

needs_faces = pytest.mark.skipif(finder.weights() is None, reason=f"needs {finder.INSTALL}")
ROW = {
    "claim": "spoof",
    "methods": ["skin_probe"],
    "centre": [0.0],
    "spread": [1.0],
    "draws": [[0.0, 1.0], *[[0.1 * n, 1.0] for n in (-2, -1, 0, 1, 2)]],
    "alarm": 0.9,
    "doubt": 0.7,
    "clear": 0.3,
}


@pytest.fixture
def calibrated(monkeypatch):
    """A fit of the claim "spoof" that is known here, in place of the shipped one."""
    rows = {
        kind: [*(r for r in rows if r.get("claim") != "spoof"), ROW]
        for kind, rows in calibrate._rows().items()
    }
    monkeypatch.setattr(calibrate, "_rows", lambda: rows)
    calibrate.fits.cache_clear()
    yield
    calibrate.fits.cache_clear()


def media(kind="image"):
    return Media(
        path="x", sha256="0", kind=kind, format="", size_bytes=9, width=512, height=512
    )  # fmt: skip


def person(track=1, times_s=(0.0,)):
    return Person(track=track, times_s=times_s, boxes=((0, 0, 50, 50),) * len(times_s))


def said(track, logit, **more):
    score = float(torch.sigmoid(torch.tensor(logit)))
    return Evidence(
        method="skin_probe", claim="spoof", score=score, logit=logit, track=track, **more
    )


def verdict(evidence, *people, **facts) -> Verdict:
    faces = judged(Faces(people=people, **facts), evidence, media(), "spoof")
    return presented(evidence, media(), faces)


def test_nobody_presents_nothing():
    found = verdict(())
    assert (found.decision, found.claim, found.interval) == ("unsure", "spoof", (0.0, 1.0))
    assert "no face found" in found.sentence
    assert found.not_checked == ("AI origin", "edits", "face swaps")


def test_small_faces_say_how_large_they_must_be():
    found = verdict((), small_px=20)
    assert found.decision == "unsure" and "too small (20 px, 32 px are needed)" in found.sentence


@pytest.mark.parametrize(
    ("logit", "decision", "opening"),
    [
        (4.0, "fake", "Probably a presentation attack"),
        (1.2, "suspicious", "Possibly a presentation attack"),
        (0.0, "unsure", "No safe statement"),
        (-4.0, "genuine", "Bona fide presentation"),
    ],
)
def test_one_face_decides(calibrated, logit, decision, opening):
    found = verdict((said(None, logit), said(1, logit)), person())
    assert found.decision == decision and found.sentence.startswith(opening)
    assert found.probability == pytest.approx(float(torch.sigmoid(torch.tensor(logit))), abs=0.01)


def test_of_several_faces_the_most_suspect_decides(calibrated):
    evidence = (said(None, 4.0), said(1, -4.0), said(2, 4.0))
    found = verdict(evidence, person(1), person(2), further=3)
    assert found.decision == "fake"
    assert "Person 1: bona fide presentation" in found.sentence
    assert "Person 2: probably a presentation attack (98%)" in found.sentence
    assert "3 further persons" in found.not_checked


def test_other_weights_are_never_called_bona_fide(calibrated):
    for logit, decision in ((3.0, "suspicious"), (-3.0, "unsure")):
        own = said(1, logit, limits=(OTHER_WEIGHTS,))
        found = verdict((said(None, logit, limits=(OTHER_WEIGHTS,)), own), person())
        assert found.decision == decision and "not calibrated" in found.sentence


def test_words_are_those_of_the_standard():
    attack, live = (
        Verdict(decision=d, probability=0.5, interval=(0, 1), sentence="", claim="spoof")
        for d in ("fake", "genuine")
    )
    assert (words.label(attack), words.label(live)) == ("attack", "bona fide")
    assert words.chance(attack) == "probability of a presentation attack"
    assert "bona fide" in words.meaning(live).lower()
    other = Verdict(decision="fake", probability=0.5, interval=(0, 1), sentence="")
    assert words.label(other) == "fake" and "AI-generated" in words.chance(other)


def test_a_scan_that_is_not_told_so_asks_nobody_about_attacks():
    assert "skin_probe" not in {choice.card.name for choice in choices(None)}
    assert of_task("spoof") == ("skin_probe",)
    assert of_task("spoof", ("minifasnet=own.safetensors",)) == ("minifasnet=own.safetensors",)
    with pytest.raises(ConfigError, match="task spoof: ask methods that have it"):
        of_task("spoof", ("minifasnet", "npr"))
    with pytest.raises(ConfigError, match="no task 'spooof'; there are: post, spoof"):
        asked("spooof", None, "")
    assert asked("spoof", None, "") == (("skin_probe",), None)


def spoof(path, **settings):
    return scan(path, Options(methods=of_task("spoof"), **settings))


@needs_faces
def test_a_face_is_judged_and_the_report_survives(tmp_path):
    path = save(tmp_path / "a.png", put(room((480, 360)), figure(), (240, 150), 110))
    report = spoof(path)
    assert report.error is None and report.verdict.claim == "spoof"
    assert [e.track for e in report.evidence] == [None, 1]
    assert {e.claim for e in report.evidence} == {"spoof"}
    (only,) = report.people
    assert only.verdict.claim == "spoof" and not report.evidence[0].limits
    (again,) = report_json.loads([report_json.dumps(report)])
    assert again == report
    page = html.render(report, html.Pictures(), html.context())
    assert words.label(report.verdict).capitalize() in page
    assert "probability of a presentation attack" in page


@needs_faces
def test_no_face_and_a_small_face_have_an_outcome(tmp_path):
    empty = spoof(save(tmp_path / "room.png", room((300, 300))))
    assert empty.verdict.decision == "unsure" and "no face found" in empty.verdict.sentence
    assert empty.evidence == () and empty.people == ()
    small = spoof(save(tmp_path / "far.png", put(room((300, 300)), figure(), (150, 150), 20)))
    assert small.verdict.decision == "unsure" and "too small" in small.verdict.sentence


@needs_faces
def test_two_faces_are_judged_one_by_one(tmp_path):
    scene = put(put(room((560, 320)), figure(), (130, 140), 110), figure(90), (420, 150), 90)
    report = spoof(save(tmp_path / "two.png", scene))
    assert len(report.people) == 2 and all(p.verdict for p in report.people)
    assert "Person 1" in report.verdict.sentence and "Person 2" in report.verdict.sentence


@needs_faces
def test_a_film_follows_the_face(tmp_path):
    scene = put(room((320, 240)), figure(), (160, 120), 90)
    path = film(tmp_path / "a.mp4", lambda t: scene, 2.0)
    report = spoof(path)
    assert report.error is None and report.verdict.claim == "spoof"
    assert len(report.people) == 1 and len(report.people[0].times_s) == 8
    assert report.evidence[0].where.timeline


@needs_faces
def test_own_weights_are_asked_without_calibration(tmp_path):
    torch.manual_seed(0)
    state = catalog.load("minifasnet", weights=None).state_dict()
    path = tmp_path / "own.safetensors"
    facts = weights.metadata("minifasnet", {})
    save_file({k: v.contiguous() for k, v in state.items()}, path, facts)
    scene = save(tmp_path / "a.png", put(room((480, 360)), figure(), (240, 150), 110))
    report = scan(scene, Options(methods=(f"minifasnet={path}",)))
    assert report.verdict.claim == "spoof" and report.verdict.decision in ("suspicious", "unsure")
    assert all(OTHER_WEIGHTS in e.limits for e in report.evidence)


@needs_faces
def test_beside_other_methods_it_takes_no_part_in_the_verdict(tmp_path):
    scene = save(tmp_path / "a.png", put(room((480, 360)), figure(), (240, 150), 110))
    report = scan(scene, Options(methods=(scanning.npr(), "skin_probe"), where=False))
    assert report.verdict.claim == "ai-generated"
    assert {e.claim for e in report.evidence} == {"ai-generated", "spoof"}
