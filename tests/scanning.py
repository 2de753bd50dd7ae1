"""What tests of scanning share: untrained weights on disk, and small files to scan."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from verilens import catalog


@cache
def npr() -> str:
    """Return "npr=FILE" with weights drawn from a seed: real code, meaningless scores."""
    torch.manual_seed(0)
    path = Path(tempfile.mkdtemp(prefix="verilens-test-")) / "npr.safetensors"
    state = catalog.load("npr", weights=None).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return f"npr={path}"


def picture(path: Path, seed: int = 0, side: int = 64) -> Path:
    """Write a small picture of noise; its suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def animation(path: Path, frames: int = 24, side: int = 48) -> Path:
    """Write an animated GIF of a moving square, 0.1 s a frame."""
    pictures = []
    for n in range(frames):
        pixels = np.full((side, side, 3), 40, dtype=np.uint8)
        pixels[8:24, n : n + 16] = (220, 120, 60)
        pictures.append(Image.fromarray(pixels))
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    return path


def long_film(path: Path, frames: int = 1000, side: int = 64) -> Path:
    """Write a film of drifting noise, 25 fps, with few enough keyframes that moments slide."""
    import av

    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        settings = {"g": "50", "sc_threshold": "0", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=25, options=settings)
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        for n in range(frames):
            drifted = np.ascontiguousarray(np.roll(noise, n // 3, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drifted, format="rgb24")))
        container.mux(stream.encode())
    return path
