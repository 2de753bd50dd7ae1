"""The tables of `train.starter.living`: each generator and each set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from verilens.bench import metrics

DRAWS = 500


class Clip(NamedTuple):
    """Whose figures a row holds. generator, family: "" for captured movement."""

    of: str
    source: str
    generator: str
    family: str


def interval(scores: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> str:
    """Return an AUC with its 95 % interval, whole sources drawn."""
    one = metrics.bootstrap(metrics.auc, scores, labels, sources, draws=DRAWS)
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


class Judged(NamedTuple):
    """Clips with their scores, ready to be tabulated; all arrays are (clips,)."""

    clips: Sequence[Clip]
    known: np.ndarray
    new: np.ndarray
    other: np.ndarray
    chance: np.ndarray
    doubt: float


def tables(of: Judged) -> tuple[str, dict[str, float]]:
    """Return the tables as Markdown, and figures by name for the card."""
    fake = np.array([bool(c.generator) for c in of.clips])
    family = np.array([c.family for c in of.clips])
    generator = np.array([c.generator for c in of.clips])
    source = np.array([c.source for c in of.clips])
    sets = np.array([c.of for c in of.clips])
    counted = family != "lifted"

    def row(name: str, chosen: np.ndarray, real: np.ndarray, both: Sequence[np.ndarray]) -> str:
        part = chosen | real
        cells = [interval(s[part], fake[part], source[part]) for s in both]
        flagged = (of.chance[chosen] >= of.doubt).mean()
        return f"| {name} | {int(chosen.sum())} | {' | '.join(cells)} | {flagged:.0%} |"

    lines = [
        "| generator | clips | AUC, source unseen | AUC, source and family unseen | called |",
        "|---|---|---|---|---|",
    ]
    for group in dict.fromkeys(sorted(set(family) - {"", "lifted"})):
        for name in sorted(set(generator[family == group])):
            lines.append(row(f"{group}: {name}", generator == name, ~fake, (of.known, of.new)))
    lines.append(row("**all**", fake & counted, ~fake, (of.known, of.new)))
    if (family == "lifted").any():
        lines.append(
            row(
                "lifted from film, never trained on",
                family == "lifted",
                ~fake & (sets == "cmu_mocap"),
                (of.known, of.new),
            )
        )
    lines += [
        "",
        "| set | captured | made | AUC, family unseen | AUC, set unseen | false alarms |",
        "|---|---|---|---|---|---|",
    ]
    for name in sorted(set(sets)):
        own, real = counted & (sets == name), (sets == name) & ~fake
        cells = [interval(s[own], fake[own], source[own]) for s in (of.new, of.other)]
        alarms = (of.chance[real] >= of.doubt).mean()
        lines.append(
            f"| {name} | {real.sum()} | {(own & fake).sum()} | {' | '.join(cells)} | {alarms:.1%} |"
        )
    figures = {
        "auc_source_unseen": metrics.auc(of.known[counted], fake[counted]),
        "auc_source_and_family_unseen": metrics.auc(of.new[counted], fake[counted]),
        "auc_set_unseen": metrics.auc(of.other[counted], fake[counted]),
        "ece": error(of.chance[counted], fake[counted]),
        "false_alarms": float((of.chance[~fake] >= of.doubt).mean()),
        "called": float((of.chance[fake & counted] >= of.doubt).mean()),
    }
    return "\n".join(lines), figures


def error(chance: np.ndarray, fake: np.ndarray) -> float:
    """Return the calibration error at even classes: the rarer class is repeated."""
    real, made_up = chance[~fake], chance[fake]
    count = max(len(real), len(made_up))
    both = np.concatenate([np.resize(real, count), np.resize(made_up, count)])
    return metrics.expected_calibration_error(both, np.repeat([0, 1], count))
