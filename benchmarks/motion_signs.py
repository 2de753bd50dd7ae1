"""What signs a sentence best: learned signers beside standing still, the nearest and retrieval.

    python benchmarks/motion_signs.py --data shared/data/motion [--train 2000] [--quick] [--out X]

Two tables. In the first the text is real (PHOENIX14T, its own splits) and the movements are made
up: every gloss has one random movement of 50 joints, a sentence is its glosses in a row. A small
back-translation network is trained on them and reads what each signer makes. In the second text and
movements are real, the 15 published sequences: signers know the ten of train and dev and sign the
five of test; too few for a reader, so there is no text measure. Intervals: 95 %, sentences
resampled.
"""

import argparse
import gzip
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from verilens.bench.metrics import signs
from verilens.motion import retrieval
from verilens.motion.progressive_transformer.config import Config as ProgressiveConfig
from verilens.motion.progressive_transformer.model import ProgressiveTransformer
from verilens.motion.sentences import read_corpus
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

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "motion"))
from toy_signs import prototypes, signed_from

JOINTS, GLOSS_FRAMES, NOISE, DRAWS, TESTS = 50, 8, 0.01, 200, 200
EPOCHS = {"reader": 25, "tdm_slp": 15, "progressive_transformer": 6}
WRISTS = (4, 7)
QUICK = {"width": 64, "layers": 1, "heads": 4, "inner": 128}
SMALL = {"width": 128, "layers": 2, "heads": 4, "inner": 512}
Sign = Callable[[str, int], np.ndarray]


@dataclass
class Row:
    """What one signer made: the movements, and what was read out of them."""

    name: str
    made: list[np.ndarray]
    read: list[str]


def learned(method, signed, epochs: int, lr: float = 1e-3):
    """Return a method trained on signed sentences, and the seconds it took."""
    start = time.perf_counter()
    for _ in fit(
        method, method.sentences(signed, 32, 0), Plan(lr=lr, epochs=epochs, clip_norm=5.0)
    ):
        pass
    return method.eval(), time.perf_counter() - start


def intervals(row: Row, truth: Sequence[np.ndarray], wanted: Sequence[str]) -> list[str]:
    """Return the cells of a row, with intervals over sentences."""
    ours, theirs = [m[::2] for m in row.made], [m[::2] for m in truth]
    each = [errors(a, b) for a, b in zip(ours, theirs, strict=True)]
    sums, counts = np.array([e.sum() for e in each]), np.array([e.size for e in each])
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(each), (DRAWS, len(each)))
    mje = spread(sums.sum() / counts.sum(), [sums[d].sum() / counts[d].sum() for d in draws], 4)
    distance = signs.total_distance(ours, theirs, WRISTS)
    cells = [row.name, mje, f"{distance:.2f}", f"{signs.average_duration(ours, theirs):.2f}"]
    if not row.read:
        return cells
    bleu = signs.bleu(row.read, wanted)
    again = [signs.bleu([row.read[n] for n in d], [wanted[n] for n in d])[0] for d in draws[:50]]
    texts = (bleu[3], signs.rouge_l(row.read, wanted), signs.wer(row.read, wanted))
    return [*cells, spread(bleu[0], again, 1), *(f"{value:.1f}" for value in texts)]


