"""Who trains, who validates and who is only measured on; how often each is shown, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from verilens.train.starter.spoof_crops import CROWDS, DISTURBED, GENUINE, GROUPS, Presented

# Whole sources: those that set thresholds and calibrate, those that are only measured on.
VALIDATING = frozenset(
    {
        "Laboratoriet/real-or-ai-game",
        "TencentARC/GFPGAN",
        "VUT-HFUT/Micro-Action",
        "cszn/KAIR",
        "ianare/exif-samples",
        "luckyducky6115/real-vs-ai-face-detector",
        "miguel-kjh/fake-face-detector",
        "polimi-ispl/icpr2020dfdc",
        "tensorflow/tfjs-models",
    }
)
HELD = frozenset(
    {
        "ReynaraEzra/Liveness-Detection",
        "datitran/raccoon_dataset",
        "intel-iot-devkit/sample-videos",
        "justadudewhohacks/face-api.js",
        "magic-research/PLLaVA",
        "photoprism/photoprism",
        "rizkiarm/LipNet",
    }
)
SHOWN = {GENUINE: 3, **{kind: 1 for kinds in GROUPS.values() for kind in kinds}}
TRAINED = {**{kind: 2 * count for kind, count in SHOWN.items()}, GENUINE: 4, DISTURBED: 2}
# Presentations of each person of a part, of each kind; a crowd shows many persons, each less often.
DRAWS = {
    "train": TRAINED,
    "crowd": {**SHOWN, GENUINE: 2, DISTURBED: 2},
    "validation": SHOWN,
    "test": SHOWN,
}
MOST = {"validation": 240, "test": 200}  # faces, spread over the sources of a part
FILMED = {"validation": 100, "test": 50}  # of them are also filmed


def part_of(source: str) -> str:
    """Return what the faces of a source are for."""
    if source in CROWDS:
        return "crowd"
    return "test" if source in HELD else "validation" if source in VALIDATING else "train"


def parts(people: Sequence[Presented]) -> dict[str, list[Presented]]:
    """Return the persons of each part, whole sources each, evenly spread over them."""
    found: dict[str, list[Presented]] = {name: [] for name in DRAWS}
    for one in people:
        found[part_of(one.item.source)].append(one)
    return {name: spread(of, MOST.get(name, len(of))) for name, of in found.items()}


def spread(people: Sequence[Presented], most: int) -> list[Presented]:
    """Return at most so many faces, evenly over the sources."""
    by_source: dict[str, list[Presented]] = {}
    for one in people:
        by_source.setdefault(one.item.source, []).append(one)
    rounds = zip_longest(*by_source.values())
    return [one for found in rounds for one in found if one is not None][:most]
