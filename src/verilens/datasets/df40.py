"""DF40: forty ways to forge a face, most of them applied to the same real videos of two sets.

`REGISTRY` says of each method what it does to a face, in which domains it exists and whether the
protocols call it known. Fakes lie by method and domain, genuine faces elsewhere: those of a known
method are the videos of FaceForensics++ (ff) or Celeb-DF (cdf), those of an unknown one lie beside
its fakes. Lists in DeepfakeBench's form are read when they are there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from verilens import layout
from verilens.card import DataCard
from verilens.datasets import celeb_df, deepfakebench, faceforensics
from verilens.errors import UnknownName
from verilens.media.miniature import Miniature
from verilens.records import Sample, SampleKind, Split

CARD = DataCard(
    name="df40",
    title="DF40",
    summary="40 face forgery methods with forgery type and data domain varied separately",
    tasks=("face-forgery",),
    layout="DF40/<method>/{ff,cdf}/**, DF40_train/<method>/ff/**, DF40/<method>/{fake,real}/** for "
    "unknown methods, FaceForensics++/ and Celeb-DF-v2/ with the genuine frames, and optionally "
    "[preprocessing/]dataset_json/*.json",
    paper="arXiv:2406.13495",
    licence="CC BY-NC 4.0, and the terms of FaceForensics++ and Celeb-DF",
    access="https://github.com/YZY-stack/DF40 links archives and a form",
    consent="that of the sets it was made from: mostly videos of the internet, without",
    year=2024,
    traps=(
        "archives hold fakes only: genuine faces are paired by domain, see df40.rearrange",
        "folders differ in depth and some are empty: any folder that holds pictures is a video",
        "lists do not always match the archives: 'data doctor' says what is missing",
        "the cdf domain is for testing only",
        "without FaceForensics++'s split lists a genuine video takes the split of the fakes that "
        "carry its number",
    ),
    uncertain=(
        "DDPM lies in the folder ddim and DaGAN in danet, as the project's lists say",
        "RDDM, HyperReenact and DeepFaceLab are missing in the published folder list; the names "
        "rddm, hyperreenact and deepfacelab of the label list are expected",
    ),
)

Type = Literal["FS", "FR", "EFS", "FE"]
TYPES: dict[Type, str] = {
    "FS": "face swapping",
    "FR": "face reenactment",
    "EFS": "entire face synthesis",
    "FE": "face editing",
}
DOMAINS = {"ff": "FaceForensics++", "cdf": "Celeb-DF"}
TOPS: dict[str, Split] = {"DF40_train": "train", "DF40": "test"}
SKIPPED = frozenset(("landmarks", "masks"))
GENUINE = ("Celeb-DF-v2", "Celeb-DF")


@dataclass(frozen=True, kw_only=True)
class Method:
    """One of the forty.

    name: as the paper writes it. key: as labels and lists write it. folder: on disk.
    origin: the set whose faces it forged; known methods exist in both domains.
    """

    name: str
    key: str
    type: Type
    folder: str = ""
    origin: str = "FaceForensics++ and Celeb-DF"

    @property
    def known(self) -> bool:
        """Whether the protocols train on it."""
        return " and " in self.origin

    @property
    def domains(self) -> tuple[str, ...]:
        """Return the domains it exists in; none for an unknown method."""
        return tuple(DOMAINS) if self.known else ()

    @property
    def lists(self) -> tuple[str, ...]:
        """Return the names of its data sets."""
        return tuple(f"{self.key}_{domain}" for domain in self.domains) or (self.key,)


def _methods(type: Type, *names: str) -> Iterator[Method]:
    """Yield methods from lines 'name key [folder=..] [origin=..]'."""
    for line in names:
        name, key, *facts = line.split()
        yield Method(name=name, key=key, type=type, **dict(fact.split("=") for fact in facts))


REGISTRY: tuple[Method, ...] = (
    *_methods(
        "FS",
        "FSGAN fsgan",
        "FaceSwap faceswap",
        "SimSwap simswap",
        "InSwapper inswap",
        "BlendFace blendface",
        "UniFace uniface",
        "MobileSwap mobileswap",
        "e4s e4s",
        "FaceDancer facedancer",
        "DeepFaceLab deepfacelab origin=UADFV",
    ),
    *_methods(
        "FR",
        "FOMM fomm",
        "FS_vid2vid facevid2vid",
        "Wav2Lip wav2lip",
        "MRAA MRAA",
        "OneShot one_shot_free",
        "PIRender pirender",
        "TPSM tpsm",
        "LIA lia",
        "DaGAN danet",
        "SadTalker sadtalker",
        "MCNet mcnet",
        "HyperReenact hyperreenact",
        "HeyGen heygen origin=VFHQ",
    ),
    *_methods(
        "EFS",
        "VQGAN VQGAN",
        "StyleGAN2 StyleGAN2",
        "StyleGAN3 StyleGAN3",
        "StyleGAN-XL StyleGANXL",
        "SD-2.1 sd2.1",
        "DDPM ddim",
        "RDDM rddm",
        "PixArt-alpha pixart folder=PixArt",
        "DiT-XL/2 DiT",
        "SiT-XL/2 SiT",
        "MidJourney6 MidJourney origin=FFHQ",
        "WhichIsReal whichisreal folder=whichfaceisreal origin=FFHQ",
    ),
    *_methods(
        "FE",
        "CollabDiff CollabDiff origin=CelebA",
        "e4e e4e origin=CelebA",
        "StarGAN stargan origin=CelebA",
        "StarGANv2 starganv2 origin=CelebA",
        "StyleCLIP styleclip origin=CelebA",
    ),
)
UNIONS = tuple(f"{type}All_{domain}" for domain in DOMAINS for type in ("FS", "FR", "EFS"))
_KEYS = (*(m.key for m in REGISTRY), "mraa", "FSAll", "FRAll", "EFSAll")
LABELS = deepfakebench.LABELS | {
    f"{key}_{word}": label for key in _KEYS for word, label in (("Fake", 1), ("Real", 0))
}


def fits(root: Path) -> bool:
    """Return whether the folder of test or of training fakes is there."""
    return any((root / top).is_dir() for top in TOPS)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield what the lists name; without lists, training fakes, test fakes and genuine videos."""
    if paths := deepfakebench.lists(root):
        places = deepfakebench.Places(root)
        found = (s for path in paths for s in deepfakebench.read(path, places, LABELS))
        return layout.of_split(found, split)
    return layout.of_split(_samples(root), split)


