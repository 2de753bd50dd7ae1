"""A small stand-in for the server, for the page's own tests: the routes it calls, nothing behind.

Results are real records of `verilens scan --json` on the files of `examples/make.py`, kept in
`samples/`; which one a submitted file gets follows from its name. By hand:

    python tests/web/page_stub.py 8000
"""

import contextlib
import copy
import functools
import io
import itertools
import json
import math
import re
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STATIC = ROOT / "src" / "verilens" / "server" / "static"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
Record = dict[str, Any]


def record(name: str) -> Record:
    """Return the record that a file of this name gets."""
    if "people" in name:
        return _with_people(record("clip"))
    if "faces" in name:
        return _with_faces(record("genuine"))
    known = ("ai-like", "clip", "edited", "signed")
    stem = next((one for one in known if one in name), "genuine")
    loaded: Record = json.loads((HERE / "samples" / f"{stem}.json").read_text())
    return loaded


def _swap(decision: str, probability: float) -> Record:
    low, high = max(0.0, probability - 0.08), min(1.0, probability + 0.06)
    opening = {"fake": "Probably a face swap", "genuine": "No sign of a face swap"}[decision]
    return {
        "decision": decision,
        "probability": probability,
        "interval": [low, high],
        "sentence": f"{opening} at 0:00-0:03: probability {probability:.0%}.",
        "conflicts": [],
        "not_checked": [],
    }


def _with_people(base: Record) -> Record:
    """Return the film's record as if persons had been found in it: one swapped, one not judged."""
    times = [n * 0.5 for n in range(12)]

    def person(track: int, left: int, seen: list[float], verdict: Record | None) -> Record:
        boxes = [[left + round(8 * t), 60, left + 70 + round(8 * t), 150] for t in seen]
        sightings = [{"time_s": t, "box": box} for t, box in zip(seen, boxes, strict=True)]
        return {"track": track, "sightings": sightings, "verdict": verdict}

    def swapped(track: int, scores: list[float], seen: list[float], spans: list[Record]) -> Record:
        moments = [{"time_s": t, "score": s} for t, s in zip(seen, scores, strict=True)]
        where = {"by": "ucf", "heatmap": None, "boxes": [], "box_scores": [], "timeline": moments}
        return {
            "method": "ucf",
            "claim": "face-swap",
            "track": track,
            "score": max(scores),
            "logit": 2.0,
            "where": {**where, "segments": spans},
            "why": "blending traces around the face",
            "limits": [],
        }

    wave = [0.5 + 0.45 * math.sin(t) for t in times]
    calm = [0.1 + 0.05 * math.cos(2 * t) for t in times[:6]]
    found = [
        person(1, 40, times, _swap("fake", 0.91)),
        person(2, 200, times[:6], _swap("genuine", 0.08)),
    ]
    found.append(person(3, 290, [5.0], None))
    spans = [{"start_s": 0.25, "end_s": 2.75, "score": 0.86}]
    evidence = [*base["evidence"], swapped(1, wave, times, spans), swapped(2, calm, times[:6], [])]
    conflicts = ["npr point to generation, probe to a genuine file"]
    return {
        **base,
        "people": found,
        "evidence": evidence,
        "claim": "face-swap",
        "conflicts": conflicts,
    }


def _with_faces(base: Record) -> Record:
    sighting = {"time_s": 0.0, "box": [220, 90, 330, 230]}
    return {**base, "people": [{"track": 1, "sightings": [sighting], "verdict": None}]}


@functools.cache
def media() -> Path:
    """Return the folder of the example files, made once a run."""
    folder = Path(tempfile.mkdtemp(prefix="verilens-page-"))
    subprocess.run([sys.executable, ROOT / "examples" / "make.py", folder], check=True)
    return folder


def _map(grid: Record) -> bytes:
    values = np.array([0 if v is None else v for v in grid["values"]])
    pixels = np.rint(255 * values.reshape(grid["rows"], grid["columns"])).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def problem(kind: str, status: int, detail: str = "") -> Record:
    return {"type": f"/problems/{kind}", "title": kind, "status": status, "detail": detail}


