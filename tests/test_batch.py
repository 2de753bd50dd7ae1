"""Batches: cut into parts without losing a sample."""

import torch

from verilens.batch import ClipBatch


def test_batches_are_split_into_nearly_equal_parts():
    frames, labels = torch.rand(7, 2, 3, 4, 4), torch.zeros(7)
    batch = ClipBatch(frames=frames, labels=labels, index=torch.arange(7))
    parts = batch.split(3)
    assert sorted(len(part) for part in parts) == [2, 2, 3]
    assert torch.equal(torch.cat([part.frames for part in parts]), frames)
    assert torch.cat([part.index for part in parts]).tolist() == list(range(7))
    assert len(batch.split(20)) == 7


def test_bytes_become_numbers_on_the_device():
    frames = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 3, 1, 1)
    batch = ClipBatch(
        frames=frames, labels=torch.zeros(1), masks=frames[:, :, :1], index=torch.arange(1)
    )
    moved = batch.to(torch.device("cpu"))
    assert torch.allclose(moved.frames.flatten(), torch.tensor([0, 0.2, 1.0]))
    assert moved.masks.dtype == torch.float32 and moved.index.dtype == torch.int64
    assert torch.equal(moved.to(torch.device("cpu")).frames, moved.frames)
