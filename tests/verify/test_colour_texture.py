"""Colour texture: the published counts, colours as OpenCV's, and what no lighting changes."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from verilens.errors import ConfigError
from verilens.verify.colour_texture.config import Config
from verilens.verify.colour_texture.model import (
    BINS,
    ColourTexture,
    colours,
    counted,
    patterns,
    uniform,
)


def test_the_published_size():
    # 59 bins of each of six channels, over the whole face.
    method = ColourTexture()
    assert method.features(torch.rand(2, 3, 64, 64)).shape == (2, 354)
    assert sum(p.numel() for p in method.parameters()) == 355
    fine = ColourTexture(Config(radii=(1, 2), cells=2))
    assert fine.norm.num_features == 354 * 2 * 4


def test_58_patterns_are_uniform():
    bins = uniform()
    assert len(set(bins.tolist())) == BINS
    assert (bins == BINS - 1).sum() == 256 - 58
    assert bins[0b00000000] == 0 and bins[0b11111111] == 57 and bins[0b01010101] == BINS - 1


def test_a_pattern_by_hand():
    plane = torch.tensor([[9.0, 1, 9], [1, 5, 9], [1, 1, 5]])[None, None]
    # Clockwise from the upper left: 9 1 9 9 5 1 1 1; equal counts as not darker.
    assert patterns(plane, 1).item() == 0b00011101
    wide = torch.zeros(1, 1, 5, 5)
    wide[0, 0, 2, 2] = 1
    assert patterns(wide, 2).shape == (1, 1, 1, 1) and patterns(wide, 2).item() == 0


def test_colours_are_those_of_opencv():
    rgb = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    found = colours(torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255)[0].numpy()
    y, cr, cb = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    hue, saturation, value = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV_FULL))
    for ours, theirs in zip(found[:3], (y, cb, cr), strict=True):
        assert np.abs(ours - theirs).max() <= 1
    assert np.abs(found[4] - saturation).max() <= 1 and (found[5] == value).all()
    turn = np.abs(found[3] - hue)
    assert np.minimum(turn, 256 - turn).max() <= 2


def test_shares_of_each_cell_add_up():
    bins = torch.randint(0, BINS, (2, 3, 10, 13))
    shares = counted(bins, 2).view(2, 3 * 4, BINS) ** 2
    assert torch.allclose(shares.sum(2), torch.ones(2, 12))


def test_light_that_only_gets_brighter_leaves_luma_patterns_as_they_are():
    grey = torch.rand(1, 1, 32, 32) * 0.4
    dark, light = ((grey + shift).repeat(1, 3, 1, 1) for shift in (0.1, 0.4))
    method = ColourTexture(Config.tiny())
    change = (method.features(dark)[0, :BINS] ** 2 - method.features(light)[0, :BINS] ** 2).abs()
    assert change.sum() < 0.05  # rounding to whole steps alone


def test_fewer_colours_are_seen():
    rng = np.random.default_rng(0)
    skin = cv2.GaussianBlur(rng.random((64, 64, 3), np.float32), (0, 0), 1.0)
    few = np.round(skin * 6) / 6
    method = ColourTexture()
    counts = [method.features(torch.from_numpy(p).permute(2, 0, 1)[None])[0] for p in (skin, few)]
    flat = uniform()[255]  # all neighbours alike
    chroma = slice(BINS, 3 * BINS)
    assert (
        counts[1][chroma].view(2, BINS)[:, flat].min()
        > counts[0][chroma].view(2, BINS)[:, flat].max()
    )


@pytest.mark.parametrize("wrong", [{"radii": ()}, {"cells": 0}, {"radii": (9,), "cells": 4}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="colour_texture"):
        dataclasses.replace(Config.tiny(), **wrong)
