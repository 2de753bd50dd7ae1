"""Leave one generator out: what experts and ensemble make of a generator they never saw.

    rows = leave_one_out(["svd", "pika", "sora"], train, test, Path("transfer.csv"))

From files, the same table comes out of commands; an expert is trained alone by naming it:

    verilens bench split leave-one-generator-out MANIFEST --out jobs
    verilens train what_matters --data jobs/sora/train.parquet --out runs/sora-motion
        --set data.frames=16 --set 'config.experts=["motion"]'
    verilens bench run jobs/sora/test/*.parquet
        --method what_matters=runs/sora-motion/best.safetensors --out runs/sora-motion/test
    verilens bench score runs/sora-motion/test/what_matters.parquet --by generator
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from verilens.batch import ClipBatch
from verilens.bench.metrics.decisions import balanced_accuracy
from verilens.bench.metrics.ranking import auc
from verilens.errors import ConfigError
from verilens.verify.what_matters.model import WhatMatters

ENSEMBLE = "ensemble"


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one expert, or the ensemble, does on one generator.

    train: the generators it was trained on, joined by "+". genuine, fake: clips tested.
    accuracy: mean of both classes' at probability 0.5.
    """

    train: str
    test: str
    expert: str
    genuine: int
    fake: int
    accuracy: float
    auc: float


def leave_one_out(
    generators: Sequence[str],
    train: Callable[[Sequence[str]], WhatMatters],
    test: Callable[[str], Iterable[ClipBatch]],
    out: Path,
) -> list[Row]:
    """Return one row per (train set, test generator, expert) and write them to `out` as CSV.

    train: returns a method trained on genuine clips and these generators. test: yields held-out
    genuine clips and clips of one generator. Each generator is tested by what the others trained.
    """
    if len(set(generators)) < 2:
        raise ConfigError(f"leaving one out needs two generators, not {list(generators)}")
    rows: list[Row] = []
    with out.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, [field.name for field in fields(Row)])
        table.writeheader()
        for one in generators:
            others = [name for name in generators if name != one]
            for row in tested(train(others), "+".join(others), one, test(one)):
                rows.append(row)
                table.writerow(asdict(row))
    return rows


def tested(
    method: WhatMatters, train: str, test: str, batches: Iterable[ClipBatch]
) -> Iterator[Row]:
    """Yield a row for every expert and one for the ensemble. train, test: what they are called."""
    method.eval()
    asked = [(_probabilities(method, batch.frames), batch.labels.cpu()) for batch in batches]
    probabilities = torch.cat([p for p, _ in asked]).double().numpy()
    labels = torch.cat([truth for _, truth in asked]).numpy()
    for n, expert in enumerate((*method.config.experts, ENSEMBLE)):
        yield Row(
            train=train,
            test=test,
            expert=expert,
            genuine=int((labels == 0).sum()),
            fake=int((labels == 1).sum()),
            accuracy=balanced_accuracy(probabilities[:, n], labels),
            auc=auc(probabilities[:, n], labels),
        )


@torch.inference_mode()
def _probabilities(method: WhatMatters, frames: Tensor) -> Tensor:
    """Return what experts and ensemble say, (N, E + 1). frames: (N, T, 3, H, W)."""
    scores = method.scores(method.derived(frames.to(method.device)))
    joined: Tensor = method.ensemble(scores)
    return torch.cat([scores.softmax(2)[..., 1], joined.sigmoid()[:, None]], 1).cpu()
