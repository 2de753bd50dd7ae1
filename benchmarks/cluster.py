"""What a second worker on Ray brings, beside the local engine on the same files.

    python benchmarks/cluster.py                     # 300 stills of 768 px, about five minutes
    python benchmarks/cluster.py --files 600 --json -

Each engine scans the same folder without a store, in turns. The first 16 files are left out of the
rate, so that neither the start of Ray nor loading networks counts. Ray hands over whole groups, and
up to 16 files more may be done by the time the clock starts: with few files that flatters it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from serve import picture
from verilens.allocator import keep_freed_memory
from verilens.cluster.scan import scan_many as scan_on_ray
from verilens.cluster.session import Place
from verilens.options import Options
from verilens.records import Report
from verilens.report.json import line
from verilens.scanner import scan_many

WARM = 8  # files a worker that are scanned before the clock starts
IN_FLIGHT = 16  # files that two workers may have done when the clock starts


def timed(reports: Iterable[Report], skipped: int) -> tuple[float, float, list[str]]:
    """Return files a second after the first ones, seconds of all, and what was decided."""
    begun = time.perf_counter()
    moments, decided = [], []
    for report in reports:
        moments.append(time.perf_counter())
        found = line(report)
        decided.append(json.dumps([found["path"], found["decision"], found["probability"]]))
    rate = (len(moments) - skipped) / (moments[-1] - moments[skipped - 1])
    return rate, moments[-1] - begun, decided


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300, help="besides those that warm up")
    parser.add_argument("--side", type=int, default=768, help="of the pictures in pixels")
    parser.add_argument("--json", metavar="FILE|-", help="the figures as JSON")
    asked = parser.parse_args()
    keep_freed_memory()  # as the command does, and the workers of Ray
    found: dict[str, object] = {"files": asked.files, "side_px": asked.side}
    with tempfile.TemporaryDirectory() as room:
        for number in range(asked.files + 2 * WARM):
            (Path(room) / f"{number:05}.jpg").write_bytes(picture(number, asked.side))
        answers = []
        for workers in (1, 2):
            options = Options(where=False, jobs=workers)
            engines = {
                f"local_{workers}": scan_many([room], options),
                f"ray_{workers}": scan_on_ray([room], options, place=Place(workers=workers)),
            }
            for name, reports in engines.items():
                rate, seconds, decided = timed(reports, skipped=2 * WARM)
                found[name] = {"files_per_s": round(rate, 3), "seconds": round(seconds, 1)}
                answers.append(decided)
                found[f"{name}_per_s"] = rate
    for engine in ("local", "ray"):
        found[f"{engine}_2_over_1"] = round(
            float(str(found.pop(f"{engine}_2_per_s"))) / float(str(found.pop(f"{engine}_1_per_s"))),
            2,
        )
    # As if all that may be done early were done early with two workers, and nothing with one.
    found["ray_2_over_1_at_least"] = round(
        float(str(found["ray_2_over_1"])) * (1 - IN_FLIGHT / asked.files), 2
    )
    found["decisions_equal"] = all(decided == answers[0] for decided in answers)
    text = json.dumps(found, indent=2)
    if asked.json and asked.json != "-":
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
