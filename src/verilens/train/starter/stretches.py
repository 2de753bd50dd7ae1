"""python -m verilens.train.starter.stretches: from genuine films to the weights of bmn.

    corpus -> draws of films with forged stretches -> one training without each fold of sources
           -> the bound that genuine films of unseen sources keep -> training on all these folds

One fold of sources is left to `benchmarks/spliced.py`. Every stage leaves its result in --work, and
is taken up where it was left.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, dropout1d

from verilens.bench import metrics
from verilens.train.starter.face_training import rate
from verilens.train.starter.spliced_films import TESTED, Draws, draws_of, films, joined
from verilens.train.starter.splices import FORGERIES
from verilens.train.starter.write import stored
from verilens.verify.bmn.config import Config
from verilens.verify.bmn.loss import Maps, forged_stretches, loss, targets
from verilens.verify.bmn.model import BMN
from verilens.verify.bmn.proposals import Scored, candidates
from verilens.verify.detector import sigmoid

MOMENTS, MOMENTS_FILMS = 400, 32  # steps on single moments, and films of a step
STEPS, STEPS_FILMS = 700, 8  # steps on stretches
LR, DECAY, DROPPED = 2e-3, 1e-2, 0.1
FORGED_WEIGHT = 2.0  # of a forged moment
GENUINE = 0.95  # of genuine films of unseen sources, in which nothing is to be reported
TIOU = 0.5
NAME = "stretches"  # not "starter": a scan asks for them only when told so
LICENCE = (
    "Apache-2.0 for the weights file; trained on third-party films gathered for research use, so "
    "check your own use"
)
CORPUS = (
    "genuine films of the data folder of research media, of the files its more.csv lists (MORE) "
    "and of those of verilens.train.starter.sources (SOURCES): "
)
COMMAND = (
    "python -m verilens.train.starter.stretches --data ../shared/data --extra MORE "
    "--extra SOURCES --out OUT"
)
LIMITS = (
    "trained on six simple ways to re-make a stretch, not on the output of generators or editors",
    "the bound on genuine films was chosen on few sources; a source of another kind may exceed it",
)
Floats = NDArray[np.float64]
logger = logging.getLogger(__name__)


def fit(method: BMN, draws: Draws, seed: int) -> Iterator[tuple[int, float]]:
    """Yield (step, loss) of a training in place: first on single moments, then on stretches."""
    rng = np.random.default_rng([seed, 3])
    method.train()
    of_moments = nn.Conv1d(method.config.hidden[0], 1, 1)
    parts = [*method.embed.parameters(), *method.head.base.parameters()]
    parts += [*method.head.inside.parameters(), *of_moments.parameters()]
    for n, (x, forged) in enumerate(batches(draws, MOMENTS, MOMENTS_FILMS, rng, parts)):
        seen = of_moments(method.head.inside(method.head.base(method.embed(x))))[:, 0]
        weight = 1 + (FORGED_WEIGHT - 1) * forged
        total = binary_cross_entropy_with_logits(seen, forged, weight)
        total.backward()
        yield n + 1, float(total.detach())
    config = method.config
    parts = list(method.parameters())
    for n, (x, forged) in enumerate(batches(draws, STEPS, STEPS_FILMS, rng, parts)):
        truth = targets(forged_stretches(forged, config.steps), config.steps, config.columns)
        total = loss(method.head(method.embed(x)), truth, config.regression).total
        total.backward()
        yield n + 1, float(total.detach())
    method.eval()


def batches(
    draws: Draws, steps: int, size: int, rng: np.random.Generator, parts: Sequence[nn.Parameter]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (x, forged) of random draws, which run both ways; after each, `parts` take a step."""
    optimiser = torch.optim.AdamW(parts, LR, weight_decay=DECAY)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = LR * rate(step, steps)
        rows = rng.choice(len(draws.steps), min(size, len(draws.steps)), replace=False)
        x = torch.from_numpy(draws.steps[rows]).float()
        forged = torch.from_numpy(draws.forged[rows])
        if rng.random() < 0.5:
            x, forged = x.flip(2), forged.flip(1)
        optimiser.zero_grad(set_to_none=True)
        yield dropout1d(x, DROPPED), forged
        nn.utils.clip_grad_norm_(parts, 5.0)
        optimiser.step()


@torch.inference_mode()
def maps_of(method: BMN, draws: Draws) -> Maps:
    """Return the maps of draws."""
    parts = [
        method.head(method.embed(torch.from_numpy(draws.steps[n : n + 8]).float()))
        for n in range(0, len(draws.steps), 8)
    ]
    return Maps(*(torch.cat(part) for part in zip(*parts, strict=True)))


def proposed(maps: Maps, film: int, config: Config, lowered: float = 0.0) -> Scored:
    """Return a film's candidates when all logits are lowered by so much."""
    chances = (sigmoid(m[film].double().numpy() - lowered) for m in maps)
    start, end, regression, fitting = chances
    return candidates(start, end, regression * fitting, config)


def best(maps: Maps, config: Config, lowered: float = 0.0) -> Floats:
    """Return the score of each film's best stretch, (N,)."""
    scored = (proposed(maps, n, config, lowered).scores for n in range(len(maps.start)))
    return np.array([scores[0] if len(scores) else 0.0 for scores in scored])


