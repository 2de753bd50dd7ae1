"""Sets of simulated attacks: both classes alike, sources apart, and who has no face is named."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from face_maker import figure, put, room, save
from verilens import manifest, presented
from verilens.bench import protocols
from verilens.bench.protocols import Set
from verilens.cli import app
from verilens.errors import ConfigError, DatasetError, UnknownName
from verilens.media import faces
from verilens.media.presentation import KINDS

pytestmark = pytest.mark.skipif(faces.weights() is None, reason=f"needs {faces.INSTALL}")


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    """Return a folder: two people with two pictures each, an empty room, a broken file."""
    folder = tmp_path_factory.mktemp("portraits")
    for n, person in enumerate(("anna", "bela")):
        (folder / person).mkdir()
        for k in range(2):
            scene = put(room((320, 280), seed=k), figure(90 * n), (150 + 10 * k, 140), 90)
            save(folder / person / f"{k}.png", scene)
    save(folder / "room.png", room((200, 200)))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def made(portraits, tmp_path_factory):
    out = tmp_path_factory.mktemp("attacks") / "set"
    return out, list(
        presented.make(presented.genuine(portraits), out, presented.Order(kinds=tuple(KINDS)))
    )


def run(*arguments):
    return CliRunner().invoke(app, ["data", "spoof", *map(str, arguments)])


def test_each_picture_gives_itself_and_one_attack_of_each_kind(made):
    out, found = made
    rows = [row for one in found for row in one.rows]
    assert len(rows) == 4 * 5
    for row in rows:
        with Image.open(out / row.id) as picture:
            assert (picture.format, picture.size) == ("JPEG", (320, 280))
        assert bool(row.label) == bool(row.generator) == ("attack" in row.attributes)
    assert {row.generator for row in rows} == {"", *KINDS}
    assert {row.attributes.get("severity", "") for row in rows} <= {"", *"12345"}


def test_a_source_is_in_one_split_and_its_name_decides(made):
    rows = [row for one in made[1] for row in one.rows]
    splits = {source: {r.split for r in rows if r.source == source} for source in ("anna", "bela")}
    assert all(len(split) == 1 for split in splits.values())
    assert splits["anna"] == {presented.split_of("anna")}
    shares = [presented.split_of(f"source {n}") for n in range(2000)]
    assert 0.56 < shares.count("train") / 2000 < 0.64 and 0.16 < shares.count("val") / 2000 < 0.24


def test_who_has_no_face_is_named(made):
    why = {one.source: one.why for one in made[1] if one.why}
    assert why["room.png"] == "no face found" and "broken.jpg" in why and len(why) == 2


def test_the_command_writes_a_manifest_that_the_bench_reads(portraits, tmp_path):
    shown = run(portraits, tmp_path / "set", "--kind", "print", "--severity", 2, "--json")
    assert shown.exit_code == 3  # two pictures are left out
    facts = json.loads(shown.stdout)
    assert facts["rows"] == {"bona-fide": 4, "print": 4}
    rows = list(manifest.read(tmp_path / "set" / "manifest.parquet"))
    assert {row.attributes["severity"] for row in rows if row.label} == {"2"}
    again = run(tmp_path / "set" / "manifest.parquet", tmp_path / "other", "--kind", "mask")
    assert again.exit_code == 0 and "8 rows" in again.stdout
    kept = list(manifest.read(tmp_path / "other" / "manifest.parquet"))
    assert {(r.source, r.split) for r in kept} == {(r.source, r.split) for r in rows}


def test_a_left_out_kind_can_be_split_off(made, tmp_path):
    out, found = made
    rows = [row for one in found for row in one.rows]
    splits = {"anna": "train", "bela": "test"}
    apart = [presented.replace(row, split=splits[row.source]) for row in rows]
    manifest.write(tmp_path / "m.parquet", apart, presented.DATASET, out)
    one = protocols.protocol("spoof-unknown-mask")
    train, test = protocols.write(
        one, [Set(tmp_path / "m.parquet", presented.DATASET)], tmp_path / "jobs"
    )
    assert {s.generator for s in manifest.read(train)} == {"", "print", "cut", "replay"}
    assert {s.generator for s in manifest.read(test)} == {"", "mask"}


def test_wrong_orders_are_answered(portraits, tmp_path):
    assert isinstance(run(portraits, tmp_path / "a", "--kind", "x").exception, UnknownName)
    assert isinstance(run(portraits, tmp_path / "a", "--severity", 9).exception, ConfigError)
    assert isinstance(run(portraits, portraits).exception, ConfigError)
    assert isinstance(run(tmp_path / "none", tmp_path / "a").exception, DatasetError)
    only = run(portraits / "room.png", tmp_path / "b")
    assert isinstance(only.exception, DatasetError) and "no picture with a face" in str(
        only.exception
    )
