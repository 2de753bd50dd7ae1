"""The preview of the Deepfake Detection Challenge: two unnamed methods and one list.

dataset.json names every video by its path; the first part of the path says whether it is original
or made by method A or B.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="dfdcp",
    title="DFDC preview",
    summary="paid actors, two face swapping methods, the forerunner of DFDC",
    tasks=("face-forgery",),
    layout="dataset.json keyed by {original_videos,method_A,method_B}/.../<video>.mp4, and those "
    "folders (or <first folder>/frames/<video>/ in place of the videos)",
    paper="arXiv:1910.08854",
    licence="DFDC preview licence: research, no redistribution",
    access="https://ai.meta.com/datasets/dfdc after agreeing to the terms",
    consent="paid actors who agreed to the manipulation of their faces",
    year=2019,
    genuine=1131,
    fake=4119,
    has_audio=True,
    traps=(
        "there is no validation split; peers copy the test split there and select on it",
        "the label is checked against the first folder of the path",
    ),
    uncertain=("target_id and swapped_id of dataset.json are used where they are there",),
)

FOLDERS = {"original_videos": 0, "method_A": 1, "method_B": 1}
SPLITS: dict[str, Split] = {"train": "train", "test": "test", "val": "val"}


def fits(root: Path) -> bool:
    """Return whether dataset.json lies beside one of the three folders."""
    return (root / "dataset.json").exists() and any((root / name).is_dir() for name in FOLDERS)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield what dataset.json names, by path."""
    return layout.of_split(_samples(root), split)


def _samples(root: Path) -> Iterator[Sample]:
    path = root / "dataset.json"
    frames = {
        (clip.name, folder): clip
        for folder in FOLDERS
        for clip in layout.clips(root, folder)
        if clip.kind == "frames"
    }
    for name, facts in sorted(layout.read_object(path).items()):
        folder = name.split("/")[0]
        _check(path, name, facts)
        clip = frames.get((layout.stem(name), folder))
        yield _sample(root, clip or layout.Clip(layout.stem(name), name, "video"), name, facts)


def _check(path: Path, name: str, facts: object) -> None:
    """DatasetError when an entry has no label and set, or one that its folder contradicts."""
    folder = name.split("/")[0]
    if not isinstance(facts, dict) or folder not in FOLDERS:
        raise layout.wrong(path, None, f"'{name}' is not below one of {', '.join(FOLDERS)}")
    if facts.get("label") not in ("real", "fake") or facts.get("set") not in SPLITS:
        raise layout.wrong(path, None, f"'{name}' lacks a label real or fake, or a set")
    if (facts["label"] == "fake") != bool(FOLDERS[folder]):
        what = f"'{name}' is labelled {facts['label']} but lies in {folder}; fetch the list again"
        raise layout.wrong(path, None, what)


def _sample(root: Path, clip: layout.Clip, name: str, facts: dict[str, Any]) -> Sample:
    parts = PurePosixPath(name).parts
    target = str(facts.get("target_id") or (parts[1] if len(parts) > 2 else ""))
    return Sample(
        id=name,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=FOLDERS[parts[0]],
        generator=parts[0] if FOLDERS[parts[0]] else "",
        identity=target,
        split=SPLITS[facts["set"]],
        frames=clip.frames,
        licence=CARD.licence,
        attributes={"video": clip.name, "swapped": str(facts.get("swapped_id") or "")},
    )


def fake(root: Path) -> None:
    """Write two actors a split: an original and both methods of each."""
    mini, facts = Miniature(root), {}
    for split, actors in (("train", ("1001", "1002")), ("test", ("1003", "1004"))):
        for actor, other in (actors, actors[::-1]):
            for folder, label in FOLDERS.items():
                name = f"{folder}/{actor}/{actor}_{folder[-1]}_001.mp4"
                mini.video(name, forged=bool(label))
                swapped = other if label else None
                word = "fake" if label else "real"
                actors_of = {"target_id": actor, "swapped_id": swapped}
                facts[name] = {"label": word, "set": split, **actors_of}
    mini.json("dataset.json", facts)
