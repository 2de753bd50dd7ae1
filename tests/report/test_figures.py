"""The views for the eye, on pictures small enough to know the answer."""

import base64

import cv2
import numpy as np
import pytest

from verilens.report import figures


def scene(seed: int = 0, side: int = 128) -> figures.RGB:
    """Smooth random colours with some grain, as in a photograph."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(float)
    return np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def jpeg(rgb: figures.RGB, quality: int) -> figures.RGB:
    _, data = cv2.imencode(".jpg", rgb[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def test_error_levels_of_a_uniform_picture_are_black() -> None:
    assert figures.error_levels(np.full((64, 48, 3), 128, dtype=np.uint8)).max() == 0


def test_error_levels_show_what_was_not_yet_compressed() -> None:
    mixed = jpeg(scene(), 90)
    mixed[32:96, 32:96] = scene()[32:96, 32:96]
    levels = figures.error_levels(mixed).astype(float)
    assert levels[40:88, 40:88].mean() > 1.5 * levels[:24].mean()


def test_noise_residual_is_grey_but_for_the_odd_pixel() -> None:
    flat = np.full((9, 9, 3), 100, dtype=np.uint8)
    flat[4, 4] = 110
    residual = figures.noise_residual(flat, gain=8)
    assert residual[4, 4].tolist() == [208, 208, 208]
    residual[4, 4] = 128
    assert (residual == 128).all()


def test_spectrum_of_a_checkerboard_peaks_in_the_corner() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    picture = figures.spectrum(np.repeat(board[..., None], 3, axis=2).astype(np.uint8))
    assert picture.shape == (64, 64, 3)
    assert np.unravel_index(picture[..., 0].argmax(), (64, 64)) == (0, 0)
    assert picture[16:48, 16:48].max() == 0


def test_spectrum_of_stripes_peaks_beside_the_centre() -> None:
    wave = 128 + 100 * np.cos(2 * np.pi * np.arange(64) / 8)
    picture = figures.spectrum(np.tile(wave, (64, 1))[..., None].repeat(3, 2).astype(np.uint8))
    row, column = np.unravel_index(picture[..., 0].argmax(), (64, 64))
    assert (row, abs(column - 32)) == (32, 8)


def test_spectrum_of_a_uniform_picture_is_black() -> None:
    assert figures.spectrum(np.full((40, 80, 3), 77, dtype=np.uint8)).max() == 0


@pytest.mark.parametrize("true", [60, 80])
def test_ghost_is_darkest_at_the_true_quality(true: int) -> None:
    ghosts = figures.ghosts(jpeg(scene(), true))
    means = [ghost.mean() for ghost in ghosts]
    assert figures.QUALITIES[int(np.argmin(means))] == true


def test_ghost_shows_the_part_with_another_past() -> None:
    mixed = jpeg(scene(), 60)
    mixed[:, 64:] = scene()[:, 64:]
    ghost = figures.ghosts(mixed, (50, 60, 70, 80, 90))[1].astype(float)
    assert ghost[:, 16:48].mean() < 10 < 200 < ghost[:, 80:112].mean()


def test_aids_work_on_one_pixel_and_on_odd_shapes() -> None:
    for shape in [(1, 1, 3), (3, 1, 3), (301, 17, 3)]:
        pictures = [aid.picture for aid in figures.aids(np.zeros(shape, dtype=np.uint8))]
        assert len(pictures) == 8
        assert all(picture.dtype == np.uint8 for picture in pictures)


def test_colours_rise_in_lightness() -> None:
    """A heat map must keep its order for readers who see no hue at all."""
    ramp = figures.colours(np.linspace(0, 1, 33, dtype=np.float32)).astype(float)
    luminance = ramp @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all()


def test_overlay_is_opaque_only_where_scores_are_high() -> None:
    layer = figures.overlay(np.array([[0.0, 1.0], [np.nan, 0.0]], dtype=np.float32))
    assert layer.shape == (256, 256, 4)
    assert layer[0, -1, 3] == 255
    assert layer[0, 0, 3] < 50 and layer[-1, 0, 3] < 50


def test_fit_never_enlarges() -> None:
    small = np.zeros((10, 20, 3), dtype=np.uint8)
    assert figures.fit(small, 100) is small
    assert figures.fit(np.zeros((400, 2, 3), dtype=np.uint8), 100).shape == (100, 1, 3)


def test_data_addresses_hold_the_picture() -> None:
    pixels = np.zeros((2, 3, 4), dtype=np.uint8)
    pixels[0, 0] = (255, 10, 0, 128)
    data = base64.b64decode(figures.png_uri(pixels).removeprefix("data:image/png;base64,"))
    again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert again[0, 0].tolist() == [0, 10, 255, 128]
    assert figures.jpeg_uri(pixels[..., :3]).startswith("data:image/jpeg;base64,/9j/")
