"""What the maps should say of a film whose forged stretches are known, and how far they are off."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from verilens.method import Loss
from verilens.verify.bmn.matching import stretches

EDGE = 1.5  # a boundary's region reaches so many steps to both sides
HALF = 0.5  # of a moment's span, or of its step, that makes it forged
FIT, MIDDLE, POOR = 0.9, 0.7, 0.3  # tIoU: classified as fitting; groups of the regression


class Maps(NamedTuple):
    """What the network says; logits. start, end: (B, T). regression, fitting: (B, T, T), columns
    by start."""

    start: Tensor
    end: Tensor
    regression: Tensor
    fitting: Tensor


class Targets(NamedTuple):
    """The truth in the same places. start, end: share of each step in a boundary's region, (B, T).
    overlap: best tIoU of each cell with a forged stretch, (B, T, T). is_cell: (T, T)."""

    start: Tensor
    end: Tensor
    overlap: Tensor
    is_cell: Tensor


def forged_stretches(spans: Tensor, steps: int) -> list[Tensor]:
    """Return each film's runs of forged moments as (start, end) in steps of the maps, (K, 2) each.

    spans: how far each moment is forged, (B, T) in [0, 1]. The maps' first and last step lie on the
    first and last moment; boundary n lies half a step before step n.
    """
    moments = spans.shape[1]
    scale = (steps - 1) / max(1, moments - 1)
    found = []
    for film in spans:
        runs = []
        for is_forged, group in groupby(enumerate((film > HALF).tolist()), key=lambda m: m[1]):
            places = [place for place, _ in group]
            if is_forged:
                runs.append((places[0], places[-1] + 1))
        edge = torch.tensor(runs, dtype=torch.float32).view(-1, 2)
        inner = ((edge - 0.5) * scale + 0.5).clamp(0, steps)
        outer = edge / moments * steps  # nothing lies before the first moment or after the last
        found.append(torch.where((edge == 0) | (edge == moments), outer, inner).to(spans.device))
    return found


def targets(truth: Sequence[Tensor], steps: int, columns: str = "duration") -> Targets:
    """Return what the maps of films should be. truth: (start, end) in steps, (K, 2) a film."""
    starts, ends, cells = (torch.from_numpy(a) for a in stretches(steps, columns))  # type: ignore[arg-type]
    step = torch.arange(steps, dtype=torch.float32)
    steps_spans = torch.stack([step - 0.5, step + 0.5], 1)  # a step lies around its boundary
    cell_spans = torch.stack([starts, ends], 1).float()
    device = truth[0].device
    shape = (len(truth), steps)
    start, end = torch.zeros(shape), torch.zeros(shape)
    overlap = torch.zeros(len(truth), steps * steps)
    for film, true in enumerate(truth):
        known = true.float().cpu()
        if not len(known):
            continue
        start[film] = _shared(steps_spans, known[:, :1] + torch.tensor([-EDGE, EDGE])).amax(1)
        end[film] = _shared(steps_spans, known[:, 1:] + torch.tensor([-EDGE, EDGE])).amax(1)
        shared = _shared(cell_spans, known)
        lengths = (cell_spans[:, 1] - cell_spans[:, 0])[:, None] + (known[:, 1] - known[:, 0])
        overlap[film, cells] = (shared / (lengths - shared)).amax(1)
    is_cell = torch.zeros(steps * steps, dtype=torch.bool)
    is_cell[cells] = True
    square = (steps, steps)
    return Targets(
        start.to(device),
        end.to(device),
        overlap.view(-1, *square).to(device),
        is_cell.view(square).to(device),
    )


def _shared(first: Tensor, second: Tensor) -> Tensor:
    """Return the length that every span in `first` (P, 2) shares with every `second` (K, 2)."""
    low = torch.maximum(first[:, None, 0], second[None, :, 0])
    high = torch.minimum(first[:, None, 1], second[None, :, 1])
    return (high - low).clamp(min=0)


def loss(maps: Maps, truth: Targets, regression: float) -> Loss:
    """Return boundary + `regression` x regression + classification loss (BMN, Eq. 6 to 8)."""
    edges = balanced(maps.start, truth.start > HALF) + balanced(maps.end, truth.end > HALF)
    overlap = truth.overlap[:, truth.is_cell]
    fits = balanced(maps.fitting[:, truth.is_cell], overlap > FIT)
    error = grouped_error(maps.regression[:, truth.is_cell].sigmoid(), overlap)
    parts = {"edges": edges, "regression": error, "fitting": fits}
    total = edges + regression * error + fits
    return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})


def balanced(logits: Tensor, is_true: Tensor) -> Tensor:
    """Return cross-entropy in which true and false places weigh the same (BSN's weighting)."""
    count = is_true.numel()
    true = float(is_true.sum().clamp(min=1, max=count - 1))
    weight = torch.where(is_true, count / (2 * true), count / (2 * (count - true)))
    return binary_cross_entropy_with_logits(logits.float(), is_true.float(), weight)


def grouped_error(overlap: Tensor, truth: Tensor) -> Tensor:
    """Return the squared error, cells that fit well, middling and poorly weighing the same."""
    group = (truth > POOR).long() + (truth > MIDDLE).long()
    counts = torch.bincount(group.flatten(), minlength=3)
    there = int((counts > 0).sum())
    weight = truth.numel() / (there * counts.clamp(min=1).to(overlap.dtype))
    return (weight[group] * mse_loss(overlap.float(), truth, reduction="none")).mean()
