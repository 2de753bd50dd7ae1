"""Quantisation tables: what they say of quality, and of the program that chose them."""

from functools import cache, lru_cache

ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip
# ITU-T T.81, Annex K, table K.1, row by row.
LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


@cache
def standard_table(quality: int) -> tuple[int, ...]:
    """The luma table of the Independent JPEG Group at quality 1-100, in zig-zag order."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(255, max(1, (LUMA[at] * scale + 50) // 100)) for at in ZIGZAG)


@lru_cache(maxsize=64)
def estimate_quality(table: tuple[int, ...]) -> tuple[int, bool]:
    """Give back the nearest quality on the IJG scale, and whether the table is that standard one.

    table: of luma, in zig-zag order.
    """
    distances = {
        quality: sum(abs(a - b) for a, b in zip(table, standard_table(quality), strict=True))
        for quality in range(1, 101)
    }
    best = min(distances, key=lambda quality: distances[quality])
    return best, distances[best] == 0
