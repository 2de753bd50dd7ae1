"""ForgeryNet: images and untrimmed videos, each labelled 2-, 3- and 16-way, with forged segments.

An image list has lines '<name> <binary> <triple> <class>', a video list lines
'<n> <name> (<start frame> <frames> <fake|real>)*n <binary> <triple> <class>'. The three labels must
agree: real is binary 0 and triple 0, and one class has one triple throughout. Lists are told by
their content, since their file names differ between releases.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="forgerynet",
    title="ForgeryNet",
    summary="15 forgery methods in images with masks and in videos with forged segments",
    tasks=("face-forgery", "localize"),
    layout="{Training,Validation,Test}/{image_list,video_list}.txt, image/<release>/<folder>/**, "
    "video/<release>/<folder>/*.mp4, spatial_localize/<release>/** with a mask for each forged "
    "image; lists may carry any name that ends in .txt",
    paper="arXiv:2103.05630",
    licence="non-commercial research and education",
    access="https://yinanhe.github.io/projects/forgerynet.html",
    consent="faces of public research sets, without further consent",
    year=2021,
    genuine=1438201 + 99630,
    fake=1457861 + 121617,
    traps=(
        "binary, triple and class label are checked against each other in every line",
        "segments are frames, [start, start + frames); they must not overlap",
        "a header line in a list is skipped",
    ),
    uncertain=(
        "whether triple 1 or 2 is the identity-replaced group: the number is kept as attribute "
        "triple, and each class must have one; GROUPS is the table to enforce, when one is sure",
        "the names of the classes come from readers of the data, not from its authors; class 0 is "
        "taken as real",
        "the first folder below the method's number is used as source",
    ),
)

FOLDERS: dict[str, Split] = {
    "Training": "train",
    "Train": "train",
    "Validation": "val",
    "Validation_with_real": "val",
    "Test": "test",
    "Test_with_real": "test",
}
KINDS = {"image": ("image", "images"), "video": ("video", "videos")}
CLASSES = 16
METHODS = (
    *("", "FaceShifter", "FS-GAN", "DeepFakes", "BlendFace", "MMReplacement"),
    *("DeepFakes-StarGAN-Stack", "Talking-head Video", "ATVG-Net", "StarGAN-BlendFace-Stack"),
    *("First Order Motion", "StyleGAN2", "MaskGAN", "StarGAN2", "SC-FEGAN", "DiscoFaceGAN"),
)
REPLACED = (1, 2, 3, 4, 5, 6, 9)  # classes whose methods replace the identity
GROUPS = {n: 0 if n == 0 else 1 if n in REPLACED else 2 for n in range(CLASSES)}
WORDS = {"fake": 1, "1": 1, "real": 0, "0": 0}
TRIPLES = 3


class Segment(NamedTuple):
    """Frames [start, start + frames) of a video, forged or not."""

    start: int
    frames: int
    is_fake: bool


class Entry(NamedTuple):
    """A line of a list. segments: none for an image, or for a video that says nothing."""

    name: str
    binary: int
    triple: int
    method: int
    segments: tuple[Segment, ...] = ()


@dataclass
class Consistency:
    """Checks that the labels of one list after another agree with each other.

    groups: the triple label of each class, filled by the lines themselves unless given.
    """

    groups: dict[int, int] = field(default_factory=dict)

    def check(self, entry: Entry) -> str:
        """Return what is wrong with an entry's labels, "" when they agree."""
        if bool(entry.binary) != bool(entry.triple) or bool(entry.binary) != bool(entry.method):
            return f"binary {entry.binary}, triple {entry.triple} and class {entry.method} disagree"
        known = self.groups.setdefault(entry.method, entry.triple)
        if known != entry.triple:
            return f"class {entry.method} has triple {entry.triple} here, {known} before"
        forged = any(segment.is_fake for segment in entry.segments)
        if entry.segments and forged != bool(entry.binary):
            return f"binary {entry.binary} contradicts the segments"
        return ""


def fits(root: Path) -> bool:
    """Return whether a split's folder holds a list and images or videos."""
    return any(
        layout.files(root / folder, (".txt",)) and _media(root / folder) for folder in FOLDERS
    )


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the images, then the videos of each split's lists, in the order of the lists."""
    return layout.of_split(_samples(root), split)


def read(path: Path, groups: Mapping[int, int] | None = None) -> Iterator[Entry]:
    """Yield the entries of an image or video list; which of the two, each line tells.

    groups: the triple label every class must have, e.g. `GROUPS`; without it a class must keep the
        one it had first. DatasetError names the line that breaks a rule.
    """
    consistency = Consistency(dict(groups or {}))
    for number, line in layout.lines(path):
        if number == 1 and "cls_label" in line:
            continue
        entry = parse(path, number, line)
        if problem := consistency.check(entry):
            raise layout.wrong(path, number, f"{problem}; fetch the list again")
        yield entry


def parse(path: Path, number: int, line: str) -> Entry:
    """Return the entry of one line; a video's line begins with its number of segments."""
    fields = line.split()
    is_video = len(fields) > 1 and fields[0].isdigit() and not fields[1].isdigit()
    count = 2 + 3 * int(fields[0]) + 3 if is_video else 4
    if len(fields) != count:
        what = f"{len(fields)} fields, {count} are expected in '{line[:80]}'"
        raise layout.wrong(path, number, what)
    if not is_video:
        return Entry(fields[0], *_labels(path, number, fields[1:]))
    spans = _segments(path, number, fields[2:-3])
    return Entry(fields[1], *_labels(path, number, fields[-3:]), spans)


