"""The lists of public sources are sound, and the extractor takes no file twice."""

import logging
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from verilens.train.starter.sources import (
    APART,
    LISTS,
    SUFFIXES,
    Source,
    extract,
    parsed,
    sources,
)


def test_every_listed_source_is_sound():
    listed = sources((*LISTS, *APART))
    assert len(listed) == len(set(listed))
    assert not set(sources(APART)) & set(sources())
    for source in listed:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", source.repository)
        assert re.fullmatch(r"[0-9a-f]{40}", source.commit)
        assert source.kind in SUFFIXES
        assert source.label in {"ai", "real"}
        assert bool(source.generator) == (source.label == "ai"), source.repository
        assert all(re.compile(part) for part in source.files)


def test_list_states_kind_and_label_once():
    head = 'kind = "video"\nlabel = "real"\n[[source]]\nrepository = "a/b"\ncommit = "c"\n'
    (one,) = parsed(head + "files = '^x'")
    (two,) = parsed(head + "files = ['^x', 'y$']")
    assert (one.kind, one.label, one.files) == ("video", "real", ("^x",))
    assert two.takes("x.mp4", 10**6)
    assert not two.takes("z.mp4", 10**6)


def test_file_of_two_sources_is_taken_once_and_named(tmp_path: Path, caplog):
    folder = tmp_path / "me+photos" / "repo"
    (folder / "a").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "a/cat.png")
    (folder / "b.png").write_bytes((folder / "a/cat.png").read_bytes())
    commit = committed(folder)
    entry = {"repository": "me/photos", "commit": commit, "kind": "image"}
    first = Source(**entry, files=("^a/",), label="real")
    second = Source(**entry, files=("^",), label="ai", generator="g")
    taken: dict[str, Source] = {}
    with caplog.at_level(logging.WARNING):
        rows = [list(extract(s, tmp_path, tmp_path / "out", taken)) for s in (first, second)]
    assert [len(found) for found in rows] == [1, 0]
    assert (tmp_path / "out" / rows[0][0]["path"]).is_file()
    assert "b.png is left out, me/photos has given it as real" in caplog.text


def committed(folder: Path) -> str:
    git = ["git", "-C", str(folder), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Add photographs"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()
