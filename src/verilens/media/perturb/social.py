"""Social media: cut a little, scaled down, compressed again, perhaps several times over.

Platforms publish no settings and change them; the levels are like what is observed, not a copy of
one site. Sizes are caps: nothing is scaled up. Each function draws what it needs once and returns a
filter of one frame, RGB (H, W, 3) uint8, whose output may be smaller than its input; the
compression that follows is the kind's codec.
"""

import cv2
import numpy as np

from verilens.media.perturb.codecs import Codec, StillCodec, VideoCodec
from verilens.media.perturb.draw import Draw, Filter, Pixels

_CROP = 0.04  # of a side, at most, taken off in all
_SIDES = (720, 1080, 1280, 1600, 2048)  # longer sides that sites and messengers allow


def feed(draw: Draw, longer_px: float, quality: float) -> Filter:
    """Cut up to 4 % off, and scale down to at most `longer_px` on the longer side."""
    return _fitted(draw, longer_px / max(draw.width, draw.height))


def repost(draw: Draw, hops: float, quality: float) -> Filter:
    """Pass `hops` sites: each cuts, scales by 0.75 to 1 or to its cap, and compresses as JPEG.

    The last compression is the kind's codec.
    """
    filters: list[Filter] = []
    for _ in range(int(hops)):
        scale = min(draw.within(0.75, 1.0), float(draw.rng.choice(_SIDES)) / _longer(draw))
        small = _fitted(draw, scale)
        filters.append(small)
        height, width = small(np.zeros((draw.height, draw.width, 3), np.uint8)).shape[:2]
        draw = Draw(draw.rng, width, height)
        filters.append(_jpeg(int(draw.rng.integers(60, 91))))
    return _chain(filters[:-1])


def ladder(draw: Draw, shorter_px: float, crf: float) -> Filter:
    """Scale down to at most `shorter_px` on the shorter side: a rung of a streaming ladder."""
    return _fitted(draw, shorter_px / draw.short)


def jpeg_grid(draw: Draw, first: float, second: float) -> Filter:
    """Compress once as JPEG at quality `first`, on a block grid shifted by 1 to 7 pixels.

    The kind's codec compresses again, at `second`, on the usual grid.
    """
    top, left = draw.rng.integers(1, 8, 2).tolist()
    compressed = _jpeg(int(first))

    def shifted(frame: Pixels) -> Pixels:
        wide = np.pad(frame, ((top, 0), (left, 0), (0, 0)), mode="edge")
        return np.ascontiguousarray(compressed(wide)[top:, left:])

    return shifted


def second_jpeg(first: float, quality: float) -> Codec:
    """Return JPEG at the second number of a level."""
    return StillCodec(format="JPEG", quality=int(quality))


def ladder_h264(shorter_px: float, crf: float) -> Codec:
    """Return H.264 at the rung's rate factor."""
    return VideoCodec(encoder="libx264", crf=int(crf))


def ladder_h265(shorter_px: float, crf: float) -> Codec:
    """Return H.265 at the rung's rate factor."""
    return VideoCodec(encoder="libx265", crf=int(crf))


def ladder_av1(shorter_px: float, crf: float) -> Codec:
    """Return AV1 at the rung's rate factor."""
    return VideoCodec(encoder="libsvtav1", crf=int(crf))


def _fitted(draw: Draw, scale: float) -> Filter:
    """Return a filter that cuts up to 4 % off the sides and scales by at most 1."""
    cut = draw.rng.uniform(0, _CROP / 2, 4)
    top, bottom = (int(share * draw.height) for share in cut[:2])
    left, right = (int(share * draw.width) for share in cut[2:])
    width, height = draw.width - left - right, draw.height - top - bottom
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in (width, height))
    # Even sizes: a platform's 4:2:0 encoder takes no others.
    width, height = (max(2, side - side % 2) for side in (width, height))

    def fitted(frame: Pixels) -> Pixels:
        piece = frame[top : draw.height - bottom, left : draw.width - right]
        small = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    return fitted


def _jpeg(quality: int) -> Filter:
    codec = StillCodec(format="JPEG", quality=quality)
    return lambda frame: codec.through([frame])[0]


def _chain(filters: list[Filter]) -> Filter:
    def chained(frame: Pixels) -> Pixels:
        for one in filters:
            frame = one(frame)
        return frame

    return chained


def _longer(draw: Draw) -> int:
    return max(draw.width, draw.height)
