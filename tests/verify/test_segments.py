import pytest

from verilens.media.cuts import Shot
from verilens.records import Evidence, Segment, Where
from verilens.verify.segments import divided, segments, within


def test_a_moment_reaches_half_way_to_its_neighbours():
    found = segments([(0.0, 0.1), (2.0, 0.9), (4.0, 0.1)], duration_s=5.0)
    assert found == (Segment(start_s=1.0, end_s=3.0, score=0.9),)


def test_neighbours_merge_and_the_ends_reach_the_ends():
    found = segments([(0.0, 0.8), (1.0, 0.6), (2.0, 0.2), (3.0, 0.9)], duration_s=4.0)
    assert [(s.start_s, s.end_s) for s in found] == [(0.0, 1.5), (2.5, 4.0)]
    assert found[0].score == pytest.approx(0.7)


def test_nothing_above_the_threshold_flags_nothing():
    assert segments([(0.0, 0.5), (1.0, 0.2)], duration_s=2.0) == ()
    assert segments([], duration_s=2.0) == ()


def test_one_moment_is_the_whole_video_even_when_the_duration_is_unknown():
    assert segments([(3.0, 0.9)], duration_s=0.0) == (Segment(start_s=0.0, end_s=3.0, score=0.9),)


def test_no_segment_straddles_a_cut():
    timeline = [(0.0, 0.8), (1.0, 0.6), (2.0, 0.9), (3.0, 0.1)]
    found = segments(timeline, 4.0, shots=[Shot(0.0, 1.4), Shot(1.4, float("inf"))])
    assert [(s.start_s, s.end_s) for s in found] == [(0.0, 1.4), (1.4, 2.5)]
    assert [s.score for s in found] == [pytest.approx(0.7), pytest.approx(0.9)]


def test_a_segment_ends_at_a_cut_before_its_neighbour():
    found = segments([(0.0, 0.9), (4.0, 0.1)], 5.0, shots=[Shot(0.0, 1.0), Shot(1.0, 5.0)])
    assert [(s.start_s, s.end_s) for s in found] == [(0.0, 1.0)]


def test_what_lies_in_no_shot_is_left_out():
    timeline = [(0.0, 0.9), (1.0, 0.9), (2.0, 0.9), (3.0, 0.9)]
    found = segments(timeline, 4.0, shots=[Shot(0.0, 0.5), Shot(2.5, float("inf"))])
    assert [(s.start_s, s.end_s) for s in found] == [(0.0, 0.5), (2.5, 4.0)]


def test_division_drops_slivers_but_never_a_whole_segment():
    whole = [Segment(start_s=1.0, end_s=3.0, score=0.9), Segment(start_s=5.0, end_s=5.1, score=0.5)]
    parts = divided(whole, [Shot(0.0, 1.1), Shot(1.1, 9.0)], least_s=0.2)
    assert parts == [Segment(start_s=1.1, end_s=3.0, score=0.9), whole[1]]


def test_segments_stay_inside_the_film():
    own = (Segment(start_s=-0.1, end_s=1.0, score=0.9), Segment(start_s=3.0, end_s=4.2, score=0.8))
    evidence = Evidence(method="m", claim="edited", score=0.9, logit=2.2, where=Where(segments=own))
    kept = within(evidence, 4.0).where.segments
    assert [(s.start_s, s.end_s) for s in kept] == [(0.0, 1.0), (3.0, 4.0)]
    assert within(evidence, None) is evidence
