"""Calibrates the verdict on presentation attacks, stills and films apart, and measures it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from verilens.train.starter.corpus import Item, Kind, group_of
from verilens.train.starter.fusion import constants
from verilens.train.starter.spoof_crops import GENUINE, MOMENTS, Bank
from verilens.train.starter.spoof_training import Doubles, Features, judged, scores
from verilens.verify.calibrate import BOUND
from verilens.verify.detector import sigmoid
from verilens.verify.skin_probe.model import SkinProbe

# Share of simulated attacks that may be called bona fide. Real ones look more like skin: of the
# half of real pictures that chose this (docs/spoof.md), 8 % stay under the threshold it gives.
CLEAR = 0.005
Rows = dict[str, list[dict[str, object]]]


class Judged(NamedTuple):
    """Presentations with a logit each: stills, or films whose frames are averaged."""

    logits: Doubles
    bank: Bank


def of_stills(method: SkinProbe, made: Features) -> Judged:
    """Return the logits of single crops."""
    return Judged(scores(method, made), made.bank)


def of_films(method: SkinProbe, made: Features) -> Judged:
    """Return the mean logit of each film."""
    pooled = scores(method, made).reshape(-1, MOMENTS).mean(1)
    return Judged(pooled, made.bank.take(np.arange(0, len(made.bank.kinds), MOMENTS)))


def calibrated(name: str, known: Mapping[Kind, Judged], seed: int) -> Rows:
    """Return the verdict's constants for stills and for films, each from its own scores."""
    found: Rows = {}
    for kind, one in known.items():
        pairs = zip(one.bank.sources, one.bank.kinds, strict=True)
        items = [_item(str(source), str(attack)) for source, attack in pairs]
        rows = constants(one.logits[:, None], [name], items, seed)
        found[kind] = [{**row, "clear": clear(one, row), "claim": "spoof"} for row in rows]
    return found


def clear(known: Judged, row: Mapping[str, Any]) -> float:
    """Return the probability that CLEAR of the attacks stay under."""
    attacks = known.logits[known.bank.kinds != GENUINE]
    return round(float(np.quantile(chances(attacks, row), CLEAR)), 4)


def chances(logits: Doubles, row: Mapping[str, Any]) -> Doubles:
    """Return the probabilities of an attack that a row of constants makes of logits."""
    bias, weight = row["draws"][0]
    x = np.clip((logits - row["centre"][0]) / row["spread"][0], -BOUND, BOUND)
    return sigmoid(bias + weight * x)


def flagged(name: str, new: Judged, row: Mapping[str, Any]) -> dict[str, float]:
    """Return how the verdict errs: at "suspicious" BPCER and APCER of each kind, and its ECE.

    cleared: shares of bona fide and of attacks that are called bona fide.
    """
    found, real = chances(new.logits, row), new.bank.kinds == GENUINE
    figures = judged(found, new.bank, float(np.nextafter(row["doubt"], 0)))
    apcer = {f"{name}_apcer_{kind}": rate.value for kind, rate in figures.apcer.items()}
    cleared = found < row["clear"]
    return {
        f"{name}_bpcer": figures.bpcer.value,
        **apcer,
        f"{name}_ece": ece(found, new.bank),
        f"{name}_cleared_bona_fide": float(cleared[real].mean()),
        f"{name}_cleared_attacks": float(cleared[~real].mean()),
    }


def ece(chances: Doubles, made: Bank) -> float:
    """Return the expected calibration error where attacks and bona fide are as frequent."""
    attack = made.kinds != GENUINE
    weight = np.where(attack, 0.5 / attack.sum(), 0.5 / (~attack).sum())
    bins = np.minimum((chances * 10).astype(int), 9)
    gaps = [abs((weight * (chances - attack))[bins == n].sum()) for n in range(10)]
    return float(sum(gaps))


def _item(source: str, kind: str) -> Item:
    label = "real" if kind == GENUINE else "ai"  # what `constants` calls genuine and fake
    return Item(
        path=Path(source),
        kind="image",
        label=label,  # type: ignore[arg-type]
        generator="" if kind == GENUINE else kind,
        source=min(group_of(source)),
        origin=source,
        width=0,
        height=0,
    )
