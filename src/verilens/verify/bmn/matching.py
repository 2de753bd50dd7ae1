"""The boundary-matching layer: features read at points inside every candidate stretch.

    (B, C, T) -> samples of every (start, column) cell -> convolution over samples -> (B, O, T, T)

Reading is linear and so is the convolution that follows, so the convolution is applied first, to
the T moments, and each cell then sums the few results its points touch: 95 of 3,200 products a cell
at the paper's size, on the 5,050 cells that are stretches.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from verilens.verify.bmn.config import Config


class Table(NamedTuple):
    """Which moments each cell reads, and how strongly.

    starts, ends: of each cell's stretch, in moments, the end excluded, (P,). cells: its place in
    the flattened map, column x T + start, (P,). places: sample x T + moment of each reading, (E,).
    weights: (E,). offsets: where each cell's readings begin, (P,). owners: whose each is, (E,).
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    cells: NDArray[np.int64]
    places: NDArray[np.int64]
    weights: NDArray[np.float32]
    offsets: NDArray[np.int64]
    owners: NDArray[np.int64]


def stretches(
    steps: int, columns: Literal["duration", "end"]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return starts, ends (excluded) and cells (column x T + start) of all stretches of moments."""
    last, start = np.indices((steps, steps), dtype=np.int64).reshape(2, -1)
    is_stretch = last >= start
    last, start = last[is_stretch], start[is_stretch]
    column = last - start if columns == "duration" else last
    cells = column * steps + start
    order = np.argsort(cells)
    return start[order], last[order] + 1, cells[order]


def sampling_table(config: Config) -> Table:
    """Return where the cells read: `samples` bins from before each stretch to behind it.

    A bin is the mean of `subsamples` points, a point is interpolated between two moments; what lies
    outside the film counts as zero, except that points within one step before it read its first
    moment, as in the released code.
    """
    steps, bins = config.steps, config.samples
    starts, ends, cells = stretches(steps, config.columns)
    reach = (ends - starts + 1) * config.margin
    share = np.linspace(0.0, 1.0, bins * config.subsamples)
    points = (starts - reach)[:, None] + (ends - starts + 2 * reach)[:, None] * share  # (P, points)
    points = np.where((points > -1) & (points < 0), 0.0, points)
    below = np.floor(points)
    above = points - below
    cell = np.broadcast_to(np.arange(len(cells))[:, None], points.shape)
    sample = np.broadcast_to(np.arange(points.shape[1]) // config.subsamples, points.shape)
    total = np.zeros(len(cells) * bins * steps, np.float32)
    for moment, weight in ((below, 1 - above), (below + 1, above)):
        inside = (moment >= 0) & (moment < steps)
        place = (cell * bins + sample)[inside] * steps + moment[inside].astype(np.int64)
        np.add.at(total, place, weight[inside] / config.subsamples)
    found = np.flatnonzero(total)
    owner, places = np.divmod(found, bins * steps)
    offsets = np.searchsorted(owner, np.arange(len(cells)))
    return Table(starts, ends, cells, places, total[found], offsets, owner)


class BoundaryMatching(nn.Module):
    """Samples every stretch and weighs its samples. Maps (B, C, T) to (B, O, T, T)."""

    cells: Tensor
    places: Tensor
    weights: Tensor
    offsets: Tensor
    owners: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels, self.width, _ = config.hidden
        self.steps, self.samples = config.steps, config.samples
        table = sampling_table(config)
        for name in ("cells", "places", "weights", "offsets", "owners"):
            values = torch.from_numpy(getattr(table, name))
            self.register_buffer(name, values, persistent=False)
        self.weigh = nn.Conv1d(channels, self.width * self.samples, 1, bias=False)
        # As wide as the convolution over all samples that it stands for.
        bound = (channels * self.samples) ** -0.5
        nn.init.uniform_(self.weigh.weight, -bound, bound)
        self.bias = nn.Parameter(torch.empty(self.width).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[0]
        weighed = self.weigh(x).view(batch, self.width, self.samples, self.steps)
        rows = weighed.permute(2, 3, 0, 1).reshape(self.samples * self.steps, batch * self.width)
        rows = rows.float()  # sums of readings stay in 32 bits under autocast
        empty = rows.new_zeros(self.steps**2, batch * self.width)
        full = empty.index_copy(0, self.cells, self.sums(rows))  # (T x T, B x O)
        maps: Tensor = full.view(self.steps, self.steps, batch, self.width).permute(2, 3, 0, 1)
        maps = maps + self.bias.view(1, -1, 1, 1)
        return maps

    def sums(self, rows: Tensor) -> Tensor:
        """Return what each cell reads, (P, B x O). rows: (samples x T, B x O)."""
        if torch.compiler.is_exporting():  # other runtimes have matrix products, and no bags
            cells, places = len(self.cells), len(rows)
            spots = self.owners * places + self.places
            table = rows.new_zeros(cells * places).index_put((spots,), self.weights)
            return table.view(cells, places) @ rows
        return embedding_bag(
            self.places, rows, self.offsets, mode="sum", per_sample_weights=self.weights
        )
