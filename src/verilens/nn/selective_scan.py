"""The selective scan of Mamba (Gu and Dao, arXiv:2312.00752): exact, differentiable, without a GPU.

    h_t = exp(delta_t a) h_{t-1} + delta_t b_t x_t        y_t = <c_t, h_t> + d x_t

The time axis is walked in chunks whose states stay in the processor's cache: decays and inputs of a
chunk are made at once, the recurrence is one fused multiply-add a step over all channels, and a
batched product reads the states out. Gradients keep one state a chunk and make the others again. On
CUDA the kernel of `mamba_ssm` is used where that package is installed.
"""

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# State elements of one step and of one chunk. A step stays below the size from which torch splits
# an operation among threads, whose meeting costs more than the step; a chunk fits the caches and
# makes the calls cost little. Measured with benchmarks/scan.py.
STEP = 1 << 15
CHUNK = 1 << 19
FEWEST_STEPS = 16  # of a chunk, so that kept states are at most a sixteenth of all

Kernel = Callable[..., Tensor]


def selective_scan(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Return y, (B, L, D) in the type of `x`; computed in float32, or in float64 if `x` is.

    x, delta: input and step size, (B, L, D), delta >= 0. a: decay rates, (D, N), negative.
    b, c: how the input enters and how the state is read, (B, L, N). d: skip weights, (D,).
    """
    if (kernel := _installed_kernel()) is not None and x.is_cuda:
        return by_kernel(kernel, (x, delta, a, b, c, d))
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore
        return stepwise(x, delta, a, b, c, d)
    kind = x.dtype
    with torch.autocast(x.device.type, enabled=False):
        wide = torch.float64 if kind == torch.float64 else torch.float32
        x, delta, a, b, c, d = (tensor.to(wide) for tensor in (x, delta, a, b, c, d))
        y: Tensor = _Scan.apply(delta, delta * x, a, b, c)  # type: ignore[no-untyped-call]
        return torch.addcmul(y, x, d).to(kind)


def stepwise(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Return the same, one step after the other: the definition, and the form that is exported."""
    state = x.new_zeros(x.shape[0], *a.shape)  # (B, D, N)
    read = []
    each = (delta * x, delta, b, c)
    for drive, step, enter, leave in zip(*(tensor.unbind(1) for tensor in each), strict=True):
        decay = torch.exp(step[..., None] * a)
        state = decay * state + drive[..., None] * enter[:, None]
        read.append((state @ leave[..., None]).squeeze(-1))
    return torch.stack(read, 1) + d * x


def by_kernel(kernel: Kernel, inputs: tuple[Tensor, ...]) -> Tensor:
    """Return the same from a function with the signature of mamba_ssm's `selective_scan_fn`.

    Convention: its time axis is the last one. inputs: x, delta, a, b, c and d.
    """
    x, delta, a, b, c, d = inputs
    x, delta, b, c = (tensor.transpose(1, 2).contiguous() for tensor in (x, delta, b, c))
    return kernel(x, delta, a.float(), b, c, d.float()).transpose(1, 2)


@cache
def _installed_kernel() -> Kernel | None:
    try:
        module = importlib.import_module("mamba_ssm.ops.selective_scan_interface")
    except ImportError:
        return None
    return cast(Kernel, module.selective_scan_fn)


class _Tile(NamedTuple):
    """Some sequences of the batch during some steps."""

    rows: slice
    steps: slice
    chunk: int  # its place in time

    def of(self, tensor: Tensor) -> Tensor:
        return tensor[self.rows, self.steps]


def tiles(delta: Tensor, width: int) -> Iterator[_Tile]:
    """Yield the tiles of (B, L, D) inputs with `width` state elements a sequence, in order of time.

    Sequences that fit together into a step are walked together; all of them on a GPU.
    """
    batch, length, _ = delta.shape
    rows = max(1, min(batch, STEP // width) if delta.device.type == "cpu" else batch)
    steps = max(1, min(length, max(FEWEST_STEPS, CHUNK // (rows * width))))
    for first in range(0, batch, rows):
        for chunk in range(-(-length // steps)):
            span = slice(chunk * steps, min(length, (chunk + 1) * steps))
            yield _Tile(slice(first, min(batch, first + rows)), span, chunk)


def _rooms(delta: Tensor, width: int, count: int) -> list[Tensor]:
    """Return memory for `count` tensors of a tile's states, to be used again for every tile."""
    largest = next(tiles(delta, width)).of(delta)
    return [delta.new_empty(largest.shape[0] * largest.shape[1] * width) for _ in range(count)]


def _shaped(room: Tensor, shape: tuple[int, ...]) -> Tensor:
    return room[: torch.Size(shape).numel()].view(shape)


def _states(
    tile: _Tile, inputs: tuple[Tensor, ...], start: Tensor, rooms: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return decays and states of a tile, (R, T, N, D) each. start: states before it, (R, N, D)."""
    delta, drive, rates, b = inputs
    delta, drive, b = tile.of(delta), tile.of(drive), tile.of(b)
    shape = (*delta.shape[:2], *rates.shape)
    decay = torch.mul(delta[:, :, None], rates, out=_shaped(rooms[0], shape)).exp_()
    states = torch.mul(drive[:, :, None], b[..., None], out=_shaped(rooms[1], shape))
    before = start
    for state, kept in zip(states.unbind(1), decay.unbind(1), strict=True):
        before = state.addcmul_(kept, before)
    return decay, states


def _adjoints(decay: Tensor, c: Tensor, grad: Tensor, later: Tensor, room: Tensor) -> Tensor:
    """Return the loss's gradients to a tile's states, (R, T, N, D).

    g_t = c_t grad_t + exp(delta_{t+1} a) g_{t+1}. later: what reaches the tile's last state from
    after it, (R, N, D). Leaves exp(delta_t a) g_t in `decay`; the first is what goes on.
    """
    found = _shaped(room, tuple(decay.shape))
    steps = (found, decay, c[..., None], grad[:, :, None])
    for state, kept, read, shown in reversed(list(zip(*(s.unbind(1) for s in steps), strict=True))):
        torch.addcmul(later, read, shown, out=state)
        later = kept.mul_(state)
    return found


class _Scan(torch.autograd.Function):
    """y_t = <c_t, h_t> of h_t = exp(delta_t a) h_{t-1} + b_t drive_t; states are (N, D) here."""

    @staticmethod
    def forward(ctx: Any, delta: Tensor, drive: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        inputs = (delta, drive, a.t().contiguous(), b)
        rooms = _rooms(delta, a.numel(), 2)
        y = torch.empty_like(drive)
        starts: list[Tensor] = []
        state = delta.new_empty(0)
        for tile in tiles(delta, a.numel()):
            if tile.chunk == 0:
                state = delta.new_zeros(len(delta[tile.rows]), *inputs[2].shape)
            if any(ctx.needs_input_grad):
                starts.append(state)
            _, states = _states(tile, inputs, state, rooms)
            y[tile.rows, tile.steps] = (tile.of(c)[:, :, None] @ states).squeeze(2)
            state = states[:, -1].clone()
        ctx.save_for_backward(c, *inputs, *starts)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        c, *saved = ctx.saved_tensors
        with torch.autocast(grad.device.type, enabled=False):
            return _gradients(tuple(saved[:4]), c, saved[4:], grad)


def _gradients(
    inputs: tuple[Tensor, ...], c: Tensor, starts: list[Tensor], grad: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients to delta, drive, a, b and c. starts: the states before each tile."""
    delta, drive, rates, b = inputs
    to_delta, to_drive, to_b, to_c = map(torch.zeros_like, (delta, drive, b, c))
    to_rates = torch.zeros_like(rates)
    rooms = _rooms(delta, rates.numel(), 3)
    later = delta.new_empty(0)
    rows = None
    for tile, start in reversed(list(zip(tiles(delta, rates.numel()), starts, strict=True))):
        if tile.rows != rows:
            rows, later = tile.rows, torch.zeros_like(start)
        decay, states = _states(tile, inputs, start, rooms)
        shown = tile.of(grad)
        adjoint = _adjoints(decay, tile.of(c), shown, later, rooms[2])
        later = decay[:, 0].clone()
        to_c[tile.rows, tile.steps] = (states @ shown[..., None]).squeeze(3)
        to_b[tile.rows, tile.steps] = (adjoint @ tile.of(drive)[..., None]).squeeze(3)
        to_drive[tile.rows, tile.steps] = (tile.of(b)[:, :, None] @ adjoint).squeeze(2)
        exponents = decay  # becomes exp(delta_t a) g_t h_{t-1}, the gradient to delta_t a
        exponents[:, 1:].mul_(states[:, :-1])
        exponents[:, 0].mul_(start)
        for n, rate in enumerate(rates):
            tile.of(to_delta).addcmul_(exponents[:, :, n], rate)
        each = torch.zeros_like(start)
        for exponent, size in zip(exponents.unbind(1), tile.of(delta).unbind(1), strict=True):
            each.addcmul_(exponent, size[:, None])
        to_rates += each.sum(0)
    return to_delta, to_drive, to_rates.t(), to_b, to_c
