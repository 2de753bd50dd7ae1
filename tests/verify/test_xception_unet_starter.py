"""The shipped masks: edited faces made here are marked, their genuine twins are left alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from face_maker import figure, put, room
from verilens import catalog
from verilens.bench import metrics
from verilens.media.blend import points_of
from verilens.train.starter.corpus import Item
from verilens.train.starter.edits import Edited, Tools, edited
from verilens.train.starter.face_crops import WIDE, Person
from verilens.verify.detector import sigmoid

DRAWS = 40  # of each kind of edit


def person(turn: int) -> Person:
    """Return a photographed face in a made-up room; another turn makes another person."""
    face_px = WIDE.size / WIDE.margin
    middle = WIDE.size / 2
    frame = put(room((WIDE.size, WIDE.size), seed=turn), figure(turn), (middle, middle), face_px)
    edge = (WIDE.size - face_px) / 2
    box = (edge, edge, WIDE.size - edge, WIDE.size - edge)
    item = Item(path=Path(f"{turn}.png"), kind="image", label="real", generator="", source="s",
                origin=str(turn), width=640, height=480)  # fmt: skip
    points, boxes = points_of(box)[None].astype(np.float32), np.array([box], np.float32)
    return Person(item, frame[None], points, boxes)


@pytest.fixture(scope="module")
def method():
    return catalog.load("xception_unet", "starter")


def pairs(kinds: tuple[str, ...]) -> list[Edited]:
    tools = Tools(person(40), ())
    found = [
        edited(person(turn), kind, tools, np.random.default_rng([turn, n]))
        for turn in (0, 90)
        for kind in kinds
        for n in range(DRAWS // 2)
    ]
    return [pair for pair in found if pair is not None]


def marked(method, frames) -> np.ndarray:
    return sigmoid(method.crop_masks(np.stack(frames))[0]) > method.config.sure


def test_edited_faces_are_marked_where_they_were_edited_and_their_twins_are_not(method):
    """Of kinds that it learned, on a face and draws that it did not see; 0.33 were marked."""
    found = pairs(("self-blend", "swap", "resample", "inpaint", "retouch", "splice"))
    assert marked(method, [pair.genuine for pair in found]).mean() <= 0.03
    shown = marked(method, [pair.fake for pair in found])
    assert shown.mean() >= 0.25
    _, masks = method.crop_masks(np.stack([pair.fake for pair in found]))
    aucs = [metrics.pixel_auc(m, p.mask > 127) for m, p in zip(masks, found, strict=True)]
    assert np.mean(np.array(aucs)[shown]) >= 0.95
    assert np.mean(aucs) >= 0.88


def pasted(turn: int, n: int) -> tuple[Image.Image, Image.Image]:
    """Return a face, and the same with a patch of another pasted over it through a soft mask."""
    rng = np.random.default_rng(n)
    genuine, other = (Image.fromarray(person(t).frames[0]) for t in (turn, turn + 60))
    soft = Image.new("L", genuine.size)
    x, y = (int(v) for v in rng.integers(80, 120, 2))
    ImageDraw.Draw(soft).ellipse((x - 25, y - 20, x + 45, y + 35), fill=255)
    soft = soft.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 4))))
    smaller = other.resize((150, 150)).resize(genuine.size)  # as a tool of its own would leave it
    return genuine, Image.composite(smaller, genuine, soft)


def test_an_edit_by_hand_scores_above_its_twin_and_is_rarely_sure_enough(method):
    """Pasted by Pillow: nothing of the training's code, and no kind that it learned."""
    scores = {}
    view = method.config.view
    edge = WIDE.size * (1 - view.margin / WIDE.margin) / 2
    box = (edge, edge, WIDE.size - edge, WIDE.size - edge)
    for place in range(2):
        frames = [
            np.asarray(pasted(turn, n)[place].resize((view.size, view.size), box=box))
            for turn in (0, 90)
            for n in range(20)
        ]
        scores[place] = sigmoid(method.crop_masks(np.stack(frames))[0])
    assert (scores[0] > method.config.sure).mean() == 0
    assert (scores[1] > method.config.sure).mean() >= 0.05  # 4 of 40
    assert (scores[1] > scores[0]).mean() >= 0.9
