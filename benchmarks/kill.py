"""Kill a scan in the middle, start it again, and compare with one that was never interrupted.

    python benchmarks/kill.py [--data DIR] [--files 1000] [--kills 2]

The processes get SIGKILL at even parts of the folder. Results are compared as JSON lines without
`seconds`; how many files were scored twice is counted by their `seconds`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import material

NOTHING_TWICE = 2 * 16  # a batch that was not committed, for each kill


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="verilens-kill-") as place:
        root = Path(place)
        found = material.sources(arguments.data)
        folder = material.fill(root / "pictures", arguments.files, (384, 288), found)
        (folder / "text.jpg").write_text("no picture")
        command = [sys.executable, "-m", "verilens", "scan", str(folder), "--quiet"]
        if methods := material.methods(arguments.methods):
            command += ["--methods", ",".join(methods)]
        _scan(command, root, "whole").wait()
        whole = _read(root / "whole.jsonl")
        killed = root / "killed.jsonl"
        before: list[dict[str, object]] = []
        for part in range(arguments.kills):
            scan = _scan(command, root, "killed")
            wanted = (part + 1) * arguments.files // (arguments.kills + 1)
            while scan.poll() is None and _count(killed) < wanted:
                time.sleep(0.05)
            scan.kill()
            scan.wait()
            before = _read(killed)
            sys.stdout.write(f"killed after {len(before)} of {arguments.files + 1} results\n")
        code = _scan(command, root, "killed").wait()
        after = _read(killed)
        kept = {line["path"]: line["seconds"] for line in after}
        redone = sum(line["seconds"] != kept[line["path"]] for line in before)
        is_equal = [_plain(line) for line in after] == [_plain(line) for line in whole]
    sys.stdout.write(f"exit code {code} (3: text.jpg cannot be read)\n")
    sys.stdout.write(f"{len(after)} results, equal to an uninterrupted run: {is_equal}\n")
    sys.stdout.write(f"scored again after the last kill: {redone} of {len(before)}\n")
    sys.exit(not is_equal or redone > NOTHING_TWICE or code != 3)


def _scan(command: list[str], root: Path, name: str) -> "subprocess.Popen[bytes]":
    places = ["--store", str(root / f"{name}.duckdb"), "--json", str(root / f"{name}.jsonl")]
    return subprocess.Popen([*command, *places])


def _count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _read(path: Path) -> list[dict[str, object]]:
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _plain(line: dict[str, object]) -> dict[str, object]:
    return {**line, "seconds": None}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/images"))
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--methods", help="as of verilens scan; default: all")
    parser.add_argument("--kills", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
