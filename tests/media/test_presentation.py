"""Presentation attacks: each shows the physics it claims, and nothing else is touched."""

import numpy as np
import pytest

from face_maker import figure, put, room
from verilens.errors import ConfigError, UnknownName
from verilens.media.faces import Face
from verilens.media.presentation import KINDS, SEVERITIES, centred, paper, present, scene, screen

POINTS = np.array([[125, 130], [155, 130], [140, 150], [128, 168], [152, 168]], np.float32)
FACE = Face((110.0, 100.0, 170.0, 185.0), 1.0, POINTS)


def portrait():
    return put(room((280, 280)), figure(), (140, 142), 85)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", [1, 5])
def test_every_kind_changes_the_face_alike_for_a_seed(kind, severity):
    picture = portrait()
    before = picture.copy()
    found = present(picture, kind, severity, rng(), FACE)
    assert found.shape == picture.shape and found.dtype == np.uint8
    assert np.array_equal(picture, before)
    assert np.array_equal(found, present(picture, kind, severity, rng(), FACE))
    assert not np.array_equal(found, present(picture, kind, severity, rng(1), FACE))
    face = np.s_[100:185, 110:170]
    assert np.abs(found[face].astype(int) - picture[face]).mean() > 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (7, 90), (64, 33)])
def test_any_picture_may_be_presented(kind, size):
    noise = rng().integers(0, 256, (*size, 3), dtype=np.uint8)
    assert present(noise, kind, 3, rng()).shape == noise.shape


def test_wrong_orders_are_answered():
    picture = portrait()
    with pytest.raises(UnknownName, match="there are: print, cut, replay, mask"):
        present(picture, "hologram", 3, rng())
    with pytest.raises(ConfigError, match=r"1 \(well made\) to 5"):
        present(picture, "print", 0, rng())
    with pytest.raises(ConfigError, match=r"\(H, W, 3\) uint8"):
        present(picture[..., 0], "print", 3, rng())
    assert SEVERITIES == (1, 2, 3, 4, 5)


def test_dots_cover_as_much_as_the_tone_asks_for():
    for coverage in (0.1, 0.35, 0.5, 0.8):
        tone = np.full((60, 60), coverage, np.float32)
        dots = paper.halftone(tone, 6.0, paper.ANGLES_RAD[0], rng())
        assert dots.mean() == pytest.approx(coverage, abs=0.06)
        assert dots.std() > 0.1  # dots, not a grey


def test_ink_on_paper_has_a_smaller_gamut_than_light():
    colours = np.eye(3, dtype=np.float32)[None].repeat(40, 0).repeat(40, 1)  # pure red, green, blue
    seen = paper.inked(colours, rng(), 0.0).mean(0).reshape(3, -1, 3).mean(1)
    assert (np.ptp(seen, axis=1) < 0.8).all()
    white = paper.inked(np.ones((20, 20, 3), np.float32), rng(), 0.0)
    black = paper.inked(np.zeros((20, 20, 3), np.float32), rng(), 0.0)
    assert np.allclose(white, paper.PAPER, atol=0.02) and black.mean() > 0.02


def test_moire_is_the_beat_of_screen_and_sensor(monkeypatch):
    # 0.8 screen pixels a camera pixel: the sensor sees 0.8 - 1 = 0.2 cycles a pixel.
    monkeypatch.setattr(screen, "PITCH", (1.25, 1.25))
    monkeypatch.setattr(screen, "TURN_RAD", (0.0, 0.0))
    grid = screen.pixels((200, 200), rng(), 1.0)[..., 0].mean(0)
    peak = int(np.abs(np.fft.rfft(grid - grid.mean())).argmax()) / 200
    assert peak == pytest.approx(0.2, abs=0.015)
    assert screen.pixels((80, 80), rng(3), 1.0).mean() == pytest.approx(1, abs=0.05)


def test_the_channels_of_a_screen_are_apart():
    weight = screen.pixels((40, 40), rng(), 1.0)
    assert np.abs(weight[..., 0] - weight[..., 2]).max() > 0.02


def test_a_screen_has_no_black():
    dark = screen.glowing(np.zeros((4, 4, 3), np.float32), rng())
    assert (dark > 0.01).all() and screen.glowing(np.ones((4, 4, 3), np.float32), rng()).max() <= 1


def test_a_mask_lies_on_the_face_alone_and_eyes_look_through():
    picture = portrait()
    found = present(picture, "mask", 5, rng(), FACE)
    changed = np.abs(found.astype(int) - picture).max(2)
    assert changed[:60].max() <= 1 and changed[:, :70].max() <= 1  # far from the face
    eye = np.s_[128:133, 123:128]
    cheek = np.s_[145:160, 118:130]
    assert changed[eye].mean() < changed[cheek].mean()


def test_a_mask_has_no_pores():
    picture = portrait().astype(int)
    picture[100:185, 110:170] += rng(5).integers(-12, 13, (85, 60, 1))
    grainy = np.clip(picture, 0, 255).astype(np.uint8)

    def grain(pixels):
        return np.abs(np.diff(pixels[145:160, 118:132].astype(int), axis=1)).mean()

    assert grain(present(grainy, "mask", 3, rng(), FACE)) < 0.6 * grain(grainy)


def test_living_eyes_look_through_a_cut_out_print():
    picture = portrait()
    eye = np.s_[127:134, 121:129]
    errors = {}
    for kind in ("print", "cut"):
        found = [present(picture, kind, 5, rng(n), FACE)[eye] for n in range(8)]
        # Without brightness, which a hand's shadow changes.
        errors[kind] = np.mean([np.corrcoef(f.ravel(), picture[eye].ravel())[0, 1] for f in found])
    assert errors["cut"] > errors["print"]


def test_a_room_is_behind_what_does_not_fill_the_picture():
    outline = np.array([[10, 10], [50, 10], [50, 40], [10, 40]], np.float32)
    cover = scene.inside((60, 60), outline, 0.5)
    assert cover[25, 30] == 1 and cover[5, 5] == 0 and 0.3 < cover[25, 10] < 1


def test_a_crop_without_a_face_is_taken_to_be_one():
    face = centred(np.zeros((270, 270, 3), np.uint8))
    left, top, right, bottom = face.box
    assert bottom - top == pytest.approx(100) and left + right == pytest.approx(270)
    assert (face.points > [left, top]).all() and (face.points < [right, bottom]).all()
