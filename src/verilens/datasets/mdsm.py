"""MDSM: news pictures with forged faces, and captions that a language model wrote to fit them.

The form is that of `dgm4`, without positions of words. Splits lie in one folder, or in one folder a
publisher, which then is the domain to train on or to leave out.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.datasets import dgm4
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="mdsm",
    title="MDSM",
    summary="news pictures with forged faces and captions written to agree with the forgery",
    tasks=("post",),
    layout="[metadata/|metadata_split/][<publisher>/]{train,val,test}.json, pictures below the "
    "root or images/",
    paper="arXiv:2505.17476",
    licence="research; the publishers' terms for the pictures",
    access="https://github.com/YcZhangSing/AMD",
    consent="press pictures of public figures, without their consent",
    year=2026,
    traps=(
        "there is no key fake_text_pos, and an empty fake_image_box where no face was forged: "
        "readers of DGM4 stop at the first row or take a box of zeros",
        "the authors' training code says 1 for real in its binary head: here 1 is fake",
        "id is the news item and is shared by everything made of it: it is the source here",
        "a caption that fits its picture proves nothing: both may be forged",
    ),
    uncertain=(
        "the published folders were not seen; the lists are those of the authors' readme and code",
        "the sizes of the splits; about 441,000 pairs in all",
    ),
)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
ABOVE = ("", "metadata/", "metadata_split/")


def fits(root: Path) -> bool:
    """Return whether a list begins with an object of DGM4's form that has no positions."""
    path = next((root / name for _, _, name in _lists(root)), None)
    known = layout.first_object(path) if path and dgm4.is_list(path) else {}
    return bool(known) and dgm4.POSITIONS not in known


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the rows of each list in order, publisher after publisher, repeated ones once."""
    return layout.of_split(_samples(root), split)


def _lists(root: Path) -> list[tuple[str, Split, str]]:
    """Return (publisher, split, path below the root) of the lists in the first place with any."""
    for above in ABOVE:
        for publishers in (("",), tuple(layout.folders(root / above))):
            names: list[tuple[str, Split, str]] = [
                (publisher, split, f"{above}{publisher}{'/' * bool(publisher)}{split}.json")
                for publisher in publishers
                for split in SPLITS
            ]
            if found := [named for named in names if (root / named[2]).is_file()]:
                return found
    return []


def _samples(root: Path) -> Iterator[Sample]:
    lists = _lists(root)
    if not lists:
        raise layout.wrong(root / "train.json", None, "missing; it holds the training pairs")
    for publisher, split, name in lists:
        for entry in dgm4.read(root / name):
            yield _sample(root, name, (publisher, split), entry)


def _sample(root: Path, name: str, place: tuple[str, Split], entry: dgm4.Entry) -> Sample:
    publisher, split = place
    path = dgm4.below(entry.image)
    tried = (path, f"images/{path}", f"DGM4/{path}")
    found = next((below for below in tried if (root / below).is_file()), path)
    parts = path.split("/")
    known = publisher or next((dgm4.PUBLISHERS[p] for p in parts if p in dgm4.PUBLISHERS), "")
    return Sample(
        id=f"{name.removesuffix('.json')}/{path}#{dgm4.digest(entry)}",
        uri=str(root / found),
        kind="post" if entry.text else "image",
        label=int(bool(entry.done)),
        generator="&".join(entry.done),
        source=entry.news,
        split=split,
        text=entry.text,
        licence=CARD.licence,
        attributes=dgm4.attributes(entry) | ({"publisher": known} if known else {}),
    )


def fake(root: Path) -> None:
    """Write two publishers with a genuine pair and three forged ones for each split."""
    mini = Miniature(root)
    for k, publisher in enumerate(("guardian", "NYT")):
        for n, split in enumerate(SPLITS):
            news, genuine = 10 * k + n, f"{publisher}/{n}.jpg"
            mini.picture(f"images/{genuine}")
            mini.picture(f"images/{publisher}/{n}_swap.jpg", forged=True)
            box, swapped = [16, 16, 48, 48], f"{publisher}/{n}_swap.jpg"
            rows = [
                dgm4.row(news, genuine, dgm4.GENUINE),
                dgm4.row(news, genuine, "text_swap"),
                dgm4.row(news, swapped, "face_swap", box),
                dgm4.row(news, swapped, "face_swap&text_swap", box),
            ]
            for row in rows:
                del row[dgm4.POSITIONS]
            mini.json(f"metadata_split/{publisher}/{split}.json", rows)
