"""Lay out the demo's media in a folder: what a newsroom meets, in five files.

    python examples/make.py demo-media

genuine.jpg   a photograph (SpaceX, public domain), read from the installed package scikit-image
ai-like.png   painted by a small generator network, see generate.py
edited.png    a photograph with a painted region pasted in; its mask lies in .masks/edited.png
clip.mp4      a camera pan over a photograph that turns into the painting from second 2 to 5
signed.jpg    the painting with a signed C2PA manifest that says how it was made

Photograph and painting were picked because the shipped detectors read them right: the demo shows
what a finding looks like. How often one is right is what `make accuracy` prints.
"""

import shutil
import sys
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

HERE = Path(__file__).parent
FPS, SECONDS, FORGED_S = 24, 6, (2.0, 5.0)
Picture = NDArray[np.uint8]


def edited(photo: Picture, painting: Picture) -> tuple[Picture, Picture]:
    """Return the photograph with an ellipse of the painting pasted in, and the mask."""
    height, width = photo.shape[:2]
    mask = Image.new("L", (width, height))
    box = [width * 0.52, height * 0.08, width * 0.97, height * 0.75]
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(2)), dtype=np.float32)[..., None] / 255
    mixed = photo * (1 - soft) + painting[:height, :width] * soft
    return mixed.round().astype(np.uint8), np.asarray(mask)


def pan(picture: Picture, n: int, size: tuple[int, int] = (384, 256)) -> list[Picture]:
    """Return n frames of a window gliding over the picture, native pixels."""
    width, height = size
    room = picture.shape[1] - width, picture.shape[0] - height
    steps = np.linspace(0, 1, n)
    corners = [(round(room[0] * s), round(room[1] * s)) for s in steps]
    return [picture[y : y + height, x : x + width] for x, y in corners]


def clip(photo: Picture, painting: Picture, path: Path) -> None:
    """Write a video whose frames inside FORGED_S come from the painting."""
    n = FPS * SECONDS
    genuine, painted = pan(photo, n), pan(painting, n)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "16", "g": "24"})
        stream.height, stream.width = genuine[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for i in range(n):
            forged = FORGED_S[0] <= i / FPS < FORGED_S[1]
            pixels = np.ascontiguousarray(painted[i] if forged else genuine[i])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def main(folder: Path) -> None:
    (folder / ".masks").mkdir(parents=True, exist_ok=True)
    painting = np.asarray(Image.open(HERE / "ai-like.png").convert("RGB"))
    Image.fromarray(data.rocket()).save(folder / "genuine.jpg", quality=95)
    mixed, mask = edited(data.coffee(), painting)
    Image.fromarray(mixed).save(folder / "edited.png")
    Image.fromarray(mask).save(folder / ".masks" / "edited.png")
    clip(data.coffee(), painting, folder / "clip.mp4")
    for name in ("ai-like.png", "signed.jpg"):
        shutil.copy(HERE / name, folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
