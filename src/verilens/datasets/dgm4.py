"""DGM4: news pictures and captions in which a face, the text or both were swapped or edited.

A list of objects a split. `fake_cls` joins what was done by "&"; the box is that of the forged face
in corners, the positions count the words of the caption, split at white space, from 0. `mdsm` has
the same form without positions.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="dgm4",
    title="DGM4",
    summary="news pictures with captions: faces swapped or edited, captions swapped or rewritten",
    tasks=("post",),
    layout="[DGM4/]metadata/{train,val,test}.json, "
    "[DGM4/]{origin,manipulation}/<publisher or method>/**/*.jpg",
    paper="arXiv:2304.02556",
    licence="research; VisualNews's terms for pictures and captions",
    access="https://huggingface.co/datasets/rshaojimmy/DGM4",
    consent="press pictures of public figures, without their consent",
    year=2023,
    genuine=77426,
    fake=152574,
    traps=(
        "id is the news item and is shared by everything made of it: it is the source here",
        "train.json is said to repeat 51,015 rows: the same row comes once",
        "positions count the words of the caption as published: readers that first strip marks and "
        "lone dashes shift them",
        "fake_text_pos and a filled fake_image_box are there only where they apply",
        "mtcnn_boxes are all faces found, genuine ones too: only fake_image_box is kept",
        "pictures of captions that alone are forged are genuine",
    ),
    uncertain=("the counts are those of the paper, with repeated rows",),
)

ABOVE = ("", "DGM4/")
SPLITS: tuple[Split, ...] = ("train", "val", "test")
GENUINE = "orig"
FACE, TEXT = ("face_swap", "face_attribute"), ("text_swap", "text_attribute")
POSITIONS = "fake_text_pos"
# Folders of publishers as they are spelt in the set.
PUBLISHERS = {"gardian": "guardian", "guardian": "guardian", "bbc": "bbc"}
PUBLISHERS |= {"usa_today": "usa_today", "washington_post": "washington_post"}


class Entry(NamedTuple):
    """One row: what was done, where and to whom. done: in the order face, text."""

    image: str
    text: str
    news: str
    done: tuple[str, ...]
    box: tuple[int, ...]
    words: tuple[int, ...]


def fits(root: Path) -> bool:
    """Return whether a list in metadata/ begins with an object that has positions of words."""
    path = next((root / name for name in _lists(root).values()), None)
    return path is not None and is_list(path) and POSITIONS in layout.first_object(path)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the rows of each list in order, repeated ones once."""
    return layout.of_split(_samples(root), split)


def is_list(path: Path) -> bool:
    """Return whether a file begins with an object of this form."""
    return layout.first_object(path).keys() >= {"image", "text", "fake_cls"}


def read(path: Path) -> Iterator[Entry]:
    """Yield the rows of a list, each once; DatasetError names the line of one that is wrong."""
    seen: set[bytes] = set()
    for number, facts in layout.entries(path):
        entry = _entry(path, number, facts)
        mark = hashlib.blake2b(repr(entry).encode("utf-8"), digest_size=12).digest()
        if mark not in seen:
            seen.add(mark)
            yield entry


def attributes(entry: Entry) -> dict[str, str]:
    """Return what was done as attributes: class, box "left,top,right,bottom", words "8,13"."""
    facts = {
        "class": "&".join(entry.done) or GENUINE,
        "box": ",".join(map(str, entry.box)),
        "words": ",".join(map(str, entry.words)),
    }
    return {name: text for name, text in facts.items() if text}


def digest(entry: Entry) -> str:
    """Return what tells apart the rows that share a picture."""
    said = f"{entry.news}\n{entry.text}\n{'&'.join(entry.done)}\n{entry.box}\n{entry.words}"
    return hashlib.blake2b(said.encode("utf-8"), digest_size=5).hexdigest()


def _lists(root: Path) -> dict[Split, str]:
    """Return the list of each split, below the root."""
    for above in ABOVE:
        names = {split: f"{above}metadata/{split}.json" for split in SPLITS}
        if found := {split: name for split, name in names.items() if (root / name).exists()}:
            return found
    return {}


def _samples(root: Path) -> Iterator[Sample]:
    lists = _lists(root)
    if not lists:
        raise layout.wrong(root / "metadata", None, "missing; it holds train.json and others")
    for split, name in lists.items():
        above = name.removesuffix(f"metadata/{split}.json")
        for entry in read(root / name):
            yield _sample(root, f"{above}{below(entry.image)}", split, entry)