def bound(maps: Maps, config: Config) -> float:
    """Return by how much logits must be lowered for GENUINE of these films to score below 0.5."""
    low, high = -8.0, 8.0
    for _ in range(12):
        middle = (low + high) / 2
        is_loud = _most(best(maps, config, middle)) > 0.5
        low, high = (middle, high) if is_loud else (low, middle)
    return high


def _most(scores: Floats) -> float:
    """Return the score that GENUINE of these, and no fewer, do not exceed."""
    return float(np.quantile(scores, GENUINE, method="higher"))


@torch.no_grad()
def lowered(method: BMN, amount: float) -> BMN:
    """Return the network, changed in place: the four logits of a score are lower by `amount`."""
    for name in ("start.2", "end.2", "fit.7"):
        method.head.get_parameter(f"{name}.bias").sub_(amount)
    return method


def told(maps: Maps, draws: Draws, config: Config, amount: float) -> dict[str, float]:
    """Return what draws of unseen sources say of the network and its bound."""
    scores = best(maps, config, amount)
    is_genuine = draws.is_genuine
    figures = {
        "validation_film_auc": metrics.auc(scores, ~is_genuine),
        "validation_genuine_marked": float((scores[is_genuine] > 0.5).mean()),
    }
    truth = forged_stretches(torch.from_numpy(draws.forged), config.steps)
    for kind in ("", *FORGERIES):
        rows = [n for n in np.flatnonzero(~is_genuine).tolist() if kind in ("", draws.kinds[n])]
        hits = [_is_hit(proposed(maps, n, config, amount), truth[n].numpy()) for n in rows]
        name = kind.replace("-", "_") or "all"
        figures[f"validation_{name}_found"] = float(np.mean(hits)) if hits else 0.0
    return {name: round(value, 4) for name, value in figures.items()}


def _is_hit(found: Scored, truth: NDArray[np.float32]) -> bool:
    """Return whether the best stretch is reported and overlaps a true one by TIOU at least."""
    if not len(found.scores) or found.scores[0] <= 0.5:
        return False
    start, end = found.spans[0]
    shared = np.minimum(truth[:, 1], end) - np.maximum(truth[:, 0], start)
    both = np.maximum(truth[:, 1], end) - np.minimum(truth[:, 0], start)
    return bool((shared / both).max() >= TIOU)


def made(args: argparse.Namespace) -> Draws:
    """Return the draws of all films but the tested ones, made where missing."""
    file = args.work / "stretches.npz"
    if not file.exists():
        items = [pair for pair in films(args.data, args.extra) if pair[1] != TESTED]
        np.savez(file, **joined([*draws_of(items, new(args.seed), args.seed)])._asdict())
    with np.load(file) as held:
        return Draws(**held)


def new(seed: int) -> BMN:
    """Return an untrained network, in evaluation mode."""
    torch.manual_seed(seed)
    return BMN(Config.starter()).eval()


def trained(args: argparse.Namespace, draws: Draws, name: str) -> BMN:
    """Return a network trained on these draws, read from --work where it was trained before."""
    method, file = new(args.seed), args.work / f"stretches-{name}.pt"
    if file.exists():
        method.load_state_dict(torch.load(file, weights_only=True))
        return method
    for step, value in fit(method, draws, args.seed):
        if step % 50 == 0:
            logger.info("%s, step %d: loss %.3f", name, step, value)
    torch.save(method.state_dict(), file)
    return method


def measured(args: argparse.Namespace, draws: Draws) -> tuple[float, dict[str, float]]:
    """Return the bound and the figures, each film judged by a network that saw no such source."""
    parts, order = [], []
    for fold in np.unique(draws.folds):
        method = trained(args, draws.of(draws.folds != fold), f"without-{fold}")
        parts.append(maps_of(method, draws.of(draws.folds == fold)))
        order.append(np.flatnonzero(draws.folds == fold))
    maps = Maps(*(torch.cat(part) for part in zip(*parts, strict=True)))
    seen = draws.of(np.concatenate(order))
    genuine = Maps(*(part[torch.from_numpy(seen.is_genuine)] for part in maps))
    amount = bound(genuine, method.config)
    return amount, told(maps, seen, method.config, amount)


def card(draws: Draws, seed: int, figures: Mapping[str, float]) -> dict[str, object]:
    """Return what is known of the weights."""
    return {
        "licence": LICENCE,
        "corpus": f"{CORPUS}{len(np.unique(draws.films))} films in {len(draws.steps)} draws",
        "recipe": f"{MOMENTS} steps of {MOMENTS_FILMS} films on moments, then {STEPS} of "
        f"{STEPS_FILMS} on stretches, AdamW at {LR:g} falling as a cosine; stretches of 0.6 to 3 s "
        "re-made in six ways, in the whole frame or an ellipse; scale and one H.264 encode drawn "
        f"for genuine and forged films alike; bound: {GENUINE:.0%} of genuine draws of sources "
        "left out of training stay without a stretch",
        "measured": dict(figures),
        "command": COMMAND,
        "seed": seed,
        "limits": list(LIMITS),
    }


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m verilens.train.starter.stretches", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument("--extra", type=Path, action="append", default=[], help="further corpora")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(given)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    draws = made(args)
    amount, figures = measured(args, draws)
    logger.info("lowered by %.3f: %s", amount, json.dumps(figures, indent=1))
    method = lowered(trained(args, draws, "all"), amount)
    stored(method, args.out / "bmn", card(draws, args.seed, figures), NAME)


if __name__ == "__main__":
    main()
