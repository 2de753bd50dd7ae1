"""The table of signers: rows are made once, trainings go on, the page keeps its text."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "motion"
PAGE = ROOT / "docs" / "results" / "motion-signs.md"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the motion data is not here")


@pytest.fixture(scope="module")
def table():
    """Return the benchmark as a module, with settings that take seconds."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        found = importlib.import_module("motion_signs")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    found.QUICK_SETTINGS.update(
        most=(24, 2, 3),
        steps=dict.fromkeys(found.STEPS, 2),
        sizes={"width": 16, "layers": 1, "heads": 4, "inner": 16},
        batch=8,
    )
    found.DRAWS = 5
    return found


def test_rows_are_made_once_and_put_into_the_page(table, tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    words = ["x", "--data", str(DATA), "--quick", "--kept", str(tmp_path), "--out", str(page)]
    monkeypatch.setattr(sys, "argv", words)
    table.main()
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "quick").iterdir()}
    first = page.read_text()
    assert "`signaligner`" in first and "3 test sentences" in first
    assert first.startswith(PAGE.read_text().partition("## Real text, made-up")[0])
    assert first.endswith(PAGE.read_text().rpartition("\n\n")[2])
    table.main()
    assert page.read_text() == first
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "quick").iterdir()} == made
    monkeypatch.setitem(table.QUICK_SETTINGS, "batch", 9)
    with pytest.raises(SystemExit, match="kept of other settings"):
        table.main()
    assert "BLEU-1" in capsys.readouterr().out


def test_a_training_goes_on_where_it_ended(table, tmp_path, monkeypatch):
    settings = {**table.QUICK_SETTINGS, "steps": {"signaligner": 6}}
    over = table.world(DATA / "phoenix14t_text", 8, (24, 1, 1))
    monkeypatch.setattr(table, "EVERY", 2)

    def learned(limit=np.inf):
        method = table.networks(over, settings["sizes"])["signaligner"]
        found, told = table.learned("signaligner", method, over, settings, tmp_path, limit)
        return found.state_dict(), told

    whole, told = learned()
    assert told == "0 s"
    (tmp_path / "signaligner.pt").unlink()
    fit = table.fit

    def ended(*given):
        for step in fit(*given):
            if step.n == 5:
                raise KeyboardInterrupt
            yield step

    monkeypatch.setattr(table, "fit", ended)
    with pytest.raises(KeyboardInterrupt):
        learned()
    monkeypatch.setattr(table, "fit", fit)
    assert learned(limit=0)[1] == "0 s, 4 of 6 steps"
    again, _ = learned()
    assert all(torch.equal(a, b) for a, b in zip(whole.values(), again.values(), strict=True))


def test_hands_and_body_are_of_the_same_movement(table):
    over = table.world(DATA / "phoenix14t_text", 8, (3, 1, 1))
    assert max(len(s.gloss.split()) for s in over.train) <= 8
    for one, other in zip(over.train, table.thrice(over.train), strict=True):
        hands = other.more[:, :126].reshape(len(one.joints), 42, 3)
        assert np.abs(hands[:, [0, 21]] - one.joints[:, [4, 7]]).max() < 0.1  # where arms end
        assert other.more.shape == (len(one.joints), 126 + 185)
