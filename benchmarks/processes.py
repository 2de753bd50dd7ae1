"""A command's cost: wall clock, processor time, peak memory of it and its children (Linux)."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Cost(NamedTuple):
    """Seconds; MiB of the whole process tree at its peak, memory shared by two counted once."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    returncode: int


def measure(command: Sequence[str], environment: dict[str, str] | None = None) -> Cost:
    """Run a command, its output thrown away, and return what it cost."""
    before, begun = _children_s(), time.monotonic()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    peaks = [0.0]
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peaks, stop))
    watcher.start()
    code = process.wait()
    wall_s = time.monotonic() - begun
    stop.set()
    watcher.join()
    return Cost(wall_s, _children_s() - before, peaks[0] / 1024, code)


def processor_s(pid: int) -> float:
    """Return the processor seconds a process has used."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(pid: int, peaks: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.25):
        peaks[0] = max(peaks[0], sum(_pss_kib(each) for each in tree(pid)))


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it, itself first."""
    found, waiting = [], [pid]
    while waiting:
        each = waiting.pop()
        found.append(each)
        for task in (PROC / str(each) / "task").glob("*/children"):
            try:
                waiting += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def _pss_kib(pid: int) -> int:
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
