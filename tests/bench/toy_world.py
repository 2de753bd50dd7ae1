"""Faces of ellipses in two worlds, and six ways to forge their middle: two of a type.

A domain fixes what is no trace of forgery (skin, ground, light, sensor noise, JPEG); a method fixes
the trace. Forged and genuine pictures of one person share everything else.

    FS  seam-hard, seam-soft    another person's features pasted in, with a visible border
    FR  grid-2, grid-3          the features as they are, with the grid of an up-sampler left
    FE  blur-small, blur-large  the features smoothed away
"""

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens import manifest
from verilens.records import Sample, Split

Pixels = NDArray[np.float32]  # (SIDE, SIDE, 3) in [0, 255]

SIDE = 64
METHODS = ("seam-hard", "seam-soft", "grid-2", "grid-3", "blur-small", "blur-large")
TYPES = {name: {"seam": "FS", "grid": "FR", "blur": "FE"}[name.split("-")[0]] for name in METHODS}
DOMAINS = ("studio", "street")
QUALITY = {"studio": 95, "street": 80}
NOISE = {"studio": 4.0, "street": 8.0}


def face(rng: np.random.Generator, domain: str) -> Pixels:
    """Return a genuine face, (SIDE, SIDE, 3)."""
    is_street = domain == "street"
    low, high = ((40, 200), (170, 250))[not is_street]
    ground = cv2.resize(rng.uniform(low, high, (4 if is_street else 2, 4, 3)), (SIDE, SIDE))
    skin = rng.uniform((120, 80, 60), (230, 180, 150)) * (0.75 if is_street else 1.0)
    picture = np.ascontiguousarray(ground, np.float32)
    centre = tuple(int(v) for v in rng.integers(29, 36, 2))
    axes = (int(rng.integers(17, 21)), int(rng.integers(22, 26)))
    cv2.ellipse(picture, centre, axes, 0, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    picture += _texture(rng, 9.0)
    for side in (-1, 1):
        eye = (centre[0] + side * 7, centre[1] - 6)
        cv2.ellipse(picture, eye, (3, 2), 0, 0, 360, (240, 240, 240), -1, cv2.LINE_AA)
        cv2.circle(picture, eye, 1, rng.uniform(10, 90, 3).tolist(), -1, cv2.LINE_AA)
    mouth = (centre[0], centre[1] + 10)
    cv2.ellipse(picture, mouth, (6, 2), 0, 0, 360, (skin * (1.0, 0.5, 0.5)).tolist(), -1)
    light = np.linspace(rng.uniform(0.8, 1), rng.uniform(0.8, 1), SIDE)[None, :, None]
    return (picture * light).astype(np.float32)


def forged(picture: Pixels, method: str, rng: np.random.Generator, domain: str) -> Pixels:
    """Return the face with its middle forged by one of METHODS."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(mask, (32, 33), (13, 16), 0, 0, 360, 1.0, -1)
    if method.startswith("seam"):
        other = face(rng, domain) + rng.choice((-40, 40))
        soft = 1 if method == "seam-hard" else 5
        return _mixed(picture, other, cv2.GaussianBlur(mask, (soft, soft), 0))
    if method.startswith("grid"):
        ripple = np.zeros((SIDE, SIDE, 1), np.float32)
        ripple[:: int(method[-1]), :: int(method[-1])] = 24.0
        return _mixed(picture, picture + ripple, cv2.GaussianBlur(mask, (5, 5), 0))
    sigma = 1.2 if method == "blur-small" else 2.2
    return _mixed(
        picture, cv2.GaussianBlur(picture, (0, 0), sigma), cv2.GaussianBlur(mask, (5, 5), 0)
    )


def stored(picture: Pixels, rng: np.random.Generator, domain: str) -> bytes:
    """Return the picture as the domain's camera keeps it: with sensor noise, as JPEG."""
    noisy = picture + rng.normal(0, NOISE[domain] / 2, picture.shape)
    file = io.BytesIO()
    pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY[domain], subsampling=0)
    return file.getvalue()


def write(folder: Path, domain: str, methods: tuple[str, ...], counts: dict[Split, int]) -> Path:
    """Write genuine faces and each method's forgeries of them; return the manifest.

    counts: persons a split; nobody is in two. The generator of each fake is its method.
    """
    samples = []
    (folder / domain).mkdir(parents=True, exist_ok=True)
    person = 0
    for split, count in counts.items():
        for _ in range(count):
            person += 1
            seed = [DOMAINS.index(domain), person]
            genuine = face(np.random.default_rng(seed), domain)
            for number, method in enumerate(("", *methods)):
                rng = np.random.default_rng([*seed, number])
                picture = forged(genuine, method, rng, domain) if method else genuine
                path = folder / domain / f"{person:04}-{method or 'genuine'}.jpg"
                path.write_bytes(stored(picture, rng, domain))
                samples.append(
                    Sample(
                        id=path.name,
                        uri=str(path),
                        kind="image",
                        label=int(bool(method)),
                        generator=method,
                        source=f"{domain}/{person}",
                        split=split,
                        attributes={"domain": domain},
                    )
                )
    out = folder / f"{domain}.parquet"
    manifest.write(out, samples, f"toy-{domain}", folder)
    return out


def _mixed(below: Pixels, above: Pixels, mask: NDArray[np.float32]) -> Pixels:
    share = mask[..., None]
    return (below * (1 - share) + above * share).astype(np.float32)


def _texture(rng: np.random.Generator, strength: float) -> Pixels:
    fine = rng.normal(0, strength, (SIDE, SIDE, 3))
    return (0.6 * fine + cv2.GaussianBlur(fine, (0, 0), 1.5) * 2).astype(np.float32)
