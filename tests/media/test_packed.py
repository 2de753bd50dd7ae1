"""Pictures in a database are found however their keys were joined."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from verilens.errors import DatasetError, MediaError
from verilens.media import packed

lmdb = pytest.importorskip("lmdb")

KEYS = {
    "S/real/000/000.png": b"slashes",
    "S\\real\\000\\001.png": b"backslashes",
    "S\\real/000/002.png": b"both",
}


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "S_lmdb"
    with (
        lmdb.open(str(folder), map_size=1 << 20) as database,
        database.begin(write=True) as writing,
    ):
        for key, value in KEYS.items():
            writing.put(key.encode(), value)
    return folder


@pytest.mark.parametrize(("n", "held"), list(enumerate(KEYS.values())))
def test_keys_may_use_either_slash(store, n, held):
    place = packed.address(store, "S/real/000")
    assert packed.is_packed(place)
    assert packed.read(place, f"{n:03d}.png") == held


def test_threads_that_come_at_once_share_one_database(store, monkeypatch):
    begun = lmdb.open
    monkeypatch.setattr(
        lmdb, "open", lambda *given, **more: (sleep(0.05), begun(*given, **more))[1]
    )
    place = packed.address(store, "S/real/000")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: packed.read(place, f"{n:03d}.png"), range(3)))
    assert found == list(KEYS.values())


def test_what_is_not_there_is_missing(store, tmp_path):
    with pytest.raises(MediaError, match=r"S/real/000/009\.png") as raised:
        packed.read(packed.address(store, "S/real/000"), "009.png")
    assert raised.value.kind == "missing"
    with pytest.raises(DatasetError, match="no_lmdb"):
        packed.read(packed.address(tmp_path / "no_lmdb", "S/real"), "0.png")
