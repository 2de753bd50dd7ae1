"""What `verilens scan` does once its options are read: scan, show, write, sum up."""

import contextlib
import hashlib
import os
import re
from pathlib import Path

from verilens.allocator import keep_freed_memory
from verilens.cli.display import Display
from verilens.cli.engines import Engine, Kept
from verilens.cli.exits import UNREADABLE, Terminated, reader_gone
from verilens.cli.writer import Outputs, Writer
from verilens.errors import ConfigError
from verilens.options import Options, Posts, cache_folder, for_posts, of_task

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def run(paths: list[str], options: Options, outputs: Outputs, kept: Kept, engine: Engine) -> int:
    """Scan, write every output, sum up, and return the exit code."""
    keep_freed_memory()
    with contextlib.ExitStack() as stack:
        scan = stack.enter_context(engine(paths, options, kept))
        writer = stack.enter_context(Writer(outputs, paths, options))
        display = stack.enter_context(Display(paths, outputs, is_one(paths)))
        try:
            for report in scan(writer.pages):
                writer.add(report)
                display.add(report)
        except (KeyboardInterrupt, Terminated):
            display.say(_how_to_go_on(display.tally.total, kept.path))
            raise
        except BrokenPipeError:
            return reader_gone()
        writer.finish()
        display.finish(kept.path)
        return UNREADABLE if display.tally.errors else 0


def named(methods: str | None) -> tuple[str, ...] | None:
    """Return the methods of a list with commas; None, all of them, where there is none."""
    return tuple(m.strip() for m in methods.split(",") if m.strip()) if methods else None


def asked(
    task: str | None, methods: tuple[str, ...] | None, encoder: str
) -> tuple[tuple[str, ...] | None, Posts | None]:
    """Return the methods to ask, and who reads posts where the task is about those; ConfigError."""
    if task == "post":
        return for_posts(methods, encoder)
    if task not in (None, "spoof"):
        raise ConfigError(f"no task '{task}'; there are: post, spoof")
    if encoder:
        raise ConfigError("--encoder compares the words of posts; add --task post")
    return of_task("spoof", methods) if task == "spoof" else methods, None


def joints(poses: Path | None, paths: list[str], task: str | None) -> Path | None:
    """Return the joints given beside a video; ConfigError where they cannot be meant."""
    if poses is None:
        return None
    if not is_one(paths) or task is not None:
        raise ConfigError("--poses goes with one video and no --task: its persons are in the file")
    if not poses.exists():
        raise ConfigError(f"--poses: there is no {poses}")
    return poses


def is_one(paths: list[str]) -> bool:
    """Tell whether this can only mean one file: no store is kept for it by default."""
    if len(paths) != 1:
        return False
    path = paths[0]
    if path == "-" or os.path.isfile(path):
        return True
    return path.startswith(("http://", "https://")) or not (
        os.path.isdir(path) or path.startswith("@") or re.search(r"[*?\[]", path)
    )


def default_store(paths: list[str]) -> Path | None:
    """Return where the results of scanning these paths are kept, whatever the current folder.

    None where no cache folder can be made: a scan goes on without a store then.
    """
    whole = [_absolute(path) for path in paths]
    digest = hashlib.sha256("\0".join(whole).encode("utf-8", "surrogatepass")).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(whole[0]).name).strip("-")[:40] or "scan"
    folder = cache_folder() / "scans"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder / f"{stem}-{digest[:12]}.duckdb" if os.access(folder, os.W_OK) else None


def count_bytes(text: str) -> int:
    """Return a number of bytes from text such as "500M" or "4G"; ConfigError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?", text.strip().upper())
    if match is None:
        raise ConfigError(f"--max-bytes: write a size such as 500M or 4G, not {text!r}")
    return int(float(match[1]) * UNITS[match[2]])


def _absolute(path: str) -> str:
    if path == "-" or "://" in path:
        return path
    return "@" + os.path.abspath(path[1:]) if path.startswith("@") else os.path.abspath(path)


def _how_to_go_on(done: int, store: Path | None) -> str:
    if store is None:
        return f"stopped after {done} files; nothing was kept (see --store)"
    return f"stopped after {done} files; run the same command again to go on, kept in {store}"
