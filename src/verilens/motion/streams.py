"""What of a movement a recogniser is shown: joints, bones, longer bones, or how they move.

    j  joints    b  bones: joint minus parent    k  joint minus grandparent    jm bm km  over time

Streams are trained apart and their probabilities added. After ProtoGCN, which takes `k` from
InfoGCN. Each has three channels: x, y, z, or x, y and confidence for flat poses.
"""

from collections.abc import Mapping
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.errors import ConfigError
from verilens.motion.stretch import Stream
from verilens.nn.graph import Parents

CHANNELS = 3

# Weights of 2, 4 and 6 streams in the official repository.
SHARES: dict[Stream, int] = {"j": 2, "b": 2, "k": 2, "jm": 1, "bm": 1, "km": 1}


def shown(joints: Tensor, confidence: Tensor, stream: Stream, parents: Parents) -> Tensor:
    """Return what a stream shows, (B, M, T, J, 3).

    joints: (B, M, T, J, D), D = 2 or 3. confidence: (B, M, T, J).
    """
    flat = joints.shape[-1] == 2
    if stream[0] != "j":
        ends = torch.tensor(parents if stream[0] == "b" else grandparents(parents))
        seen = (confidence > 0) & (confidence[..., ends] > 0)
        joints = (joints - joints[..., ends, :]) * seen[..., None]
        confidence = (confidence + confidence[..., ends]) / 2
    if stream.endswith("m"):
        seen = (confidence[:, :, 1:] > 0) & (confidence[:, :, :-1] > 0)
        moved = (joints[:, :, 1:] - joints[:, :, :-1]) * seen[..., None]
        joints = torch.cat([moved, torch.zeros_like(joints[:, :, :1])], 2)
    return torch.cat([joints, confidence[..., None]], -1) if flat else joints


def grandparents(parents: Parents) -> list[int]:
    """Return each joint's parent's parent, itself where there is none."""
    root = [joint == parent for joint, parent in enumerate(parents)]
    found = []
    for joint, parent in enumerate(parents):
        found.append(joint if root[joint] or root[parent] else parents[parent])
    return found


def fuse(probabilities: Mapping[Stream, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the weighted mean of the streams' probabilities, (N, classes) each."""
    unknown = set(probabilities) - set(get_args(Stream))
    if unknown or not probabilities:
        raise ConfigError(f"no stream {sorted(unknown)}; known: {', '.join(get_args(Stream))}")
    total = sum(SHARES[stream] for stream in probabilities)
    parts = [SHARES[stream] / total * found for stream, found in probabilities.items()]
    fused: NDArray[np.float64] = np.sum(parts, axis=0)
    return fused
