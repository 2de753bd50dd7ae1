"""What is done to a training clip before the network sees it, as a recipe's `Data` says.

One draw serves all frames of a clip, so augmentation never flickers. Order: place of the
crop, moments, down-sampling, crop, flip, blur, noise, perturbation, JPEG, grey.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.media.perturb import kind, perturb
from verilens.media.sample import cut_out
from verilens.records import View
from verilens.train.recipe import Data

Pixels = NDArray[np.uint8]
ZERO = -1  # the place of a black frame


def stored_view(view: View, data: Data, moments: int) -> View:
    """Return what of a file is decoded and kept for training a method that looks at `view`."""
    if view.fit == "face":
        size = data.resize_px or view.size
        return View(size=size, frames=moments, fit="face", margin=view.margin, shape=view.shape)
    if data.resize_px:
        return View(size=data.resize_px, frames=moments, fit="resize", bands=view.bands)
    if view.fit in ("resize", "contain"):
        return View(size=view.size, frames=moments, fit=view.fit, bands=view.bands)
    size = max(data.stored_px, view.size)
    return View(size=size, frames=moments, fit="native", bands=view.bands)


def side_of(view: View, data: Data) -> int:
    """Return the side of the square that is cut for training, 0 for none."""
    if data.crop_px:
        return data.crop_px
    return view.size if view.fit == "crop" and not data.resize_px else 0


def window(count: int, data: Data, rng: np.random.Generator) -> list[int]:
    """Return which of `count` moments make a clip of `data.frames`; ZERO stands for black."""
    wanted = data.frames
    if count < wanted:
        is_black = data.short == "zero"
        return [n if n < count else ZERO if is_black else n % count for n in range(wanted)]
    if data.window == "consecutive":
        start = int(rng.integers(count - wanted + 1))
        return list(range(start, start + wanted))
    edges = [count * n // wanted for n in range(wanted + 1)]
    return [int(rng.integers(low, high)) for low, high in pairwise(edges)]


def cut_view(view: View, side: int, rng: np.random.Generator) -> View:
    """Return a stored view of which a random square is kept; side 0 keeps all."""
    across, down = rng.random(2)
    return replace(view, cut_px=side, cut_x=float(across), cut_y=float(down))


def augmented(frames: Sequence[Pixels], data: Data, cut: View, rng: np.random.Generator) -> Pixels:
    """Return a clip, (T, side, side, C) where `cut` keeps a square, else as large as its frames.

    frames: of one size, (H, W, C) each; only the pixels of the square are read from mapped ones. C
    is the view's bands, or one more with a mask, which is cut and mirrored with the colours and
    nothing else. Frames that are no larger than the square stay whole, those that the decoder cut
    among them.
    """
    height, width = frames[0].shape[:2]
    if rng.random() < data.downsample_p:
        ratio = rng.uniform(*data.downsample_ratio)
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        frames = [cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames]  # type: ignore[misc]
    side = cut.cut_px
    clip = filled(cropped(frames, cut), (side or height, side or width), data.fill)
    if data.flip and rng.random() < 0.5:
        clip = _each(clip, lambda frame: cv2.flip(frame, 1))
    clip, mask = clip[..., : cut.bands], clip[..., cut.bands :]
    for chance, distortion in (
        (data.blur_p, _blurred),
        (data.noise_p, _noisy),
        (data.perturb_p if data.perturb else 0.0, _perturbed),
        (data.jpeg_p, _recoded),
        (data.grey_p, _grey),
    ):
        if rng.random() < chance:
            clip = distortion(np.ascontiguousarray(clip), data, rng)
    return np.ascontiguousarray(np.concatenate((clip, mask), 3) if mask.size else clip)


def cropped(frames: Sequence[Pixels], cut: View) -> Pixels:
    """Return the square that a view keeps of all frames, smaller where they are."""
    height, width = frames[0].shape[:2]
    left, top, right, bottom = cut_out(cut, (width, height))
    pieces = [frame[top:bottom, left:right] for frame in frames]
    return pieces[0][None] if len(pieces) == 1 else np.stack(pieces)


def filled(clip: Pixels, size: tuple[int, int], fill: str) -> Pixels:
    """Return the clip extended to `size` (height, width) at its lower and right edges."""
    room = [wanted - have for wanted, have in zip(size, clip.shape[1:3], strict=True)]
    if not any(room):
        return clip
    mode = "wrap" if fill == "tile" else "symmetric"
    return np.pad(clip, ((0, 0), (0, room[0]), (0, room[1]), (0, 0)), mode=mode)  # type: ignore[call-overload,no-any-return]


def _blurred(clip: Pixels, data: Data, rng: np.random.Generator) -> Pixels:
    sigma = rng.uniform(*data.blur_sigma)
    if sigma < 0.1:  # no pixel would change
        return clip
    return _each(clip, lambda frame: cv2.GaussianBlur(frame, (0, 0), sigma))


def _noisy(clip: Pixels, data: Data, rng: np.random.Generator) -> Pixels:
    noise = rng.normal(0, rng.uniform(*data.noise_sigma), clip.shape)
    return np.clip(np.rint(clip + noise), 0, 255).astype(np.uint8)


def _recoded(clip: Pixels, data: Data, rng: np.random.Generator) -> Pixels:
    low, high = data.jpeg_quality
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(low, high + 1))]

    def recoded(frame: Pixels) -> object:
        file = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality)[1]
        return cv2.cvtColor(cv2.imdecode(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    return _each(clip, recoded)


def _perturbed(clip: Pixels, data: Data, rng: np.random.Generator) -> Pixels:
    name = str(rng.choice(np.array(data.perturb)))
    low, high = data.perturb_severity
    found = perturb(clip, name, int(rng.integers(low, high + 1)), rng)
    return filled(found, (clip.shape[1], clip.shape[2]), data.fill)


def _grey(clip: Pixels, data: Data, rng: np.random.Generator) -> Pixels:
    return _each(
        clip, lambda frame: np.repeat(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    )


def _each(clip: Pixels, change: Callable[[Pixels], object]) -> Pixels:
    changed = [np.asarray(change(frame), np.uint8) for frame in clip]
    return changed[0][None] if len(changed) == 1 else np.stack(changed)


def check(data: Data, has_masks: bool = False, bands: int = 3) -> None:
    """Raise UnknownName or ConfigError when `data` asks for what cannot be trained with."""
    from verilens.errors import ConfigError

    if bands != 3 and (data.jpeg_p or data.grey_p or data.perturb):
        raise ConfigError("data.jpeg_p, grey_p and perturb change colours, not spectral cubes")
    for name in data.perturb:
        if has_masks and kind(name).group == "geometry":
            raise ConfigError(f"data.perturb: '{name}' moves pixels away from their mask; leave it")
        if kind(name).group == "time":
            raise ConfigError(f"data.perturb: '{name}' changes the number of frames; leave it out")
