"""Presentation attacks: frames a second of a live stream, and false alarms on faces it never saw.

    python benchmarks/spoof.py [--seconds 20] [--look 6] [--score 3]
    python benchmarks/spoof.py --faces manifest.parquet
    python benchmarks/spoof.py --pictures LIVE ATTACKS --method NAME --method NAME=WEIGHTS

The stream is 640 x 480 at 30 frames a second, H.264, a person before a room who moves a little;
decoding it is part of the time, as a camera's is. One thread judges, one decodes. With --faces it
scans the bona fide pictures of a manifest of 'verilens data spoof' and its attacks instead, and
prints the rates of ISO/IEC 30107-3 by source. With --pictures it asks one or more detectors about
two folders of pictures; the largest face of each is judged, and the scores of several weights of
one method are averaged too, as the published demo of MiniFASNet does.
"""

import argparse
import queue
import resource
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image
from skimage import data

from verilens import catalog, manifest
from verilens.bench import metrics
from verilens.live import Gate, Pace, open_gate
from verilens.media import faces as finder
from verilens.media.opened import LEAST_FACE_PX
from verilens.media.people import cutout
from verilens.options import Options, of_task
from verilens.records import View
from verilens.scanner import scan_many
from verilens.verify.detector import sigmoid

WIDTH, HEIGHT, RATE = 640, 480, 30


def frame(number: int) -> np.ndarray:
    """Return one picture of the stream, RGB."""
    patches = np.random.default_rng(0).integers(40, 216, (3, 5, 3), dtype=np.uint8)
    room = cv2.resize(patches, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    person = cv2.resize(data.astronaut()[:280, 95:355], (334, 360), interpolation=cv2.INTER_AREA)
    x = 150 + round(20 * np.sin(number / 15))
    room[HEIGHT - 360 :, x : x + 334] = person
    return np.asarray(room, np.uint8)


def make(path: Path, seconds: float) -> None:
    """Write the stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(seconds * RATE)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame(number), format="rgb24")))
        container.mux(stream.encode())


def decoded(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the frames of a stream; another thread decodes ahead, as a camera's driver does."""
    waiting: queue.Queue[tuple[float, np.ndarray] | None] = queue.Queue(8)

    def decode() -> None:
        with av.open(str(path)) as container:
            for shown in container.decode(video=0):
                waiting.put((float(shown.time or 0.0), shown.to_ndarray(format="rgb24")))
        waiting.put(None)

    threading.Thread(target=decode, daemon=True).start()
    while (found := waiting.get()) is not None:
        yield found


def run(gate: Gate, path: Path) -> tuple[float, Counter[str]]:
    """Return frames a second from decoding to decision, and how often each was decided."""
    said: Counter[str] = Counter()
    begun, count = time.monotonic(), 0
    for time_s, rgb in decoded(path):
        said.update(seen.decision for seen in gate.see(time_s, rgb))
        count += 1
    return count / (time.monotonic() - begun), said


def stream(args: argparse.Namespace) -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.mp4"
        make(path, args.seconds)
        for name, pace in (
            ("every frame", Pace(look=1, score=1)),
            (f"look {args.look}, score {args.score}", Pace(look=args.look, score=args.score)),
        ):
            gate = open_gate(pace=pace)
            gate.see(0.0, frame(0))  # networks are loaded before the clock starts
            rate, said = run(gate, path)
            print(f"{name:<20} {rate:7.1f} frames/s end to end, {WIDTH} x {HEIGHT}   {dict(said)}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'memory':<20} {memory:7.0f} MiB at most")


def faces(path: Path) -> None:
    """Print how the shipped weights judge a set of `verilens data spoof`, by kind and by source."""
    rows = [row for row in manifest.read(path) if row.kind == "image"]
    options = Options(methods=of_task("spoof"), where=False)
    reports = scan_many([row.uri for row in rows], options)
    alarms: defaultdict[str, list[bool]] = defaultdict(list)
    missed: defaultdict[str, list[bool]] = defaultdict(list)
    for row, report in zip(rows, reports, strict=True):
        decision = report.verdict.decision if report.verdict else "error"
        if row.label:
            missed[row.generator].append(decision not in ("fake", "suspicious"))
        else:
            alarms[row.source.split("/")[0]].append(decision in ("fake", "suspicious"))
    every = [said for each in alarms.values() for said in each]
    for title, groups in (("APCER", missed), ("BPCER", {"all bona fide": every, **alarms})):
        for name, errors in sorted(groups.items()):
            rate = metrics.wilson(sum(errors), len(errors))
            reach = f"[{rate.low:.1%}, {rate.high:.1%}]"
            print(f"{title:<6} {name:<40} {rate.value:6.1%} {reach:<18} of {len(errors)}")


def largest_faces(folder: Path, views: list[View]) -> list[list[np.ndarray]]:
    """Return what each view cuts of the largest face of each picture; none where there is none."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            picture = Image.open(path).convert("RGB")
        except OSError:
            continue
        seen = [face for face in finder.find(picture, True) if face.side >= LEAST_FACE_PX]
        if not seen:
            continue
        face = max(seen, key=lambda face: face.side)
        boxes = [cutout(face, view, picture.size) for view in views]
        found.append(
            [
                np.array(picture.resize((view.size, view.size), Image.Resampling.BICUBIC, box))
                for view, box in zip(views, boxes, strict=True)
            ]
        )
    return found


def pictures(folders: list[Path], methods: list[str]) -> None:
    """Print how well detectors tell two folders of pictures apart, at even odds."""
    parts = [method.partition("=") for method in methods]
    detectors = [catalog.load(name, own or "starter").optimised() for name, _, own in parts]
    views = [detector.config.view for detector in detectors]
    crops = [largest_faces(folder, views) for folder in folders]
    labels = np.repeat([0, 1], [len(found) for found in crops])
    every = [shown for found in crops for shown in found]
    scores = [
        sigmoid(np.concatenate([d.crop_logits(shown[n][None]) for shown in every]))
        for n, d in enumerate(detectors)
    ]
    for name in {name: 0 for name, *_ in parts}:
        own = [score for (of, *_), score in zip(parts, scores, strict=True) if of == name]
        if len(own) > 1:
            methods, scores = [*methods, f"{name}, mean"], [*scores, np.mean(own, 0)]
    print(f"{(labels == 0).sum()} bona fide, {(labels == 1).sum()} attacks with a face")
    for name, score in zip(methods, scores, strict=True):
        wrong = (score > 0.5) != labels
        rates = [metrics.wilson(wrong[labels == n].sum(), (labels == n).sum()) for n in (0, 1)]
        told = [f"{rate.value:6.1%} [{rate.low:.1%}, {rate.high:.1%}]" for rate in rates]
        auc = metrics.auc(score, labels == 1)
        print(f"{Path(name).name:<40} BPCER {told[0]}  APCER {told[1]}  AUC {auc:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--look", type=int, default=Pace().look)
    parser.add_argument("--score", type=int, default=Pace().score)
    parser.add_argument("--faces", type=Path, help="a manifest of 'verilens data spoof'")
    parser.add_argument("--pictures", type=Path, nargs=2, metavar=("LIVE", "ATTACKS"))
    parser.add_argument("--method", action="append", help="NAME or NAME=WEIGHTS, with --pictures")
    args = parser.parse_args()
    if args.faces:
        faces(args.faces)
    elif args.pictures:
        pictures(args.pictures, args.method or list(of_task("spoof")))
    else:
        stream(args)


if __name__ == "__main__":
    main()
