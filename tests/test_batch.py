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