class Stub:
    """What the stand-in knows; `base` is its address. Faults are switched on by its attributes."""

    def __init__(self, port: int = 0, key: str | None = None, seconds: float = 0.5) -> None:
        self.key, self.seconds = key, seconds
        self.jobs: dict[str, Record] = {}
        self.uploads: dict[str, Record] = {}
        self.batches: dict[str, Record] = {}
        self.chunk_bytes = 2**20
        self.has_batches = True
        self.fail_events = False  # the event stream answers 500
        self.cut_chunks = 0  # this many chunks lose their connection half way
        self.slow_chunk_s = 0.0
        self.calls: list[str] = []
        self.lock = threading.Lock()
        self._ids = itertools.count(1)
        handler = type("Handler", (_Handler,), {"stub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def new_id(self) -> str:
        return f"019a-{next(self._ids):06}"

    def submit(
        self, name: str, size: int, batch: str | None = None, source: str = "upload"
    ) -> Record:
        """Take a file; it is done after `seconds`, or failed when its name says so."""
        with self.lock:
            number = len(self.jobs)
            created = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(minutes=number)
            job = {
                "id": self.new_id(),
                "name": name,
                "kind": None,
                "state": "queued",
                "progress": 0.0,
                "stage": None,
                "created": created.isoformat().replace("+00:00", "Z"),
                "started": None,
                "finished": None,
                "size": size,
                "sha256": None,
                "source": source,
                "batch": batch,
                "attempts": 1,
                "file_kept": True,
                "error": None,
                "maps": [],
                "summary": None,
                "_begun": time.monotonic(),
            }
            self.jobs[job["id"]] = job
        return job

    def fill(self, names: list[str]) -> list[Record]:
        """Add finished jobs, as a history."""
        jobs = [self.submit(name, 10_000 + 977 * n) for n, name in enumerate(names)]
        for job in jobs:
            job["_begun"] -= 1000
        return jobs

    def seen(self, job: Record) -> Record:
        """Return a job as of now, without what is private here."""
        share = (time.monotonic() - job["_begun"]) / max(self.seconds, 1e-6)
        shown = {name: value for name, value in job.items() if not name.startswith("_")}
        if share < 1:
            state = "queued" if share < 0.2 else "running"
            return {**shown, "state": state, "progress": max(0.0, share), "stage": "scoring"}
        shown |= {"progress": 1.0, "finished": shown["created"], "started": shown["created"]}
        if "broken" in job["name"]:
            error = problem("corrupt", 422, "cannot identify image file")
            return {**shown, "state": "failed", "error": error}
        found = record(job["name"])
        names = ("decision", "probability", "interval", "sentence", "claim")
        summary = {name: found[name] for name in names}
        summary["provenance_state"] = found["provenance"]["state"]
        maps = [e["method"] for e in found["evidence"] if e["where"]["heatmap"]]
        facts = {"kind": found["kind"], "sha256": found["sha256"], "maps": maps}
        return {**shown, **facts, "state": "done", "summary": summary}

    def listed(self, query: dict[str, str]) -> list[Record]:
        jobs = [self.seen(job) for job in list(self.jobs.values())]
        for name in ("state", "kind", "batch"):
            if query.get(name):
                jobs = [job for job in jobs if job[name] == query[name]]
        if query.get("decision"):
            jobs = [
                j for j in jobs if j["summary"] and j["summary"]["decision"] == query["decision"]
            ]
        if query.get("q"):
            jobs = [job for job in jobs if query["q"].lower() in job["name"].lower()]
        sort = query.get("sort", "-created")
        by = sort.lstrip("-")

        def value(job: Record) -> Any:
            return (
                (job["summary"] or {}).get("probability", -1.0) if by == "probability" else job[by]
            )

        return sorted(jobs, key=value, reverse=sort.startswith("-"))


class _Handler(BaseHTTPRequestHandler):
    stub: Stub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def do_PATCH(self) -> None:
        self._route("PATCH")

    def do_HEAD(self) -> None:
        self._route("HEAD")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _route(self, method: str) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.stub.calls.append(f"{method} {path}")
        if not path.startswith("/v1/"):
            return self._static(path)
        is_open = path == "/v1/about" or self.stub.key is None
        if not is_open and self.headers.get("Authorization") != f"Bearer {self.stub.key}":
            self._body()
            return self._json(problem("unauthorized", 401), 401)
        for pattern, name in ROUTES:
            match = re.fullmatch(pattern, f"{method} {path}")
            if match:
                return getattr(self, name)(query, *match.groups())
        self._body()
        return self._json(problem("not-found", 404), 404)

    # answers

    def _send(self, body: bytes, kind: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # readers may leave
                self.wfile.write(body)

    def _json(self, value: object, status: int = 200) -> None:
        kind = "application/problem+json" if status >= 400 else "application/json"
        self._send(json.dumps(value).encode(), kind, status)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _static(self, path: str) -> None:
        file = STATIC / ("index.html" if path == "/" else path.lstrip("/"))
        if not file.is_file():
            return self._json(problem("not-found", 404), 404)
        headers = {"Content_Security_Policy": POLICY} if path == "/" else {}
        return self._send(file.read_bytes(), TYPES.get(file.suffix, "text/plain"), **headers)

    def _job(self, ident: str) -> Record | None:
        job = self.stub.jobs.get(ident)
        if job is None:
            self._json(problem("not-found", 404), 404)
        return job

    # routes

    def about(self, query: Record) -> None:
        limits = {"bytes": 2 * 2**30, "chunk_bytes": self.stub.chunk_bytes, "batch_files": 200}
        thresholds = {"genuine": 0.25, "suspicious": 0.8, "fake": 0.93}
        self._json(
            {
                "version": "0.1.0",
                "auth": self.stub.key is not None,
                "limits": limits,
                "tasks": ["ai-image", "ai-video"],
                "languages": ["en", "de"],
                "retention_hours": 24,
                "thresholds": {"ai-generated": dict.fromkeys(("image", "video"), thresholds)},
            }
        )

    def submit(self, query: Record) -> None:
        body, kind = self._body(), self.headers.get("Content-Type") or ""
        if kind.startswith("application/json"):
            url = json.loads(body)["url"]
            if "refused" in url:
                return self._json(problem("refused", 422, "private address"), 422)
            return self._json(self.stub.seen(self.stub.submit(url, 1234, source="url")), 202)
        fields = _multipart(body, kind)
        name, data = fields["file"]
        batch = fields.get("batch", ("", b""))[1].decode() or None
        if name.endswith(".txt"):
            return self._json(problem("unsupported", 415, "no picture and no video"), 415)
        return self._json(self.stub.seen(self.stub.submit(name, len(data), batch)), 202)

    def jobs(self, query: Record) -> None:
        found = self.stub.listed(query)
        self._json({**self._page(found, query, "items"), "total": len(found)})

    def _page(self, found: list[Record], query: Record, name: str) -> Record:
        begin, limit = int(query.get("cursor") or 0), int(query.get("limit") or 50)
        following = str(begin + limit) if begin + limit < len(found) else None
        return {name: found[begin : begin + limit], "next": following}

    def job(self, query: Record, ident: str) -> None:
        job = self._job(ident)
        if job:
            self._json(self.stub.seen(job))

    def delete(self, query: Record, ident: str) -> None:
        if self._job(ident):
            del self.stub.jobs[ident]
            self._send(b"", "text/plain", 204)

    def events(self, query: Record, ident: str) -> None:
        job = self._job(ident)
        if not job:
            return
        if self.stub.fail_events:
            return self._json(problem("server-fault", 500), 500)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for number in itertools.count(1):
            now = self.stub.seen(job)
            is_over = now["state"] in ("done", "failed")
            data = now if is_over else {name: now[name] for name in ("state", "progress", "stage")}
            event = "end" if is_over else "progress"
            self.wfile.write(f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode())
            self.wfile.flush()
            if is_over:
                return
            time.sleep(0.05)

    def result(self, query: Record, ident: str) -> None:
        job = self._job(ident)
        if job:
            self._json(record(job["name"]))

    def preview(self, query: Record, ident: str) -> None:
        job = self._job(ident)
        if not job:
            return
        file = media() / Path(record(job["name"])["path"])
        data = file.read_bytes()
        kind = {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg"}[file.suffix]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return self._send(data, kind, Accept_Ranges="bytes")
        begin = int(wanted[1])
        end = min(int(wanted[2] or len(data) - 1), len(data) - 1)
        span = f"bytes {begin}-{end}/{len(data)}"
        self._send(data[begin : end + 1], kind, 206, Accept_Ranges="bytes", Content_Range=span)

    def map(self, query: Record, ident: str, method: str) -> None:
        job = self._job(ident)
        if not job:
            return
        for evidence in record(job["name"])["evidence"]:
            if evidence["method"] == method and evidence["where"]["heatmap"]:
                return self._send(_map(evidence["where"]["heatmap"]), "image/png")
        self._json(problem("not-found", 404), 404)

    def report(self, query: Record, ident: str) -> None:
        job = self._job(ident)
        if not job:
            return
        if query.get("format") == "pdf":
            return self._json(problem("format-unavailable", 501), 501)
        named = f'attachment; filename="report-{ident}.{query["format"]}"'
        body = json.dumps(record(job["name"])).encode()
        self._send(body, "application/octet-stream", Content_Disposition=named)

    def open_upload(self, query: Record) -> None:
        asked = json.loads(self._body())
        ident = self.stub.new_id()
        self.stub.uploads[ident] = {"name": asked["name"], "size": asked["size"], "data": b""}
        made = {"id": ident, "offset": 0, "chunk_bytes": self.stub.chunk_bytes}
        self._json({**made, "expires": "2026-01-03T00:00:00Z"}, 201)

    def upload_state(self, query: Record, ident: str) -> None:
        found = self.stub.uploads.get(ident)
        if found is None:
            return self._json(problem("not-found", 404), 404)
        offset, length = str(len(found["data"])), str(found["size"])
        self._send(b"", "text/plain", Upload_Offset=offset, Upload_Length=length)

    def chunk(self, query: Record, ident: str) -> None:
        found, body = self.stub.uploads[ident], self._body()
        time.sleep(self.stub.slow_chunk_s)
        if int(self.headers["Upload-Offset"]) != len(found["data"]):
            return self._json(problem("conflict", 409, f"offset is {len(found['data'])}"), 409)
        if self.stub.cut_chunks > 0:
            self.stub.cut_chunks -= 1
            found["data"] += body[: len(body) // 2]
            self.close_connection = True
            self.connection.shutdown(2)
            return
        found["data"] += body
        self._send(b"", "text/plain", 204, Upload_Offset=str(len(found["data"])))

    def complete(self, query: Record, ident: str) -> None:
        found, asked = self.stub.uploads[ident], json.loads(self._body() or b"{}")
        if len(found["data"]) != found["size"]:
            return self._json(problem("conflict", 409, "bytes are missing"), 409)
        job = self.stub.submit(found["name"], found["size"], asked.get("batch"))
        job["_data"] = found["data"]
        self._json(self.stub.seen(job), 202)

    def drop_upload(self, query: Record, ident: str) -> None:
        self.stub.uploads.pop(ident, None)
        self._send(b"", "text/plain", 204)

    def open_batch(self, query: Record) -> None:
        self._body()
        if not self.stub.has_batches:
            return self._json(problem("invalid", 422, "urls is empty"), 422)
        ident = self.stub.new_id()
        self.stub.batches[ident] = {"id": ident, "created": "2026-01-02T03:04:05Z"}
        self._json({**self.stub.batches[ident], "jobs": [], "refused": []}, 202)

    def batch(self, query: Record, ident: str) -> None:
        if ident not in self.stub.batches:
            return self._json(problem("not-found", 404), 404)
        jobs = self.stub.listed({"batch": ident})
        states = ("queued", "running", "done", "failed")
        counts = {state: sum(job["state"] == state for job in jobs) for state in states}
        page = self._page(jobs, query, "jobs")
        self._json({**copy.copy(self.stub.batches[ident]), "counts": counts, **page})


ID = "([^/]+)"
ROUTES = [
    ("GET /v1/about", "about"),
    ("POST /v1/jobs", "submit"),
    ("GET /v1/jobs", "jobs"),
    (f"GET /v1/jobs/{ID}", "job"),
    (f"DELETE /v1/jobs/{ID}", "delete"),
    (f"GET /v1/jobs/{ID}/events", "events"),
    (f"GET /v1/jobs/{ID}/result", "result"),
    (f"GET /v1/jobs/{ID}/preview", "preview"),
    (f"GET /v1/jobs/{ID}/maps/{ID}", "map"),
    (f"GET /v1/jobs/{ID}/report", "report"),
    ("POST /v1/uploads", "open_upload"),
    (f"HEAD /v1/uploads/{ID}", "upload_state"),
    (f"PATCH /v1/uploads/{ID}", "chunk"),
    (f"DELETE /v1/uploads/{ID}", "drop_upload"),
    (f"POST /v1/uploads/{ID}/complete", "complete"),
    ("POST /v1/batches", "open_batch"),
    (f"GET /v1/batches/{ID}", "batch"),
]


def _multipart(body: bytes, kind: str) -> dict[str, tuple[str, bytes]]:
    """Return (file name, content) of each field."""
    boundary = b"--" + kind.split("boundary=")[1].encode()
    found = {}
    for part in body.split(boundary)[1:-1]:
        head, _, data = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        if name:
            found[name[1].decode()] = (file[1].decode() if file else "", data)
    return found


if __name__ == "__main__":
    stub = Stub(int(sys.argv[1]) if len(sys.argv) > 1 else 8000, seconds=3)
    stub.fill(["protest.jpg", "ai-like portrait.png", "clip of the square.mp4", "broken.jpg"])
    print(stub.base)
    threading.Event().wait()
