"""What an installation consists of and whether it can scan; behind `verilens doctor`."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

import verilens
from verilens import catalog, weights
from verilens.errors import MissingWeights
from verilens.options import cache_folder, cores

VIDEO_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "prores", "gif")
STILL_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


class Finding(NamedTuple):
    """One fact. is_well: None where there is nothing to be well or ill about."""

    part: str
    name: str
    says: str
    is_well: bool | None = None


def findings() -> Iterator[Finding]:
    """Yield every finding, part by part."""
    yield Finding("versions", "verilens", verilens.__version__)
    yield Finding("versions", "python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("versions", "system", platform.platform())
    yield from _packages()
    yield from _machine()
    yield from _weights()
    yield from _decoders()
    yield from _folders()


def _packages() -> Iterator[Finding]:
    """Yield the packages that scanning needs, then the extras by name."""
    extras: dict[str, list[str]] = {}
    for line in requires("verilens") or ():
        name = line.split(";")[0].split(">")[0].split("=")[0].split("[")[0].strip()
        if "extra ==" in line:
            extra = line.rpartition("extra ==")[2].strip(" '\"")
            extras.setdefault(extra, []).append(name)
        else:
            found = _version(name)
            yield Finding("versions", name, found or "not installed", found is not None)
    for extra, names in extras.items():
        missing = [name for name in names if _version(name) is None]
        says = f"pip install 'verilens[{extra}]' ({', '.join(missing)})" if missing else "installed"
        yield Finding("extras", extra, says)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _machine() -> Iterator[Finding]:
    import torch

    yield Finding("machine", "cores", str(cores()))
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        yield Finding("machine", "memory", f"{total / 2**30:.1f} GiB", total > 2**31)
    except (ValueError, OSError):
        yield Finding("machine", "memory", "unknown")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none (none is needed)"
    yield Finding("machine", "GPU", gpu)
    yield Finding("machine", "CPU features", torch.backends.cpu.get_cpu_capability())


def _weights() -> Iterator[Finding]:
    for card in catalog.cards().values():
        known = weights.available(card)
        if not known:
            yield Finding("weights", card.name, "none installed", False)
        for name, found in known.items():
            try:
                weights.find(card, name)
                yield Finding("weights", f"{card.name} {name}", f"sha256 {found.sha256}", True)
            except MissingWeights as error:
                yield Finding("weights", f"{card.name} {name}", str(error), False)


def _decoders() -> Iterator[Finding]:
    import av
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    Image.init()
    for name in STILL_FORMATS:
        is_there = name in Image.OPEN
        yield Finding("stills", name, "readable" if is_there else "no decoder", is_there)
    for name in VIDEO_CODECS:
        is_there = name in av.codecs_available or f"lib{name}" in av.codecs_available
        yield Finding("video", name, "readable" if is_there else "no decoder", is_there)


def _folders() -> Iterator[Finding]:
    yield Finding("folders", "package", str(Path(verilens.__file__).parent))
    cache = cache_folder()
    stores = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    yield Finding("folders", "cache", f"{cache} ({stores / 2**20:.1f} MiB)")
