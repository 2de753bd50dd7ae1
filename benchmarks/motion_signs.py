"""What signs a sentence best: learned signers beside standing still, the nearest and retrieval.

    python benchmarks/motion_signs.py --data shared/data/motion [--kept DIR] [--quick] [--out PAGE]

Two tables. In the first the text is real (PHOENIX14T, its own splits) and the movements are made
up, see `made_up_signing.py`. A small back-translation network is trained on them and reads what
each signer makes. In the second text and movements are real, the 15 published sequences: signers
know the ten of train and dev and sign the five of test; too few for a reader, so there is no text
measure. Intervals: 95 %, sentences resampled.

Trained networks, those half trained and finished rows stay in --kept, where a run that was ended
goes on.
--only NAME ... trains and judges no others; --limit SECONDS takes signers as they then are, and the
table says so.
"""

import argparse
import gzip
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from made_up_signing import JOINTS, WRISTS, World, thrice, world
from verilens.bench.metrics import signs
from verilens.motion import retrieval
from verilens.motion.progressive_transformer.config import Config as ProgressiveConfig
from verilens.motion.progressive_transformer.model import ProgressiveTransformer
from verilens.motion.signaligner.config import Config as AlignerConfig
from verilens.motion.signaligner.model import SignAligner
from verilens.motion.signer import Signer
from verilens.motion.slrtp.config import Config as ReaderConfig
from verilens.motion.slrtp.model import BackTranslation
from verilens.motion.submission import Signed, read_submission
from verilens.motion.tdm_slp.config import BONES
from verilens.motion.tdm_slp.config import Config as TDMConfig
from verilens.motion.tdm_slp.model import TDM
from verilens.motion.vocabulary import counted
from verilens.poses import dtw
from verilens.train.loop import fit
from verilens.train.recipe import Plan

READER = "slrtp"
LONGEST, MOST, DRAWS = 8, (10_000, 200, 200), 200
STEPS = {READER: 1200, "progressive_transformer": 700, "tdm_slp": 600, "signaligner": 450}
SIZES = {"width": 128, "layers": 2, "heads": 4, "inner": 512}
BATCH, EVERY = 32, 50
SETTINGS = {"longest": LONGEST, "most": MOST, "steps": STEPS, "sizes": SIZES, "batch": BATCH}
QUICK_SETTINGS = {
    **SETTINGS,
    "most": (150, 12, 12),
    "steps": {name: 20 for name in STEPS},
    "sizes": {"width": 64, "layers": 1, "heads": 4, "inner": 128},
}
HEAD = ("signer", "DTW-MJE", "distance", "duration")
TEXT_HEAD = ("BLEU-1", "BLEU-4", "ROUGE-L", "WER")
Sign = Callable[[str, int], np.ndarray]


def networks(over: World, sizes: Mapping[str, int]) -> dict[str, BackTranslation | Signer]:
    """Return the reader and the signers, untrained."""
    words, glosses = over.words, counted(s.gloss for s in over.train)
    made: dict[str, Callable[[], BackTranslation | Signer]] = {
        READER: lambda: BackTranslation(
            ReaderConfig(joints=JOINTS, words=words, glosses=glosses, longest=40, **sizes)
        ),
        "progressive_transformer": lambda: ProgressiveTransformer(
            ProgressiveConfig(joints=JOINTS, words=words, **sizes)
        ),
        "tdm_slp": lambda: TDM(
            TDMConfig(skeleton="phoenix50", joints=JOINTS, bones=BONES, words=words, **sizes)
        ),
        "signaligner": lambda: SignAligner(AlignerConfig(words=words, rounds=1, **sizes)),
    }
    found = {}
    for name, build in made.items():
        torch.manual_seed(0)
        found[name] = build()
    return found


