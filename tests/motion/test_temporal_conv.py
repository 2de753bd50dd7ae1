"""VideoPose3D: its sizes, what it sees, and that stepping and sliding agree."""

import pytest
import torch
from torch import nn

from verilens.errors import ConfigError
from verilens.motion.lifter import Window
from verilens.motion.temporal_conv.config import Config
from verilens.motion.temporal_conv.model import TemporalConv


@pytest.mark.parametrize(
    ("layers", "count"), [(5, 16_952_371), (4, 12_753_971), (3, 8_555_571), (1, 158_771)]
)
def test_sizes_of_the_paper(layers, count):
    """The paper states 16.95, 12.75 and 8.56 million weights for 243, 81 and 27 frames."""
    with torch.device("meta"):
        method = TemporalConv(Config(widths=(3,) * layers, window=Window(frames=3**layers)))
    assert sum(p.numel() for p in method.parameters()) == count


def settled() -> TemporalConv:
    torch.manual_seed(0)
    method = TemporalConv(Config(widths=(3, 5, 3), channels=16, window=Window(frames=45)))
    for norm in (m for m in method.modules() if isinstance(m, nn.BatchNorm1d)):
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)
        nn.init.uniform_(norm.running_var, 0.05, 0.2)
    return method.eval()


def test_stepping_over_a_window_gives_the_poses_of_sliding_over_a_film():
    method, film = settled(), torch.randn(2, 60, 17, 2)
    with torch.inference_mode():
        slid = method.slide(film)
        assert slid.shape == (2, 16, 17, 3)
        for at in range(16):
            assert torch.allclose(method(film[:, at : at + 45]), slid[:, at], atol=1e-6)


def test_it_reads_every_frame_of_its_window_and_none_beyond():
    method, film = settled(), torch.randn(8, 47, 17, 2)
    film.requires_grad_(True)
    method(film[:, 1:46]).sum().backward()
    touched = film.grad.abs().amax((0, 2, 3)) > 0
    assert touched.tolist() == [False] + [True] * 45 + [False]


def test_widths_must_fill_the_window():
    with pytest.raises(ConfigError, match=r"read 27 frames; window.frames is 243"):
        Config(widths=(3, 3, 3))
    with pytest.raises(ConfigError, match="odd"):
        Config(widths=(2, 3), window=Window(frames=7))