def method(key: str) -> Method:
    """Return a method by its key or its folder, in any case; UnknownName when there is none."""
    for found in REGISTRY:
        if key.lower() in (found.key.lower(), found.folder.lower(), found.name.lower()):
            return found
    raise UnknownName(f"DF40 has no method '{key}'; known: {', '.join(m.key for m in REGISTRY)}")


def _samples(root: Path) -> Iterator[Sample]:
    numbers: dict[str, Split] = {}
    for top, split in TOPS.items():
        for sample in _forgeries(root, top, split):
            if sample.attributes["domain"] == "ff" and sample.source:
                numbers.update(dict.fromkeys(sample.attributes["video"].split("_"), split))
            yield sample
    yield from _genuine_ff(root, numbers)
    yield from _genuine_cdf(root)


def _forgeries(root: Path, top: str, split: Split) -> Iterator[Sample]:
    """Yield the fakes of all methods below one folder, and the genuine faces of unknown ones."""
    there = {name.lower(): name for name in layout.folders(root / top)}
    for found in REGISTRY:
        folder = there.get((found.folder or found.key).lower())
        for part in layout.folders(root / top / folder) if folder else ():
            if part in (*DOMAINS, "fake", "real"):
                yield from _below(root, f"{top}/{folder}/{part}", found, split)


def _below(root: Path, part: str, method: Method, split: Split) -> Iterator[Sample]:
    """Yield a video for each folder of pictures of a swap or reenactment, else each picture."""
    for below, names in layout.walk(root / part):
        parts = below.split("/") if below else []
        if SKIPPED.intersection(parts):
            continue
        folder = f"{part}/{below}" if below else part
        pictures = tuple(name for name in names if layout.suffix(name) in layout.PICTURES)
        is_video = method.type in ("FS", "FR") and parts and parts[-1] != "frames"
        if pictures and is_video:
            yield _sample(root, folder, method, split, pictures)
            names = [name for name in names if name not in pictures]
        for name in names:
            yield _sample(root, f"{folder}/{name}", method, split)


def _sample(
    root: Path, path: str, method: Method, split: Split, frames: tuple[str, ...] = ()
) -> Sample:
    part = path.split("/")[2]
    label = int(part != "real")
    video = path.rsplit("/", 1)[-1] if frames else layout.stem(path)
    kind: SampleKind = "image" if layout.suffix(path) in layout.PICTURES else "video"
    source, identity = _origin(method, part, video)
    return Sample(
        id=path,
        uri=str(root / path),
        kind="frames" if frames else kind,
        label=label,
        generator=method.key if label else "",
        source=source,
        identity=identity,
        split=split,
        frames=frames,
        licence=CARD.licence,
        attributes=_attributes(method, part, video),
    )


def _origin(method: Method, part: str, video: str) -> tuple[str, str]:
    """Return (source, person) of a video; a made-up face shows nobody."""
    listed = deepfakebench.Listed(f"{method.key}_{part}", f"{method.key}_Fake", "", "", video)
    source, identity = deepfakebench.origin(listed)
    if method.type == "FR":
        identity = source.split("_")[0] if part == "cdf" else source
    return source, identity if method.type in ("FS", "FR") else ""


