"""DeeperForensics-1.0: consenting actors swapped onto the YouTube videos of FaceForensics++.

The lists split the forged videos so that no actor is in two splits; the actors' own recordings
follow the split of their actor. The genuine videos to test against are those of FaceForensics++.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="deeperforensics",
    title="DeeperForensics-1.0",
    summary="face swaps of 100 actors by DF-VAE, clean and under seven distortions",
    tasks=("face-forgery",),
    layout="manipulated_videos/<variant>/<target>_<actor>.mp4, source_videos/<actor>/**/*.mp4, "
    "lists/splits/{train,val,test}.txt (or frames/<video>/ below variants and actors)",
    paper="arXiv:2001.03024",
    licence="DeeperForensics-1.0 terms of use: non-commercial research",
    access="a form at https://github.com/EndlessSora/DeeperForensics-1.0",
    consent="paid actors who agreed to the manipulation; the targets are YouTube videos without",
    year=2020,
    genuine=48475,
    fake=11000,
    traps=(
        "the source videos are studio recordings of the actors, which the authors do not mean as "
        "the genuine class: attribute role is 'source'; take the c23 originals of FaceForensics++",
        "peers put every source video into all three splits; here an actor has one split",
        "a forged video exists in eleven variants: they share source and split",
    ),
    uncertain=("the distortion lists are not read; the variant is kept as an attribute",),
)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
LISTS = ("lists/splits", "splits/splits", "splits")
NAME = re.compile(r"(\d+)_([MW]\d+)")
LIGHT = re.compile(r"light_([a-z]+)")
CAMERA = re.compile(r"camera_([a-z]+)")


def fits(root: Path) -> bool:
    """Return whether manipulated_videos/ is there with the lists or with source_videos/."""
    beside = ("lists", "splits", "source_videos")
    return (root / "manipulated_videos").is_dir() and any((root / n).is_dir() for n in beside)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the forged videos by variant, then the actors' recordings."""
    return layout.of_split(_samples(root), split)


def splits(root: Path) -> dict[str, Split]:
    """Return the split of each forged video's name.

    DatasetError when no list is there, when a line is no '<target>_<actor>', or when an actor is
    in two splits.
    """
    found: dict[str, Split] = {}
    actors: dict[str, Split] = {}
    for split in SPLITS:
        path = layout.first(*(root / below / f"{split}.txt" for below in LISTS))
        if path is None:
            raise layout.wrong(root / "lists" / "splits", None, f"{split}.txt is missing")
        for number, line in layout.lines(path):
            named = NAME.fullmatch(layout.stem(line))
            if named is None:
                raise layout.wrong(path, number, f"'{line}' is not <target>_<actor>.mp4")
            if actors.setdefault(named[2], split) != split:
                what = f"actor {named[2]} is in {actors[named[2]]} too; fetch the lists again"
                raise layout.wrong(path, number, what)
            found[layout.stem(line)] = split
    return found


def _samples(root: Path) -> Iterator[Sample]:
    by_name = splits(root)
    by_actor = {name.split("_")[1]: split for name, split in by_name.items()}
    for variant in layout.folders(root / "manipulated_videos"):
        for clip in layout.clips(root, f"manipulated_videos/{variant}"):
            yield _forged(root, variant, clip, by_name)
    for actor in layout.folders(root / "source_videos"):
        for clip in _recordings(root, f"source_videos/{actor}"):
            yield _recorded(root, actor, clip, by_actor.get(actor, ""))


def _recordings(root: Path, below: str) -> Iterator[layout.Clip]:
    """Yield an actor's recordings, which lie at several depths."""
    frames = {clip.name: clip for clip in layout.clips(root, below) if clip.kind == "frames"}
    yield from frames.values()
    for folder, names in layout.walk(root / below, layout.VIDEOS):
        for name in (name for name in names if layout.stem(name) not in frames):
            path = "/".join(part for part in (below, folder, name) if part)
            yield layout.Clip(layout.stem(name), path, "video")


def _forged(root: Path, variant: str, clip: layout.Clip, by_name: Mapping[str, Split]) -> Sample:
    target, _, actor = clip.name.partition("_")
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=1,
        generator="DF-VAE",
        source=f"youtube/{target}",
        identity=actor,
        split=by_name.get(clip.name, ""),
        frames=clip.frames,
        licence=CARD.licence,
        attributes={"variant": variant, "video": clip.name},
    )


def _recorded(root: Path, actor: str, clip: layout.Clip, split: Split) -> Sample:
    facts = {"role": "source", "video": clip.name, "gender": _gender(actor)}
    for name, pattern in (("light", LIGHT), ("camera", CAMERA)):
        if said := pattern.search(clip.name):
            facts[name] = said[1]
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=0,
        source=f"{actor}/{clip.name}",
        identity=actor,
        split=split,
        frames=clip.frames,
        licence=CARD.licence,
        attributes={key: text for key, text in facts.items() if text},
    )


def _gender(actor: str) -> str:
    return {"M": "male", "W": "female"}.get(actor[:1], "")


def fake(root: Path) -> None:
    """Write one actor a split: two forged videos in two variants, and a recording."""
    mini = Miniature(root)
    actors = {"train": "M004", "val": "W101", "test": "M010"}
    for n, (split, actor) in enumerate(actors.items()):
        names = [f"{2 * n + k:03d}_{actor}" for k in range(2)]
        mini.text(f"lists/splits/{split}.txt", *(f"{name}.mp4" for name in names))
        for variant in ("end_to_end", "end_to_end_level_3"):
            for name in names:
                mini.video(f"manipulated_videos/{variant}/{name}.mp4", forged=True)
        take = f"{actor}_light_uniform_happy_camera_front.mp4"
        mini.video(f"source_videos/{actor}/light_uniform/happy/camera_front/{take}")
