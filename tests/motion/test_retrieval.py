"""Signing without learning."""

import numpy as np
import pytest

from verilens.errors import DatasetError
from verilens.motion import retrieval
from verilens.motion.submission import Signed


def signed(text, value, frames=4, gloss=""):
    joints = np.full((frames, 3, 3), value, np.float32)
    return Signed(joints=joints, text=text, gloss=gloss)


KNOWN = [signed("regen im norden", 1.0), signed("sonne im süden", 2.0, frames=12)]


def test_the_mean_pose_stands_still_as_long_as_sentences_are():
    still = retrieval.MeanPose(KNOWN)
    made = still.joints("anything")
    assert made.shape == (8, 3, 3) and np.allclose(made, (4 * 1 + 12 * 2) / 16)
    assert len(still.joints("x", 5)) == 5


def test_the_nearest_sentence_shares_most_words():
    nearest = retrieval.NearestSentence(KNOWN)
    assert nearest.joints("Regen im Westen")[0, 0, 0] == 1
    assert nearest.joints("im süden")[0, 0, 0] == 2


def test_known_sentences_are_reused_and_others_stitched():
    recordings = {
        "REGEN": np.full((2, 3, 3), 7, np.float32),
        "SCHNEE": np.ones((3, 3, 3), np.float32),
    }
    table = {"regen": "REGEN", "schnee": "SCHNEE"}
    maker = retrieval.Retrieval(KNOWN, recordings, lambda text: retrieval.glossed(text, table))
    assert maker.joints("Sonne im Süden")[0, 0, 0] == 2
    made = maker.joints("schnee und regen")
    assert made[:, 0, 0].tolist() == [1, 1, 1, 7, 7]
    assert maker.joints("schnee", 5)[:, 0, 0].tolist() == [1, 1, 1, 0, 0]  # filled with zeros
    assert maker.joints("nichts davon")[0, 0, 0] in (1, 2)  # the nearest sentence


def test_words_find_their_gloss_by_how_often_they_meet():
    pairs = [
        ("heute regen", "HEUTE REGEN"),
        ("morgen regen", "MORGEN REGEN"),
        ("heute sonne", "HEUTE SONNE"),
        ("morgen sonne", "MORGEN SONNE"),
    ]
    table = retrieval.glossary(pairs)
    assert table == {"heute": "HEUTE", "regen": "REGEN", "morgen": "MORGEN", "sonne": "SONNE"}
    assert retrieval.glossed("Heute regen regen und sonne", table) == "HEUTE REGEN SONNE"
    assert retrieval.glossary(pairs[:1]) == {}  # met once


def test_recordings_are_the_longest_that_are_short_enough():
    moves = [np.full((n, 1, 3), n, np.float32) for n in (3, 25, 26, 0)]
    found = retrieval.recordings([("A", m) for m in moves])
    assert len(found["A"]) == 25 and set(found) == {"A"}


def test_nothing_known_is_refused():
    for cls in (retrieval.MeanPose, retrieval.NearestSentence):
        with pytest.raises(DatasetError):
            cls([])
