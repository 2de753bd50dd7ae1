"""Stills through Pillow: upright, 8-bit RGB, transparency over white, whatever the file holds.

Only the decoder that the content calls for is allowed to look at the file, sizes are checked in
the header before a pixel is decoded, and a file that ends too early is an error.
"""

import io
import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import (
    AvifImagePlugin,  # noqa: F401  (registers AVIF)
    Image,
    ImageCms,
    MpoImagePlugin,  # noqa: F401  (registers the JPEG of phones that holds several pictures)
    PngImagePlugin,
    TiffImagePlugin,  # noqa: F401  (registers TIFF)
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401  (registers WebP)
)

from verilens.errors import MediaError, MediaErrorKind
from verilens.media.opened import Limits

Image.MAX_IMAGE_PIXELS = None  # check_size does it, with our limits and our message
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20  # workflows in text chunks run to megabytes

_PLUGINS = {"JPEG": ["JPEG", "MPO"], "HEIF": ["HEIF"]}
_MAX_PROFILE_BYTES = 8 << 20
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's parsers raise on damaged files.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    ZeroDivisionError,
    AttributeError,
    RuntimeError,
    struct.error,
)

Convert = Callable[[Image.Image], Image.Image]


class Still(NamedTuple):
    """An upright 8-bit RGB picture and the colour conversion its pieces still need.

    stored: as the file holds it, neither turned nor converted.
    """

    stored: Image.Image
    picture: Image.Image
    to_srgb: Convert | None
    notes: tuple[str, ...]


def open_header(file: BinaryIO, format_name: str, name: str, limits: Limits) -> Image.Image:
    """Return the picture with only its header read. Raises MediaError "corrupt" or "too-large"."""
    if format_name == "HEIF":
        _allow_heif()
    try:
        image = Image.open(file, formats=_PLUGINS.get(format_name, [format_name]))
    except UnidentifiedImageError as error:
        raise MediaError(
            "corrupt",
            f"{name}: damaged or cut short, no readable {format_name} header; get another copy",
        ) from error
    except DAMAGE as error:
        kind: MediaErrorKind = "too-large" if "too large" in str(error) else "corrupt"
        raise MediaError(
            kind, f"{name}: damaged {format_name} header ({said(error)}); get another copy"
        ) from error
    check_size(image.size, name, limits)
    return image


def check_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    """Raise MediaError "too-large" when a frame of this size is over the limit."""
    width, height = size
    if width < 1 or height < 1:
        raise MediaError("corrupt", f"{name}: the header says {width} x {height} pixels")
    if width * height > limits.max_pixels or max(size) > limits.max_side:
        raise MediaError(
            "too-large",
            f"{name}: {width} x {height} pixels, over the limit of {limits.max_pixels / 1e6:g} "
            "megapixels; scale it down or cut out the part in question",
        )


def decode(image: Image.Image, name: str) -> Still:
    """Return the whole picture. Raises MediaError "corrupt" when it is truncated or damaged."""
    orientation = _orientation(image)
    try:
        image.load()
    except DAMAGE as error:
        raise MediaError(
            "corrupt", f"{name}: damaged or cut short ({said(error)}); get another copy"
        ) from error
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    picture, convert = image, None
    if isinstance(profile, bytes) and 0 < len(profile) <= _MAX_PROFILE_BYTES:
        try:
            picture, convert = _manage_colour(image, profile)
        except (ImageCms.PyCMSError, *DAMAGE):
            notes.append("the colour profile cannot be read and is ignored")
    picture = rgb(picture)
    if image.format in ("JPEG", "MPO") and _ends_grey(picture):
        notes.append("the lower edge is plain mid-grey, as in a JPEG that lost its end")
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    return Still(image, picture, convert, tuple(notes))


def rgb(image: Image.Image) -> Image.Image:
    """Return 8-bit RGB: wide samples scaled, transparency over white."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        return _narrow(image).convert("RGB")
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        out = ImageCms.profileToProfile(image, lab, _srgb(), outputMode="RGB")
        return out if out is not None else image.convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _over_white(image.convert("RGBA"))
    return image.convert("RGB")


def _ends_grey(picture: Image.Image) -> bool:
    """Return whether the last rows are what a decoder makes of data that is not there."""
    width, height = picture.size
    if height <= 16:
        return False
    bounds = picture.crop((0, height - 8, width, height)).getextrema()
    return bounds == ((128, 128),) * 3


def said(error: BaseException) -> str:
    """Return the first line of an error, or its type when it says nothing."""
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__


def _over_white(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=alpha)
    return ground


def _narrow(image: Image.Image) -> Image.Image:
    """Return 16-bit, 32-bit or floating samples as 8-bit grey, scaled and never clipped."""
    if image.mode.startswith("I;16"):
        wide = np.asarray(image)
        return Image.fromarray(((wide.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    for top in (1.0,) * (image.mode == "F") + (255.0, 65535.0):
        if low >= 0 and high <= top:
            return Image.fromarray(np.round(values * (255.0 / top)).astype(np.uint8))
    return Image.fromarray(np.round((values - low) * (255.0 / (high - low))).astype(np.uint8))


def _manage_colour(image: Image.Image, profile: bytes) -> tuple[Image.Image, Convert | None]:
    """Return the picture and the conversion to sRGB still due; grey and CMYK are converted here."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    if space == "RGB" and image.mode in ("RGB", "RGBA", "P", "RGBX"):
        if "srgb" in (source.profile.profile_description or "").lower():
            return image, None
        transform = ImageCms.buildTransform(source, _srgb(), "RGB", "RGB")
        return image, lambda piece: ImageCms.applyTransform(piece, transform) or piece
    if (space, image.mode) in (("GRAY", "L"), ("CMYK", "CMYK")):
        transform = ImageCms.buildTransform(source, _srgb(), image.mode, "RGB")
        return ImageCms.applyTransform(image, transform) or image, None
    return image, None


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 when there is none or it cannot be read."""
    try:
        value = image.getexif().get(0x0112, 1)
    except DAMAGE:
        return 1
    return value if isinstance(value, int) else 1


def _allow_heif() -> None:
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
