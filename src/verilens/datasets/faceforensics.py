"""FaceForensics++ as its download script lays it out, with the official splits by pairs.

Videos carry the numbers of the two sequences they come from, and a split is a list of pairs of
numbers: a video belongs to a split when all its numbers do. Every manipulation, FaceShifter too,
follows the same pairs; DeepFakeDetection has actors instead and no official split.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="faceforensics",
    title="FaceForensics++ (with FaceShifter and DeepFakeDetection)",
    summary="1,000 talking heads and five manipulations of each, at three compressions",
    tasks=("face-forgery", "localize"),
    layout="original_sequences/{youtube,actors}/{raw,c0,c23,c40}/videos/*.mp4 (or frames/), "
    "manipulated_sequences/<method>/<compression>/videos/*.mp4, masks/, "
    "splits/{train,val,test}.json (from the project's repository; beside the folders is fine too)",
    paper="arXiv:1901.08971",
    licence="FaceForensics terms of use: non-commercial research, no redistribution",
    access="a form at https://github.com/ondyari/FaceForensics gives the download script",
    consent="YouTube videos without the speakers' consent; DeepFakeDetection shows paid actors",
    year=2019,
    genuine=1363,
    fake=8068,
    traps=(
        "the same face is in a real and in several forged videos: splits are by pairs of numbers, "
        "never by file",
        "videos of different manipulations share a name (000_003): ids keep the whole path",
        "DeepFakeDetection has no official split; its samples have none",
    ),
    uncertain=(
        "c0 and raw are two names of the same compression; the folder's own name is kept",
        "masks are taken from masks/videos or from c23/masks, whichever exists",
    ),
)

COMPRESSIONS = ("raw", "c0", "c23", "c40")
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
ACTORS = "DeepFakeDetection"
REENACTMENT = ("Face2Face", "NeuralTextures")  # the face stays who it is
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def fits(root: Path) -> bool:
    """Return whether the two sequence folders are there; one is enough."""
    return any((root / name).is_dir() for name in ("original_sequences", "manipulated_sequences"))


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield original sequences, then each manipulation, by compression and name."""
    return layout.of_split(_samples(root), split)


def splits(root: Path) -> dict[str, Split]:
    """Return the split of each sequence number; empty when the lists are not there.

    DatasetError when a list is not a list of pairs or a number is in two splits.
    """
    found: dict[str, Split] = {}
    for name in SPLITS:
        path = layout.first(root / "splits" / f"{name}.json", root / f"{name}.json")
        if path is None:
            continue
        pairs = layout.read_json(path)
        if not isinstance(pairs, list):
            raise layout.wrong(path, None, "a list of pairs of sequence numbers is expected")
        for n, pair in enumerate(pairs):
            if not (isinstance(pair, list) and len(pair) == 2):
                raise layout.wrong(path, None, f"entry {n} is not a pair of sequence numbers")
            for number in map(str, pair):
                if found.setdefault(number, name) != name:
                    what = f"sequence {number} is in {found[number]} too; fetch the lists again"
                    raise layout.wrong(path, None, what)
    return found


def _samples(root: Path) -> Iterator[Sample]:
    by_number = splits(root)
    for people in ("youtube", "actors"):
        for compression, clip in _clips(root, f"original_sequences/{people}"):
            yield _sample(root, clip, compression, ("", ""), by_number)
    for method in layout.folders(root / "manipulated_sequences"):
        below = f"manipulated_sequences/{method}"
        masks = _masks(root, below)
        for compression, clip in _clips(root, below):
            mask = masks.get(clip.name, "")
            yield _sample(root, clip, compression, (method, mask), by_number)


def _clips(root: Path, below: str) -> Iterator[tuple[str, layout.Clip]]:
    for compression in layout.folders(root / below):
        if compression in COMPRESSIONS:
            for clip in layout.clips(root, f"{below}/{compression}"):
                yield compression, clip


def _masks(root: Path, below: str) -> dict[str, str]:
    """Return where the mask of each video lies: a video, or a folder of pictures."""
    videos = root / below / "masks" / "videos"
    found = {layout.stem(name): str(videos / name) for name in layout.files(videos)}
    for folder in (root / below / "masks", root / below / "c23" / "masks"):
        for name in layout.folders(folder):
            if name != "videos":
                found.setdefault(name, str(folder / name))
    return found


def _sample(
    root: Path,
    clip: layout.Clip,
    compression: str,
    forged: tuple[str, str],
    by_number: Mapping[str, Split],
) -> Sample:
    method, mask = forged
    is_actors = "__" in clip.name
    target, donor = people(clip.name)
    shown = donor if method not in REENACTMENT else target
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=int(bool(method)),
        generator=method,
        source=f"actors/{target}__{clip.name.split('__')[1]}" if is_actors else f"youtube/{target}",
        identity=f"actors/{shown}" if is_actors else f"youtube/{shown}",
        split="" if is_actors else split_of(clip.name, by_number),
        frames=clip.frames,
        mask=mask,
        licence=CARD.licence,
        attributes={"compression": compression, "video": clip.name},
    )


def people(name: str) -> tuple[str, str]:
    """Return (target, face) of a video name: 000_003, 000, 01_02__scene__ABCDEFGH, 01__scene."""
    target, _, donor = name.split("__")[0].partition("_")
    return target, donor or target


def split_of(name: str, by_number: Mapping[str, Split]) -> Split:
    """Return the split that all numbers of a video name share; "" when they share none."""
    found = {by_number.get(number, "") for number in name.split("_")}
    return found.pop() if len(found) == 1 else ""


def fake(root: Path) -> None:
    """Write three pairs, one a split, at c23, two manipulations with masks, and one actor."""
    mini = Miniature(root)
    pairs = {"train": ("000", "003"), "val": ("010", "011"), "test": ("020", "021")}
    for split, (a, b) in pairs.items():
        mini.json(f"splits/{split}.json", [[a, b]])
        for number in (a, b):
            mini.video(f"original_sequences/youtube/c23/videos/{number}.mp4")
        for method in ("Deepfakes", "NeuralTextures"):
            below = f"manipulated_sequences/{method}"
            for name in (f"{a}_{b}", f"{b}_{a}"):
                mini.video(f"{below}/c23/videos/{name}.mp4", forged=True)
                mini.mask(f"{below}/masks/videos/{name}.mp4", count=8)
    mini.video("original_sequences/actors/c23/videos/01__walking.mp4")
    name = "01_02__walking__ABCDEFGH"
    mini.video(f"manipulated_sequences/{ACTORS}/c23/videos/{name}.mp4", forged=True)
