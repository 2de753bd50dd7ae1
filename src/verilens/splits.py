"""Parts of a data set that share nothing: by time, so that the future stays unseen, or by event.

    posts in order of time -> the first 70 % train, the next 15 % validate, the last 15 % test

Shares are kept to one sample where the samples allow it: equal times, and one event's samples, stay
together, which may cost more.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise

from verilens.errors import ConfigError
from verilens.records import Split

ORDER: tuple[Split, ...] = ("train", "val", "test")
SHARES = (0.7, 0.15, 0.15)


def by_time(times: Sequence[float], shares: Sequence[float] = SHARES) -> list[Split]:
    """Return each sample's split: nothing in a later one is older than anything in an earlier one.

    times: of publication, in any unit.
    """
    edges = _edges(len(times), shares)
    ranked = sorted(range(len(times)), key=lambda n: times[n])
    result: list[Split] = [ORDER[-1]] * len(times)
    for place, n in enumerate(ranked):
        result[n] = ORDER[sum(place >= edge for edge in edges)]
    for before, after in pairwise(ranked):
        if times[before] == times[after]:  # one moment is not cut in two
            result[after] = result[before]
    return result


def by_event(
    events: Sequence[Hashable], shares: Sequence[float] = SHARES, seed: int = 0
) -> list[Split]:
    """Return each sample's split: no event is in two. The largest events are placed first.

    Each goes where most is still missing; the seed decides between events of one size.
    """
    _edges(len(events), shares)
    sizes = Counter(events)
    wanted = {split: share * len(events) for split, share in zip(ORDER, shares, strict=True)}
    place: dict[Hashable, Split] = {}
    for event in sorted(sizes, key=lambda event: (-sizes[event], _drawn(event, seed))):
        split = max(ORDER, key=lambda name: wanted[name])
        place[event] = split
        wanted[split] -= sizes[event]
    return [place[event] for event in events]


def _edges(count: int, shares: Sequence[float]) -> list[int]:
    if len(shares) != len(ORDER) or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ConfigError(f"shares of {', '.join(ORDER)} must sum to 1, not {tuple(shares)}")
    return [round(count * shares[0]), round(count * (shares[0] + shares[1]))]


def _drawn(event: Hashable, seed: int) -> str:
    return hashlib.sha256(f"{seed} {event!r}".encode("utf-8", "replace")).hexdigest()
