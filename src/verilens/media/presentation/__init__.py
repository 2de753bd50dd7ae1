"""Presentation attacks simulated by their physics: a face printed, shown on a screen, or masked.

Each kind is a function of one RGB picture, the face in it, and a generator of chance. What is
simulated is what makes an attack an attack: how ink, light of pixels and moulded skin differ from
skin, and that a reproduction is photographed twice. What is not: depth, parallax, the pulse, and
any one brand of printer, screen or mask. Who trains on simulations learns these traits and no
others; `docs/spoof.md` says how far that carries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from verilens.errors import ConfigError, UnknownName
from verilens.media.faces import Face
from verilens.media.perturb.draw import Pixels
from verilens.media.presentation.mask import masked
from verilens.media.presentation.paper import cut_out, printed
from verilens.media.presentation.screen import replayed

Attack = Callable[[Pixels, Face, np.random.Generator, float], Pixels]
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of attack. physics: what of it is simulated, in words."""

    name: str
    attack: Attack
    physics: str


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="print",
            attack=printed,
            physics="halftone dots of four inks, gamut of ink on paper, fibres, a bent sheet with "
            "borders, a second camera",
        ),
        Kind(
            name="cut",
            attack=cut_out,
            physics="a print held before a face, with holes at the eyes through which it looks",
        ),
        Kind(
            name="replay",
            attack=replayed,
            physics="sub-pixels that beat with the sensor (moire), glow and tone of a screen, "
            "bands of its refresh, reflections, bezel, a second camera",
        ),
        Kind(
            name="mask",
            attack=masked,
            physics="smooth albedo without pores, shading and gloss of a moulded surface, seams at "
            "eyes, mouth and rim",
        ),
    )
}


def present(
    picture: Pixels, name: str, severity: int, rng: np.random.Generator, face: Face | None = None
) -> Pixels:
    """Return the picture as it would look had its face been presented by an attack.

    picture: RGB, (H, W, 3) uint8. severity: 1 (well made) to 5 (crude). face: where it is; without
        one it is taken to fill the middle of the picture, as in a crop of 2.7 times its box.

    Raises UnknownName, and ConfigError for another severity or form of picture.
    """
    if name not in KINDS:
        raise UnknownName(f"no presentation attack '{name}'; there are: {', '.join(KINDS)}")
    if severity not in SEVERITIES:
        raise ConfigError(f"severity {severity}: choose 1 (well made) to 5 (crude)")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ConfigError(f"a picture must be (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
    strength = (severity - 1) / 4
    found = KINDS[name].attack(picture, face or centred(picture), rng, strength)
    return np.ascontiguousarray(found)


def centred(picture: Pixels, margin: float = 2.7) -> Face:
    """Return a face in the middle of a crop that is `margin` times its box, points where usual."""
    height, width = picture.shape[:2]
    tall = min(width, height) / margin
    sides = np.array([0.78 * tall, tall])
    corner = (np.array([width, height]) - sides) / 2
    points = np.array([[0.3, 0.38], [0.7, 0.38], [0.5, 0.6], [0.35, 0.78], [0.65, 0.78]])
    left, top = corner.tolist()
    right, bottom = (corner + sides).tolist()
    box = (left, top, right, bottom)
    return Face(box, 1.0, (corner + points * sides).astype(np.float32))
