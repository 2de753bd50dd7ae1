"""Drawn live and spoofed textures, and a tiny policy that learns to reason about them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from verilens.batch import ClipBatch
from verilens.nn.tokens import SPECIAL
from verilens.nn.vlm import Lora, Sizes
from verilens.records import View
from verilens.train.recipe import Plan
from verilens.verify.fas_grpo.config import Config
from verilens.verify.fas_grpo.fit import fit
from verilens.verify.fas_grpo.model import FASGRPO
from verilens.verify.fas_grpo.rewards import rewards

SIDE = 32
SENTENCES = {
    "the skin shows pores": "real",
    "soft shadows give depth": "real",
    "a moire of a screen": "spoof",
    "dots of printed paper": "spoof",
}
WORDS = (
    "USER:", "ASSISTANT:", "live?", "<think>", "</think>",
    "<answer>", "</answer>", "real", "spoof",
    *dict.fromkeys(word for sentence in SENTENCES for word in sentence.split()),
)  # fmt: skip
GROUP, FACES = 8, 12
KNOWN = 2 / 3  # of the verdicts that the supervised start has right


class Measured(NamedTuple):
    """Share of right answers, of answers that agree with their thoughts, of well-formed ones."""

    accuracy: float
    agreement: float
    formed: float


def faces(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return textures (count, 3, 32, 32) in [0, 1] and labels: half live, half printed or "
    "replayed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    found, labels = [], []
    for n in range(count):
        coarse = torch.from_numpy(rng.normal(0, 0.1, (1, 3, 8, 8)).astype(np.float32))
        picture = 0.5 + interpolate(coarse, (SIDE, SIDE), mode="bilinear")[0]
        kind = n % 4
        if kind == 1:  # stripes of a screen
            wave = np.cos(np.pi / 2 * (rows if rng.random() < 0.5 else columns))
            picture = picture + torch.from_numpy(rng.uniform(0.08, 0.16) * wave).float()
        if kind == 3:  # dots of a print
            dots = (rows % 4 < 2) & (columns % 4 < 2)
            shade = rng.uniform(0.16, 0.32) * (dots - dots.mean())
            picture = picture + torch.from_numpy(shade).float()
        grain = torch.from_numpy(rng.normal(0, 0.03, (3, SIDE, SIDE))).float()
        found.append((picture + grain).clamp(0, 1))
        labels.append(float(kind in (1, 3)))
    return torch.stack(found), torch.tensor(labels)


def shifted(frames: Tensor, far: bool = False) -> Tensor:
    """Return textures of another camera: warmer, darker, a little blurred; `far` more of all."""
    gain, blur, colours = (0.9, 0.2, (1, 0.94, 0.88)) if far else (0.95, 0.15, (1, 0.95, 0.9))
    tint = torch.tensor(colours).view(1, 3, 1, 1)
    soft = (1 - blur) * frames + blur * avg_pool2d(frames, 3, 1, 1, count_include_pad=False)
    return (gain * soft * tint + 0.02).clamp(0, 1)


def policy(seed: int, inner: int = 1, reason: float = 1.0) -> FASGRPO:
    """Return an untrained policy of two layers, fewer than a million weights."""
    torch.manual_seed(seed)
    sizes = Sizes(
        width=64, layers=2, heads=4, inner=128, vocabulary=SPECIAL + len(WORDS), vision_width=64,
        vision_layers=2, vision_heads=4, vision_inner=128, vision_layer=-1, image=SIDE, patch=8,
    )  # fmt: skip
    config = Config(
        sizes=sizes, lora=Lora(rank=0), words=WORDS, question="live?", group=GROUP, most=12,
        beta=0.02, reward_reason=reason, reward_format=0.0, inner=inner,
        view=View(size=SIDE, frames=1, fit="face"),
    )  # fmt: skip
    method = FASGRPO(config)
    assert sum(p.numel() for p in method.parameters()) < 1_000_000
    return method


def batches(count: int, seed: int) -> Iterator[ClipBatch]:
    """Yield batches of fresh textures."""
    for n in range(count):
        frames, labels = faces(FACES, seed=10_000 * seed + n)
        yield ClipBatch(frames=frames[:, None], labels=labels)


def written(verdict: str, sentence: str) -> str:
    return f"<think> {sentence} </think> <answer> {verdict} </answer>"


def begun(method: FASGRPO, steps: int = 160, seed: int = 1) -> FASGRPO:
    """Return a policy that keeps to the form and knows a little: the supervised start.

    Of its texts two in three have the right verdict; their thoughts are random all the same.
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(method.parameters(), lr=2e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.2)
    for n in range(steps):
        frames, labels = faces(32, seed=50_000 + n)
        known = rng.random(len(labels)) < KNOWN
        verdicts = ["spoof" if bool(x) == k else "real" for x, k in zip(labels, known, strict=True)]
        texts = [written(verdict, str(rng.choice(list(SENTENCES)))) for verdict in verdicts]
        optimiser.zero_grad()
        method.train().taught(frames, texts).total.backward()
        optimiser.step()
        rate.step()
    return method.eval()


