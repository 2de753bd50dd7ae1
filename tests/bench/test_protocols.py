"""Protocols: the published lists, and nothing that trains is tested."""

import dataclasses

import pytest

from verilens import manifest
from verilens.bench import protocols
from verilens.bench.protocols import Part, Protocol, Set
from verilens.datasets import celeba_spoof, dataset, datasets, oulu_npu
from verilens.errors import ConfigError, DatasetError, UnknownName
from verilens.records import Sample


def sample(n, split="train", generator="", **more):
    label = int(bool(generator))
    return Sample(
        id=f"{split}/{n}",
        uri="/x",
        kind="image",
        label=label,
        generator=generator,
        split=split,
        **more,
    )


def corpus():
    made = [sample(f"r{n}", split) for split in ("train", "val", "test") for n in range(3)]
    for g in "ABC":
        made += [
            sample(f"{g}{n}", split, g) for split in ("train", "val", "test") for n in range(2)
        ]
    return made


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "m.parquet"
    manifest.write(path, corpus(), "mine", tmp_path)
    return [Set(path, "mine")]


def read(path):
    return list(manifest.read(path))


@pytest.mark.parametrize("name", protocols.protocols())
def test_every_protocol_is_complete(name):
    one = protocols.protocol(name)
    assert one.title and one.summary and one.tests
    assert len({part.name for part in one.tests}) == len(one.tests)
    for job in one.jobs(["a", "b"]):
        assert job.train.splits == ("train",) and all(
            part.splits != ("train",) for part in job.tests
        )


def test_every_data_set_named_is_known():
    for one in protocols.protocols().values():
        named = {part.dataset for part in (one.train, one.val, *one.tests)} - {""}
        assert named <= set(datasets())


def test_df40_has_the_published_lists():
    def names(number):
        return [part.name for part in protocols.protocol(f"df40-{number}").tests]

    assert names(1) == ["FSAll_ff", "FRAll_ff", "EFSAll_ff"]
    assert names(2) == ["FSAll_cdf", "FRAll_cdf", "EFSAll_cdf"]
    assert len(names(3)) == 9 and "whichisreal" in names(3)
    jobs = list(protocols.protocol("df40-4").jobs([f"m{n}" for n in range(31)]))
    grid = [(job.name, part.name) for job in jobs for part in job.tests]
    assert len(grid) == 31 * 31 == len(set(grid))


def test_genvideo_tests_ten_generators():
    for name in (
        "many-to-many",
        *(f"one-to-many-{g}" for g in ("pika", "seine", "opensora", "latte")),
    ):
        assert len(protocols.protocol(f"genvideo-{name}").tests) == 10


def test_leaving_one_generator_out(written, tmp_path):
    one = protocols.protocol("leave-one-generator-out")
    files = list(protocols.write(one, written, tmp_path / "jobs"))
    assert len(files) == 6
    train = read(tmp_path / "jobs" / "A" / "train.parquet")
    assert {s.generator for s in train} == {"", "B", "C"}
    assert {s.split for s in train} == {"train", "val"}
    tested = read(tmp_path / "jobs" / "A" / "test" / "A.parquet")
    assert {s.generator for s in tested} == {"", "A"} and {s.split for s in tested} == {"test"}


def test_training_on_one_and_testing_each(written, tmp_path):
    one = Protocol(title="t", paper="", summary="s", each="one-to-each")
    list(protocols.write(one, written, tmp_path / "jobs"))
    assert {s.generator for s in read(tmp_path / "jobs" / "B" / "train.parquet")} == {"", "B"}
    assert len(list((tmp_path / "jobs" / "B" / "test").iterdir())) == 3


def test_what_is_held_out_of_training_validates(written, tmp_path):
    nothing = Part(splits=("none",))
    one = Protocol(title="t", paper="", summary="s", held_out=0.5, val=nothing)
    list(protocols.write(one, written, tmp_path / "jobs"))
    taught = read(tmp_path / "jobs" / "all" / "train.parquet")
    assert len(taught) == 9 and {s.split for s in taught} == {"train", "val"}
    assert all(s.id.startswith("train/") for s in taught)


def test_a_shared_source_is_refused(tmp_path):
    path = tmp_path / "m.parquet"
    rows = [sample(1, "train", "A", source="s1"), sample(2, "test", "A", source="s1")]
    manifest.write(path, rows, "mine", tmp_path)
    with pytest.raises(DatasetError, match="source 's1' is on both sides"):
        list(protocols.write(protocols.protocol("intra"), [Set(path, "mine")], tmp_path / "jobs"))


def test_a_part_without_samples_is_named(written, tmp_path):
    with pytest.raises(DatasetError, match="'genimage' has no sample"):
        list(protocols.write(protocols.protocol("genimage-sd14"), written, tmp_path / "jobs"))


