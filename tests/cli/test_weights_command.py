"""verilens weights: listing, importing, refusing, and scanning with what was imported."""

import json

import torch
from PIL import Image
from typer.testing import CliRunner

from verilens import catalog
from verilens.cli import app

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def official(path, **changes: torch.Tensor) -> None:
    """Write the starter weights of npr under the names of the official repository."""
    from test_published import theirs

    torch.save({**theirs(catalog.load("npr")), **changes}, path)


def test_lists_what_can_be_imported():
    shown = runner.invoke(app, ["weights", "list"])
    assert shown.exit_code == 0
    assert "xception_best.pth" in shown.output and "CC-BY-NC-4.0" in shown.output
    listed = json.loads(runner.invoke(app, ["weights", "list", "--json"]).output)
    rows = {row["method"]: row for row in listed}
    assert set(rows) == set(catalog.cards())
    assert rows["npr"]["weights"] == ["starter"] and rows["patchcraft"]["imports"] is None


def test_imports_and_scans_with_the_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    official(tmp_path / "NPR.pth")
    done = runner.invoke(app, ["weights", "import", "npr", "NPR.pth"])
    assert done.exit_code == 0, done.output
    assert "npr-NPR.safetensors" in done.output and "licence" in done.output
    assert (tmp_path / "npr-NPR.json").exists()
    noise = torch.randint(0, 256, (240, 240, 3), dtype=torch.uint8).numpy()
    Image.fromarray(noise).save("a.png")
    found = {}
    for weights in ("npr", "npr=npr-NPR.safetensors"):
        run = ["scan", "a.png", "--methods", weights, "--json", "-", "--quiet"]
        scanned = runner.invoke(app, run)
        assert scanned.exit_code == 0, scanned.output
        found[weights] = json.loads(scanned.stdout)["evidence"][0]["logit"]
    assert len(set(found.values())) == 1


def test_refuses_what_does_not_fit_and_writes_nothing(tmp_path):
    path = tmp_path / "NPR.pth"
    official(path, surprise=torch.ones(2))
    out = tmp_path / "x.safetensors"
    refused = runner.invoke(app, ["weights", "import", "npr", str(path), "-o", str(out)])
    assert refused.exit_code == 3
    assert "1 without a place: surprise" in refused.output
    assert not out.exists()
