import pytest

from verilens.records import Segment
from verilens.verify.segments import segments


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
