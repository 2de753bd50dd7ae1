"""Read the manifests of the starter corpus into items, and split them without leakage.

An item is one still or clip with its label, generator, generator family and source. Folds are made
of whole sources; a fold's training side also drops every generator family that the fold tests, so a
test generator is new in name and in origin.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["image", "video"]
Label = Literal["real", "ai", "manipulated"]

# Real photographs that train the pixel trunks; they are never on the test side of any fold.
TRUNK_SOURCES = frozenset(
    {"BIDS/BSDS500", "EliSchwartz/imagenet-sample-images", "jbhuang0604/SelfExSR"}
)

# Repositories that show the same photographs or films, or edits of them; a group is in one fold.
RELATED: tuple[frozenset[str], ...] = (
    frozenset({"EliSchwartz/imagenet-sample-images", "swdee/go-rknnlite-data"}),  # ImageNet
    frozenset({"clovaai/stargan-v2", "podgorskiy/ALAE"}),  # CelebA-HQ
    frozenset({"cszn/FFDNet", "imageio/imageio-binaries"}),  # Kodak's test pictures
    frozenset({"PixArt-alpha/PixArt-alpha", "PixArt-alpha/PixArt-alpha.github.io"}),
    frozenset({"YadiraF/DECA", "YadiraF/PRNet"}),
    frozenset({"creativetimofficial/material-kit", "creativetimofficial/paper-kit-2"}),
    frozenset({"gaomingqi/Track-Anything", "sczhou/ProPainter"}),
    frozenset(  # the pictures that papers on style transfer show
        {
            "clovaai/WCT2",
            "gordicaleksa/pytorch-neural-style-transfer",
            "jcjohnson/neural-style",
            "luanfujun/deep-painterly-harmonization",
            "luanfujun/deep-photo-styletransfer",
            "naoto0804/pytorch-AdaIN",
        }
    ),
    frozenset(  # films of DAVIS and TokenFlow, what video editors make of them; SAM's pictures
        {
            "AILab-CVC/VideoCrafter",
            "ChenyangQiQi/FateZero",
            "Doubiiu/Doubiiu.github.io",
            "Doubiiu/DynamiCrafter",
            "G-U-N/Gen-L-Video",
            "VideoCrafter/VideoCrafter",
            "ToonCrafter/ToonCrafter",
            "YBYBZhang/ControlVideo",
            "bijustin/video-segmentation",
            "diffusion-motion-transfer/diffusion-motion-transfer.github.io",
            "facebookresearch/co-tracker",
            "facebookresearch/sam2",
            "facebookresearch/segment-anything",
            "flatten-video-editing/flatten-video-editing.github.io",
            "geekyutao/Inpaint-Anything",
            "omerbt/TokenFlow",
            "rave-video/rave-video.github.io",
            "rehg-lab/RAVE",
            "showlab/MotionDirector",
            "svd-keyframe-interpolation/svd-keyframe-interpolation.github.io",
            "tuneavideo/tuneavideo.github.io",
            "vidtome-diffusion/vidtome-diffusion.github.io",
            "z-x-yang/Segment-and-Track-Anything",
        }
    ),
)

_FAMILIES = (
    ("midjourney", "midjourney"),
    ("sdxl", "sdxl"),
    ("dreamstudio", "stable-diffusion-1"),
    ("stable diffusion 2", "stable-diffusion-2"),
    ("stable diffusion 1", "stable-diffusion-1"),
    ("stability, 2023", "stable-diffusion-2"),
    ("stylegan2", "stylegan2"),
    ("stylegan", "stylegan"),
    ("kandinsky", "kandinsky"),
    ("vqgan", "vqgan"),
    ("lumiere", "lumiere"),
)


@dataclass(frozen=True, kw_only=True)
class Item:
    path: Path
    kind: Kind
    label: Label
    generator: str
    source: str
    origin: str  # files cut from one original share it
    width: int
    height: int

    @property
    def family(self) -> str:
        """Return the generator family ("" for genuine media)."""
        name = self.generator.lower()
        return next((family for part, family in _FAMILIES if part in name), name)

    @property
    def is_fake(self) -> bool:
        return self.label == "ai"

    @property
    def key(self) -> int:
        """Return a 32-bit number that depends on the file's name alone; seeds its random draws."""
        name = "/".join(self.path.parts[-3:])
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def read_corpus(data: Path, extra: Sequence[Path], kind: Kind) -> list[Item]:
    """Return the items of one kind: the data folder's, then those of the extra folders.

    The full-size original of a file that the data folder holds as a crop replaces the crop.
    """
    rows = _read_manifest(data / f"{kind}s", kind)
    for folder in extra:
        rows += _read_manifest(folder, kind)
    unique: dict[str, Item] = {}
    for item in rows:
        unique[item.origin + "|" + item.label] = item
    return list(unique.values())


