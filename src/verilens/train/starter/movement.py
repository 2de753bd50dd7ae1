"""python -m verilens.train.starter.movement: starter weights of lifters and of the filler.

    CMU motion capture -> thirty frames a second -> cameras or gaps -> train -> files

Trained on the sequences that the set calls training; the figures on the cards are of the others.
The files land in --out, in the layout of `verilens/motion`; copy them over it to ship them.
"""

import argparse
import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from verilens.motion.g_sformer.config import Config as GSFormerConfig
from verilens.motion.g_sformer.model import GSFormer
from verilens.motion.stgcdiff.config import Config as StgcDiffConfig
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.motion.temporal_conv.config import Config as TemporalConvConfig
from verilens.motion.temporal_conv.model import TemporalConv
from verilens.poses.convert import convert
from verilens.poses.packs import packed
from verilens.records import Pose
from verilens.train.ema import swapped_in
from verilens.train.filling import Windows, fit_filler
from verilens.train.lifting import Filmed, Views, every
from verilens.train.loop import Step, fit
from verilens.train.recipe import Plan
from verilens.train.starter.write import stored

logger = logging.getLogger(__name__)

Trained = GSFormer | TemporalConv | StgcDiff

SET = "cmu_mocap"
STEP = 2  # 60 frames a second to 30
NOISE_PX = 2.0
MIXED = 0.5  # movements of this set all face the same way
GAP_WINDOW = 24
PLANS = {
    "g_sformer": Plan(
        lr=2e-3, batch=64, epochs=1, amsgrad=True, schedule="cosine", warmup_steps=20, ema=0.99,
        clip_norm=1.0,
    ),
    "temporal_conv": Plan(
        lr=2e-3, batch=128, epochs=1, amsgrad=True, schedule="cosine", warmup_steps=20, ema=0.99
    ),
    "rebuild": Plan(lr=2e-3, batch=32, epochs=1, schedule="cosine"),
    "stgcdiff": Plan(
        lr=2e-3, batch=24, epochs=1, schedule="cosine", warmup_steps=20, ema=0.99, clip_norm=1.0
    ),
}  # fmt: skip
STEPS = {"g_sformer": 1400, "temporal_conv": 2000, "rebuild": 100, "stgcdiff": 500}
LICENCE = (
    "Apache-2.0 for the weights file; trained on the CMU Graphics Lab Motion Capture Database, "
    "which is free for all uses (mocap.cs.cmu.edu, created with funding from NSF EIA-0196217)"
)
CORPUS = (
    "32 sequences of seven actions of the CMU motion capture database, as the set of Li et al. "
    "(2018) calls its training split; 30 frames a second, one body size"
)
MEASURE = "python benchmarks/motion_lift.py --data ../shared/data/motion"
LIMITS = (
    "seven everyday actions and sports: other movements do worse",
    "the set's pelvis hardly turns or moves: lying and tumbling were never seen",
    "one body, which the set makes 1.24 times as large as the person: sizes are not those filmed",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is named and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", nargs="+", choices=("g_sformer", "temporal_conv", "stgcdiff"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/motion"))
    parser.add_argument("--out", type=Path, default=Path("starter-weights"))
    parser.add_argument("--share", type=float, default=1.0, help="of the steps; less for a try")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    poses = training(given.data)
    for name in given.method:
        method = trained(name, poses, given.share, given.seed)
        logger.info("%s", write(method, name, given.out / name, given.seed))


def training(root: Path) -> list[Pose]:
    """Return the training movements, both halves of their frames, 30 a second."""
    clips = [clip.pose for clip in packed(root, SET) if clip.split == "train"]
    return [every(later(pose, start), STEP) for pose in clips for start in range(STEP)]


def later(pose: Pose, start: int) -> Pose:
    """Return a pose without its first frames."""
    return dataclasses.replace(pose, joints=pose.joints[start:], confidence=pose.confidence[start:])


def trained(name: str, poses: Sequence[Pose], share: float = 1.0, seed: int = 0) -> Trained:
    """Return a method trained on movements of cmu38, in evaluation mode, with averaged weights."""
    torch.manual_seed(seed)
    if name == "stgcdiff":
        filler = StgcDiff(StgcDiffConfig.starter())
        first, then = (plan(part, share, seed) for part in ("rebuild", "stgcdiff"))
        windows = Windows(poses, GAP_WINDOW, then.batch, steps=then.steps, seed=seed)
        return averaged(filler, fit_filler(filler, windows, first, then))
    lifters: dict[str, GSFormer | TemporalConv] = {
        "g_sformer": GSFormer(GSFormerConfig.starter()),
        "temporal_conv": TemporalConv(TemporalConvConfig.starter()),
    }
    lifter, steps = lifters[name], plan(name, share, seed)
    bodies = [convert(pose, "h36m17") for pose in poses]
    views = Views(noise_px=NOISE_PX, mixed=MIXED)
    filmed = Filmed(bodies, lifter.config.window, views, steps.batch, steps.steps, seed)
    return averaged(lifter, fit(lifter, filmed, steps))


def plan(name: str, share: float, seed: int) -> Plan:
    """Return the plan of a training, its steps scaled."""
    return dataclasses.replace(PLANS[name], steps=max(1, round(share * STEPS[name])), seed=seed)


def averaged(method: Trained, steps: Iterator[Step]) -> Trained:
    """Run a training to its end and return the method with the average of its weights."""
    last = None
    for last in steps:
        if last.n % 100 == 0:
            logger.info("%d/%d: loss %.4f", last.n, last.total, last.loss)
    with swapped_in(method, last.average if last else None):
        state = {k: v.detach().clone() for k, v in method.state_dict().items()}
    method.load_state_dict(state)
    return method.eval()


def write(method: Trained, name: str, folder: Path, seed: int) -> Path:
    """Write `starter.safetensors` (float16) and its card; return the weights file."""
    phases = ("rebuild", name) if name == "stgcdiff" else (name,)
    told = "; ".join(f"{STEPS[p]} steps of {PLANS[p].batch} at {PLANS[p].lr:g}" for p in phases)
    seen = (
        f", cameras drawn anew for every window, noise of {NOISE_PX:g} px, {MIXED:.0%} with legs "
        "of another movement"
    )
    card = {
        "licence": LICENCE,
        "corpus": CORPUS,
        "recipe": f"Config.starter(); {told}, cosine schedule, averaged weights, one thread"
        f"{'' if name == 'stgcdiff' else seen}",
        "command": f"python -m verilens.train.starter.movement {name} --out OUT; measured by "
        f"{MEASURE}",
        "seed": seed,
        "measured": {},
        "limits": list(LIMITS),
    }
    return stored(method, folder, card)


if __name__ == "__main__":
    main()
