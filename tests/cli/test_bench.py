"""The commands of the bench read, say and write what they promise."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from verilens import manifest
from verilens.bench import predictions
from verilens.bench.predictions import Prediction
from verilens.cli import app
from verilens.errors import ConfigError, DatasetError
from verilens.records import Sample


def run(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for seed, method in enumerate(("npr", "probe")):
        rng = np.random.default_rng(seed)
        rows = [
            Prediction(
                id=str(n),
                label=n % 2,
                score=float(1 / (1 + np.exp(-rng.normal(2 * (n % 2) - 1)))) if n else None,
                generator=("sora", "pika")[n // 2 % 2] if n % 2 else "",
                split="val" if n % 5 == 0 else "test",
                identity=f"person {n // 4}",
                attributes={"file.format": "PNG" if n % 2 else "JPEG"},
            )
            for n in range(200)
        ]
        predictions.write(folder / f"{method}.parquet", rows, {"method": method})
    return folder


def test_score_prints_and_writes_and_table_reads_it(folder, tmp_path):
    path = tmp_path / "table.json"
    shown = run("score", folder, "--by", "generator", "--draws", 50, "--json", path)
    assert shown.exit_code == 0
    for said in ("npr", "probe", "generator: sora", "mean of 2", "file facts only", "by identity"):
        assert said in shown.stdout
    assert "1 of 200 samples have no score" in shown.stdout
    assert "sees no pixels reaches AUC" in shown.stdout
    again = run("table", path)
    assert again.stdout == shown.stdout
    files = [tmp_path / name for name in ("t.md", "t.tex", "t.html")]
    made = run("table", path, "--markdown", files[0], "--latex", files[1], "--html", files[2])
    assert made.exit_code == 0
    assert made.stdout == ""
    assert files[0].read_text().startswith("| method |")
    assert files[1].read_text().startswith(r"\begin{tabular}")
    assert files[2].read_text().startswith("<!doctype html>")


def test_json_on_standard_output_stands_alone(folder):
    shown = run("score", folder / "npr.parquet", "--draws", 50, "--json", "-", "--metrics", "auc")
    found = json.loads(shown.stdout)
    assert found["measures"] == ["auc"]
    assert found["rows"][0]["missing"] == 1


def test_thresholds_columns_and_classes_are_options(folder, tmp_path):
    path = folder / "npr.parquet"
    shown = run("score", path, "--threshold-from", "val", "--threshold-at", "eer", "--draws", 50)
    assert "eer on 39 of split 'val'" in shown.stdout
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("pic,p,y\n" + "".join(f"{n},{n / 9},{1 - n % 2}\n" for n in range(10)))
    named = ("--columns", "id=pic", "--columns", "score=p", "--inverted")
    shown = run("score", theirs, *named, "--draws", 50, "--metrics", "auc,tpr")
    assert re.search(r"theirs +all +5 +5 +0", shown.stdout)
    with pytest.raises(ConfigError, match="PART=COLUMN"):
        run("score", theirs, "--columns", "pic")
    theirs.write_text("id,score,label\na,0.5,1\n")
    with pytest.raises(DatasetError, match="--one-class"):
        run("score", theirs)
    assert run("score", theirs, "--one-class", "--draws", 50).exit_code == 0


def test_compare_prints_corrected_pairs(folder):
    shown = run("compare", folder, "--draws", 50)
    assert re.search(r"npr +probe +[+-]0\.\d+ \[", shown.stdout)
    found = json.loads(run("compare", folder, "--draws", 50, "--json", "-").stdout)
    assert (found["fakes"], found["genuine"]) == (100, 99)
    assert found["left_out"] == {"npr": 1, "probe": 1}


def test_what_is_not_there_is_said(tmp_path, folder):
    made = tmp_path / "new" / "t.json"
    run("score", folder / "npr.parquet", "--draws", 20, "--metrics", "auc", "--json", made)
    with pytest.raises(ConfigError, match="cannot be written"):
        run("table", made, "--json", made / "below.json")
    with pytest.raises(DatasetError, match="no predictions"):
        run("score", tmp_path)
    with pytest.raises(DatasetError, match="no such file"):
        run("compare", tmp_path / "a.csv", tmp_path / "b.csv")
    with pytest.raises(DatasetError, match="not a readable table"):
        run("table", Path("absent.json"))
    assert run("score", "--help").exit_code == 0


def test_fairness_lists_all_groups_and_names_nobody(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        Prediction(
            id=f"secret/{n}",
            label=n % 2,
            score=float(rng.random()),
            identity=f"secret {n // 4}",
            attributes={"skin-type": str(n // 4 % 5 + 1) if n > 8 else "N/A"},
        )
        for n in range(800)
    ]
    path = tmp_path / "npr.parquet"
    predictions.write(path, rows, {"method": "npr"})
    shown = run("fairness", path, "--draws", 50)
    assert shown.exit_code == 0
    assert "800 samples of 200 people" in shown.stdout
    assert re.search(r"^6 \* +0 +0 +0 +0", shown.stdout, re.MULTILINE)
    assert "9 samples of 3 people state no group" in shown.stdout
    assert "equalised odds" in shown.stdout
    assert "secret" not in shown.stdout
    merged = run("fairness", path, "--merge", "skin-type=1,2:light", "--draws", 50, "--json", "-")
    found = json.loads(merged.stdout)["methods"][0]
    assert [g["name"] for g in found["slices"][0]["groups"]] == ["light", "3", "4", "5", "6"]
    with pytest.raises(ConfigError, match="A,B:NAME"):
        run("fairness", path, "--merge", "skin-type")


def test_matrix_of_tables_shows_every_figure_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    for train, gain in (("a", 2.0), ("b", 0.5)):
        rows = ["id,score,label,generator"]
        for n in range(80):
            name = "ab"[n % 2] if n < 40 else ""
            rows.append(f"{n},{rng.normal(gain * (n < 40)) / 20 + 0.5:.4f},{int(n < 40)},{name}")
        (tmp_path / f"{train}.csv").write_text("\n".join(rows))
        run("score", tmp_path / f"{train}.csv", "--by", "generator", "--metrics", "auc,eer",
            "--draws", 20, "--json", tmp_path / f"{train}.json")  # fmt: skip
    given = [f"{name}={tmp_path / name}.json" for name in "ab"]
    shown = run("matrix", *given, "--metric", "auc", "--metric", "eer").stdout
    assert "AUC" in shown and "EER" in shown and shown.count("| trained on |") == 2
    found = json.loads(
        run("matrix", *given, "--metric", "auc", "--metric", "eer", "--json", "-").stdout
    )
    assert {"AUC", "EER"} == set(found)


def test_matrix_prints_means_over_types(tmp_path):
    path = tmp_path / "auc.csv"
    path.write_text("train,test,AUC\nsimswap,simswap,0.9\nsimswap,lia,0.7\nlia,lia,0.8\n")
    shown = run("matrix", path, "--types", "df40", "--svg", tmp_path / "m.svg")
    assert "| lia |  | 0.800 | 0.800 |" in shown.stdout
    assert "| FS | 0.900 | 0.700 | 0.800 |" in shown.stdout
    assert "mean on the same test: 0.850; on any other test: 0.700" in shown.stdout
    assert (tmp_path / "m.svg").read_text().startswith("<svg")
    found = json.loads(run("matrix", path, "--json", "-").stdout)
    assert found["value"] == [[0.9, 0.7], [None, 0.8]]
    with pytest.raises(DatasetError, match="give df40 or a CSV"):
        run("matrix", path, "--types", tmp_path / "absent.csv")


def test_localize_joins_predictions_and_manifest(tmp_path):
    film = Sample(id="v", uri="/v.mp4", kind="video", label=1, segments=((1.0, 3.0),), split="test")
    listed, proposed = tmp_path / "m.parquet", tmp_path / "p.parquet"
    manifest.write(listed, [film], "mine", tmp_path)
    rows = [Prediction(id="v", label=1, score=0.5, where=((1.0, 3.0, 0.9),))]
    predictions.write(proposed, rows, {})
    shown = run("localize", proposed, listed, "--draws", 20)
    assert re.search(r"mean AP +1\.000", shown.stdout)
    assert "1 judged, 0 with nothing proposed, 0 not scored" in shown.stdout
    found = json.loads(run("localize", proposed, listed, "--json", "-").stdout)
    assert found["spans"]["cells"]["AR at 2"]["value"] == 1.0
    with pytest.raises(DatasetError, match="neither forged spans nor masks"):
        run("localize", proposed, listed, "--split", "val")
