"""The table of perturbations: what each is called, what its five severities mean, what does it.

A kind is up to three steps, in this order: frames are retimed, each frame is filtered, all are
compressed. Severity 0 is the identity. ForgeryNet applies 36 kinds and mixtures of them to nearly
all of its media but publishes neither their list nor their settings; the 36 marked here are our
choice in the vocabulary of its time (albumentations). GenVideo's are as its release has them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from verilens.errors import UnknownName
from verilens.media.perturb import (
    blur,
    codecs,
    colour,
    geometry,
    noise,
    overlay,
    screen,
    social,
    temporal,
)
from verilens.media.perturb.codecs import Codec
from verilens.media.perturb.draw import Filter

Level = tuple[float, ...]
Carrier = Literal["image", "video"]
BOTH: tuple[Carrier, ...] = ("image", "video")
VIDEO: tuple[Carrier, ...] = ("video",)
SEVERITIES = (1, 2, 3, 4, 5)
_NO_LEVELS: tuple[Level, ...] = ((),) * 5


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One row of the table.

    group: colour, blur, noise, geometry, overlay, screen, compression, social or time.
    levels: the numbers of severity 1 to 5. unit: what they are; "" when severities do not differ.
    filter: builds what is done to a frame, from a `Draw` and a level. retime: the same for the
        stream of frames. codec: the compression at a level.
    applies: what it makes sense for. draws: "frame" draws anew for every frame of a video.
    falls: with severity the PSNR against the clean frames falls.
    resizes: frames may come out smaller. suites: the published protocols that hold it.
    """

    name: str
    group: str
    unit: str = ""
    levels: tuple[Level, ...] = _NO_LEVELS
    filter: Callable[..., Filter] | None = None
    retime: Callable[..., temporal.Retime] | None = None
    codec: Callable[..., Codec] | None = None
    applies: tuple[Carrier, ...] = BOTH
    draws: Literal["clip", "frame"] = "clip"
    falls: bool = False
    resizes: bool = False
    suites: tuple[str, ...] = ()

    def level(self, severity: int) -> Level:
        """Return the numbers of a severity, 1 to 5."""
        return self.levels[severity - 1]

    def compression(self, severity: int) -> Codec | None:
        """Return what the perturbed media is compressed with, None when that is no part of it."""
        return self.codec(*self.level(severity)) if self.codec else None


def _levels(*numbers: float) -> tuple[Level, ...]:
    return tuple((number,) for number in numbers)


_FN, _GV, _DF = "forgerynet", "genvideo", "deeperforensics"