def test_parts_choose_by_attribute_and_label():
    part = Part(attributes={"compression": ("c23",)}, genuine="without")
    assert part.takes(sample(1, generator="A", attributes={"compression": "c23"}), "any")
    assert not part.takes(sample(1, generator="A"), "any")
    assert not part.takes(sample(1, attributes={"compression": "c23"}), "any")


def test_mistakes_are_answered_with_a_hint():
    with pytest.raises(UnknownName, match="did you mean 'df40-1'"):
        protocols.protocol("df401")
    with pytest.raises(ConfigError, match="did you mean 'paper'"):
        protocols.read('title = "t"\npapre = "x"\nsummary = "s"', "mine.toml")


@pytest.mark.parametrize("name", ["df40-3", "forgerynet-replaced-to-remained"])
def test_parts_hold_both_classes_of_a_miniature(name, tmp_path):
    one = protocols.protocol(name)
    adapter = dataset(one.train.dataset)
    adapter.fake(tmp_path)
    rows = list(adapter.samples(tmp_path))
    for part in (one.train, *(part for part in one.tests if part.name == "heygen")):
        labels = {s.label for s in rows if part.takes(s, one.train.dataset)}
        assert labels == {0, 1}, part


def miniatures(tmp_path, *names):
    """Return manifests of miniatures of data sets, as `data manifest` writes them."""
    found = []
    for name in names:
        adapter, root = dataset(name), tmp_path / name
        adapter.fake(root)
        manifest.write(root / "m.parquet", adapter.samples(root), name, root)
        found.append(Set(root / "m.parquet", name))
    return found


@pytest.mark.parametrize("number", "1234")
def test_oulu_npu_has_its_four_protocols(number, tmp_path):
    one = protocols.protocol(f"oulu-npu-{number}")
    assert len(list(one.jobs([]))) == (6 if number in "34" else 1)
    one = dataclasses.replace(one, folds=one.folds[:1])  # the miniature has one
    train, test = protocols.write(one, miniatures(tmp_path, "oulu-npu"), tmp_path / "jobs")
    assert {s.split for s in read(train)} == {"train", "val"}
    assert {s.label for s in read(test)} == {0, 1}
    if number in "34":  # the telephone that is tested never trains
        assert {s.attributes["phone"] for s in read(train)} == {"2"}
        assert {s.attributes["phone"] for s in read(test)} == {"1"}


SPOOF = ("casia-fasd", "replay-attack", "msu-mfsd", "oulu-npu")


@pytest.mark.parametrize("left_out", SPOOF)
def test_three_of_four_spoof_sets_train(left_out, tmp_path):
    one = protocols.protocol(f"mcio-to-{left_out.split('-')[0]}")
    train, test = protocols.write(one, miniatures(tmp_path, *SPOOF), tmp_path / "jobs")
    assert {s.attributes["dataset"] for s in read(train)} == set(SPOOF) - {left_out}
    assert {s.attributes["dataset"] for s in read(test)} == {left_out}
    assert {s.label for s in read(test)} == {0, 1}


def test_celeba_spoof_holds_out_people(tmp_path):
    one = dataclasses.replace(protocols.protocol("celeba-spoof-intra"), held_out=0.6)
    train, test = protocols.write(one, miniatures(tmp_path, "celeba-spoof"), tmp_path / "jobs")
    people = {
        split: {s.identity for s in read(train) if s.split == split} for split in ("train", "val")
    }
    assert people["train"] and people["val"] and not people["train"] & people["val"]
    assert {s.split for s in read(test)} == {"test"}


@pytest.mark.parametrize("kind", ["print", "replay", "mask"])
def test_unknown_attack_types_name_every_instrument_of_the_sets(kind, tmp_path):
    one = protocols.protocol(f"spoof-unknown-{kind}")
    known, new = set(one.train.generators), set(one.tests[0].generators)
    assert not known & new
    for name in (*SPOOF, "celeba-spoof"):
        adapter = dataset(name)
        adapter.fake(tmp_path / name)
        made = {s.generator for s in adapter.samples(tmp_path / name)} - {""}
        assert made <= known | new, name
    assert {*celeba_spoof.KINDS[1:], *set(oulu_npu.ACCESS.values()) - {"genuine"}} <= known | new


def test_persons_of_two_sets_may_share_a_number():
    one, two = (
        sample(n, split, identity="1", attributes={"dataset": name})
        for n, (split, name) in enumerate((("train", "msu-mfsd"), ("test", "oulu-npu")))
    )
    protocols.check_apart([one], [two])
    same = dataclasses.replace(two, attributes={"dataset": "msu-mfsd"})
    with pytest.raises(DatasetError, match="identity '1' is on both sides"):
        protocols.check_apart([one], [same])
