"""Pictures made from noise, genuine and up-sampled, and a short training on them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from verilens.batch import ClipBatch
from verilens.verify.detector import Detector


def pink(count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Return colour fields with a 1/f spectrum, mean 0 and deviation 1, (count, 3, side, side)."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(count, 3, side, side))) / frequency
    fields = np.fft.irfft2(spectrum, s=(side, side))
    fields -= fields.mean((2, 3), keepdims=True)
    fields /= fields.std((2, 3), keepdims=True)
    return torch.from_numpy(fields.astype(np.float32))


def enlarged(fields: Tensor, mode: str) -> Tensor:
    """Return `fields` at twice the size, with their deviation restored to 1."""
    large = interpolate(fields, scale_factor=2, mode=mode)
    return large / large.std((2, 3), keepdim=True)


def exposed(fields: Tensor, rng: np.random.Generator, contrast: float = 0.25) -> Tensor:
    """Return fields as pictures in [0, 1] with the same sensor noise everywhere."""
    grain = torch.from_numpy(rng.normal(0, 0.02, tuple(fields.shape)).astype(np.float32))
    return (0.5 + contrast * fields + grain).clamp(0, 1)


def train(
    method: Detector,
    pictures: Tensor,
    labels: Tensor,
    epochs: int,
    batch: int = 32,
    lr: float = 2e-4,
) -> None:
    """Train on shuffled pictures with Adam; leaves `method` in evaluation mode."""
    optimiser = torch.optim.Adam(method.parameters(), lr=lr)
    method.train().to(memory_format=torch.channels_last)
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels)).split(batch):
            loss = method.training_step(
                ClipBatch(frames=pictures[chosen, None], labels=labels[chosen])
            )
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
    method.eval()


@torch.inference_mode()
def accuracy(method: Callable[[Tensor], Tensor], genuine: Tensor, fake: Tensor) -> float:
    """Return balanced accuracy at logit 0."""
    called = [torch.cat([method(part) for part in x.split(32)]) > 0 for x in (genuine, fake)]
    return float((1 - called[0].float().mean() + called[1].float().mean()) / 2)
