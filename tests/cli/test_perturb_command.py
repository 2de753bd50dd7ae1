"""verilens perturb: copies of files and folders, resumable, no file stops the rest."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from verilens.cli import app
from verilens.errors import ConfigError
from verilens.media.perturb import KINDS, suite_of

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "in"
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg", "fake/c.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)).save(root / name)
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (root / "list.txt").write_text("a.png 0\n")
    return root


def names(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def run(*arguments: object):
    return runner.invoke(app, ["perturb", *map(str, arguments)])


def test_one_file(folder, tmp_path):
    done = run(folder / "a.png", tmp_path / "out.jpg", "--kind", "jpeg", "--severity", 4)
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.format == "JPEG"


def test_a_folder_goes_on_where_it_was_and_a_broken_file_stops_nothing(folder, tmp_path):
    out = tmp_path / "out"
    first = run(folder, out, "--kind", "jpeg", "--json", "-j", 2)
    assert first.exit_code == 3
    rows = {row["sample"]: row for row in map(json.loads, first.stdout.splitlines())}
    assert rows["a.png"]["status"] == rows["fake/c.png"]["status"] == "written"
    assert rows["broken.png"]["error"]["type"] == "corrupt"
    assert rows["list.txt"]["status"] == "left out"
    assert names(out) == {"a.png.jpg", "b.jpg", "fake/c.png.jpg", ".perturbation.json"}
    (out / "a.png.jpg").unlink()
    again = run(folder, out, "--kind", "jpeg", "--json")
    states = {row["sample"]: row["status"] for row in map(json.loads, again.stdout.splitlines())}
    assert states["a.png"] == "written" and states["b.jpg"] == "skipped"


def test_keep_names_leaves_a_data_set_as_it_is_laid_out(folder, tmp_path):
    (folder / "broken.png").unlink()
    done = run(folder, tmp_path / "out", "--kind", "hue", "--keep-names")
    assert done.exit_code == 0, done.output
    assert names(tmp_path / "out") - {".perturbation.json"} == names(folder)
    assert (tmp_path / "out" / "list.txt").read_text() == "a.png 0\n"
    with Image.open(tmp_path / "out" / "b.jpg") as image:
        assert image.format == "PNG"


def test_several_kinds_get_a_folder_each(folder, tmp_path):
    out = tmp_path / "out"
    kinds = ("--kind", "flip", "--kind", "jpeg", "--severity", 1, "--severity", 5)
    run(folder, out, *kinds, "-q")
    assert {p.name for p in out.iterdir()} == {"flip-1", "flip-5", "jpeg-1", "jpeg-5"}
    assert (out / "flip-1" / "a.png").exists() and (out / "jpeg-5" / "b.jpg").exists()


def test_a_suite_is_all_of_a_protocol(folder, tmp_path):
    done = run(folder / "a.png", tmp_path / "out", "--suite", "genvideo", "--keep-names", "-q")
    assert done.exit_code == 0, done.output
    made = {path.parent.name for path in (tmp_path / "out").rglob("a.png")}
    assert made == {f"{kind}-{severity}" for kind, severity in suite_of("genvideo")}


def test_the_number_of_jobs_changes_nothing(folder, tmp_path):
    for jobs in (1, 3):
        run(folder, tmp_path / str(jobs), "--kind", "gaussian-noise", "-j", jobs, "-q")
    for name in ("a.png", "b.jpg.png", "fake/c.png"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_the_list_shows_every_kind(tmp_path):
    shown = run("--list")
    assert shown.exit_code == 0
    assert all(name in shown.output for name in KINDS)
    rows = json.loads(run("--list", "--json").stdout)
    assert next(row for row in rows if row["name"] == "jpeg")["levels"][3] == [35]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.png"], "where to write"),
        (["absent", "out", "--kind", "jpeg"], "no such file"),
        (["{in}", "out"], "either --kind or --suite"),
        (["{in}", "out", "--kind", "jpeg", "--suite", "genvideo"], "either --kind or --suite"),
        (["{in}", "out", "--kind", "jpeg", "--severity", "9"], "severity 9"),
    ],
)
def test_wrong_use_says_what_to_do(folder, arguments, said):
    done = run(*(str(folder) if a == "{in}" else a for a in arguments))
    assert isinstance(done.exception, ConfigError)
    assert said in str(done.exception)


def test_a_folder_holds_one_perturbation(folder, tmp_path):
    run(folder, tmp_path / "out", "--kind", "flip", "-q")
    done = run(folder, tmp_path / "out", "--kind", "flip", "--seed", 1, "-q")
    assert isinstance(done.exception, ConfigError)
    assert "another perturbation" in str(done.exception)
