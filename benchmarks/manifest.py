"""A manifest of a million rows, built and queried: rows a second and peak memory.

    python benchmarks/manifest.py [--rows 1000000] [--json FILE]

The rows come from lists in ForgeryNet's form, which name their files, so that no media are needed:
what is measured is reading lists, making samples, writing Parquet and asking DuckDB. The same is
done with a tenth of the rows, since memory should hardly grow.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import processes
from run import Row

VERILENS = [sys.executable, "-m", "verilens", "data"]
LIMIT_MIB = 1024
PIECE = 10_000
QUERIES = {
    "count by split, label and generator": "select split, label, generator, count(*) as n "
    "from samples group by all order by n desc",
    "sources in two splits": "select source from samples group by source "
    "having count(distinct split) > 1 limit 10",
    "one attribute": "select attributes['class'] as c, count(*) as n from samples group by c",
}


def lay_out(root: Path, rows: int) -> None:
    """Write a list of images for training and one for validation, nine to one."""
    for folder, word, count in (
        ("Training", "train", rows - rows // 10),
        ("Validation", "val", rows // 10),
    ):
        (root / folder / "image").mkdir(parents=True)
        lines = _lines(word, count)
        with (root / folder / "image_list.txt").open("w") as file:
            while piece := "".join(islice(lines, PIECE)):
                file.write(piece)


def _lines(word: str, count: int) -> Iterator[str]:
    for n in range(count):
        method = n % 16
        group = 0 if method == 0 else 1 if method in (1, 2, 3, 4, 5, 6, 9) else 2
        name = f"{word}_release/{method or 16}/{word}{n // 16:032x}/{n:032x}/frame{n % 400:05d}.jpg"
        yield f"{name} {int(method > 0)} {group} {method}\n"


def figures(folder: Path, rows: int) -> Iterator[Row]:
    """Build and query a manifest of `rows` rows."""
    root, out = folder / f"set-{rows}", folder / f"{rows}.parquet"
    lay_out(root, rows)
    built = processes.measure([*VERILENS, "manifest", str(root), "--out", str(out), "--json"])
    if built.returncode:
        sys.exit(f"the manifest of {rows} rows failed with exit code {built.returncode}")
    name = f"{rows:,} rows"
    yield Row(f"build {name}", rows / built.wall_s, "rows/s")
    yield Row(f"build {name}, CPU", 1e6 * built.cpu_s / rows, "us a row")
    yield _peak(f"build {name}, peak memory", built)
    yield Row(f"size of {name}", out.stat().st_size / 2**20, "MiB")
    for question, sql in QUERIES.items():
        asked = processes.measure([*VERILENS, "query", str(out), sql, "--json"])
        if asked.returncode:
            sys.exit(f"the query '{question}' failed with exit code {asked.returncode}")
        yield Row(f"query {name}, {question}", asked.wall_s, "s")
        yield _peak(f"query {name}, {question}, peak memory", asked)


def _peak(name: str, cost: processes.Cost) -> Row:
    return Row(name, cost.peak_mib, "MiB", f"< {LIMIT_MIB}", cost.peak_mib < LIMIT_MIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[Row] = []
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}\n\n")
    sys.stdout.write("| figure | value | unit | target | met |\n|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="verilens-manifest-") as place:
        for count in (arguments.rows // 10, arguments.rows):
            for row in figures(Path(place), count):
                rows.append(row)
                met = {True: "yes", False: "NO", None: ""}[row.is_met]
                cells = (row.name, f"{row.value:.4g}", row.unit, row.target, met)
                sys.stdout.write(f"| {' | '.join(cells)} |\n")
                sys.stdout.flush()
    if arguments.json:
        arguments.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")
    sys.exit(any(row.is_met is False for row in rows))


if __name__ == "__main__":
    main()
