"""Re-scores small pictures against stored values, so that a changed installation is noticed.

The pictures are drawn from a seed, so none is shipped: smooth noise as a camera might see it, the
same enlarged as a generator would, and flat shapes. `expected.json` holds the logits that the
shipped weights gave; `python -m verilens.selftest` writes it anew (`make selftest-values`).
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens import catalog
from verilens.options import Choice, Options, choices
from verilens.scanner import scan_many
from verilens.weights import sha256

EXPECTED = Path(__file__).with_name("expected.json")
TOLERANCE = 0.05  # of a logit; other processors round differently
SIDE = 320

Methods = tuple[str, ...] | None


class Check(NamedTuple):
    """One comparison; `says` explains a failure."""

    name: str
    is_well: bool
    says: str


def pictures() -> dict[str, NDArray[np.uint8]]:
    """Return the pictures by name, RGB (H, W, 3) uint8, the same on every machine."""
    rng = np.random.Generator(np.random.PCG64(7))
    noise = sum(
        np.kron(rng.integers(0, 64 >> n, (SIDE >> 6 - n, SIDE >> 6 - n, 3)), _block(6 - n))
        for n in range(6)
    )
    smooth = (np.asarray(noise) + rng.integers(0, 6, (SIDE, SIDE, 3))).astype(np.uint8)
    enlarged = np.kron(smooth[::2, ::2], _block(1)).astype(np.uint8)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    disc = (rows - 140) ** 2 + (columns - 170) ** 2 < 90**2
    shapes = np.where(disc[..., None], (200, 60, 40), (30, 90, 160)).astype(np.uint8)
    return {"smooth": smooth, "enlarged": enlarged, "shapes": shapes}


def _block(power: int) -> NDArray[np.int64]:
    return np.ones((1 << power, 1 << power, 1), dtype=np.int64)


def measure(methods: Methods = None) -> dict[str, dict[str, float]]:
    """Return the logit of every method on every picture.

    Through the whole of a scan; methods of faces, which would find none, take a picture as a face,
    methods of films alone as a film that stands still.
    """
    asked = choices(methods)
    apart = [choice for choice in asked if choice.view.fit == "face" or _reads_films(choice)]
    others = tuple(f"{c.card.name}={c.weights}" for c in asked if c not in apart)
    logits = _scanned(others) if others else {name: {} for name in pictures()}
    for choice in apart:
        for name, logit in _as_crops(choice).items():
            logits[name][choice.card.name] = logit
    return logits


def _reads_films(choice: Choice) -> bool:
    return "ai-video" in choice.card.tasks and "ai-image" not in choice.card.tasks


def _scanned(methods: tuple[str, ...]) -> dict[str, dict[str, float]]:
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="verilens-") as folder:
        paths = []
        for name, pixels in pictures().items():
            paths.append(Path(folder) / f"{name}.png")
            Image.fromarray(pixels).save(paths[-1])
        return {
            Path(report.path).stem: {e.method: e.logit for e in report.evidence if e.track is None}
            for report in scan_many(paths, Options(methods=methods, where=False))
        }


def _as_crops(choice: Choice) -> dict[str, float]:
    """Return the logit of every picture, taken whole as the crop of a face or of a film."""
    from PIL import Image

    from verilens.verify.detector import Detector

    method = catalog.load(choice.card.name, str(choice.weights))
    if not isinstance(method, Detector):
        raise TypeError(choice.card.name)
    size = (method.config.view.size,) * 2
    ready = method.optimised()
    found = {}
    for name, pixels in pictures().items():
        crop = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        found[name] = float(ready.crop_logits(np.array(crop)[None])[0])
    return found


def checks(expected: Path = EXPECTED, methods: Methods = None) -> Iterator[Check]:
    """Yield what was compared. MissingWeights when weights are absent or altered.

    methods: as in Options. A method without stored values is compared by name only, and fails.
    """
    known = json.loads(expected.read_text(encoding="utf-8"))
    hashes = _hashes(methods)
    for method, found in hashes.items():
        is_same = known["weights"].get(method) == found
        says = "as shipped" if is_same else "not the weights that the stored values belong to"
        yield Check(f"{method} weights", is_same, says)
    for picture, logits in measure(methods).items():
        for method in hashes:
            stored = known["logits"][picture].get(method)
            yield _compared(f"{method} on {picture}", logits.get(method), stored)


def record(path: Path = EXPECTED, methods: Methods = None) -> None:
    """Write the stored values anew, from the installed weights."""
    values = {"weights": _hashes(methods), "logits": measure(methods)}
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def _hashes(methods: Methods) -> dict[str, str]:
    return {choice.card.name: sha256(choice.weights) for choice in choices(methods)}


def _compared(name: str, found: float | None, stored: float | None) -> Check:
    if found is None:
        return Check(name, False, "gave no evidence")
    if stored is None:
        return Check(name, False, "has no stored value")
    says = f"logit {found:+.4f}, stored {stored:+.4f}"
    return Check(name, abs(found - stored) <= TOLERANCE, says)