def learned(name: str, method, over: World, settings: Mapping, kept: Path, limit: float = np.inf):
    """Return a method trained on the world, and how long it was, in words.

    limit: seconds of training after which it is taken as it is. What is kept goes on from there.
    """
    file = kept / f"{name}.pt"
    held = torch.load(file, weights_only=True) if file.exists() else {"seconds": 0.0}
    start, total = held.get("snapshot"), settings["steps"][name]
    done = start["n"] if start else 0
    plan = Plan(
        lr=1e-3,
        epochs=1000,
        steps=total,
        batch=settings["batch"],
        schedule="cosine",
        warmup_steps=total // 10,
        clip_norm=5.0,
        precision="bfloat16" if name == READER else "float32",  # as fast as each goes
    )
    if done < total and held["seconds"] < limit:
        signed = thrice(over.train) if name == "signaligner" else over.train
        begun = time.process_time() - held["seconds"]
        for step in fit(method, method.sentences(signed, plan.batch, 0), plan, start):
            if step.n % EVERY == 0 or step.n == total:
                seconds = time.process_time() - begun
                print(f"{name} {step.n}/{total}: loss {step.loss:.4f}", flush=True)
                torch.save({"snapshot": step.snapshot(), "seconds": seconds}, file)
                if seconds >= limit:
                    break
        held = torch.load(file, weights_only=True)
        done = held["snapshot"]["n"]
    method.load_state_dict(held["snapshot"]["method"])
    ended = "" if done == total else f", {done} of {total} steps"
    return method.eval(), f"{held['seconds']:.0f} s{ended}"


def made_up(folder: Path, settings: Mapping, kept: Path, options) -> list[list[str]]:
    """Return the rows of the first table."""
    over = world(folder / "phoenix14t_text", settings["longest"], settings["most"])
    untrained = networks(over, settings["sizes"])
    reader, trained = learned(READER, untrained.pop(READER), over, settings, kept)
    truth, wanted = [s.joints for s in over.test], [s.text for s in over.test]

    def row(name: str, sign: Sign, trained: str = "") -> list[str]:
        file = kept / f"{name}.json"
        found = json.loads(file.read_text()) if file.exists() else [None]
        if found[-1] != trained:
            made = [sign(s.text, len(s.joints)) for s in over.test]
            found = [*cells(name, made, truth, reader, wanted), trained]
            file.write_text(json.dumps(found))
        return found

    order = iter([*truth[1:], truth[0]])
    exact = iter(truth)
    rows = [row("the true movements", lambda *_: next(exact), trained)]
    rows += [row(name, sign) for name, sign in simple(over).items()]
    for name, method in untrained.items():
        if not options.only or name in options.only:
            signer, trained = learned(name, method, over, settings, kept, options.limit)
            rows.append(row(f"`{name}`", lambda t, n, s=signer: s.sign(t, n).joints, trained))
    rows.append(row("other sentences' movements", lambda *_: next(order)))
    dev = reader.translate([s.joints[::2] for s in over.dev])
    read = signs.bleu(dev, [s.text for s in over.dev])
    print(f"{len(over.train)} sentences, {len(over.words)} words; the reader on true movements of "
          f"{len(over.dev)} dev sentences: BLEU-1 {read[0]:.1f}, BLEU-4 {read[3]:.1f}")  # fmt: skip
    return rows


def simple(over: World) -> dict[str, Sign]:
    """Return the signers that learn nothing."""
    table = retrieval.glossary([(s.text, s.gloss) for s in over.train])
    known = {g for s in over.train for g in s.gloss.split()}
    stitched = retrieval.Retrieval(
        over.train,
        {g: m for g, m in over.lexicon.items() if g in known},
        lambda sentence: retrieval.glossed(sentence, table),
    )
    return {
        "mean pose": retrieval.MeanPose(over.train).joints,
        "nearest sentence": retrieval.NearestSentence(over.train).joints,
        "retrieval, glosses stitched": lambda text, _: stitched.joints(text, 0),
    }


def cells(
    name: str,
    made: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    reader: BackTranslation | None = None,
    wanted: Sequence[str] = (),
) -> list[str]:
    """Return what a table says of a signer, with intervals over sentences."""
    ours, theirs = [m[::2] for m in made], [m[::2] for m in truth]
    each = [errors(a, b) for a, b in zip(ours, theirs, strict=True)]
    sums, counts = np.array([e.sum() for e in each]), np.array([e.size for e in each])
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(each), (DRAWS, len(each)))
    mje = spread(sums.sum() / counts.sum(), [sums[d].sum() / counts[d].sum() for d in draws], 4)
    distance = signs.total_distance(ours, theirs, WRISTS)
    found = [name, mje, f"{distance:.2f}", f"{signs.average_duration(ours, theirs):.2f}"]
    if reader is None:
        return found
    read = reader.translate(ours)
    bleu = signs.bleu(read, wanted)
    again = [signs.bleu([read[n] for n in d], [wanted[n] for n in d]) for d in draws]
    found += [spread(bleu[order], [one[order] for one in again], 1) for order in (0, 3)]
    return [*found, f"{signs.rouge_l(read, wanted):.1f}", f"{signs.wer(read, wanted):.1f}"]


