"""GenVideo: two million clips as frames, real and fake by source; the lists are not distributed.

With train.csv, val_id.csv and val_ood.csv beside the folders they decide, as in the release.
Without them the splits are rebuilt from the folders: the ten test generators and MSR-VTT test, the
rest trains.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="genvideo",
    title="GenVideo",
    summary="two million clips of twenty generators, as frames taken twice a second",
    tasks=("ai-video",),
    layout="{real,fake}/<source>/**/<video>/<k>.jpg, and the lists train.csv, val_id.csv, "
    "val_ood.csv with columns content_path,image_path,type_id,label,frame_len,frame_seq",
    paper="arXiv:2405.19707",
    licence="Apache-2.0 for the code; each source's own terms for the clips",
    access="https://github.com/chenhaoxing/DeMamba",
    consent="clips from public sets and the web, without the consent of people who may be shown",
    year=2024,
    genuine=1223511,
    fake=1057163,
    traps=(
        "the published evaluator divides by the counts of the whole test set: F1 is wrong on any "
        "part of it; see the compat mode genvideo",
        "Youku frames carry a logo that training crops away; the attribute set names the source",
        "the lists name the author's own paths: what matters is found below real/ or fake/",
    ),
    uncertain=(
        "without lists, fake/VideoCrafter is taken for the test generator Crafter, although "
        "VideoCrafter also trains",
    ),
)

LISTS: dict[str, Split] = {"train.csv": "train", "val_id.csv": "val", "val_ood.csv": "test"}
COLUMNS = ("content_path", "label", "frame_seq")
CLASSES = {"real": 0, "fake": 1}
# Folders of the test generators, and what the paper's tables call them.
TESTED = {
    "ModelScope": "ModelScope",
    "Morph": "Morph",
    "MoonValley": "MoonValley",
    "HotShot": "HotShot",
    "EvalCrafter_T2V_Dataset/show_1": "Show-1",
    "Sora": "Sora",
    "Wild": "Wild",
    "VideoCrafter": "Crafter",
    "Lavies": "Lavie",
    "Gen2": "Gen2",
}
TESTED_GENUINE = ("msr", "MSR")


def fits(root: Path) -> bool:
    """Return whether there is one of the lists, or frames of a known generator below fake/."""
    if any(_is_list(root / name) for name in LISTS):
        return True
    is_known = any((root / "fake" / name).is_dir() for name in TESTED)
    return is_known and (root / "real").is_dir()


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield what the lists name, or else every folder of frames, genuine before generated."""
    return layout.of_split(_samples(root), split)


def place(path: str) -> tuple[int, str, str]:
    """Return (label, source, path below the root) of a video's path, whoever's prefix it carries.

    DatasetError when it lies neither below real/ nor below fake/.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    for n, part in enumerate(parts[:-1]):
        if part in CLASSES:
            below = "/".join(parts[n:])
            known = (key for key in TESTED if below.startswith(f"{part}/{key}/"))
            source = next(known, parts[n + 1])
            return CLASSES[part], source, below
    raise layout.wrong(Path(path), None, "a clip must lie below real/ or fake/")


def _is_list(path: Path) -> bool:
    if not path.exists():
        return False
    first = next(layout.lines(path), (0, ""))[1]
    return all(name in first.split(",") for name in COLUMNS)


def _samples(root: Path) -> Iterator[Sample]:
    lists = [name for name in LISTS if _is_list(root / name)]
    for name in lists:
        yield from _listed(root, root / name, LISTS[name])
    if not lists:
        yield from _found(root)


def _listed(root: Path, path: Path, split: Split) -> Iterator[Sample]:
    for number, row in layout.rows(path, COLUMNS):
        label, source, below = place(row["content_path"])
        if row["label"] not in ("0", "1") or int(row["label"]) != label:
            what = f"label '{row['label']}' does not fit {below}; 1 is fake"
            raise layout.wrong(path, number, what)
        yield _sample(root, below, (label, source, split), _sequence(path, number, row))


def _sequence(path: Path, number: int, row: dict[str, str]) -> tuple[str, ...]:
    try:
        frames = ast.literal_eval(row["frame_seq"])
        if not isinstance(frames, list) or not frames:
            raise ValueError
        return tuple(f"{int(frame)}.jpg" for frame in frames)
    except (ValueError, SyntaxError, TypeError) as error:
        what = f"frame_seq {row['frame_seq'][:40]!r} is no list of numbers; make the list anew"
        raise layout.wrong(path, number, what) from error


def _found(root: Path) -> Iterator[Sample]:
    for top in CLASSES:
        for folder, names in layout.walk(root / top, (".jpg", ".jpeg", ".png")):
            label, source, below = place(f"{top}/{folder}/")
            is_tested = source.startswith(TESTED_GENUINE) if label == 0 else source in TESTED
            split: Split = "test" if is_tested else "train"
            yield _sample(root, below, (label, source, split), tuple(names))


def _sample(
    root: Path, below: str, meaning: tuple[int, str, Split], frames: tuple[str, ...]
) -> Sample:
    label, source, split = meaning
    return Sample(
        id=below,
        uri=str(root / below),
        kind="frames",
        label=label,
        generator=TESTED.get(source, source) if label else "",
        split=split,
        frames=frames,
        licence=CARD.licence,
        attributes={"set": source},
    )


def fake(root: Path) -> None:
    """Write two genuine sources, two training and three test generators, without lists."""
    mini = Miniature(root)
    for source in ("youku_1", "MSR-VTT"):
        for n in range(2):
            mini.frames(f"real/{source}/video{n}", count=8, suffix="jpg")
    generated = ("pika", "SEINE", "Sora", "Lavies", "EvalCrafter_T2V_Dataset/show_1")
    for source in generated:
        for n in range(2):
            mini.frames(f"fake/{source}/video{n}", count=8, forged=True, suffix="jpg")
