"""The verdict: what moves it, what must not, and when it abstains."""

import dataclasses
import itertools

import numpy as np
import pytest

from verilens.records import (
    Claim,
    Evidence,
    Kind,
    Media,
    Provenance,
    ProvenanceClaim,
    Quality,
    Where,
)
from verilens.verify.calibrate import NOT_COUNTED, UNCALIBRATED, best_fit, fits
from verilens.verify.fuse import fuse, weighed

METHODS = ("probe", "npr", "patchcraft")


def media(kind: Kind = "image", side: int = 512, **changes: object) -> Media:
    plain = Media(
        path="x", sha256="0", kind=kind, format="PNG", size_bytes=9, width=side, height=side
    )
    return dataclasses.replace(plain, frames=48 if kind == "video" else None, **changes)


def evidence(claim: Claim = "ai-generated", **logits: float) -> list[Evidence]:
    return [
        Evidence(method=name, claim=claim, score=0.5, logit=logit) for name, logit in logits.items()
    ]


def says(ai: bool, strength: str = "declared", state: str = "ai") -> Provenance:
    claim = ProvenanceClaim(source="iptc", statement="made by AI", ai=ai, strength=strength)
    return Provenance(state=state, claims=(claim,))


def test_silence_about_origin_moves_nothing():
    read = evidence(probe=0.3, npr=0.1, patchcraft=0.0)
    silent = fuse(read, media())
    camera = fuse(read, media(provenance=Provenance(metadata={"camera": "X"})))
    assert camera == silent


@pytest.mark.parametrize("strength", ["signed", "declared", "trace"])
def test_a_claim_of_ai_origin_outweighs_the_pixels_and_the_conflict_is_named(strength):
    read = evidence(probe=-4.0, npr=-2.0, patchcraft=0.0)
    verdict = fuse(read, media(provenance=says(True, strength)))
    assert verdict.decision == "fake"
    assert verdict.probability > 0.8
    assert any("pixels look genuine" in conflict for conflict in verdict.conflicts)
    assert "states: made by AI" in verdict.sentence


def marked(score: float) -> list[Evidence]:
    return [Evidence(method="bmn", claim="edited", score=score, logit=5.0)]


def test_what_is_marked_as_edited_is_not_called_genuine():
    genuine = evidence(probe=-6.0, npr=-2.0, patchcraft=0.0)
    plain, doubted = fuse(genuine, media()), fuse(genuine + marked(0.9), media())
    assert plain.decision == "genuine" and "manual edits" in plain.not_checked
    assert doubted.decision == "unsure" and doubted.probability == plain.probability
    assert any("bmn marks edited parts" in conflict for conflict in doubted.conflicts)
    assert "manual edits (scored, but not calibrated)" in doubted.not_checked
    silent = fuse(genuine + marked(0.3), media())
    assert silent.decision == "genuine" and not silent.conflicts


def test_a_face_with_a_mask_is_not_called_genuine():
    genuine = evidence(probe=-6.0, npr=-2.0, patchcraft=0.0)
    heatmap = np.full((4, 4), 0.7, np.float32)
    for where, decision in ((Where(heatmap=heatmap), "unsure"), (Where(), "genuine")):
        mask = Evidence(
            method="xception_unet", claim="face-swap", score=0.8, logit=1.4, where=where
        )
        found = fuse([*genuine, mask], media())
        assert found.decision == decision
        assert ("xception_unet marks edited parts" in found.sentence) == (decision == "unsure")
        on_a_person = dataclasses.replace(mask, track=1)
        assert fuse([*genuine, on_a_person], media()).decision == "genuine"


def test_marks_of_edits_do_not_soften_what_is_fake():
    read = evidence(probe=8.0, npr=4.0, patchcraft=2.0)
    plain, both = fuse(read, media()), fuse(read + marked(0.9), media())
    assert both.decision == plain.decision and both.probability == plain.probability
    assert "Bmn" not in both.sentence and "bmn marks edited parts" in both.sentence


@pytest.mark.parametrize("kind", ["image", "video"])
def test_decisions_follow_the_thresholds_in_order(kind):
    order = ["genuine", "unsure", "suspicious", "fake"]
    seen = [
        fuse(evidence(probe=x, npr=x, patchcraft=0.0), media(kind)) for x in np.linspace(-9, 9, 181)
    ]
    ranks = [order.index(verdict.decision) for verdict in seen]
    assert ranks[0] == 0
    assert ranks[-1] == 3
    assert ranks == sorted(ranks)
    chances = [verdict.probability for verdict in seen]
    assert chances == sorted(chances)
    for verdict in seen:
        low, high = verdict.interval
        assert 0 <= low <= verdict.probability <= high <= 1


@pytest.mark.parametrize(
    "case",
    [
        media(side=64),
        media(quality=Quality(jpeg_quality=20)),
        media("video", quality=Quality(bits_per_pixel=0.001)),
        dataclasses.replace(media("video"), frames=2),
    ],
)
def test_abstains_out_of_range_and_says_why(case):
    read = evidence(probe=9.0, npr=9.0, patchcraft=9.0)
    verdict = fuse(read, case)
    inside = fuse(read, media(case.kind))
    assert (verdict.decision, inside.decision) == ("unsure", "fake")
    assert "Out of the measured range" in verdict.sentence
    assert np.ptp(verdict.interval) > np.ptp(inside.interval)


def test_abstains_without_calibrated_methods():
    assert fuse([], media()).decision == "unsure"
    assert fuse(evidence(claim="face-swap", probe=9.0), media()).probability == 0.5
    assert best_fit("image", frozenset({"unheard"})) is None


def test_names_methods_that_disagree():
    verdict = fuse(evidence(probe=-3.0, npr=9.0, patchcraft=0.0), media("video"))
    assert any("npr point" in c and "probe to a genuine" in c for c in verdict.conflicts)


def test_every_fit_is_sound():
    for kind in ("image", "video"):
        for fit in fits(kind).values():
            assert (fit.draws[:, 1:] >= 0).all()
            assert (fit.spread > 0).all()
            assert fit.clear < fit.doubt <= fit.alarm < 1
            assert len(fit.draws) > 10


def test_a_scan_with_fewer_methods_is_still_calibrated():
    for count in (1, 2):
        for chosen in itertools.combinations(METHODS, count):
            fit = best_fit("video", frozenset(chosen))
            assert fit is None or set(fit.methods) <= set(chosen)
    assert best_fit("video", frozenset({"probe", "else"})).methods == ("probe",)


def test_a_method_flags_moments_only_when_it_counts() -> None:
    from verilens.verify.calibrate import LEAST_WEIGHT, fits, flag_level

    full = max(fits("video").values(), key=lambda fit: len(fit.methods))
    for method, weight in full.weights().items():
        level = flag_level(method, "video")
        assert level == 1.0 if weight < LEAST_WEIGHT else 0.5 < level < 1.0
    assert flag_level("never-heard-of", "video") == 0.5


def test_a_method_that_was_never_measured_is_not_called_near_chance():
    evidence = (
        Evidence(method="patchcraft", claim="ai-generated", score=0.6, logit=0.4),
        Evidence(method="brand-new", claim="ai-generated", score=0.6, logit=0.4),
    )
    near_chance, unmeasured = weighed(evidence, "image")
    assert near_chance.limits == (NOT_COUNTED,) and unmeasured.limits == (UNCALIBRATED,)