def write_line(entry: Entry, is_video: bool) -> str:
    """Return the line of an entry, as `parse` reads it."""
    labels = f"{entry.binary} {entry.triple} {entry.method}"
    if not is_video:
        return f"{entry.name} {labels}"
    words = ("real", "fake")
    spans = "".join(f"{s.start} {s.frames} {words[s.is_fake]} " for s in entry.segments)
    return f"{len(entry.segments)} {entry.name} {spans}{labels}"


def _labels(path: Path, number: int, fields: list[str]) -> tuple[int, int, int]:
    limits = (2, TRIPLES, CLASSES)
    for text, limit in zip(fields, limits, strict=True):
        if not text.isdigit() or int(text) >= limit:
            raise layout.wrong(path, number, f"label '{text}' is not a number below {limit}")
    binary, triple, method = map(int, fields)
    return binary, triple, method


def _segments(path: Path, number: int, fields: list[str]) -> tuple[Segment, ...]:
    found: list[Segment] = []
    end = 0
    for start, count, word in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        if not (re.fullmatch(r"\d+", start) and re.fullmatch(r"0*[1-9]\d*", count)):
            what = f"segment '{start} {count} {word}' is out of range: a start from 0 and a count"
            raise layout.wrong(path, number, f"{what} from 1 are expected")
        if word not in WORDS:
            raise layout.wrong(path, number, f"segment label '{word}' is neither fake nor real")
        if int(start) < end:
            raise layout.wrong(path, number, f"segment at {start} overlaps the one before it")
        end = int(start) + int(count)
        found.append(Segment(int(start), int(count), bool(WORDS[word])))
    return tuple(found)


def _samples(root: Path) -> Iterator[Sample]:
    for folder, split in FOLDERS.items():
        for name in layout.files(root / folder, (".txt",)):
            yield from _listed(root, folder, root / folder / name, split)


def _listed(root: Path, folder: str, path: Path, split: Split) -> Iterator[Sample]:
    """Yield what one list names; a text file whose first line is no entry is some readme."""
    if not _is_list(path):
        return
    media = _media(root / folder)
    masks = set(layout.folders(root / folder / "spatial_localize"))
    for entry in read(path):
        kind = "video" if layout.suffix(entry.name) in layout.VIDEOS else "image"
        below = f"{folder}/{media.get(kind, kind)}/{entry.name}"
        forged = ((s.start, s.start + s.frames) for s in entry.segments if s.is_fake)
        parts = entry.name.split("/")
        yield Sample(
            id=below,
            uri=str(root / below),
            kind="video" if kind == "video" else "image",
            label=entry.binary,
            generator=METHODS[entry.method],
            source=parts[2] if len(parts) > 3 else layout.stem(entry.name),
            split=split,
            mask=_mask(root / folder, entry, masks) if kind == "image" else "",
            segments=tuple((float(start), float(end)) for start, end in forged),
            segment_unit="frames",
            licence=CARD.licence,
            attributes={"triple": str(entry.triple), "class": str(entry.method)},
        )


def _is_list(path: Path) -> bool:
    first = next((line for _, line in layout.lines(path)), "")
    return "cls_label" in first or (len(first.split()) >= 4 and first.split()[-1].isdigit())


def _media(base: Path) -> dict[str, str]:
    """Return the name of the folder of images and of videos, as far as they are there."""
    there = set(layout.folders(base))
    return {kind: name for kind, names in KINDS.items() for name in names if name in there}


def _mask(base: Path, entry: Entry, masks: set[str]) -> str:
    """Return where a forged image's mask lies; train_release has train_mask_release."""
    release, _, rest = entry.name.partition("/")
    for name in (release.replace("_release", "_mask_release"), release):
        if entry.binary and name in masks:
            return str(base / "spatial_localize" / name / rest)
    return ""


def fake(root: Path) -> None:
    """Write two splits: forged images with masks, real ones, videos of 0, 1 and 3 segments."""
    mini = Miniature(root)
    for folder, word in (("Training", "train"), ("Validation", "val")):
        images = []
        for n, method in enumerate((0, 1, 7)):
            group = GROUPS[method]
            name = f"{word}_release/{method or 16}/{word}{n:03d}a/{word}{n:03d}b/frame00001.jpg"
            mini.picture(f"{folder}/image/{name}", forged=bool(method))
            images.append(Entry(name, int(bool(method)), group, method))
            if method:
                below = name.replace("_release", "_mask_release")
                mini.mask(f"{folder}/spatial_localize/{below}")
        mixed = (Segment(0, 2, True), Segment(3, 2, False), Segment(5, 3, True))
        spans = {
            0: ((), (Segment(0, 8, False),)),
            2: ((Segment(0, 8, True),), mixed),
        }
        videos = []
        for method, variants in spans.items():
            for n, segments in enumerate(variants):
                name = f"{word}_video_release/{method or 16}/{word}{method}{n}.mp4"
                mini.video(f"{folder}/video/{name}", forged=bool(method))
                entry = Entry(name, int(bool(method)), GROUPS[method], method, segments)
                videos.append(entry)
        mini.text(f"{folder}/image_list.txt", *(write_line(e, False) for e in images))
        mini.text(f"{folder}/video_list.txt", *(write_line(e, True) for e in videos))