def below(image: str) -> str:
    """Return a picture's path below the set's folder, whoever's prefix it carries."""
    path = image.replace("\\", "/")
    return path.rpartition("DGM4/")[2].lstrip("/")


def _sample(root: Path, path: str, split: Split, entry: Entry) -> Sample:
    folder = path.split("/")[-2] if "/manipulation/" in f"/{path}" else ""
    made = [folder] if folder and any(name in FACE for name in entry.done) else []
    publisher = next((PUBLISHERS[part] for part in path.split("/") if part in PUBLISHERS), "")
    return Sample(
        id=f"{split}/{path}#{digest(entry)}",
        uri=str(root / path),
        kind="post" if entry.text else "image",
        label=int(bool(entry.done)),
        generator="&".join((*made, *entry.done[bool(made) :])),
        source=entry.news,
        split=split,
        text=entry.text,
        licence=CARD.licence,
        attributes=attributes(entry) | ({"publisher": publisher} if publisher else {}),
    )


def _entry(path: Path, number: int, facts: Mapping[str, Any]) -> Entry:
    image, text, news = (layout.readable(facts.get(name)) for name in ("image", "text", "id"))
    if not image or not news or not isinstance(facts.get("text"), str):
        missing = next(n for n in ("image", "id", "text") if not layout.readable(facts.get(n)))
        raise layout.wrong(path, number, f"the entry has no {missing}; fetch the list again")
    done = _done(path, number, facts.get("fake_cls"))
    box = _numbers(path, number, facts, "fake_image_box")
    words = _numbers(path, number, facts, POSITIONS)
    if len(box) not in (0, 4):
        raise layout.wrong(path, number, f"fake_image_box has {len(box)} numbers, not 4 or none")
    return Entry(image, text, news, done, box, words)


def _done(path: Path, number: int, said: object) -> tuple[str, ...]:
    """Return what was done to the face, then to the text; nothing for a genuine pair."""
    words = str(said).split("&")
    if words == [GENUINE]:
        return ()
    done = tuple(name for name in FACE + TEXT if name in words)
    if len(done) != len(words):
        known = f"{GENUINE} or {', '.join(FACE + TEXT)} joined by &"
        raise layout.wrong(path, number, f"fake_cls '{said!s:.60}' is not {known}")
    return done


def _numbers(path: Path, number: int, facts: Mapping[str, Any], name: str) -> tuple[int, ...]:
    found = facts.get(name) or []
    if not isinstance(found, list) or not all(type(n) in (int, float) for n in found):
        raise layout.wrong(path, number, f"{name} is no list of numbers: {found!r:.60}")
    if not all(abs(n) < 1e9 for n in found):
        raise layout.wrong(path, number, f"{name} holds a number without bounds: {found!r:.60}")
    return tuple(round(n) for n in found)


def fake(root: Path) -> None:
    """Write a genuine pair and three forged ones for each split; training repeats a row."""
    mini = Miniature(root)
    for n, split in enumerate(SPLITS):
        genuine, edited = f"origin/bbc/000{n}/1.jpg", f"manipulation/HFGI/{n}-HFGI.jpg"
        mini.picture(genuine)
        mini.picture(edited, forged=True)
        rows = [
            row(n, f"DGM4/{genuine}", GENUINE),
            row(n, f"DGM4/{genuine}", "text_swap", words=[1, 2]),
            row(n, f"DGM4/{edited}", "face_attribute", box=[16, 16, 48, 48]),
            row(n, f"DGM4/{edited}", "face_attribute&text_attribute", [16, 16, 48, 48], [3]),
        ]
        mini.json(f"metadata/{split}.json", rows + rows[:1] * (split == "train"))


def row(
    news: int, image: str, said: str, box: list[int] | None = None, words: list[int] | None = None
) -> dict[str, Any]:
    """Return an entry of a list of this form."""
    return {
        "id": 768000 + news,
        "image": image,
        "text": f"Minister {news} opens the bridge" if not words else f"Minister {news} mourns it",
        "fake_cls": said,
        "fake_image_box": box or [],
        POSITIONS: words or [],
        "mtcnn_boxes": [[16, 16, 48, 48]],
    }