def _read_manifest(root: Path, kind: Kind) -> list[Item]:
    with (root / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("kind", kind) == kind]
    return [_item(root, row, kind) for row in rows]


def _item(root: Path, row: dict[str, str], kind: Kind) -> Item:
    label: Label = "manipulated" if "manipulated" in row["label"] else row["label"]  # type: ignore[assignment]
    name = row.get("name") or row.get("src_path") or row["path"]
    cut = row.get("cut") or ""
    return Item(
        path=root / row["path"],
        kind=kind,
        label=label,
        generator=row["generator"],
        source=row["source_repo"],
        origin=f"{row['source_repo']}:{name}:{cut}",
        width=int(row["width"] or 0),
        height=int(row["height"] or 0),
    )


def capped(items: Sequence[Item], limit: int) -> list[Item]:
    """Return at most `limit` items of each (source, generator, label), chosen by their keys."""
    groups: defaultdict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.source, item.generator, item.label].append(item)
    kept = [sorted(group, key=lambda item: item.key)[:limit] for group in groups.values()]
    return [item for group in kept for item in group]


def source_folds(items: Sequence[Item], n_folds: int) -> dict[str, int]:
    """Return the test fold of each source; -1 = trains only.

    Greedy: large groups of related sources first, each to the fold that holds fewest items of its
    labels. A group with a trunk source trains only.
    """
    counts: defaultdict[frozenset[str], Counter[str]] = defaultdict(Counter)
    for item in items:
        counts[group_of(item.source)][item.label] += 1
    totals: Counter[str] = Counter()
    for count in counts.values():
        totals.update(count)
    loads: list[Counter[str]] = [Counter() for _ in range(n_folds)]
    groups: dict[frozenset[str], int] = {}
    for group in sorted(counts, key=lambda g: (-sum(counts[g].values()), min(g))):
        if group & TRUNK_SOURCES:
            groups[group] = -1
            continue
        groups[group] = min(range(n_folds), key=lambda f: _load(loads[f], counts[group], totals))
        loads[groups[group]].update(counts[group])
    return {item.source: groups[group_of(item.source)] for item in items}


def group_of(source: str) -> frozenset[str]:
    """Return the sources that show the same media as this one, itself among them."""
    return next((group for group in RELATED if source in group), frozenset({source}))


def _load(held: Counter[str], added: Counter[str], totals: Counter[str]) -> float:
    return sum((held[label] + added[label]) / totals[label] for label in added)


def training_side(items: Sequence[Item], folds: Mapping[str, int], fold: int) -> list[int]:
    """Return the positions that may train for `fold`: other sources, and no family it tests."""
    tested = {i.family for i in items if folds[i.source] == fold and i.family}
    return [n for n, i in enumerate(items) if folds[i.source] != fold and i.family not in tested]


def weights_by_source(items: Iterable[Item]) -> list[float]:
    """Return sample weights: classes equal; inside a class a source-generator counts as sqrt(n)."""
    items = list(items)
    sizes = Counter((i.source, i.generator, i.is_fake) for i in items)
    raw = [sizes[i.source, i.generator, i.is_fake] ** -0.5 for i in items]
    sums = {
        flag: sum(w for w, i in zip(raw, items, strict=True) if i.is_fake == flag)
        for flag in (False, True)
    }
    return [w / sums[i.is_fake] * len(items) / 2 for w, i in zip(raw, items, strict=True)]
