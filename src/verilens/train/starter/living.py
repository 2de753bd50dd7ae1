"""python -m verilens.train.starter.living: from captured movement to the weights of living_motion.

    pieces -> what makers make of them -> the same changes for both -> figures of stretches
           -> folds by person, a family of makers left out -> out-of-fold scores -> tables
           -> calibration, thresholds -> one network on everything -> files

A piece, what was made of it and of its source are in one fold. The verdict's constants come from
scores of networks that saw neither the source nor the family. Nothing was chosen by these scores:
sizes and steps were set beforehand.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from verilens import catalog
from verilens.bench.metrics import auc
from verilens.motion.lifter import Lifter
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.poses.cameras import Rig, filmed
from verilens.poses.convert import convert
from verilens.train.lifting import every
from verilens.train.starter.captured import FOLDS, Piece, captured, changed, folds
from verilens.train.starter.corpus import Item
from verilens.train.starter.fusion import constants
from verilens.train.starter.living_tables import Clip, Judged, tables
from verilens.train.starter.made_movement import Made, Maker, cropped, made, makers, trained
from verilens.train.starter.write import stored, write_fusion
from verilens.verify.calibrate import BOUND
from verilens.verify.detector import sigmoid
from verilens.verify.living_motion.config import Config
from verilens.verify.living_motion.figures import NAMES, figures
from verilens.verify.living_motion.model import FigureBatch, LivingMotion
from verilens.verify.living_motion.movement import stretches

logger = logging.getLogger(__name__)

CLAIM = "generated-movement"
EACH = 4  # makers asked of a piece, of different families
EPOCHS, BATCH = 25, 512
SIGNER_EPOCHS = 25
MADE, CAPTURED = 0.5, 0.1  # shares of made frames from and up to which a stretch is of a class
LIFTS, LIFTED_S = 30, 3.0  # pieces that are filmed and lifted, and how much of each
LR, WEIGHT_DECAY = 3e-3, 1e-2
COMMAND = "python -m verilens.train.starter.living --data ../shared/data/motion --out OUT"
LICENCE = (
    "Apache-2.0 for the weights file; trained on figures of third-party research movement (CMU is "
    "free for all uses, the others are for research), so check your own use"
)
CORPUS = (
    "CMU motion capture (8 actions), NW-UCLA, MSR Action3D, UTKinect-Action, SFINGE3D, 15 sentences"
    " of RWTH-PHOENIX-Weather 2014T in three dimensions, and 6 films of signers by MediaPipe; what "
    "the makers of train/starter/made_movement.py make of the same pieces"
)
LIMITS = (
    "the generators it saw are those of this project; commercial avatars and text-to-motion models "
    "of others were not at hand",
    "captured movement comes from six kinds of devices; a new one may look generated",
    "no captured face was learned from; most captured movement is of whole bodies or of one hand",
)


class Rows(NamedTuple):
    """Figures of stretches, (N, F); how much of each is made up, (N,); its clip's number, (N,)."""

    figures: np.ndarray
    share: np.ndarray
    clip: np.ndarray


def gathered(root: Path, share: float, seed: int) -> tuple[list[Clip], Rows]:
    """Return every clip, captured and made, with the figures of its stretches."""
    pieces = captured(root, seed)
    pieces = pieces[:: max(1, round(1 / share))]
    logger.info("%d pieces of %d sources", len(pieces), len({p.source for p in pieces}))
    signers = trained(pieces, max(1, round(share * SIGNER_EPOCHS)), seed)
    logger.info("signers are trained")
    filler = catalog.load("stgcdiff")
    assert isinstance(filler, StgcDiff)
    families = makers(filler, signers)
    clips: list[Clip] = []
    found: list[tuple[np.ndarray, float, int]] = []
    for number in range(len(pieces)):
        for clip, one in versions(pieces, number, families, seed):
            found += measured(one, len(clips))
            clips.append(clip)
    for clip, one in lifted(pieces, seed):
        found += measured(one, len(clips))
        clips.append(clip)
    x, part, which = (np.array(column) for column in zip(*found, strict=True))
    return clips, Rows(x, part, which)