def start(reason: float = 1.0, steps: int = 200) -> tuple[FASGRPO, list[float], Measured]:
    """Return the policy after GRPO, its rewards (of 2: class and reason), and how it began."""
    method = begun(policy(seed=0, reason=reason))
    before = measured(method, *faces(100, seed=98))
    plan = Plan(lr=5e-4, seed=3, clip_norm=1.0)
    curve = [
        step.parts["class"] + step.parts["reason"] for step in fit(method, batches(steps, 1), plan)
    ]
    return method.eval(), curve, before


def supervised(steps: int) -> FASGRPO:
    """Return the same policy tuned on right answers for as many steps."""
    rng = np.random.default_rng(4)
    method = begun(policy(seed=0))
    optimiser = torch.optim.AdamW(method.parameters(), lr=1e-3, weight_decay=0.0)
    for batch in batches(steps, 1):
        texts = []
        for label in batch.labels:
            verdict = "spoof" if label else "real"
            fitting = [s for s, v in SENTENCES.items() if v == verdict]
            texts.append(written(verdict, str(rng.choice(fitting))))
        optimiser.zero_grad()
        method.train().taught(batch.frames[:, 0], texts).total.backward()
        optimiser.step()
    return method.eval()


@torch.inference_mode()
def measured(method: FASGRPO, frames: Tensor, labels: Tensor) -> Measured:
    """Return how the likeliest answers fare."""
    texts = [text for part in frames.split(100) for text in method.eval().said(part)]
    truth = ["spoof" if label else "real" for label in labels]
    earned = [rewards(text, label) for text, label in zip(texts, truth, strict=True)]
    return Measured(*(float(np.mean(column)) for column in zip(*earned, strict=True)))


def drawn(curve: list[float], path: str) -> None:
    """Write the curve of rewards, of 2, as a figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    smooth = np.convolve(curve, np.ones(10) / 10, "valid")
    figure, axis = pyplot.subplots(figsize=(6, 3), layout="constrained")
    axis.plot(range(1, len(curve) + 1), curve, linewidth=0.6, alpha=0.4, color="tab:blue")
    axis.plot(range(10, len(curve) + 1), smooth, color="tab:blue")
    axis.set(xlabel="update", ylabel="mean reward (class + reasoning)", ylim=(0, 2))
    axis.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    import sys

    begin = measured(begun(policy(seed=0)), *faces(300, seed=99))
    found, rewarded, _ = start()
    drawn(rewarded, sys.argv[1])
    print(f"before {begin}")
    print(f"after {measured(found, *faces(300, seed=99))}")
    print(f"reward: {np.mean(rewarded[:10]):.3f} -> {np.mean(rewarded[-10:]):.3f}")