# One row a kind. `falls` is claimed only where the draw cannot turn it round.
_TABLE = (
    Kind(
        name="brightness", group="colour", filter=colour.brightness, suites=(_FN,),
        unit="share of the full range added or taken", levels=_levels(0.08, 0.16, 0.24, 0.32, 0.4),
    ),
    Kind(
        name="contrast", group="colour", filter=colour.contrast, suites=(_FN, _DF), falls=True,
        unit="factor about mid-grey", levels=_levels(0.85, 0.725, 0.6, 0.475, 0.35),
    ),
    Kind(
        name="gamma", group="colour", filter=colour.gamma, suites=(_FN,),
        unit="exponent, or its inverse", levels=_levels(1.2, 1.4, 1.7, 2.0, 2.5),
    ),
    Kind(
        name="hue", group="colour", filter=colour.hue, suites=(_FN,),
        unit="degrees of turn", levels=_levels(10, 20, 36, 60, 90),
    ),
    Kind(
        name="saturation", group="colour", filter=colour.saturation, suites=(_FN, _DF), falls=True,
        unit="factor about grey", levels=_levels(0.4, 0.3, 0.2, 0.1, 0.0),
    ),
    Kind(
        name="rgb-shift", group="colour", filter=colour.rgb_shift, suites=(_FN,),
        unit="levels of 255, at most", levels=_levels(10, 20, 30, 40, 50),
    ),
    Kind(name="channel-shuffle", group="colour", filter=colour.channel_shuffle, suites=(_FN,)),
    Kind(
        name="channel-dropout", group="colour", filter=colour.channel_dropout, suites=(_FN,),
        unit="share of one channel taken away", levels=_levels(0.2, 0.4, 0.6, 0.8, 1.0),
    ),
    Kind(name="grayscale", group="colour", filter=colour.grayscale, suites=(_FN,)),
    Kind(
        name="sepia", group="colour", filter=colour.sepia, suites=(_FN,), falls=True,
        unit="share mixed in", levels=_levels(0.2, 0.4, 0.6, 0.8, 1.0),
    ),
    Kind(
        name="clahe", group="colour", filter=colour.clahe, suites=(_FN,),
        unit="clip limit, 8 x 8 tiles", levels=_levels(2, 3, 4, 6, 8),
    ),
    Kind(
        name="equalize", group="colour", filter=colour.equalize, suites=(_FN,), falls=True,
        unit="share mixed in", levels=_levels(0.2, 0.4, 0.6, 0.8, 1.0),
    ),
    Kind(
        name="posterize", group="colour", filter=colour.posterize, suites=(_FN,), falls=True,
        unit="bits a channel", levels=_levels(6, 5, 4, 3, 2),
    ),
    Kind(
        name="solarize", group="colour", filter=colour.solarize, suites=(_FN,),
        unit="threshold of 255", levels=_levels(240, 216, 192, 160, 128),
    ),
    Kind(
        name="fancy-pca", group="colour", filter=colour.fancy_pca, suites=(_FN,),
        unit="standard deviation along AlexNet's colour axes",
        levels=_levels(0.1, 0.2, 0.4, 0.7, 1.0),
    ),
    Kind(
        name="gaussian-blur", group="blur", filter=blur.gaussian_blur, suites=(_FN, _GV, _DF),
        unit="kernel px, sigma a sixth", levels=_levels(7, 9, 13, 17, 21), falls=True,
    ),
    Kind(
        name="box-blur", group="blur", filter=blur.box_blur, suites=(_FN,), falls=True,
        unit="kernel px", levels=_levels(3, 5, 7, 9, 11),
    ),
    Kind(
        name="median-blur", group="blur", filter=blur.median_blur, suites=(_FN,), falls=True,
        unit="kernel px", levels=_levels(3, 5, 7, 9, 11),
    ),
    Kind(
        name="motion-blur", group="blur", filter=blur.motion_blur, suites=(_FN,),
        unit="length px", levels=_levels(5, 9, 13, 17, 21),
    ),
    Kind(
        name="defocus-blur", group="blur", filter=blur.defocus_blur, suites=(_FN,), falls=True,
        unit="radius px", levels=_levels(1, 2, 3, 4, 6),
    ),
    Kind(
        name="glass-blur", group="blur", filter=blur.glass_blur, suites=(_FN,), falls=True,
        unit="reach px", levels=_levels(1, 2, 3, 4, 6),
    ),
    Kind(
        name="gaussian-noise", group="noise", filter=noise.gaussian_noise, draws="frame",
        unit="variance, white is 1", levels=_levels(0.001, 0.002, 0.005, 0.01, 0.05),
        suites=(_FN, _GV, _DF), falls=True,
    ),
    Kind(
        name="multiplicative-noise", group="noise", filter=noise.multiplicative_noise,
        unit="standard deviation of the factor", levels=_levels(0.05, 0.1, 0.2, 0.3, 0.4),
        draws="frame", suites=(_FN,), falls=True,
    ),
    Kind(
        name="shot-noise", group="noise", filter=noise.shot_noise, draws="frame", falls=True,
        unit="photons at white", levels=_levels(250, 100, 50, 25, 10),
    ),
    Kind(
        name="iso-noise", group="noise", filter=noise.iso_noise, draws="frame", suites=(_FN,),
        unit="strength, 1 is 15 photons at white", levels=_levels(0.1, 0.2, 0.35, 0.5, 0.7),
        falls=True,
    ),
    Kind(
        name="impulse-noise", group="noise", filter=noise.impulse_noise, draws="frame",
        unit="share of pixels", levels=_levels(0.01, 0.03, 0.06, 0.1, 0.2), suites=(_FN,),
        falls=True,
    ),
    Kind(name="horizontal-flip", group="geometry", filter=geometry.horizontal_flip),
    Kind(name="vertical-flip", group="geometry", filter=geometry.vertical_flip),
    Kind(name="flip", group="geometry", filter=geometry.flip, suites=(_GV,)),
    Kind(
        name="crop", group="geometry", filter=geometry.crop, suites=(_GV,),
        unit="share of both sides kept, scaled back", levels=_levels(0.93, 0.88, 0.82, 0.76, 0.71),
    ),
    Kind(
        name="rotate", group="geometry", filter=geometry.rotate,
        unit="degrees", levels=_levels(2, 5, 10, 20, 30),
    ),
    Kind(
        name="perspective", group="geometry", filter=geometry.perspective,
        unit="share of the sides a corner moves, at most",
        levels=_levels(0.02, 0.05, 0.1, 0.15, 0.2),
    ),
    Kind(
        name="optical-distortion", group="geometry", filter=geometry.optical_distortion,
        unit="k of r (1 + k r^2)", levels=_levels(0.03, 0.06, 0.1, 0.15, 0.2), suites=(_FN,),
    ),
    Kind(
        name="grid-distortion", group="geometry", filter=geometry.grid_distortion, suites=(_FN,),
        unit="share a cell grows or shrinks, at most", levels=_levels(0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    Kind(
        name="elastic", group="geometry", filter=geometry.elastic, suites=(_FN,),
        unit="share of the shorter side", levels=_levels(0.005, 0.01, 0.015, 0.02, 0.03),
    ),
    Kind(
        name="downscale", group="geometry", filter=geometry.downscale, suites=(_FN, _DF),
        unit="factor, scaled back", levels=_levels(2, 3, 4, 5, 6), falls=True,
    ),
    Kind(
        name="fog", group="overlay", filter=overlay.fog, suites=(_FN,),
        unit="density of the veil", levels=_levels(0.1, 0.25, 0.4, 0.55, 0.7),
    ),
    Kind(
        name="rain", group="overlay", filter=overlay.rain, draws="frame", suites=(_FN,),
        unit="share of pixels under streaks", levels=_levels(0.01, 0.02, 0.04, 0.07, 0.1),
    ),
    Kind(
        name="snow", group="overlay", filter=overlay.snow, draws="frame",
        unit="share of pixels under flakes", levels=_levels(0.01, 0.02, 0.04, 0.07, 0.1),
    ),
    Kind(
        name="shadow", group="overlay", filter=overlay.shadow, suites=(_FN,),
        unit="share of the light taken", levels=_levels(0.2, 0.35, 0.5, 0.65, 0.8),
    ),
    Kind(
        name="cutout", group="overlay", filter=overlay.cutout, suites=(_FN,),
        unit="share of the area", levels=_levels(0.02, 0.05, 0.1, 0.15, 0.25),
    ),
    Kind(
        name="block-wise", group="overlay", filter=overlay.blocks, suites=(_DF,),
        unit="8 px blocks per 256 px of the shorter side", levels=_levels(16, 32, 48, 64, 80),
    ),
    Kind(
        name="text-watermark", group="overlay", filter=overlay.text_watermark, suites=(_GV,),
        unit="letter height, share of the shorter side",
        levels=_levels(0.04, 0.07, 0.1, 0.13, 0.16),
    ),
    Kind(
        name="image-watermark", group="overlay", filter=overlay.image_watermark, suites=(_GV,),
        unit="side, share of the shorter side", levels=_levels(0.1, 0.15, 0.2, 0.25, 0.3),
    ),
    Kind(
        name="colour-jitter", group="colour", filter=colour.colour_jitter, suites=(_GV,),
        unit="strength of one of four, at most", levels=_levels(0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    Kind(
        name="moire", group="screen", filter=screen.moire,
        unit="depth of the bands", levels=_levels(0.04, 0.08, 0.12, 0.18, 0.25),
    ),
    Kind(
        name="screen-capture", group="screen", filter=screen.screen_capture,
        codec=lambda depth, tilted, scale: codecs.jpeg(85),
        unit="moire depth, corner shift, camera scale; then JPEG 85",
        levels=(
            (0.03, 0.01, 0.95), (0.06, 0.02, 0.85), (0.09, 0.04, 0.75), (0.13, 0.06, 0.65),
            (0.18, 0.08, 0.5),
        ),
    ),
    Kind(
        name="jpeg", group="compression", codec=codecs.jpeg, suites=(_FN, _GV), falls=True,
        unit="quality (IJG)", levels=_levels(90, 70, 50, 35, 20),
    ),
    Kind(
        name="jpeg-twice", group="compression", filter=social.jpeg_grid, codec=social.second_jpeg,
        unit="qualities, first on a shifted grid",
        levels=((95, 85), (85, 75), (70, 65), (55, 50), (40, 35)), falls=True,
    ),
    Kind(
        name="webp", group="compression", codec=codecs.webp, suites=(_FN,), falls=True,
        unit="quality", levels=_levels(90, 70, 50, 35, 20),
    ),
    Kind(
        name="h264", group="compression", codec=codecs.h264, suites=(_FN, _GV, _DF), falls=True,
        unit="CRF of x264; FaceForensics++ c23 and c40 are 1 and 5",
        levels=_levels(23, 28, 32, 36, 40),
    ),
    Kind(
        name="h265", group="compression", codec=codecs.h265, falls=True,
        unit="CRF of x265", levels=_levels(28, 32, 36, 40, 44),
    ),
    Kind(
        name="av1", group="compression", codec=codecs.av1, falls=True,
        unit="CRF of SVT-AV1, 0-63", levels=_levels(35, 42, 49, 56, 62),
    ),
    Kind(
        name="vp9", group="compression", codec=codecs.vp9, falls=True,
        unit="CRF of libvpx, 0-63", levels=_levels(31, 38, 45, 52, 60),
    ),
    Kind(
        name="social-feed", group="social", filter=social.feed, codec=social.second_jpeg,
        unit="longer side px at most, JPEG quality",
        levels=((2048, 85), (1600, 75), (1280, 70), (1080, 60), (720, 50)), resizes=True,
    ),
    Kind(
        name="social-repost", group="social", filter=social.repost, codec=social.second_jpeg,
        unit="sites passed, last JPEG quality",
        levels=((1, 85), (2, 80), (3, 75), (4, 70), (5, 65)), resizes=True,
    ),
    Kind(
        name="social-h264", group="social", filter=social.ladder, codec=social.ladder_h264,
        unit="shorter side px at most, CRF of x264", resizes=True,
        levels=((1080, 23), (720, 26), (480, 28), (360, 30), (240, 32)),
    ),
    Kind(
        name="social-h265", group="social", filter=social.ladder, codec=social.ladder_h265,
        unit="shorter side px at most, CRF of x265", resizes=True,
        levels=((1080, 26), (720, 29), (480, 31), (360, 33), (240, 35)),
    ),
    Kind(
        name="social-av1", group="social", filter=social.ladder, codec=social.ladder_av1,
        unit="shorter side px at most, CRF of SVT-AV1", resizes=True,
        levels=((1080, 35), (720, 40), (480, 44), (360, 48), (240, 52)),
    ),
    Kind(
        name="frame-drop", group="time", retime=temporal.frame_drop, applies=VIDEO,
        unit="share of frames lost", levels=_levels(0.05, 0.1, 0.2, 0.35, 0.5), draws="frame",
    ),
    Kind(
        name="frame-repeat", group="time", retime=temporal.frame_repeat, applies=VIDEO,
        unit="share of frames frozen", levels=_levels(0.05, 0.1, 0.2, 0.35, 0.5), draws="frame",
    ),
    Kind(
        name="frame-rate", group="time", retime=temporal.frame_rate, applies=VIDEO,
        unit="one frame kept of", levels=_levels(2, 3, 4, 6, 8),
    ),
    Kind(
        name="frame-shuffle", group="time", retime=temporal.frame_shuffle, applies=VIDEO,
        unit="frames of a window in a drawn order", levels=_levels(2, 3, 4, 6, 8), draws="frame",
    ),
    Kind(
        name="frame-blend", group="time", retime=temporal.frame_blend, applies=VIDEO,
        unit="frames averaged", levels=_levels(2, 3, 4, 6, 8),
    ),
    Kind(
        name="camera-shake", group="time", filter=geometry.camera_shake, applies=VIDEO,
        unit="share of the shorter side, at most", levels=_levels(0.005, 0.01, 0.02, 0.03, 0.05),
        draws="frame",
    ),
    Kind(
        name="flicker", group="time", filter=colour.flicker, applies=VIDEO, draws="frame",
        unit="share of the brightness, at most", levels=_levels(0.05, 0.1, 0.15, 0.2, 0.3),
    ),
)  # fmt: skip

KINDS = {kind.name: kind for kind in _TABLE}

# GenVideo's robustness test. Its paper says noise where its release blurs (7 x 7): both are here.
GENVIDEO = (
    ("h264", 2), ("jpeg", 4), ("flip", 1), ("crop", 3), ("text-watermark", 3),
    ("image-watermark", 3), ("gaussian-noise", 4), ("colour-jitter", 5), ("gaussian-blur", 1),
)  # fmt: skip


def kind(name: str) -> Kind:
    """Return a kind by name; UnknownName suggests the nearest."""
    if name not in KINDS:
        near = get_close_matches(name, KINDS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise UnknownName(f"no perturbation '{name}'{hint} ('verilens perturb --list' shows all)")
    return KINDS[name]


def suite_of(name: str) -> tuple[tuple[str, int], ...]:
    """Return the (kind, severity) pairs of "forgerynet", "genvideo" or "deeperforensics"."""
    if name == _GV:
        return GENVIDEO
    pairs = tuple((k.name, s) for k in _TABLE if name in k.suites for s in SEVERITIES)
    if not pairs:
        raise UnknownName(f"no suite '{name}'; there are {_FN}, {_GV} and {_DF}")
    return pairs
