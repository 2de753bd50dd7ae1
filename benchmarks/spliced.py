"""Name two forged seconds in films: BMN's segments beside what a plain scan flags.

    python benchmarks/spliced.py --data ../shared/data --extra MORE --extra SOURCES \
        --weights out/bmn/stretches.safetensors

Genuine films of sources that neither trained nor bounded (`train.starter.stretches`) get one forged
stretch of two seconds each, the six kinds in turn, and one encode; as many are encoded without. A
film counts as found when both edges of the best segment lie within half a second.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from verilens.bench import metrics
from verilens.bench.metrics import Spans, mean_temporal_ap, temporal_ap
from verilens.options import Options
from verilens.records import Segment
from verilens.scanner import scan_many
from verilens.train.starter.clips import written
from verilens.train.starter.spliced_films import TESTED, films, opened
from verilens.train.starter.splices import FORGERIES, spliced
from verilens.train.starter.views import Pixels

FORGED_S, NEAR_S, LEAST_S, LONGEST, ROUNDS = 2.0, 0.5, 4.0, 640, 6
HEAD = "| within 0.5 s | AP@0.5 | mean AP | with a segment |"


class Made(NamedTuple):
    """Films with a forged stretch, its (start, end) and kind; as many genuine ones; of how many."""

    forged: list[Path]
    spans: list[tuple[float, float]]
    kinds: list[str]
    genuine: list[Path]
    originals: int


def made(args: argparse.Namespace, folder: Path) -> Made:
    """Write the films."""
    found = Made([], [], [], [], 0)
    items = [item for item, fold in films(args.data, args.extra) if fold == TESTED]
    originals = set()
    for n in range(ROUNDS * len(items)):
        if len(found.forged) == args.count:
            break
        item = items[n % len(items)]
        film = opened(item.path, LONGEST)
        if len(film.frames) / film.fps < LEAST_S:
            continue
        rng = np.random.default_rng([7, item.key, n])
        kind = tuple(FORGERIES)[len(found.forged) % len(FORGERIES)]
        one = spliced(film.frames, film.fps, rng, lengths_s=(FORGED_S,), kinds=(kind,))
        found.forged.append(saved(one.frames, film.fps, folder / f"forged{n}.mp4", rng))
        found.spans.append(one.spans[0])
        found.kinds.append(kind)
        found.genuine.append(saved(film.frames, film.fps, folder / f"genuine{n}.mp4", rng))
        originals.add(item.key)
    return found._replace(originals=len(originals))


def saved(frames: Pixels, fps: float, path: Path, rng: np.random.Generator) -> Path:
    written(path, frames, int(rng.integers(17, 26)), round(fps), "veryfast")
    return path


def segments(paths: Sequence[Path], methods: tuple[str, ...] | None) -> list[list[Segment]]:
    """Return all segments of a scan of each film."""
    options = Options(methods=methods, jobs=1, timeout_s=600, where=True)
    return [
        [s for item in report.evidence if item.track is None for s in item.where.segments]
        for report in scan_many(paths, options)
    ]


def row(found: Sequence[list[Segment]], spans: Sequence[tuple[float, float]]) -> str:
    """Return the figures of forged films, as cells."""
    errors = []
    for each, (start, end) in zip(found, spans, strict=True):
        best = max(each, key=lambda s: s.score, default=None)
        far = max(abs(best.start_s - start), abs(best.end_s - end)) if best else np.inf
        errors.append(far)
    rows = [(n, s.start_s, s.end_s, s.score) for n, each in enumerate(found) for s in each]
    truth = Spans.of([(n, *span) for n, span in enumerate(spans)])
    proposals = Spans.of(rows)
    single = temporal_ap(proposals, truth, 0.5) if rows else 0.0
    mean = mean_temporal_ap(proposals, truth) if rows else 0.0
    near = share([e <= NEAR_S for e in errors])
    return f"| {near} | {single:.2f} | {mean:.2f} | {share([bool(s) for s in found])} |"


def share(is_true: Sequence[bool]) -> str:
    """Return how many of how many, with the 95 % interval of the share."""
    one = metrics.wilson(sum(is_true), len(is_true))
    return f"{sum(is_true)} of {len(is_true)} ({one.low:.0%} to {one.high:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--extra", type=Path, action="append", default=[])
    parser.add_argument("--weights", required=True, help="of bmn, a name or a file")
    parser.add_argument("--count", type=int, default=20, help="films")
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    say = sys.stdout.write
    with tempfile.TemporaryDirectory() as name:
        films_ = made(args, Path(name))
        say(f"{films_.originals} genuine films, {len(films_.forged)} with a forged stretch\n\n")
        say(f"| scan {HEAD} genuine ones with one |\n|{'---|' * 6}\n")
        of_bmn: list[list[Segment]] = []
        for title, methods in (("bmn", (f"bmn={args.weights}",)), ("plain", None)):
            found, quiet = segments(films_.forged, methods), segments(films_.genuine, methods)
            of_bmn = of_bmn or found
            say(f"| {title} {row(found, films_.spans)} {share([bool(s) for s in quiet])} |\n")
            sys.stdout.flush()
        say(f"\n| bmn on {HEAD}\n|{'---|' * 5}\n")
        for kind in FORGERIES:
            own = [n for n, k in enumerate(films_.kinds) if k == kind]
            if own:
                spans = [films_.spans[n] for n in own]
                say(f"| {kind} {row([of_bmn[n] for n in own], spans)}\n")


if __name__ == "__main__":
    main()
