"""Produced signing against a reference, scored as the SLRTP 2025 challenge does."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import ModuleType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError, DatasetError, MissingExtra
from verilens.motion.submission import Signed, problems
from verilens.poses import dtw
from verilens.poses.make import guessed

Movement = NDArray[np.float32]
FULL_FPS = 25


class Reader(Protocol):
    """What reads signing; the method `slrtp` with weights."""

    def translate(self, movements: Sequence[Movement]) -> list[str]: ...
    def features(self, movements: Sequence[Movement]) -> NDArray[np.float64]: ...


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The measures of one set of predictions; those of text are None where nobody read them.

    bleu: 1 to 4. frechet: between the reader's features, None for fewer than two sentences.
    """

    dtw_mje: float
    distance: float
    duration: float
    bleu: tuple[float, float, float, float] | None = None
    chrf: float | None = None
    rouge: float | None = None
    wer: float | None = None
    frechet: float | None = None
    texts: tuple[str, ...] = ()

    def row(self) -> list[float | None]:
        """Return the values in the order of the leaderboard's columns."""
        bleu = self.bleu or (None,) * 4
        return [*bleu, self.chrf, self.rouge, self.wer, self.dtw_mje, self.distance, self.duration]


def score(
    predictions: Mapping[str, Signed],
    reference: Mapping[str, Signed],
    reader: Reader | None = None,
    fps: int = FULL_FPS,
) -> Scores:
    """Return the measures of predictions; DatasetError when they cannot be scored.

    fps: of the predictions. The reference is always taken at every second frame and predictions
        only when they come at 25 frames a second: the official rule, which calls anything else
        halved already.
    """
    signs = _measures()
    names = list(reference)
    first = reference[names[0]].joints
    told = problems(predictions, first.shape[1] if first.ndim == 3 else 0, names)
    if told:
        raise DatasetError("predictions cannot be scored: " + "; ".join(told[:3]))
    step = 2 if fps == FULL_FPS else 1
    ours = [predictions[name].joints[::step] for name in names]
    truth = [reference[name].joints[::2] for name in names]
    of = guessed(first.shape[1])
    wrists = (of.index("left_wrist"), of.index("right_wrist"))
    moved = {
        "dtw_mje": signs.dtw_mje(ours, truth, lambda a, b: dtw.fast(a, b).path),
        "distance": signs.total_distance(ours, truth, wrists),
        "duration": signs.average_duration(ours, truth),
    }
    if reader is None:
        return Scores(**moved)
    wanted = [reference[name].text for name in names]
    if not all(text.strip() for text in wanted):
        raise DatasetError("the reference has no text to compare translations with")
    texts = reader.translate(ours)
    frechet = None
    if len(names) > 1:
        frechet = signs.frechet_distance(reader.features(ours), reader.features(truth))
    return Scores(
        **moved,
        bleu=signs.bleu(texts, wanted),
        chrf=signs.chrf(texts, wanted),
        rouge=signs.rouge_l(texts, wanted),
        wer=signs.wer(texts, wanted),
        frechet=frechet,
        texts=tuple(texts),
    )


class Leaderboard(NamedTuple):
    """columns: names of the measures. rows: published values by team, in their order."""

    columns: list[str]
    rows: dict[str, list[float]]


def leaderboard(split: str = "phoenix14t-test") -> Leaderboard:
    """Return the published table of a split."""
    path = files("verilens.bench") / "leaderboards" / "slrtp2025.toml"
    held = tomllib.loads(path.read_text(encoding="utf-8"))
    columns = held.pop("columns")
    if split not in held:
        raise ConfigError(f"no leaderboard '{split}'; known: {', '.join(held)}")
    return Leaderboard(columns, held[split])


def _measures() -> ModuleType:
    try:
        from verilens.bench.metrics import signs
    except ImportError as error:
        message = "scoring signing needs sacrebleu and jiwer: pip install 'verilens[bench]'"
        raise MissingExtra(message) from error
    return signs
