"""The Deepfake Detection Challenge: actors in 50 training parts, and labelled validation and test.

A part holds videos and a metadata.json that names, for every fake, the video it was made from.
Validation and test come with a labels.csv; a part of Kaggle's sample has the same form.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="dfdc",
    title="Deepfake Detection Challenge",
    summary="paid actors in everyday places, eight manipulations, also of the voice",
    tasks=("face-forgery",),
    layout="[train/]dfdc_train_part_*/{metadata.json,*.mp4}, {validation,test}/{labels.csv,*.mp4} "
    "(or frames/<video>/ for the videos); train_sample_videos/ of Kaggle has the first form",
    paper="arXiv:2006.07397",
    licence="DFDC data set licence: research, no redistribution",
    access="https://ai.meta.com/datasets/dfdc after agreeing to the terms",
    consent="paid actors who agreed to the manipulation of their faces",
    year=2020,
    genuine=23654,
    fake=104500,
    has_audio=True,
    traps=(
        "a peer's rearranger keeps only the last row as validation set: every row is read here",
        "videos on disk that no list names have no label and are left out",
    ),
    uncertain=("the fields split and original of metadata.json are used where they are there",),
)

WORDS = {"REAL": 0, "FAKE": 1}
LISTED: dict[str, Split] = {"validation": "val", "test": "test"}
LISTS = ("labels.csv", "label.csv")


def fits(root: Path) -> bool:
    """Return whether there is a training part, or a labelled validation or test folder."""
    return next(_parts(root), None) is not None or any(_list(root, name) for name in LISTED)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the training parts in the order of their numbers, then validation and test."""
    return layout.of_split(_samples(root), split)


def _samples(root: Path) -> Iterator[Sample]:
    for part in _parts(root):
        yield from _described(root, part)
    for folder, split in LISTED.items():
        if path := _list(root, folder):
            yield from _labelled(root, folder, path, split)


def _parts(root: Path) -> Iterator[str]:
    """Yield the folders below the root, of the whole set or of Kaggle's sample, with metadata."""
    for above in ("", "train/"):
        names = layout.folders(root / above)
        for name in sorted(names, key=lambda n: (len(n), n)):
            is_part = name.startswith("dfdc_train_part") or name == "train_sample_videos"
            if is_part and (root / above / name / "metadata.json").exists():
                yield f"{above}{name}"


def _list(root: Path, folder: str) -> Path | None:
    return layout.first(*(root / folder / name for name in LISTS))


def _described(root: Path, part: str) -> Iterator[Sample]:
    """Yield what the metadata.json of a part names."""
    path = root / part / "metadata.json"
    clips = {clip.name: clip for clip in layout.clips(root, part)}
    for name, facts in sorted(layout.read_object(path).items()):
        label = WORDS.get(str(facts.get("label"))) if isinstance(facts, dict) else None
        if label is None:
            raise layout.wrong(path, None, f"'{name}' has no label REAL or FAKE; fetch it again")
        source = layout.stem(facts.get("original") or name)
        yield _sample(root, clips.get(layout.stem(name)), (part, name), (label, "train"), source)


def _labelled(root: Path, folder: str, path: Path, split: Split) -> Iterator[Sample]:
    """Yield what the labels.csv of a folder names."""
    clips = {clip.name: clip for clip in layout.clips(root, folder)}
    for number, row in layout.rows(path, ("filename", "label")):
        if row["label"] not in ("0", "1"):
            raise layout.wrong(path, number, f"label '{row['label']}' is neither 0 nor 1")
        name, meaning = row["filename"], (int(row["label"]), split)
        yield _sample(root, clips.get(layout.stem(name)), (folder, name), meaning, "")


def _sample(
    root: Path,
    clip: layout.Clip | None,
    place: tuple[str, str],
    meaning: tuple[int, Split],
    source: str,
) -> Sample:
    folder, name = place
    label, split = meaning
    found = clip or layout.Clip(layout.stem(name), f"{folder}/{name}", "video")
    return Sample(
        id=found.path,
        uri=str(root / found.path),
        kind=found.kind,
        label=label,
        generator="DFDC" if label else "",
        source=source,
        split=split,
        frames=found.frames,
        licence=CARD.licence,
        attributes={"part": folder, "video": found.name},
    )


def fake(root: Path) -> None:
    """Write a training part, validation and test, two videos of each label."""
    mini = Miniature(root)
    part, facts = "train/dfdc_train_part_0", {}
    for real, forged in (("aaaaaaaaaa", "bbbbbbbbbb"), ("cccccccccc", "dddddddddd")):
        mini.video(f"{part}/{real}.mp4")
        mini.video(f"{part}/{forged}.mp4", forged=True)
        facts[f"{real}.mp4"] = {"label": "REAL", "split": "train", "original": None}
        facts[f"{forged}.mp4"] = {"label": "FAKE", "split": "train", "original": f"{real}.mp4"}
    mini.json(f"{part}/metadata.json", facts)
    for folder in LISTED:
        rows = []
        for n in range(4):
            name = f"{folder[:4]}{n:06d}.mp4"
            mini.video(f"{folder}/{name}", forged=bool(n % 2))
            rows.append(f"{name},{n % 2}")
        mini.text(f"{folder}/labels.csv", "filename,label", *rows)