def _attributes(method: Method, part: str, video: str) -> dict[str, str]:
    domain = part if part in DOMAINS else method.origin
    known = "yes" if method.known else "no"
    facts = {"method": method.key, "type": method.type, "domain": domain, "known": known}
    return facts | {"video": video}


def _genuine_ff(root: Path, numbers: dict[str, Split]) -> Iterator[Sample]:
    base = root / "FaceForensics++"
    has_lists = bool(faceforensics.splits(base))
    for sample in faceforensics.samples(base):
        if sample.label or not sample.source.startswith("youtube/"):
            continue
        split = sample.split if has_lists else numbers.get(sample.attributes["video"], "")
        facts = {"domain": "ff", **sample.attributes}
        yield replace(sample, id=f"{base.name}/{sample.id}", split=split, attributes=facts)


def _genuine_cdf(root: Path) -> Iterator[Sample]:
    for base in (name for name in GENUINE if (root / name).is_dir()):
        for folder in (name for name in layout.folders(root / base) if name in celeb_df.GENUINE):
            for clip in layout.clips(root, f"{base}/{folder}"):
                listed = deepfakebench.Listed("_cdf", "", "test", "", clip.name)
                source, identity = deepfakebench.origin(listed)
                yield Sample(
                    id=clip.path,
                    uri=str(root / clip.path),
                    kind=clip.kind,
                    label=0,
                    source=source,
                    identity=identity,
                    split="test",
                    frames=clip.frames,
                    licence=CARD.licence,
                    attributes={"domain": "cdf", "video": clip.name},
                )


def names() -> tuple[str, ...]:
    """Return the names of all data sets: each method in each domain, then the unions."""
    return (*(name for m in REGISTRY for name in m.lists), *UNIONS)


def members(name: str) -> tuple[tuple[Method, ...], str]:
    """Return (methods, domain) of a data set's name; the domain of an unknown method is its origin.

    FSAll_ff holds every known face swapping method of the domain ff.
    """
    if name in UNIONS:
        type, _, domain = name.partition("All_")
        return tuple(m for m in REGISTRY if m.known and m.type == type), domain
    for found in REGISTRY:
        if name in found.lists:
            return (found,), name.removeprefix(f"{found.key}_") if found.known else found.origin
    raise UnknownName(f"DF40 has no data set '{name}'; names are such as simswap_ff and heygen")


def rearrange(root: Path, name: str) -> dict[str, Any]:
    """Return the DeepfakeBench list of a data set: its fakes, and the genuine faces they go with.

    Genuine are the faces of the same domain; for an unknown method those beside its fakes. Paths
    are relative to the root; a picture that belongs to no video is an entry of its own.
    """
    methods, domain = members(name)
    keys = {m.key for m in methods}
    label = name.removesuffix(f"_{domain}")
    words = (f"{label}_Real", f"{label}_Fake")
    videos: dict[str, Any] = {word: {s: {} for s in deepfakebench.SPLITS} for word in words}
    for sample in _samples(root):
        facts = sample.attributes
        if facts["domain"] != domain or facts.get("method", methods[0].key) not in keys:
            continue
        word = words[sample.label]
        paths = [f"{sample.id}/{frame}" for frame in sample.frames] or [sample.id]
        is_shared = sample.label and len(methods) > 1
        entry = f"{facts['method']}/{facts['video']}" if is_shared else facts["video"]
        entries = videos[word][sample.split or "test"]
        entries[sample.id if entry in entries else entry] = {"label": word, "frames": paths}
    return {name: videos}


def fake(root: Path) -> None:
    """Write three known and two unknown methods, genuine videos of both domains, no lists."""
    mini = Miniature(root)
    for top, pair in (("DF40_train", ("000", "003")), ("DF40", ("020", "021"))):
        for folder in ("simswap", "pirender"):
            mini.frames(f"{top}/{folder}/ff/frames/{'_'.join(pair)}", 3, forged=True)
        mini.picture(f"{top}/ddim/ff/{pair[0]}_0.png", forged=True)
        for number in pair:
            mini.frames(f"FaceForensics++/original_sequences/youtube/c23/frames/{number}", 3)
    mini.frames("DF40/simswap/cdf/frames/id0_id1_0000", 3, forged=True)
    mini.frames("DF40/pirender/cdf/id0_id1_0000", 3, forged=True)
    mini.picture("DF40/ddim/cdf/celeb_0.png", forged=True)
    for person in ("id0", "id1"):
        mini.frames(f"Celeb-DF-v2/Celeb-real/frames/{person}_0000", 3)
    for part, is_forged in (("fake", True), ("real", False)):
        mini.frames(f"DF40/heygen/{part}/clip_1", 3, forged=is_forged)
        mini.picture(f"DF40/whichfaceisreal/{part}/00001.jpg", forged=is_forged)
