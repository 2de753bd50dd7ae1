"""From the outputs of networks and frames to one score, as the release counts.

    y = mean over frames and networks of sigmoid(outputs)      outputs: (fake, genuine)
    fake if y_0 >= y_1;  score = y_0 if y_0 > y_1 else 1 - y_1

Also reads the release's result files and scores them again.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from verilens.bench import metrics
from verilens.errors import DatasetError

FAKE, GENUINE = 0, 1  # classes in the alphabetic order of the release's folders


class Vote(NamedTuple):
    """A label and a score that should rise with fakeness; in the release they may contradict."""

    is_fake: bool
    score: float


def vote(outputs: Tensor) -> Vote:
    """Return the release's label and score. outputs: one row a frame and network, (V, 2)."""
    fake, genuine = torch.sigmoid(outputs.double()).mean(0).tolist()
    return Vote(fake >= genuine, fake if fake > genuine else abs(1 - genuine))


def released_logit(outputs: Tensor) -> Tensor:
    """Return the logit of the release's score. outputs: (..., V, 2); returns (...) float64."""
    yes, no = (_log_mean(logsigmoid(sign * outputs.double())) for sign in (1, -1))
    odds = yes - no  # of either class, (..., 2): exact where sigmoids round to 0 or 1
    return torch.where(odds[..., FAKE] > odds[..., GENUINE], odds[..., FAKE], -odds[..., GENUINE])


def averaged_logit(outputs: Tensor) -> Tensor:
    """Return the logit of the mean probability of "fake". outputs: (..., V, 2); returns (...)."""
    margin = (outputs[..., FAKE] - outputs[..., GENUINE]).double()
    yes, no = (_log_mean(logsigmoid(sign * margin)[..., None]) for sign in (1, -1))
    return (yes - no)[..., 0]


def _log_mean(logs: Tensor) -> Tensor:
    """Return log(mean(exp(logs))) over the second to last axis."""
    return logs.logsumexp(-2) - float(np.log(logs.shape[-2]))


class Scores(NamedTuple):
    """Figures over videos. accuracy: of the labels; f1: of the scores at 0.5."""

    accuracy: float
    auc: float
    f1: float


def read_results(path: Path) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Return scores, stated labels and true labels of a result file of the release."""
    try:
        video = json.loads(path.read_text(encoding="utf-8"))["video"]
        columns = video["pred"], video["pred_label"], video["correct_label"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: no result file of GenConViT ({error!r})") from error
    if len({len(column) for column in columns}) != 1:
        raise DatasetError(f"{path}: its columns differ in length")
    return np.array(columns[0], np.float64), columns[1], columns[2]


def rescore(path: Path) -> Scores:
    """Return the figures that a result file of the release amounts to."""
    scores, stated, true = read_results(path)
    is_fake = np.array([label == "FAKE" for label in true])
    called = np.array([label == "FAKE" for label in stated])
    above = scores >= 0.5
    hits = int((above & is_fake).sum())
    return Scores(
        accuracy=float((called == is_fake).mean()),
        auc=metrics.auc(scores, is_fake.astype(np.int64)),
        f1=2 * hits / max(1, int(above.sum() + is_fake.sum())),
    )
