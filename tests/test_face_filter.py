"""The filter chain: every stage is counted; neither a second run nor the order changes a thing."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from verilens import face_filter
from verilens.errors import ConfigError, DatasetError
from verilens.face_filter import Candidate, Limits, Stage, keep


def generated(count=500, seed=7):
    """Return pictures with random measures, some of which are missing."""
    chance = np.random.default_rng(seed)

    def some(value):
        return None if chance.random() < 0.05 else float(value)

    return [
        Candidate(
            id=f"{n:04d}",
            prompt=some(chance.random()),
            face=some(0.8 + 0.2 * chance.random()),
            colour_variance=some(2000 * chance.random()),
            edge_density=some(0.3 * chance.random()),
            style=("", "", "photo", "anime")[int(chance.integers(4))],
            accepted=(None, True, False)[int(chance.integers(3))],
        )
        for n in range(count)
    ]


def test_every_stage_says_what_entered_and_what_stayed():
    photo = Candidate(id="a", prompt=0.5, face=0.95, colour_variance=900, edge_density=0.1)
    others = [
        Candidate(id="b", prompt=0.49),
        Candidate(id="c", prompt=0.9, face=0.5),
        Candidate(id="d", prompt=0.9),
        Candidate(id="e", prompt=0.9, face=0.9, style="Anime"),
        Candidate(id="f", prompt=0.9, face=0.9, style="Photo", accepted=False),
    ]
    kept, stages = keep([*others, photo])
    assert kept == [photo]
    assert stages == [
        Stage(name="prompt", entered=6, kept=5, unmeasured=0),
        Stage(name="face", entered=5, kept=3, unmeasured=1),
        Stage(name="style", entered=3, kept=2, unmeasured=0),
        Stage(name="hand", entered=2, kept=1, unmeasured=0),
    ]


def test_counts_chain_and_nothing_is_kept_by_accident():
    candidates = generated()
    kept, stages = keep(candidates)
    assert 0 < len(kept) < len(candidates) == stages[0].entered
    assert all(a.kept == b.entered for a, b in pairwise(stages))
    assert stages[-1].kept == len(kept) and all(s.unmeasured for s in stages[:3])


def test_running_it_again_drops_nothing():
    kept, _ = keep(generated())
    again, stages = keep(kept)
    assert again == kept
    assert all((s.entered, s.kept) == (len(kept), len(kept)) for s in stages)


def test_the_order_of_the_filters_does_not_matter():
    candidates = generated()
    kept, _ = keep(candidates)
    swapped, _ = keep(candidates, order=("prompt", "style", "face", "hand"))
    assert swapped == kept
    assert all(
        keep(candidates, order=order)[0] == kept for order in permutations(face_filter.ORDER)
    )


def test_limits_and_single_filters_can_be_chosen():
    candidates = generated()
    strict, _ = keep(candidates, Limits(prompt=0.9), ["prompt"])
    assert strict == [c for c in candidates if c.prompt is not None and c.prompt >= 0.9]
    with pytest.raises(ConfigError, match="no filter 'beauty'; known: prompt, face, style, hand"):
        keep(candidates, order=["beauty"])


def test_a_table_of_measures_is_read(tmp_path):
    path = tmp_path / "measures.csv"
    path.write_text("id,prompt,face,style,accepted\n1,0.7,,photo,yes\n2,1,0.5,,\n")
    assert list(face_filter.read(path)) == [
        Candidate(id="1", prompt=0.7, style="photo", accepted=True),
        Candidate(id="2", prompt=1.0, face=0.5),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,1.2,", r"prompt is '1\.2', not a number from 0 to 1"),
        ("1,nan,", "prompt is 'nan'"),
        ("1,high,", "prompt is 'high'"),
        ("1,0.2,maybe", "accepted is 'maybe', not yes, no or empty"),
    ],
)
def test_a_wrong_measure_is_named_with_its_line(tmp_path, row, message):
    path = tmp_path / "measures.csv"
    path.write_text(f"id,prompt,accepted\n0,0.1,no\n{row}\n")
    with pytest.raises(DatasetError, match=rf"measures\.csv:3: {message}"):
        list(face_filter.read(path))
