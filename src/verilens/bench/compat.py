"""What official evaluators would print, quirks and all, with the corrected figure beside it.

A published table can only be reproduced with the code that made it. Each mode states its quirk in
words; the corrected figure is what the rest of the bench reports. Missing scores are left out of
both (official code has no notion of them), and counted elsewhere.

    deepfakebench   SCLBD/DeepfakeBench training/metrics/utils.py, dataset/abstract_dataset.py; DF40
    genvideo        chenhaoxing/DeMamba util.py
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from verilens.bench import metrics
from verilens.bench.predictions import Prediction
from verilens.errors import DatasetError

# GenVideo's test generators and the clip counts its evaluator takes for granted.
GENVIDEO_CLIPS = {
    "ModelScope": 700,
    "Morph": 700,
    "MoonValley": 626,
    "HotShot": 700,
    "Show-1": 700,
    "Sora": 56,
    "Wild": 926,
    "Crafter": 1400,
    "Lavie": 1400,
    "Gen2": 1380,
}
GENVIDEO_GENUINE = 10_000


class Compared(NamedTuple):
    """One figure twice. quirk: why they differ, "" when they cannot."""

    part: str
    metric: str
    official: float
    corrected: float
    quirk: str = ""


class Counts(NamedTuple):
    """A confusion at one threshold."""

    tp: int
    fp: int
    fn: int

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; 0 when nothing fake was called fake."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp else 0.0


def first_frames(count: int, wanted: int) -> list[int]:
    """Return the frames the release reads of a video that has more than it asks for.

    Its step is computed after the number of frames has been overwritten, so it is 1: the first
    `wanted` frames, not evenly spread ones.
    """
    return list(range(min(count, wanted)))


def deepfakebench(rows: Iterable[Prediction]) -> list[Compared]:
    """Return frame and video figures as DeepfakeBench's `get_test_metrics` gives them."""
    scored = [row for row in rows if row.score is not None]
    labels = np.array([row.label for row in scored])
    scores = np.array([row.score for row in scored], float)
    frame = {"accuracy": metrics.accuracy, "auc": metrics.auc, "ap": metrics.average_precision}
    found = [Compared("", name, value := m(scores, labels), value) for name, m in frame.items()]
    found.append(
        Compared(
            "",
            "eer",
            eer_of_one_side(scores, labels),
            metrics.equal_error_rate(scores, labels),
            "the release takes the false positive rate where both errors are nearest, not their "
            "mean",
        )
    )
    by_folder = video_auc(scored, lambda row: row.id.replace("\\", "/").split("/")[-1])
    by_video = video_auc(scored, lambda row: (row.dataset, row.generator, row.id))
    quirk = "the release keys a video by its folder's name, so manipulations of one pair merge"
    return [*found, Compared("", "video auc", by_folder, by_video, quirk)]


def eer_of_one_side(scores: metrics.Floats, labels: metrics.Floats) -> float:
    """Return the false positive rate at the point where it is nearest to the miss rate."""
    curve = metrics.roc(scores, labels)
    return float(curve.fpr[np.argmin(np.abs(curve.fpr - (1 - curve.tpr)))])


def video_auc(rows: Sequence[Prediction], key: Callable[[Prediction], object]) -> float:
    """Return the AUC of mean scores by `key`; a group's label is its mean label, cut off."""
    groups: defaultdict[object, list[Prediction]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    scores = [np.mean([row.score or 0.0 for row in group]) for group in groups.values()]
    labels = [int(np.mean([row.label for row in group])) for group in groups.values()]
    return metrics.auc(scores, labels)


def genvideo(rows: Iterable[Prediction]) -> list[Compared]:
    """Return each generator's recall, F1 and AP as GenVideo's evaluator gives them.

    Its F1 is built from rates and the full test set's sizes, so on any subset it is wrong.
    """
    scored = [row for row in rows if row.score is not None]
    genuine = [row.score or 0.0 for row in scored if row.label == 0]
    if not genuine:
        raise DatasetError("GenVideo's figures need genuine clips; there are none with a score")
    alarms = sum(score > 0.5 for score in genuine)
    false_rate = 1 - (len(genuine) - alarms) / len(genuine)
    found = []
    for name in sorted({row.generator for row in scored if row.label}):
        own = [row.score or 0.0 for row in scored if row.label and row.generator == name]
        hits = sum(score > 0.5 for score in own)
        labels = np.repeat([0, 1], [len(genuine), len(own)])
        ap = metrics.average_precision([*genuine, *own], labels)
        recall = hits / len(own)
        exact = Counts(hits, alarms, len(own) - hits).f1
        stated = of_rates(recall, GENVIDEO_CLIPS.get(name, len(own)), false_rate).f1
        quirk = f"the release assumes {GENVIDEO_GENUINE} genuine clips and cuts counts off"
        found += [
            Compared(name, "recall", recall, recall),
            Compared(name, "f1", stated, exact, quirk),
            Compared(name, "ap", ap, ap),
        ]
    return found


def of_rates(recall: float, clips: int, false_rate: float) -> Counts:
    """Return the counts GenVideo's evaluator works with: rates times stated sizes, cut off."""
    return Counts(
        tp=int(recall * clips), fp=int(false_rate * GENVIDEO_GENUINE), fn=int((1 - recall) * clips)
    )


MODES: dict[str, Callable[[Iterable[Prediction]], list[Compared]]] = {
    "deepfakebench": deepfakebench,
    "genvideo": genvideo,
}
