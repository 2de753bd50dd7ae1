"""Damages files in many ways and opens them: no crash, no hang, no traceback, all accounted for.

    python benchmarks/fuzz.py [--data DIR] [--count 600] [--seed 0] [--scan] [--keep DIR]

The files are made here: pictures of scikit-image in every format, small films, and what lies in
examples/; --data adds up to 100 files of a folder. The same seed damages the same files in the same
way. With --scan the damaged files also go through `verilens scan`. Exits with 1 when a promise is
broken.
"""

import argparse
import collections
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

from verilens.errors import MediaError
from verilens.media.sandbox import Decoder, Limits
from verilens.records import View

VIEWS = (View(size=224, crops=6, frames=4), View(size=160, frames=12, fit="contain"))
LIMITS = Limits(seconds=20.0)
GRACE_S = 10.0
LARGEST_SOURCE = 8 << 20
SUFFIXES = ("jpg", "png", "webp", "gif", "bmp", "tif", "avif", "heic", "mp4", "mkv", "avi", "txt")
PICTURES = ("astronaut", "coffee", "chelsea", "rocket")
ROOT = Path(__file__).resolve().parent.parent


class Outcome(NamedTuple):
    """What became of one damaged file. broken: the promise that was not kept, or ""."""

    name: str
    kind: str
    seconds: float
    broken: str


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as room:
        folder = arguments.keep or Path(room) / "damaged"
        sources = make_sources(Path(room) / "made")
        if arguments.data:
            found = collect(arguments.data)
            sources += random.Random(arguments.seed).sample(found, min(100, len(found)))
        damaged = damage(sources, folder, arguments.count, arguments.seed)
        say(f"{len(damaged)} damaged files of {len(sources)} sources, seed {arguments.seed}")
        outcomes = list(open_all(damaged))
        broken = report(outcomes)
        if arguments.scan:
            broken += scan(folder, len(damaged))
    for line in broken:
        say(f"BROKEN {line}")
    say("every promise was kept" if not broken else f"{len(broken)} promises were broken")
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="damage copies of files in this folder too")
    parser.add_argument("--count", type=int, default=600, help="files to damage (600)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scan", action="store_true", help="also run `verilens scan` on them")
    parser.add_argument("--keep", type=Path, help="leave the damaged files in this folder")
    return parser.parse_args()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def collect(folder: Path) -> list[Path]:
    """Return the files of a folder that are not too large to damage many times."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in found if 0 < path.stat().st_size <= LARGEST_SOURCE]


def make_sources(folder: Path, names: Sequence[str] = PICTURES) -> list[Path]:
    """Write small pictures and films in every format we read; add the examples."""
    import pillow_heif
    from skimage import data

    pillow_heif.register_heif_opener()
    folder.mkdir(parents=True)
    for name in names:
        picture = Image.fromarray(getattr(data, name)()).resize((320, 240))
        for suffix in SUFFIXES[:8]:
            picture.save(folder / f"{name}.{suffix}")
        turned = [picture.rotate(angle) for angle in (5, 10, 15)]
        for suffix in ("gif", "webp", "png"):
            path = folder / f"{name}-moving.{suffix}"
            picture.save(path, save_all=True, append_images=turned, duration=80)
    for suffix, codec in (
        ("mp4", "libx264"),
        ("mkv", "libx264"),
        ("avi", "mpeg4"),
        ("mov", "mpeg4"),
    ):
        make_film(folder / f"film.{suffix}", codec)
    return collect(folder) + collect(ROOT / "examples")


def make_film(path: Path, codec: str) -> None:
    """Write two seconds of moving noise."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (120, 400, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for i in range(50):
            pixels = np.ascontiguousarray(noise[:, 4 * i : 4 * i + 160])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4, 32, 256))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def random_bytes(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 16, 256))):
        data[rng.randrange(len(data))] = rng.randrange(256)


def damage_header(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 3, 9))):
        data[rng.randrange(min(len(data), 200))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.choice((0, 1, 12, rng.randrange(len(data)), len(data) - 1)) :]


def zero_block(data: bytearray, rng: random.Random) -> None:
    start, length = rng.randrange(len(data)), rng.choice((16, 512, len(data) // 3 + 1))
    end = min(len(data), start + length)
    data[start:end] = bytes(end - start)


def repeat_block(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.choice((7, 512, 65536))] * rng.choice((1, 8))


def remove_block(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 64, 4096))]


def large_numbers(data: bytearray, rng: random.Random) -> None:
    """Write large lengths where the boxes, chunks and tags of containers have theirs."""
    for _ in range(rng.choice((1, 4))):
        if len(data) > 8:
            at = rng.randrange(min(len(data) - 8, 4096))
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))