def versions(
    pieces: Sequence[Piece], number: int, families: Mapping[str, Mapping[str, Maker]], seed: int
) -> Iterator[tuple[Clip, Made]]:
    """Yield a piece and what EACH makers of different families make of it, all changed alike."""
    piece, rng = pieces[number], np.random.default_rng([seed, number])
    mates = [one for one in pieces if one.source == piece.source]
    found = [("", "", Made(pose=piece.pose, is_made=np.zeros(len(piece.pose), bool)))]
    for family in rng.permutation(list(families)).tolist():
        name = str(rng.choice(list(families[family])))
        one = made(families[family][name], piece, mates, rng)
        if one is not None and len(found) <= EACH:
            found.append((name, family, cropped(one, len(piece.pose) / piece.pose.fps, rng)))
    for name, family, one in found:
        clip = Clip(piece.of, piece.source, name, family)
        yield clip, replace(one, pose=changed(one.pose, rng))


def measured(one: Made, clip: int) -> Iterator[tuple[np.ndarray, float, int]]:
    """Yield the figures of each stretch, how much of it is made up, and its clip."""
    seconds, count = len(one.pose) / one.pose.fps, len(one.is_made)
    for part in stretches(one.pose, Config()):
        start = min(int(part.start_s / seconds * count), count - 1)
        end = max(round(part.end_s / seconds * count), start + 1)
        yield figures(part), float(one.is_made[start:end].mean()), clip


def lifted(pieces: Sequence[Piece], seed: int) -> Iterator[tuple[Clip, Made]]:
    """Yield captured bodies, filmed by virtual cameras and lifted; nothing trains on them."""
    lifter, rng = catalog.load("g_sformer"), np.random.default_rng(seed)
    assert isinstance(lifter, Lifter)
    for piece in [one for one in pieces if one.of == "cmu_mocap"][:LIFTS]:
        body = convert(every(piece.pose, 2), "h36m17")
        root_m = body.joints[0, body.skeleton.root] * 1e-3
        flat = filmed(body, Rig().draw(root_m.astype(float), rng))
        one = cropped(Made(pose=flat, is_made=np.ones(len(flat), bool)), LIFTED_S, rng)
        found = changed(lifter.lift(one.pose), rng)
        clip = Clip(piece.of, piece.source, "g_sformer", "lifted")
        yield clip, Made(pose=found, is_made=one.is_made)


def learned(rows: Rows, clips: Sequence[Clip], used: np.ndarray, seed: int) -> LivingMotion:
    """Return a network trained on the clips that `used` marks, (clips,)."""
    is_fake = np.array([bool(c.generator) for c in clips])[rows.clip]
    clear = np.where(is_fake, rows.share >= MADE, True)
    kept = np.flatnonzero(used[rows.clip] & clear)
    given = FigureBatch(
        figures=torch.from_numpy(rows.figures[kept]).float(),
        labels=torch.from_numpy(is_fake[kept]).float(),
        weights=torch.from_numpy(fair([clips[n] for n in rows.clip[kept]])).float(),
    )
    torch.manual_seed(seed)
    method = LivingMotion()
    method.measure(given.figures[given.labels == 0])
    fitted(method, given, seed)
    return method.eval()