def errors(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distances of joints along the aligned frames of two movements."""
    path = dtw.fast(a, b).path
    return np.linalg.norm(a[path[:, 0]].astype(float) - b[path[:, 1]], axis=-1)


def spread(value: float, draws: Sequence[float], digits: int) -> str:
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def made_up(folder: Path, count: int, asked: int) -> tuple[list[list[str]], dict[str, float]]:
    """Return the rows of the first table, and the seconds each training took."""
    rng = np.random.default_rng(0)
    text = folder / "phoenix14t_text"
    splits = {s: read_corpus(text / f"PHOENIX-2014-T.{s}.corpus.csv") for s in ("train", "test")}
    glosses = counted(row.gloss for rows in splits.values() for row in rows)
    lexicon = prototypes(glosses, JOINTS, GLOSS_FRAMES, rng)
    chosen = rng.permutation(len(splits["train"]))[:count]
    train = signed_from([splits["train"][n] for n in chosen], lexicon, NOISE, rng)
    tests = [splits["test"][n] for n in rng.permutation(len(splits["test"]))[:asked]]
    truth = signed_from(tests, lexicon, NOISE, rng)
    words = counted(s.text.lower() for s in train)
    seconds: dict[str, float] = {}
    torch.manual_seed(0)
    reader, seconds["reader"] = learned(
        BackTranslation(
            ReaderConfig(
                joints=JOINTS,
                words=words,
                glosses=counted(s.gloss for s in train),
                longest=40,
                **SMALL,
            )
        ),
        train,
        EPOCHS["reader"],
    )
    torch.manual_seed(0)
    tdm, seconds["tdm_slp"] = learned(
        TDM(TDMConfig(skeleton="phoenix50", joints=JOINTS, bones=BONES, words=words, **SMALL)),
        train,
        EPOCHS["tdm_slp"],
    )
    torch.manual_seed(0)
    progressive, seconds["progressive_transformer"] = learned(
        ProgressiveTransformer(ProgressiveConfig(joints=JOINTS, words=words, **SMALL)),
        train,
        EPOCHS["progressive_transformer"],
    )
    table = retrieval.glossary([(s.text, s.gloss) for s in train])
    known = {g for s in train for g in s.gloss.split()}
    stitched = retrieval.Retrieval(
        train,
        {g: m for g, m in lexicon.items() if g in known},
        lambda sentence: retrieval.glossed(sentence, table),
    )
    signers: dict[str, Sign] = {
        "mean pose": retrieval.MeanPose(train).joints,
        "nearest sentence": retrieval.NearestSentence(train).joints,
        "retrieval, glosses stitched": lambda t, n: stitched.joints(t, 0),
        "progressive_transformer (small)": lambda t, n: progressive.sign(t, n).joints,
        "tdm_slp (small)": lambda t, n: tdm.sign(t, n).joints,
    }
    moves, wanted = [s.joints for s in truth], [s.text for s in truth]
    rows = [Row("the true movements", moves, reader.translate([m[::2] for m in moves]))]
    for name, sign in signers.items():
        made = [sign(s.text, len(s.joints)) for s in truth]
        rows.append(Row(name, made, reader.translate([m[::2] for m in made])))
    shuffled = [moves[(n + 1) % len(moves)] for n in range(len(moves))]
    texts = reader.translate([m[::2] for m in shuffled])
    rows.append(Row("other sentences' movements", shuffled, texts))
    return [intervals(row, moves, wanted) for row in rows], seconds


def real(folder: Path) -> list[list[str]]:
    """Return the rows of the second table: five sentences signed from ten others."""
    sample = folder / "phoenix14t_skels_sample"
    sets = {s: read_submission(sample / f"{s}.skels") for s in ("train", "dev", "test")}
    known = {**sets["train"], **sets["dev"]}
    segments = read_segments(folder / "phoenix14t_text" / "gloss_segments.csv.gz", known)
    recorded = retrieval.recordings([(g, m) for g, m in segments], longest=60)
    truth = sets["test"]
    moves = [s.joints for s in truth.values()]
    rng = np.random.default_rng(0)
    pool = list(recorded.values())
    still = retrieval.MeanPose(list(known.values()))
    nearest = retrieval.NearestSentence(list(known.values()))
    stitch: dict[str, Callable[[Signed], np.ndarray]] = {
        "mean pose": lambda s: still.joints(s.text, len(s.joints)),
        "nearest sentence": lambda s: nearest.joints(s.text),
        "retrieval by true glosses": lambda s: stitched(s, recorded),
        "random recordings": lambda s: np.concatenate(
            [pool[rng.integers(len(pool))] for _ in s.gloss.split()]
        ),
    }
    rows = [Row(name, [sign(s) for s in truth.values()], []) for name, sign in stitch.items()]
    return [intervals(row, moves, []) for row in rows]


def stitched(signed: Signed, recorded: dict[str, np.ndarray]) -> np.ndarray:
    """Return the recordings of a sentence's glosses in a row; unknown ones are left out."""
    parts = [recorded[g] for g in signed.gloss.split() if g in recorded]
    return np.concatenate(parts) if parts else next(iter(recorded.values()))


def read_segments(path: Path, known: dict[str, Signed]) -> list[tuple[str, np.ndarray]]:
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
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="Seconds instead of minutes.")
    parser.add_argument("--out", type=Path, help="A page whose tables are replaced.")
    options = parser.parse_args()
    if options.quick:
        SMALL.update(QUICK)
        EPOCHS.update({"reader": 4, "tdm_slp": 2, "progressive_transformer": 1})
        options.train, tests = 150, 12
    else:
        tests = TESTS
    start = time.perf_counter()
    rows, seconds = made_up(options.data, options.train, tests)
    head = ["signer", "DTW-MJE", "distance", "duration"]
    text = ["BLEU-1", "BLEU-4", "ROUGE-L", "WER"]
    parts = [
        f"## Real text, made-up movements: {tests} test sentences, {options.train} for training",
        markdown([*head, *text], rows),
        "## Real text, real movements: 5 test sentences, 10 known ones",
        markdown(head, real(options.data)),
        "Seconds of training: "
        + ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
        + f"; {time.perf_counter() - start:.0f} in all.",
    ]
    told = "\n\n".join(parts)
    print(told)
    if options.out:
        page = options.out.read_text() if options.out.exists() else ""
        top = page.split("## Real text,")[0].rstrip()
        options.out.write_text(f"{top}\n\n{told}\n".lstrip())


if __name__ == "__main__":
    main()
