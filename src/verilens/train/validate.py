"""How good the method is on the validation split, looked at as a scan would look.

Every clip is cut with the method's own view and read by `inspect`, the path that scanning takes;
posts are read as `PostDetector.logits` reads them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verilens.bench import metrics
from verilens.errors import DatasetError
from verilens.records import Sample
from verilens.train import posts
from verilens.train.data import clips
from verilens.train.pixels import Reader
from verilens.verify.detector import Detector
from verilens.verify.post_detector import PostDetector

if TYPE_CHECKING:
    from accelerate import Accelerator

Trainee = Detector | PostDetector[Any]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Figures of one validation. loss: mean cross-entropy of the clips' logits.

    accuracy: at score 0.5, the mean of both classes. count: clips scored; the others are broken.
    """

    auc: float
    accuracy: float
    loss: float
    count: int

    def better(self, other: "Scores | None", watch: str) -> bool:
        """Return whether this is an improvement in what is watched."""
        mine = getattr(self, watch)
        if other is None or math.isnan(mine):
            return not math.isnan(mine)
        best = getattr(other, watch)
        return bool(mine < best if watch == "loss" else mine > best)


def validate(
    method: Trainee, samples: Sequence[Sample], reader: Reader, device: "Accelerator"
) -> Scores:
    """Return the scores of all devices together; each reads its share of the samples."""
    from accelerate.utils import gather_object

    method.eval()
    mine = samples[device.process_index :: device.num_processes]
    found = list(_scored(method, mine, reader))
    labels, logits = np.array(gather_object(found), np.float64).reshape(-1, 2).T
    if len(set(labels)) < 2:
        raise DatasetError(
            f"only {len(labels)} of {len(samples)} validation files can be read, of one class; see "
            "'verilens data doctor'"
        )
    if not np.isfinite(logits).all():
        return Scores(auc=math.nan, accuracy=math.nan, loss=math.nan, count=len(labels))
    called = logits > 0
    accuracy = np.mean([np.mean(called[labels == label] == label) for label in (0, 1)])
    loss = np.mean(np.logaddexp(0, np.where(labels > 0, -logits, logits)))
    return Scores(
        auc=metrics.auc(logits, labels),
        accuracy=float(accuracy),
        loss=float(loss),
        count=len(labels),
    )


def _scored(
    method: Trainee, samples: Sequence[Sample], reader: Reader
) -> Iterator[tuple[int, float]]:
    """Yield label and logit of every sample that can be read."""
    if isinstance(method, PostDetector):
        for sample, logit in posts.logits(method, samples, reader):
            yield sample.label, logit
        return
    for sample, clip in clips(samples, reader, method.config.view):
        if clip is not None:
            yield sample.label, float(method.inspect([clip])[0].logit)