def fitted(method: LivingMotion, given: FigureBatch, seed: int) -> None:
    """Train on labelled figures, in a loop as bare as its steps are short."""
    steps = EPOCHS * (len(given) // BATCH)
    method.train()
    optimiser = torch.optim.AdamW(method.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    drawn = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = torch.from_numpy(drawn.permutation(len(given)))
        for rows in order[: len(given) // BATCH * BATCH].split(BATCH):
            part = FigureBatch(
                figures=given.figures[rows],
                labels=given.labels[rows],
                weights=None if given.weights is None else given.weights[rows],
            )
            optimiser.zero_grad()
            method.training_step(part).total.backward()
            optimiser.step()
            schedule.step()


def fair(clips: Sequence[Clip]) -> np.ndarray:
    """Return weights, (N,): all sets count alike, in a set both classes, and all families."""
    keys = [(c.of, c.family) for c in clips]
    counts = {key: keys.count(key) for key in set(keys)}
    own = {of: len({f for o, f in counts if o == of and f}) for of, _ in counts}
    w = np.array([1 / counts[key] / (own[key[0]] if key[1] else 1) for key in keys])
    return w / w.mean()


def pooled(method: LivingMotion, rows: Rows, count: int) -> np.ndarray:
    """Return the logit of each clip, the mean over its stretches, (clips,); NaN without any."""
    logits = method.logits(rows.figures)
    total = np.bincount(rows.clip, logits, count)
    many = np.bincount(rows.clip, minlength=count)
    return np.divide(total, many, out=np.full(count, np.nan), where=many > 0)


def crossed(clips: Sequence[Clip], rows: Rows, seed: int) -> dict[str, np.ndarray]:
    """Return the logits of clips by networks that never saw their source.

    "known": of networks that saw all families. A family: of networks that did not see it. "new":
    each made clip by those without its family, captured ones by the mean of all those.
    """
    fold = folded(clips)
    families = np.array([c.family for c in clips])
    names = sorted(set(families) - {"", "lifted"})
    found = {name: np.full(len(clips), np.nan) for name in ("known", *names)}
    for k in range(FOLDS):
        for name, column in found.items():
            used = (fold != k) & (families != name) & (families != "lifted")
            scores = pooled(learned(rows, clips, used, seed), rows, len(clips))
            column[fold == k] = scores[fold == k]
        logger.info("fold %d of %d", k + 1, FOLDS)
    new = np.mean([found[name] for name in names], 0)
    for name in names:
        new[families == name] = found[name][families == name]
    new[families == "lifted"] = found["known"][families == "lifted"]
    return {**found, "new": new}


def without_set(clips: Sequence[Clip], rows: Rows, seed: int) -> np.ndarray:
    """Return the logits of clips by networks that saw nothing of their set, captured or made."""
    of = np.array([c.of for c in clips])
    is_lifted = np.array([c.family == "lifted" for c in clips])
    found = np.full(len(clips), np.nan)
    for name in sorted(set(of)):
        method = learned(rows, clips, (of != name) & ~is_lifted, seed)
        found[of == name] = pooled(method, rows, len(clips))[of == name]
    return found


def blind(clips: Sequence[Clip], rows: Rows) -> float:
    """Return the AUC of what is known of a clip beside its figures, by unseen sources: the audit.

    That is its set, how many stretches it has, and which figures are known; 0.5 is as it should be.
    """
    of, fold = np.array([c.of for c in clips]), folded(clips)
    count = np.bincount(rows.clip, minlength=len(clips))
    unknown = np.zeros((len(clips), rows.figures.shape[1]))
    np.add.at(unknown, rows.clip, np.isnan(rows.figures))
    share = unknown / np.maximum(count, 1)[:, None]
    x = np.column_stack([np.unique(of, return_inverse=True)[1], count, share])
    fake = np.array([bool(c.generator) for c in clips])
    used = np.array([c.family != "lifted" for c in clips]) & (count > 0)
    found = np.zeros(len(clips))
    for k in range(FOLDS):
        rest, held = used & (fold != k), used & (fold == k)
        model = HistGradientBoostingClassifier(max_iter=60, max_depth=4, random_state=0)
        found[held] = model.fit(x[rest], fake[rest]).predict_proba(x[held])[:, 1]
    return auc(found[used], fake[used])


def folded(clips: Sequence[Clip]) -> np.ndarray:
    """Return the fold of each clip, (clips,)."""
    of = folds((c.of, c.source) for c in clips)
    return np.array([of[c.source] for c in clips])


def calibrated(clips: Sequence[Clip], logits: np.ndarray, seed: int) -> dict[str, object]:
    """Return the verdict's constants, from logits of clips whose source and family were unseen."""
    items = [
        Item(
            path=Path(c.source),
            kind="video",
            label="ai" if c.generator else "real",
            generator=c.generator,
            source=c.source,
            origin=c.source,
            width=0,
            height=0,
        )
        for c in clips
    ]
    (row,) = constants(logits[:, None], [LivingMotion.name], items, seed)
    return {**row, "claim": CLAIM}


def probabilities(row: Mapping[str, object], logits: np.ndarray) -> np.ndarray:
    """Return the calibrated probabilities of logits."""
    bias, weight = row["draws"][0]  # type: ignore[index]
    x = (logits - row["centre"][0]) / row["spread"][0]  # type: ignore[index]
    return sigmoid(bias + weight * np.clip(x, -BOUND, BOUND))


def nested(clips: Sequence[Clip], logits: np.ndarray, seed: int) -> np.ndarray:
    """Return probabilities whose calibration saw other sources alone, (clips,)."""
    fold = folded(clips)
    counted = np.array([c.family != "lifted" for c in clips])
    found = np.full(len(clips), np.nan)
    for k in range(FOLDS):
        rest = np.flatnonzero((fold != k) & counted).tolist()
        row = calibrated([clips[n] for n in rest], logits[rest], seed)
        found[fold == k] = probabilities(row, logits[fold == k])
    return found


def write(method: LivingMotion, folder: Path, seed: int, measured: Mapping[str, float]) -> Path:
    """Write the weights (float16) and their card."""
    card = {
        "licence": LICENCE,
        "corpus": CORPUS,
        "recipe": f"{len(NAMES)} figures of stretches of two seconds; {EPOCHS} epochs of AdamW at "
        f"{LR:g} in batches of {BATCH}, sets, classes and families weighed alike; both classes"
        " flattened, slowed, smoothed, noised and rounded alike",
        "command": COMMAND,
        "seed": seed,
        "measured": {name: round(value, 4) for name, value in measured.items()},
        "limits": list(LIMITS),
    }
    return stored(method, folder, card)


def run(args: argparse.Namespace) -> None:
    """Run all stages."""
    kept = args.work / "living-figures.npz"
    if kept.exists():
        with np.load(kept) as held:
            clips = [Clip(*map(str, row)) for row in held["clips"]]
            rows = Rows(held["figures"], held["share"], held["clip"])
    else:
        clips, rows = gathered(args.data, args.share, args.seed)
        args.work.mkdir(parents=True, exist_ok=True)
        np.savez(kept, clips=np.array(clips), **rows._asdict())
    logger.info("%d clips, %d stretches", len(clips), len(rows.figures))
    scores = crossed(clips, rows, args.seed)
    other = without_set(clips, rows, args.seed)
    audit = blind(clips, rows)
    held = [n for n in range(len(clips)) if np.isfinite(scores["new"][n])]
    clips_held = [clips[n] for n in held]
    known, new, other = scores["known"][held], scores["new"][held], other[held]
    counted = [n for n, c in enumerate(clips_held) if c.family != "lifted"]
    row = calibrated([clips_held[n] for n in counted], new[counted], args.seed)
    chance = nested(clips_held, new, args.seed)
    told, measured_ = tables(Judged(clips_held, known, new, other, chance, float(row["doubt"])))  # type: ignore[arg-type]
    measured_ |= {"auc_blind": audit}
    logger.info("%s\n\n%s", told, measured_)
    everything = np.array([c.family != "lifted" for c in clips])
    method = learned(rows, clips, everything, args.seed)
    write(method, args.out / method.name, args.seed, measured_)
    write_fusion(args.out / "fusion.json", {"movement": [row]}, claim=CLAIM)
    (args.out / "tables.md").write_text(told + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m verilens.train.starter.living", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion sets")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--share", type=float, default=1.0, help="of the pieces; less for a try")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    torch.set_num_threads(1)
    run(args)


if __name__ == "__main__":
    main()