def other_size(data: bytearray, rng: random.Random) -> None:
    """Write another width and height into the header, its checksum right."""
    side = rng.choice((0, 1, 3, 1000, 30_000, 65_535))
    if data[:4] == b"\x89PNG" and len(data) > 33:
        struct.pack_into(">II", data, 16, side, rng.choice((1, side)))
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    elif data[:2] == b"\xff\xd8":
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        if 0 < at < len(data) - 9:
            struct.pack_into(">HH", data, at + 5, side, side)
    elif data[:4] == b"GIF8" and len(data) > 10:
        struct.pack_into("<HH", data, 6, side, side)
    elif data[:2] == b"BM" and len(data) > 26:
        struct.pack_into("<ii", data, 18, side, -side)
    else:
        large_numbers(data, rng)


def other_suffix(data: bytearray, rng: random.Random) -> None:
    """Leave the content alone; `damage` gives the file another suffix."""


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits,
    random_bytes,
    damage_header,
    truncate,
    zero_block,
    repeat_block,
    remove_block,
    large_numbers,
    other_size,
    other_suffix,
)


def damage(sources: Sequence[Path], folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` damaged copies; the name of each says which damage was done."""
    folder.mkdir(parents=True, exist_ok=True)
    order = random.Random(seed).sample(sources, len(sources))
    made = []
    for index in range(count):
        source = order[index % len(order)]
        rng = random.Random(f"{seed}:{index}")
        change = MUTATIONS[(index + index // len(order)) % len(MUTATIONS)]
        data = bytearray(source.read_bytes())
        change(data, rng)
        suffix = rng.choice(SUFFIXES) if change is other_suffix else source.suffix.lstrip(".")
        path = folder / f"{index:05d}-{change.__name__}.{suffix}"
        path.write_bytes(data)
        made.append(path)
    return made


def open_all(paths: Sequence[Path], limits: Limits = LIMITS) -> Iterator[Outcome]:
    """Yield what becomes of each file; only a MediaError is a permitted failure."""
    with Decoder(limits) as decoder:
        for path in paths:
            begun = time.monotonic()
            try:
                opened = decoder.open(path, VIEWS)
            except MediaError as error:
                kind, broken = error.kind, _ill_told(error, path)
            except Exception as error:
                kind, broken = "broken", f"{type(error).__name__}: {error}"
            else:
                kind, broken = (
                    "read",
                    "" if len(opened.clips) == len(VIEWS) else "a view is missing",
                )
            seconds = time.monotonic() - begun
            if seconds > limits.seconds + GRACE_S:
                broken = f"took {seconds:.0f} s"
            yield Outcome(path.name, kind, seconds, broken)


def _ill_told(error: MediaError, path: Path) -> str:
    if "\n" in error.message or path.name not in error.message or "Traceback" in error.message:
        return f"the message {error.message!r}"
    return ""


def report(outcomes: Sequence[Outcome]) -> list[str]:
    """Print outcomes by damage; return the broken promises."""
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        table[outcome.name.split("-")[1].split(".")[0]][outcome.kind] += 1
    kinds = sorted({outcome.kind for outcome in outcomes})
    say("| damage | " + " | ".join(kinds) + " |")
    say("|---" * (len(kinds) + 1) + "|")
    for damage_name, counts in [
        *table.items(),
        ("all", sum(table.values(), collections.Counter())),
    ]:
        say(f"| {damage_name} | " + " | ".join(str(counts[kind]) for kind in kinds) + " |")
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    total = sum(outcome.seconds for outcome in outcomes)
    say(f"{total:.0f} s in all, slowest {slowest.seconds:.1f} s ({slowest.name})")
    for outcome in outcomes:
        if outcome.kind in ("crashed", "timeout"):
            say(f"{outcome.kind}: {outcome.name}")
    return [f"{outcome.name}: {outcome.broken}" for outcome in outcomes if outcome.broken]


def scan(folder: Path, count: int) -> list[str]:
    """Run `verilens scan` on the damaged files; return the broken promises."""
    with tempfile.TemporaryDirectory() as room:
        lines = Path(room) / "lines.jsonl"
        command = [sys.executable, "-m", "verilens", "scan", str(folder), "--json", str(lines)]
        command += ["--store", str(Path(room) / "store.duckdb")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = " ".join((done.stderr + done.stdout).split())[-300:]
        broken = [] if done.returncode in (0, 3) else [f"scan: exit code {done.returncode}: {said}"]
        if "Traceback" in done.stderr + done.stdout:
            broken.append("scan printed a traceback: " + done.stderr[-400:])
        text = lines.read_text(encoding="utf-8") if lines.exists() else ""
        found = [json.loads(line) for line in text.splitlines()]
    if len(found) != count or len({line["path"] for line in found}) != count:
        broken.append(f"scan reported {len(found)} of {count} files")
    silent = [line["path"] for line in found if not line["error"] and not line["decision"]]
    if silent:
        broken.append(f"neither verdict nor error for {silent[:3]}")
    say(f"scan: {len(found)} lines, {sum(bool(line['error']) for line in found)} errors")
    return broken


if __name__ == "__main__":
    sys.exit(main())
