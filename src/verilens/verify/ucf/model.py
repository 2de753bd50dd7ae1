"""The UCF network.

    face -> forgery encoder -> common map   -> logit (all that is used on new pictures)
                            -> specific map -> which method
         -> content encoder -> content map
    decoder(forgery map of one face, content map of the same or another) -> picture

Shapes follow one face of the paper's configuration, 256 x 256 pixels.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.xception import Xception, load_imagenet
from verilens.verify.detector import Detector
from verilens.verify.ucf.config import Config
from verilens.verify.ucf.decoder import Decoder
from verilens.verify.ucf.loss import regularisation, shuffled_within


class Halves(NamedTuple):
    """A batch as pairs: faces in [-1, 1], (2 N, 3, H, W), maps (2 N, C, 8, 8), kinds (2 N,).

    The first half is genuine, the second fake.
    """

    faces: Tensor
    common: Tensor
    specific: Tensor
    content: Tensor
    kinds: Tensor


class Head(nn.Module):
    """Classifies pooled maps; dropout acts on the class scores, as published."""

    def __init__(self, channels: int, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.LeakyReLU(), nn.Linear(hidden, classes)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, pooled: Tensor) -> Tensor:
        scores: Tensor = self.dropout(self.mlp(pooled))
        return scores


def encoder(config: Config) -> Xception:
    """Return an Xception with a 1 x 1 convolution, (N, 3, 256, 256) to (N, 512, 8, 8)."""
    network = Xception(widths=config.widths, middle=config.middle, reduced=config.channels)
    if config.pretrained:
        load_imagenet(network, config.pretrained)
    return network


def projection(channels: int, out: int) -> nn.Sequential:
    """Return three 1 x 1 convolutions, (N, channels, H, W) to (N, out, H, W)."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 1),
        nn.LeakyReLU(inplace=True),
        nn.Conv2d(out, out, 1),
        nn.LeakyReLU(inplace=True),
        nn.Conv2d(out, out, 1),
    )


class UCF(Detector):
    """Scores a face by the traces that forgeries have in common."""

    name = "ucf"
    claim = "face-swap"
    sign = "traces that face forgeries have in common: {} face crops show them"
    needs = frozenset({"kinds"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        channels, half = config.channels, config.channels // 2
        self.forgery = encoder(config)
        self.content = encoder(config)
        self.specific = projection(channels, half)
        self.common = projection(channels, half)
        self.specific_head = Head(half, config.hidden, config.kinds, config.head_dropout)
        self.common_head = Head(half, config.hidden, 2, config.head_dropout)
        self.decoder = Decoder(channels, config.decoder_dropout)

    def forward(self, frames: Tensor) -> Tensor:
        common = self.common(self.forgery.features(normalised(frames)))  # (N, 256, 8, 8)
        scores: Tensor = self.common_head(common.mean((2, 3)))  # (N, 2)
        return scores[:, 1] - scores[:, 0]

    def kind_scores(self, frames: Tensor) -> Tensor:
        """Return one score a kind, (N, kinds), of the specific features; kind 0 is genuine.

        frames: RGB in [0, 1], (N, 3, H, W).
        """
        specific = self.specific(self.forgery.features(normalised(frames)))
        scores: Tensor = self.specific_head(specific.mean((2, 3)))
        return scores

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return L = CE common + a CE specific + b rebuilding + c contrast."""
        config = self.config
        halves = self.halves(batch)
        labels = (halves.kinds > 0).long()
        common, specific = halves.common.mean((2, 3)), halves.specific.mean((2, 3))
        parts = {
            "common": cross_entropy(self.common_head(common), labels),
            "specific": cross_entropy(self.specific_head(specific), halves.kinds),
            "rebuild": self.rebuilding(halves),
            "contrast": regularisation(common, specific, halves.kinds, config.margin),
        }
        total = (
            parts["common"]
            + config.specific_weight * parts["specific"]
            + config.rebuild_weight * parts["rebuild"]
            + config.contrast_weight * parts["contrast"]
        )
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def halves(self, batch: ClipBatch) -> Halves:
        """Return the batch as pairs of a genuine and a fake face, with the maps of each."""
        moments = batch.frames.shape[1]
        kinds = _kinds(batch, self.config.kinds).repeat_interleave(moments)
        faces = normalised(batch.frames.flatten(0, 1))
        forgery = self.forgery.features(faces)
        common, specific = self.common(forgery), self.specific(forgery)
        places = pairs(kinds)
        kinds, common = kinds[places], common[places]
        if torch.rand(()) < self.config.shuffle_p:
            common = common[shuffled_within((kinds > 0).long())]
        content = self.content.features(faces)
        return Halves(faces[places], common, specific[places], content[places], kinds)

    def rebuilding(self, halves: Halves) -> Tensor:
        """Return the L1 distances of pictures rebuilt from own and from swapped maps.

        A content map decides which picture must come out, whosever the forgery map is.
        """
        forgery = torch.cat([halves.specific, halves.common], 1)  # (2 N, 512, 8, 8)
        own = self.decoder(forgery, halves.content)
        swapped = self.decoder(forgery.roll(len(forgery) // 2, 0), halves.content)
        # Each is a sum over the two halves of their means.
        return 2 * (l1_loss(own, halves.faces) + l1_loss(swapped, halves.faces))


def normalised(frames: Tensor) -> Tensor:
    """Return frames of [0, 1] in [-1, 1]."""
    return frames * 2 - 1


def pairs(kinds: Tensor) -> Tensor:
    """Return places of genuine, then of as many fake faces, (2 N,); the fewer come repeatedly.

    kinds: (B,), 0 for genuine.
    """
    genuine, fake = (torch.nonzero(kinds == 0)[:, 0], torch.nonzero(kinds > 0)[:, 0])
    count = max(len(genuine), len(fake))
    return torch.cat([_repeated(genuine, count), _repeated(fake, count)])


def _repeated(places: Tensor, count: int) -> Tensor:
    rounds = [places[torch.randperm(len(places))] for _ in range(-(-count // len(places)))]
    return torch.cat(rounds)[:count]


def _kinds(batch: ClipBatch, known: int) -> Tensor:
    """Return the batch's kinds, (B,); ConfigError when they do not do."""
    kinds = batch.kinds
    if kinds is None:
        raise ConfigError("ucf learns who made what: its samples need generators in the manifest")
    if kinds.max() >= known:
        raise ConfigError(
            f"ucf: the samples have {int(kinds.max())} generators: --set "
            f"config.kinds={int(kinds.max()) + 1} (genuine counts)"
        )
    if (kinds == 0).all() or (kinds > 0).all():
        raise ConfigError(
            "ucf needs genuine and fake faces in every batch: --set plan.group='pair'"
        )
    return kinds
