"""Ways to fuse clues share one interface, bear missing ones, and find the one that tells."""

from typing import get_args

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.errors import ConfigError
from verilens.verify.clues import Fusion, Mode

WIDTHS = {"text": 8, "frames": 12, "sound": 6, "publisher": 4, "comments": 8}
MODES = get_args(Mode)


def clues(count, seed, telling="frames"):
    """Return clues of noise, of which one tells the label in a direction of its own."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    found = {name: torch.randn(count, width, generator=draw) for name, width in WIDTHS.items()}
    found[telling][:, 0] += 4 * (labels - 0.5)
    return found, labels.float()


def trained(mode, telling="frames"):
    torch.manual_seed(0)
    fusion = Fusion(WIDTHS, mode)
    given, labels = clues(400, 1, telling)
    optimiser = torch.optim.Adam(fusion.parameters(), lr=1e-2)
    for _ in range(150):
        loss = binary_cross_entropy_with_logits(fusion(given).logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return fusion.eval()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_learns_and_bears_missing_clues(mode):
    fusion = trained(mode)
    given, labels = clues(400, 2)
    with torch.inference_mode():
        whole = fusion(given)
        assert ((whole.logits > 0) == (labels > 0)).float().mean() >= 0.9
        assert torch.allclose(whole.weights.sum(1), torch.ones(400), atol=1e-5)
        for name in WIDTHS:
            rest = {other: x for other, x in given.items() if other != name}
            for missing in (rest, {**given, name: None}):
                found = fusion(missing)
                assert found.logits.shape == (400,) and torch.isfinite(found.logits).all()
                assert found.weights[:, list(WIDTHS).index(name)].abs().max() == 0
    with pytest.raises(ConfigError, match="no clue is there"):
        fusion({})


@pytest.mark.parametrize("telling", ["frames", "comments"])
def test_attention_weighs_the_telling_modality_most(telling):
    fusion = trained("attention", telling)
    with torch.inference_mode():
        mean = fusion(clues(400, 2, telling)[0]).weights.mean(0)
    assert list(WIDTHS)[int(mean.argmax())] == telling, mean


def test_modes_have_names():
    with pytest.raises(ConfigError, match="concat, attention, sequential"):
        Fusion(WIDTHS, "sum")
    with pytest.raises(ConfigError):
        Fusion({})
