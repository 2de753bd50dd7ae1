"""Pictures of a face, a coloured disc on noise, with captions; faces and captions are forged.

A swapped face bears a checkerboard, an edited one stripes; a swapped caption mourns where the
genuine one celebrates. Nothing but the disc says where a face is.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from verilens.batch import PostBatch
from verilens.verify.amd import answers
from verilens.verify.amd.model import AMD
from verilens.verify.amd.tokens import IGNORED, padded

SIDE = 96
RADIUS = 20
CENTRES = (24, 48, 72)
COLOURS = {"red": (200, 60, 50), "blue": (60, 80, 200), "green": (60, 170, 80)}
GLAD = ("celebrates the victory", "opens the new bridge", "welcomes the guests")
SAD = ("mourns the victims", "closes the old bridge", "insults the guests")


class Drawn(NamedTuple):
    """Posts. frames: (N, 1, 3, H, W). boxes: in pixels, (N, 4), zeros where no face is forged.

    places: which of CENTRES each disc is at, across and down, (N, 2).
    """

    frames: NDArray[np.uint8]
    captions: list[str]
    boxes: NDArray[np.float32]
    places: NDArray[np.int64]


def drawn(letters: list[str], seed: int) -> Drawn:
    """Return posts of which this was done."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    frames, captions, boxes, places = [], [], [], []
    for letter in letters:
        done = answers.OPTIONS[letter][1]
        name = str(rng.choice(list(COLOURS)))
        centre = rng.choice(CENTRES, 2)
        disc = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < RADIUS**2
        frame = rng.normal(128, 20, (SIDE, SIDE, 3))
        frame[disc] = COLOURS[name]
        if "face_swap" in done:
            frame[disc & ((x // 8 + y // 8) % 2 == 0)] += 70
        if "face_attribute" in done:
            frame[disc & (y // 8 % 2 == 0)] -= 50
        frames.append(frame.clip(0, 255).astype(np.uint8).transpose(2, 0, 1)[None])
        said = str(rng.choice(SAD if "text_swap" in done else GLAD))
        captions.append(f"the {name} minister {said}")
        forged = any(kind.startswith("face") for kind in done)
        box = [*(centre - RADIUS), *(centre + RADIUS)]
        boxes.append(np.array(box if forged else [0] * 4, np.float32))
        places.append([CENTRES.index(c) for c in centre])
    return Drawn(np.stack(frames), captions, np.stack(boxes), np.array(places))


def batch(method: AMD, letters: list[str], seed: int) -> PostBatch:
    """Return drawn posts as a batch."""
    frames, captions, boxes, _ = drawn(letters, seed)
    said = []
    for letter, box in zip(letters, boxes, strict=True):
        corners = tuple(float(edge) for edge in box)
        places = answers.locations(corners, (SIDE, SIDE), method.config.bins) if any(box) else ""
        said.append(method.tokens.encode(answers.written(answers.OPTIONS[letter][1], places)))
    text, attention = method.question(captions)
    parts = boxes / SIDE
    centres = np.concatenate([(parts[:, :2] + parts[:, 2:]) / 2, parts[:, 2:] - parts[:, :2]], 1)
    return PostBatch(
        frames=torch.from_numpy(frames),
        labels=torch.tensor([float(letter != "A") for letter in letters]),
        text=text,
        attention=attention,
        answers=padded(said, IGNORED),
        manipulations=torch.from_numpy(np.stack([answers.labels(x) for x in letters])),
        boxes=torch.from_numpy(centres.astype(np.float32)),
    )


def draw(count: int, rng: np.random.Generator, genuine: float) -> list[str]:
    """Return letters of options; this share is genuine, the others are equally many."""
    forged = rng.choice(list(answers.OPTIONS)[1:], count)
    return ["A" if rng.random() < genuine else str(letter) for letter in forged]


def teach(method: AMD, rng: np.random.Generator, steps: int = 120) -> None:
    """Teach the tower what pictures hold, in place: how faces look, and where they are.

    This stands for the base network's pre-training, which AMD builds on: from nothing, the encoder
    behind it passes too little back to the tower. Weights as small as those of the wide networks
    would hardly move in narrow ones, so the convolutions start larger.
    """
    model = method.florence.model
    for module in model.vision_tower.modules():
        if isinstance(module, torch.nn.Conv2d) and module.groups == 1:
            torch.nn.init.kaiming_normal_(module.weight)
    head = torch.nn.Linear(method.config.florence.width, 9)  # three looks, three by three places
    learned = [model.vision_tower, model.multi_modal_projector, head]
    weights = [weight for module in learned for weight in module.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=3e-3)
    for _ in range(steps):
        letters = draw(16, rng, genuine=0.3)
        frames, _, _, places = drawn(letters, int(rng.integers(1e9)))
        faces = [answers.labels(letter)[:2] for letter in letters]
        looks = torch.tensor([int(swap + 2 * edit) for swap, edit in faces])
        wanted = torch.stack([looks, *torch.from_numpy(places).T])  # (3, N)
        seen = model.get_image_features(method.seen(torch.from_numpy(frames[:, 0]).float() / 255))
        found = head(seen.pooler_output[:, 1:].mean(1)).view(-1, 3, 3)
        loss = torch.nn.functional.cross_entropy(found.flatten(0, 1), wanted.T.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
