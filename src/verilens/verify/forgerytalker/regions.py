"""The 21 regions of a face: their names in text, and where they lie in an aligned portrait."""

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from verilens.datasets.mmtt import REGIONS

SYNONYMS = {
    "eye": ("eyes", "eyelid", "eyelids", "eyelash", "eyelashes", "iris", "gaze"),
    "pupil": ("pupils",),
    "lip": ("lips",),
    "mouth": ("mouths", "smile"),
    "nose": ("noses", "nostril", "nostrils", "nasal bridge", "nose bridge"),
    "ear": ("ears", "earlobe", "earlobes"),
    "cheek": ("cheeks", "cheekbone", "cheekbones"),
    "forehead": ("foreheads", "brow line"),
    "chin": ("chins",),
    "jaw": ("jaws", "jawline", "jawlines"),
    "eyebrow": ("eyebrows", "brow", "brows"),
    "tooth": ("teeth",),
    "tongue": ("tongues",),
    "beard": ("beards", "stubble", "goatee"),
    "mustache": ("mustaches", "moustache", "moustaches"),
    "skin": ("complexion",),
    "hair": ("hairs", "hairline", "bangs", "fringe"),
    "wrinkle": ("wrinkles", "crease", "creases"),
    "freckle": ("freckles",),
    "scar": ("scars",),
    "dimple": ("dimples",),
}
NAMES = {name: region for region in REGIONS for name in (region, *SYNONYMS[region])}
# Longer names first, so that an eyebrow is no eye and a brow line no brow.
PATTERN = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, NAMES), key=len, reverse=True)) + r")\b", re.IGNORECASE
)
# (left, top, right, bottom) as shares of an aligned portrait; a region may have two places. Regions
# that are textures have none.
ATLAS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "eye": ((0.24, 0.36, 0.44, 0.47), (0.56, 0.36, 0.76, 0.47)),
    "eyebrow": ((0.20, 0.27, 0.46, 0.35), (0.54, 0.27, 0.80, 0.35)),
    "nose": ((0.40, 0.44, 0.60, 0.64),),
    "mouth": ((0.34, 0.67, 0.66, 0.79),),
    "cheek": ((0.14, 0.50, 0.36, 0.68), (0.64, 0.50, 0.86, 0.68)),
    "forehead": ((0.24, 0.08, 0.76, 0.25),),
    "chin": ((0.38, 0.82, 0.62, 0.97),),
    "jaw": ((0.14, 0.72, 0.32, 0.92), (0.68, 0.72, 0.86, 0.92)),
    "ear": ((0.0, 0.36, 0.12, 0.60), (0.88, 0.36, 1.0, 0.60)),
    "hair": ((0.0, 0.0, 1.0, 0.07),),
}
LEAST_SHARE = 0.3  # of a place that a mask must cover


def parsed(text: str) -> Tensor:
    """Return which regions a text names, (21,) of 0 and 1."""
    named = {NAMES[match.lower()] for match in PATTERN.findall(text)}
    return torch.tensor([float(region in named) for region in REGIONS])


def listed(hot: Iterable[float], threshold: float = 0.5) -> list[str]:
    """Return the names of the regions above a threshold, in their order."""
    return [region for region, value in zip(REGIONS, hot, strict=True) if value > threshold]


def prompt(hot: Iterable[float], threshold: float = 0.5) -> str:
    """Return the question that names exactly the regions above a threshold."""
    names = listed(hot, threshold)
    said = f"Suspect regions: {', '.join(names)}." if names else "No region is suspect."
    return f"{said} What was edited in this face?"


def caption(hot: Iterable[float]) -> str:
    """Return the sentence that stands for a missing caption."""
    names = listed(hot)
    if not names:
        return "nothing in this face looks edited."
    verb = "looks" if len(names) == 1 else "look"
    return f"the {' and the '.join(names)} {verb} edited."


def of_masks(masks: Tensor) -> Tensor:
    """Return which regions masks cover by the atlas, (N, 21). masks: in [0, 1], (N, 1, H, W)."""
    side = 100
    grid = interpolate(masks.float(), (side, side), mode="area")[:, 0] > 0.5
    found = torch.zeros(len(masks), len(REGIONS), device=masks.device)
    for region, places in ATLAS.items():
        for box in places:
            left, top, right, bottom = (round(side * edge) for edge in box)
            share = grid[:, top:bottom, left:right].float().mean((1, 2))
            column = found[:, REGIONS.index(region)]
            column[share >= LEAST_SHARE] = 1
    return found


def multi_hot(regions: Sequence[str]) -> Tensor:
    """Return regions by name as (21,) of 0 and 1."""
    return torch.tensor([float(region in regions) for region in REGIONS])
