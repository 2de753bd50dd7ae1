"""What the server costs over the library, how many clients it bears, whether memory stays flat.

    python benchmarks/serve.py                       # overhead and 200 clients, about two minutes
    python benchmarks/serve.py --flat 2000 --json -  # memory over 2,000 jobs too

Everything runs on this machine, in turns: a server of one worker, the clients, the library to
compare with. Overhead of a job: from the first byte of the upload to the end of its events, less
what its scan took by its own record (`seconds`), so that a busy machine does not blur it. The time
of the library for the same file, in this process, stands beside it.
"""

import argparse
import asyncio
import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
from PIL import Image

from verilens.known import Recent
from verilens.media.sources import Source
from verilens.options import Options
from verilens.scanner import Scanner

PAGE = 4096


def picture(seed: int, side: int) -> bytes:
    """Return a JPEG that compresses like a photograph; another for every seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(smooth + rng.normal(0, 5, smooth.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=90)
    return file.getvalue()


@contextlib.contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a server of its own; give its address and its process."""
    with tempfile.TemporaryDirectory() as room:
        command = [sys.executable, "-P", "-m", "verilens", "serve", "--data", room, "--port", "0"]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split("serves at ")[1].split()[0]
            while httpx.get(f"{url}readyz").status_code != 200:
                time.sleep(0.1)
            yield url, process
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def through_server(client: httpx.Client, data: bytes) -> tuple[float, str]:
    """Return the seconds until a file's verdict, and its job."""
    begun = time.perf_counter()
    job = client.post("v1/jobs", files={"file": ("a.jpg", data)}).json()["id"]
    with client.stream("GET", f"v1/jobs/{job}/events") as answer:
        for line in answer.iter_lines():
            if line == "event: end":
                break
        spent = time.perf_counter() - begun
    return spent, job


def overhead(files: int, side: int) -> dict[str, float]:
    """Return what the server adds to a job, in milliseconds, file by file."""
    pictures = [picture(n, side) for n in range(files + 2)]
    added, alone, apart = [], [], []
    options = Options(jobs=1, where=True)
    with (
        tempfile.TemporaryDirectory() as room,
        serving("--jobs", "1") as (url, _),
        httpx.Client(base_url=url, timeout=60) as client,
        Scanner(options, Recent()) as scanner,
    ):
        for number, data in enumerate(pictures):
            path = Path(room) / f"{number}.jpg"
            path.write_bytes(data)
            begun = time.perf_counter()
            scanner.open(Source(name=path.name, path=path))()
            library = time.perf_counter() - begun
            served, job = through_server(client, data)
            inside = client.get(f"v1/jobs/{job}/result").json()["seconds"]
            client.get(f"v1/jobs/{job}/preview")  # so that it does not run into the next turn
            if number >= 2:  # both have loaded their networks by then
                alone.append(1e3 * library)
                added.append(1e3 * (served - inside))
                apart.append(1e3 * (served - library))
    return {
        "files": files,
        "side_px": side,
        "library_ms": statistics.median(alone),
        "overhead_ms": statistics.median(added),
        "overhead_p90_ms": sorted(added)[int(0.9 * len(added))],
        "less_library_ms": statistics.median(apart),
    }


async def crowd(url: str, clients: int, side: int) -> dict[str, object]:
    """Let many clients send a file each and wait for its verdict; count what they were told."""
    pictures = [picture(10_000 + n, side) for n in range(clients)]
    seen: Counter[str] = Counter()
    waits: list[float] = []
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)

    async def ask(client: httpx.AsyncClient, method: str, path: str, **rest: object) -> object:
        while True:
            answer = await client.request(method, path, **rest)  # type: ignore[arg-type]
            seen[str(answer.status_code)] += 1
            if answer.status_code not in (429, 503):
                return answer.json()
            await asyncio.sleep(float(answer.headers["retry-after"]))

    async def one(client: httpx.AsyncClient, data: bytes) -> None:
        begun = time.perf_counter()
        file = {"file": ("a.jpg", data)}
        job = await ask(client, "POST", "v1/jobs", files=file)
        while job["state"] not in ("done", "failed"):  # type: ignore[index]
            await asyncio.sleep(1.0)
            job = await ask(client, "GET", f"v1/jobs/{job['id']}")  # type: ignore[index]
        seen[job["state"]] += 1  # type: ignore[index]
        waits.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        await asyncio.gather(*(one(client, data) for data in pictures))
    spent = time.perf_counter() - begun
    told = dict(sorted(seen.items()))
    return {
        "clients": clients,
        "seconds": spent,
        "jobs_per_s": clients / spent,
        "longest_wait_s": max(waits),
        "answers": told,
    }


def resident_mib(process: int) -> dict[str, float]:
    """Return the memory of a server and of its workers."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")  # a thread starts each worker
    children = [child for task in tasks for child in task.read_text().split()]
    sizes = {
        name: sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) * PAGE for p in group)
        for name, group in (("server", [process]), ("worker", children))
    }
    return {name: round(size / 2**20, 1) for name, size in sizes.items()}


def flat(count: int, side: int, methods: str) -> list[dict[str, float]]:
    """Return the memory of server and worker every tenth of so many jobs."""
    rows = []
    options = ("--methods", methods) if methods else ()
    with serving(*options) as (url, process), httpx.Client(base_url=url) as client:
        jobs: list[str] = []
        for number in range(count):
            data = picture(50_000 + number, side)
            while True:
                answer = client.post("v1/jobs", files={"file": ("a.jpg", data)}, timeout=60)
                if answer.status_code == 202:
                    break
                time.sleep(float(answer.headers["retry-after"]))
            jobs.append(answer.json()["id"])
            if len(jobs) % max(1, count // 10) == 0:
                wait(client, jobs[-1])
                rows.append({"jobs": len(jobs), **resident_mib(process.pid)})
    return rows


def wait(client: httpx.Client, job: str) -> None:
    """Return once a job has ended."""
    while client.get(f"v1/jobs/{job}").json()["state"] not in ("done", "failed"):
        time.sleep(0.2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40, help="for the overhead")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--flat", type=int, default=0, help="jobs for the memory; 2000 take long")
    parser.add_argument("--methods", default="", help="for the memory; all by default")
    parser.add_argument("--side", type=int, default=512, help="of the pictures in pixels")
    parser.add_argument("--json", metavar="FILE|-", help="the figures as JSON")
    asked = parser.parse_args()
    found: dict[str, object] = {}
    if asked.files:
        found["overhead"] = overhead(asked.files, asked.side)
    if asked.clients:
        with serving() as (url, _):
            found["clients"] = asyncio.run(crowd(url, asked.clients, asked.side))
    if asked.flat:
        found["memory"] = flat(asked.flat, asked.side // 4, asked.methods)
    text = json.dumps(found, indent=2)
    if asked.json and asked.json != "-":
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
