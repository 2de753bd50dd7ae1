"""Ids: they rise with time, and nobody guesses them."""

import secrets
import threading
import time

_lock = threading.Lock()
_last = 0


def new() -> str:
    """Return a UUID of version 7: milliseconds first, then 74 random bits."""
    global _last
    with _lock:  # ids of one process rise even within a millisecond
        stamp = max(int(time.time() * 1000) << 12, _last + 1)
        _last = stamp
    high = (stamp >> 12 << 16) | 0x7000 | (stamp & 0xFFF)
    low = (0b10 << 62) | secrets.randbits(62)
    digits = f"{high:016x}{low:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
