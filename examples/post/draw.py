"""Draw the picture of the example post: a bridge that nobody built, so it needs no licence.

python examples/post/draw.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH, BANK = 360, 480, 230


def bridge() -> Image.Image:
    """Return a stone arch over a green bank under a noisy sky."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).normal(0, 6, (HEIGHT, WIDTH, 3))
    picture = np.dstack([120 + 0.2 * y, 160 + 0.15 * y, 220 - 0.1 * y]) + noise
    picture[y > BANK] = (70, 90, 60)
    outer = ((x - 240) / 180) ** 2 + ((y - 250) / 90) ** 2 < 1
    inner = ((x - 240) / 165) ** 2 + ((y - 250) / 70) ** 2 < 1
    picture[outer & ~inner & (y < 250)] = (150, 110, 90)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    bridge().save(Path(__file__).with_name("bridge.jpg"), quality=92)
