"""From pictures to the tables of DeepfakeBench, DF40 and the survey, on small worlds.

Six methods of three types in two domains; one small Xception is trained on each method in the
first domain, as DF40's protocol 4 does, and tested on everything. Run by `make test-all`.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from toy_world import DOMAINS, METHODS, TYPES, write
from typer.testing import CliRunner

from verilens import manifest
from verilens.bench import columns, matrix, result, run, score
from verilens.bench.metrics.intervals import Plan as Draws
from verilens.bench.result import Table
from verilens.cli import app
from verilens.options import Options
from verilens.records import Sample
from verilens.train.recipe import Data, Plan, Recipe
from verilens.train.run import Job
from verilens.train.run import run as train

pytestmark = pytest.mark.slow

CONFIG = {
    "widths": (8, 16, 24, 32, 48, 64, 64, 64),
    "middle": 1,
    "view": {"size": 64, "frames": 2, "fit": "resize"},
}
PLAN = Plan(batch=32, epochs=8, lr=2e-3, schedule="cosine", balance="class", seed=1024)
COUNTS = {"train": 240, "val": 40, "test": 80}


class World(NamedTuple):
    """What all checks read. tables: by domain of the test, by what was trained on."""

    folder: Path
    manifests: dict[str, Path]
    tables: dict[str, dict[str, Table]]


def trained(folder: Path, samples: list[Sample], name: str) -> Path:
    """Return weights trained on these samples."""
    data = folder / f"{name}.parquet"
    manifest.write(data, samples, "toy", folder)
    recipe = Recipe(method="xception", config=CONFIG, data=Data(flip=True), plan=PLAN)
    for _ in train(Job(recipe=recipe, data=data, out=folder / name, workers=1)):
        pass
    return folder / name / "best.safetensors"


def of_method(path: Path, method: str) -> list[Sample]:
    return [s for s in manifest.read(path) if s.generator in ("", method)]


def scored(folder: Path, data: Path, weights: Path) -> Table:
    """Return AUC and EER of every method of one domain, each against its genuine faces."""
    samples = [("toy", s) for s in manifest.read(data) if s.split == "test"]
    options = Options(methods=(f"xception={weights}",), where=False, jobs=1)
    for _ in run.run(samples, folder, options, run.Plan(), {}):
        pass
    settings = score.Settings(by=("generator",), measures=("auc", "eer"), plan=Draws(draws=20))
    return score.score([columns.load(folder / "xception.parquet")], settings)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("world")
    paths = {domain: write(folder, domain, METHODS, COUNTS) for domain in DOMAINS}
    tables: dict[str, dict[str, Table]] = {domain: {} for domain in DOMAINS}
    for method in METHODS:
        weights = trained(folder, of_method(paths[DOMAINS[0]], method), method)
        for domain, data in paths.items():
            tables[domain][method] = scored(folder / f"{method}-{domain}", data, weights)
    return World(folder, paths, tables)


def means(world: World, domain: str) -> matrix.Transfer:
    """Return the mean AUC on the type that was trained on, and on the other types."""
    return matrix.transfer(matrix.of_tables(world.tables[domain], measure="auc"), TYPES)


def auc(table: Table, method: str) -> float:
    (row,) = (row for row in table.of("group") if row.name == method)
    return row.cells["auc"].value or 0.0


def test_a_detector_of_seams_misses_what_it_was_not_trained_on(world):
    """DeepfakeBench, check 5."""
    found = world.tables[DOMAINS[0]]
    for method in ("seam-hard", "grid-2", "blur-large"):
        assert auc(found[method], method) >= 0.95, method
    assert auc(found["seam-hard"], "seam-hard") - auc(found["seam-hard"], "grid-2") >= 0.1


def test_the_same_seed_gives_the_same_numbers(world, tmp_path):
    """DeepfakeBench, check 5."""
    data = world.manifests[DOMAINS[0]]
    weights = trained(tmp_path, of_method(data, "seam-hard"), "again")
    again = scored(tmp_path / "scored", data, weights)
    for method in METHODS:
        first = auc(world.tables[DOMAINS[0]]["seam-hard"], method)
        assert auc(again, method) == pytest.approx(first, abs=1e-6)


def test_the_effect_of_type_stands_beside_that_of_domain(world):
    """DF40, check 5: six methods of three types, trained in one domain, tested in both."""
    home, away = (means(world, domain) for domain in DOMAINS)
    own = [auc(world.tables[DOMAINS[0]][method], method) for method in METHODS]
    assert sum(own) / len(own) >= 0.95
    assert home.same - home.other >= 0.10
    type_effect, domain_effect = home.same - home.other, home.same - away.same
    print(
        f"\nmean AUC lost by another type {type_effect:.3f}, by another domain {domain_effect:.3f}"
    )
    assert 0 <= domain_effect < type_effect


def test_one_command_shows_auc_and_eer_of_every_family(world):
    """The survey, check 5."""
    given = []
    for method, table in world.tables[DOMAINS[0]].items():
        path = world.folder / f"{method}.json"
        path.write_text(json.dumps(result.plain(table)))
        given.append(f"{method}={path}")
    asked = ["bench", "matrix", *given, "--metric", "auc", "--metric", "eer"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    print(done.stdout)
    blocks = done.stdout.split("EER\n")
    assert all(block.count(f"| {m} |") >= 1 for block in blocks for m in METHODS)