def errors(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distances of joints along the aligned frames of two movements."""
    path = dtw.fast(a, b).path
    return np.linalg.norm(a[path[:, 0]].astype(float) - b[path[:, 1]], axis=-1)


def spread(value: float, draws: Sequence[float], digits: int) -> str:
    """Return a figure with what lies between its 2.5 % and 97.5 % quantiles."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def real(folder: Path) -> list[list[str]]:
    """Return the rows of the second table: five sentences signed from ten others."""
    sample = folder / "phoenix14t_skels_sample"
    sets = {s: read_submission(sample / f"{s}.skels") for s in ("train", "dev", "test")}
    known = {**sets["train"], **sets["dev"]}
    segments = read_segments(folder / "phoenix14t_text" / "gloss_segments.csv.gz", known)
    recorded = retrieval.recordings(segments, longest=60)
    truth = list(sets["test"].values())
    rng = np.random.default_rng(0)
    pool = list(recorded.values())
    still = retrieval.MeanPose(list(known.values()))
    nearest = retrieval.NearestSentence(list(known.values()))
    signers: dict[str, Callable[[Signed], np.ndarray]] = {
        "mean pose": lambda s: still.joints(s.text, len(s.joints)),
        "nearest sentence": lambda s: nearest.joints(s.text),
        "retrieval by true glosses": lambda s: stitched(s, recorded),
        "random recordings": lambda s: np.concatenate(
            [pool[rng.integers(len(pool))] for _ in s.gloss.split()]
        ),
    }
    moves = [s.joints for s in truth]
    return [cells(name, [sign(s) for s in truth], moves) for name, sign in signers.items()]


def stitched(signed: Signed, recorded: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the recordings of a sentence's glosses in a row; unknown ones are left out."""
    parts = [recorded[g] for g in signed.gloss.split() if g in recorded]
    return np.concatenate(parts) if parts else next(iter(recorded.values()))


def read_segments(path: Path, known: Mapping[str, Signed]) -> list[tuple[str, np.ndarray]]:
    """Return (gloss, movement) of every aligned segment of some sequences."""
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        columns = next(stream).strip().split("|")
        for line in stream:
            row = dict(zip(columns, line.rstrip("\n").split("|"), strict=True))
            name = row["name"] if row["name"] in known else f"{row['split']}/{row['name']}"
            if name in known and row["gloss"] not in ("?", "<si>", "SILENCE"):
                joints = known[name].joints[int(row["start"]) : int(row["end"])]
                found.append((row["gloss"], joints))
    return found


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def main() -> None:
    """Print both tables, and put them into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kept", type=Path, default=Path("runs/motion-signs"))
    parser.add_argument("--quick", action="store_true", help="A minute; the figures say nothing.")
    parser.add_argument("--only", nargs="*", default=(), help="Signers to train and judge.")
    parser.add_argument("--limit", type=float, default=np.inf, help="Seconds a signer is trained.")
    parser.add_argument("--out", type=Path, help="A page whose tables are replaced.")
    options = parser.parse_args()
    settings = QUICK_SETTINGS if options.quick else SETTINGS
    torch.set_num_threads(1)
    kept = options.kept / ("quick" if options.quick else "full")
    kept.mkdir(parents=True, exist_ok=True)
    same = kept / "settings.json"
    if same.exists() and same.read_text() != json.dumps(settings):
        raise SystemExit(f"{kept}: kept of other settings; remove it or give another --kept")
    if not same.exists():
        same.write_text(json.dumps(settings))
    rows = made_up(options.data, settings, kept, options)
    parts = [
        f"## Real text, made-up movements: {settings['most'][2]} test sentences",
        markdown([*HEAD, *TEXT_HEAD, "training"], rows),
        "## Real text, real movements: 5 test sentences, 10 known ones",
        markdown(HEAD, real(options.data)),
    ]
    print("\n\n".join(parts))
    if options.out:
        options.out.write_text(replaced(options.out.read_text(), parts))


def replaced(page: str, parts: Sequence[str]) -> str:
    """Return a page with two headings and their tables instead of those that it has."""
    for title, table in (parts[:2], parts[2:]):
        start = page.index(title.partition(":")[0])
        rest = page[page.index("\n\n", page.index("\n|", start)) :]
        page = f"{page[:start]}{title}\n\n{table}{rest}"
    return page


if __name__ == "__main__":
    main()
