"""The LSDA networks.

    training    genuine face  -> encoder of genuine faces                     -> target map
                forged faces  -> one teacher a method -> widened, mixed, fused -> target maps
                all faces     -> student -> maps drawn to their targets        -> logit
    afterwards  face          -> student                                       -> logit

Shapes follow one group of the paper's configuration: a genuine face of 256 x 256 pixels and its
forgeries by four methods.
"""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.efficientnet import EfficientNet
from verilens.verify.detector import Detector
from verilens.verify.lsda.augment import across_domains, within_domains
from verilens.verify.lsda.config import Config
from verilens.verify.lsda.iresnet import FaceEncoder, load_faces
from verilens.verify.lsda.loss import identity


def encoder(config: Config) -> nn.Sequential:
    """Return an EfficientNet with a 1 x 1 convolution, (N, 3, 256, 256) to (N, 512, 8, 8)."""
    trunk = EfficientNet(config.scale, pretrained=config.pretrained.trunk)
    return nn.Sequential(trunk, nn.Conv2d(trunk.out_channels, config.channels, 1))


def face_encoder(config: Config) -> nn.Module:
    """Return the encoder of genuine faces, (N, 3, 256, 256) to (N, 512, 8, 8)."""
    if config.genuine == "efficientnet":
        return encoder(config)
    network = FaceEncoder(config.face_width, config.face_depths)
    if config.pretrained.faces:
        load_faces(network, config.pretrained.faces)
        network.freeze(config.frozen)
    return network


def fusion(channels: int) -> nn.Sequential:
    """Return what joins widened and mixed maps, (N, 2 C, H, W) to (N, C, H, W)."""
    return nn.Sequential(
        nn.Conv2d(2 * channels, channels, 1),
        nn.LeakyReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(inplace=True),
    )


def classifier(channels: int, hidden: int, classes: int) -> nn.Sequential:
    """Return a classifier of pooled maps, (N, C, H, W) to (N, classes)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, hidden),
        nn.LeakyReLU(),
        nn.Linear(hidden, classes),
    )


class Teachers(nn.Module):
    """Everything that only training needs."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.genuine = face_encoder(config)
        self.forged = nn.ModuleList(encoder(config) for _ in range(config.domains - 1))
        self.fusion = fusion(config.channels)
        self.domains = classifier(config.channels, config.channels // 2, config.domains)

    def targets(self, forged: Tensor) -> Tensor:
        """Return what the student's maps of forged faces are drawn to.

        forged: the teachers' maps, (G, 4, 512, 8, 8); returns as many.
        """
        wider = within_domains(forged, self.config.unit)
        between = across_domains(forged, self.config.alpha)
        joined: Tensor = self.fusion(torch.cat([wider, between], 2).flatten(0, 1))
        return joined.view_as(forged)

    def forward(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps of every face by the encoder of genuine faces, and forged ones by theirs.

        groups: (G, 5, 3, 256, 256). Returns (G, 5, 512, 8, 8) and (G, 4, 512, 8, 8).
        """
        genuine = self.genuine(groups.flatten(0, 1)).unflatten(0, groups.shape[:2])
        forged = [teacher(groups[:, n]) for n, teacher in enumerate(self.forged, 1)]
        return genuine, torch.stack(forged, 1)


class LSDA(Detector):
    """Scores a face with a student of teachers whose features were augmented."""

    name = "lsda"
    claim = "face-swap"
    sign = "features between and beyond known face forgeries: {} face crops show them"
    needs = frozenset({"kinds"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.student = encoder(config)
        self.head = classifier(config.channels, config.hidden, 2)
        self.teachers: Teachers | None = Teachers(config)

    def forward(self, frames: Tensor) -> Tensor:
        scores: Tensor = self.head(self.student(normalised(frames)))  # (N, 2)
        return scores[:, 1] - scores[:, 0]

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return L = a domains + b binary + c distillation + d identity."""
        config = self.config
        if self.teachers is None:
            raise ConfigError("lsda: an optimised network has no teachers left to train with")
        groups = normalised(grouped(batch, config.domains))
        count = len(groups)
        faces, forged = self.teachers(groups)
        student = self.student(groups.flatten(0, 1))  # (G x 5, 512, 8, 8)
        maps = student.unflatten(0, groups.shape[:2])
        kinds = torch.arange(config.domains, device=groups.device).repeat(count)
        taught = torch.cat([faces[:, :1], forged], 1).flatten(0, 1)
        parts = {
            "domain": cross_entropy(self.teachers.domains(taught), kinds),
            "binary": cross_entropy(self.head(student), (kinds > 0).long()),
            "distil": mse_loss(maps[:, 0], faces[:, 0])
            + mse_loss(maps[:, 1:], self.teachers.targets(forged)),
            "identity": identity(faces, config.keeps, config.changes, config.identity_reduction),
        }
        total = (
            config.domain_weight * parts["domain"]
            + config.binary_weight * parts["binary"]
            + config.distil_weight * parts["distil"]
            + config.identity_weight * parts["identity"]
        )
        return Loss(total=total, parts={name: part.detach() for name, part in parts.items()})

    def optimised(self) -> Self:
        """Return self without the teachers, changed in place to score faster."""
        self.teachers = None
        return super().optimised()


def normalised(frames: Tensor) -> Tensor:
    """Return frames of [0, 1] in [-1, 1]."""
    return frames * 2 - 1


def grouped(batch: ClipBatch, domains: int) -> Tensor:
    """Return the batch's faces as groups, (G x T, domains, 3, H, W), kind 0 first.

    ConfigError when its samples do not stand in whole groups.
    """
    kinds = batch.kinds
    wanted = torch.arange(domains)
    is_grouped = (
        kinds is not None
        and len(kinds) % domains == 0
        and bool((kinds.cpu().view(-1, domains) == wanted).all())
    )
    if not is_grouped:
        raise ConfigError(
            f"lsda reads groups of a genuine face and its {domains - 1} forgeries: train with "
            f"--set plan.group='all' and a batch that is a multiple of {domains}, on a set with "
            f"{domains - 1} generators (or change config.domains, keeps and changes)"
        )
    groups = batch.frames.view(-1, domains, *batch.frames.shape[1:])
    return groups.transpose(1, 2).flatten(0, 1)
