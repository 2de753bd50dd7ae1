"""The built page that is shipped: made from these sources, small, and alone with its server."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "verilens" / "server" / "static"
CATALOGUE = WEB / "src" / "words" / "catalogue.json"
SINGLE = ("index.html", "package-lock.json", "sources.ts", "tsconfig.json", "vite.config.ts")
FIRST_LOAD = 300_000  # bytes, compressed
REBUILD = "the built page is older than web/: run `make web` and commit what it writes"


def source_hash() -> str:
    """Return what web/sources.ts computes: SHA-256 over path and bytes of every source."""
    files = [WEB / name for name in SINGLE]
    files += [p for folder in ("public", "src") for p in (WEB / folder).rglob("*") if p.is_file()]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(WEB).as_posix(), path) for path in files):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def first_load() -> list[Path]:
    """Return what a browser fetches before the page can be used, fonts included."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    named = [STATIC / name for name in re.findall(r'(?:src|href)="/([^"]+)"', page)]
    fonts = [
        STATIC / name
        for path in named
        if path.suffix == ".css"
        for name in re.findall(r"url\(/?([^)]+)\)", path.read_text(encoding="utf-8"))
    ]
    return [STATIC / "index.html", *named, *fonts]


def test_the_build_is_of_these_sources() -> None:
    recorded = json.loads((STATIC / "build.json").read_text())
    assert recorded["source"] == source_hash(), REBUILD


def test_first_load_is_small() -> None:
    files = first_load()
    assert {path.suffix for path in files} >= {".html", ".js", ".css", ".woff2"}
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in files}
    assert sum(sizes.values()) <= FIRST_LOAD, sizes


def test_assets_are_named_by_their_content() -> None:
    hashed = [path for path in first_load() if path.name != "index.html"]
    assert all(re.search(r"-[\w-]{8}\.\w+$", path.name) for path in hashed)
    assert all(path.parent == STATIC / "assets" for path in hashed)


def test_the_page_names_no_other_host() -> None:
    for path in first_load():
        if path.suffix in (".woff2", ".svg"):
            continue
        text = path.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://(\w[\w.-]*)", text))
        assert hosts <= {"www.w3.org"}, path  # names of XML vocabularies, never fetched


def test_the_page_keeps_to_a_strict_policy() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", page)
    for path in sorted((WEB / "src").rglob("*.ts*")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", text)
        assert not re.search(r'style="', text), path


@pytest.fixture(scope="module")
def catalogue() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return found


def test_every_text_is_there_in_both_languages(catalogue: dict[str, dict[str, str]]) -> None:
    for word, texts in catalogue.items():
        assert set(texts) == {"en", "de"}, word
        assert all(text.strip() for text in texts.values()), word
        slots = {name: set(re.findall(r"\{\w+\}", text)) for name, text in texts.items()}
        assert slots["en"] == slots["de"], word


def test_every_text_is_used(catalogue: dict[str, dict[str, str]]) -> None:
    sources = "".join(p.read_text(encoding="utf-8") for p in (WEB / "src").rglob("*.ts*"))
    families = set(re.findall(r'named\("(\w+)"', sources)) | set(
        re.findall(r"`(\w+)\.\$\{", sources)
    )
    families |= {"said", "decision", "kind", "state"}
    for word in catalogue:
        known = word.removesuffix(".many")
        assert f'"{known}"' in sources or known.split(".")[0] in families, word
