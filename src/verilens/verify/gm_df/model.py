"""GM-DF: encoder, head, and the meta step that trains them.

    crop -> CLIP with experts -> second-order features -> logit

One training step (MDEO, Eq. 13-15) holds one of the batch's domains out:

    E' = E - b grad_E L_cls(the other domains)                     E: experts and routers
    minimise L_cls + L_mim of the held-out domain + L_sis + L_dal of all, at E'

First order: the gradient at E' is taken for E's. `torch.func.functional_call` computes the outer
loss at E' while the weights stay E, so the ordinary loop does the update.
"""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.normalise import CLIP_MEAN, CLIP_STD, Normalise
from verilens.verify.detector import Detector
from verilens.verify.gm_df.config import Config
from verilens.verify.gm_df.encoder import Encoded, Encoder
from verilens.verify.gm_df.loss import alignment, contrast
from verilens.verify.gm_df.masking import Painter, draw_mask, masked_error, targets
from verilens.verify.gm_df.prompts import CLASSES, Prompts

EXPERTS = (".experts.", ".router.")  # in the names of the weights that the inner step adapts

Weights = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Crops of a batch, `moments` of every sample next to each other.

    x: normalised, (B, 3, H, W); labels: (B,) float; domains: (B,) int64.
    """

    x: Tensor
    labels: Tensor
    domains: Tensor
    moments: int

    def where(self, chosen: Tensor) -> "Pictures":
        """Return those crops. chosen: (B,) bool."""
        return Pictures(self.x[chosen], self.labels[chosen], self.domains[chosen], self.moments)


class GMDF(Detector):
    """A frozen CLIP with experts, trained across data sets."""

    name = "gm_df"
    claim = "face-swap"
    sign = "{} face crops look forged, whatever data set they are from"
    needs = frozenset({"domains"})
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.encoder = Encoder(config)
        self.embeddings = nn.Parameter(0.02 * torch.randn(len(config.domains), config.domain_width))
        self.painter = Painter(config)
        self.prompts = Prompts(config)
        self.head = nn.Sequential(
            nn.Linear(config.clip.projection, config.head_width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.head_width, 1),
        )
        self.normalise = Normalise(CLIP_MEAN, CLIP_STD)

    def forward(self, frames: Tensor) -> Tensor:
        domain = self.unknown().expand(len(frames), -1)
        return self.judged(self.encoder(self.normalise(frames), domain).features)

    def unknown(self) -> Tensor:
        """Return the embedding of a data set that nobody knows, (1, domain width)."""
        mean = self.embeddings.mean(0, keepdim=True)
        return mean if self.config.unknown == "mean" else torch.zeros_like(mean)

    def judged(self, features: Tensor) -> Tensor:
        """Return logits, (B,). features: (B, projection)."""
        logits: Tensor = self.head(features)
        return logits.squeeze(1)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the outer loss at adapted experts; the ordinary loss where nothing is adapted."""
        pictures = self.pictures(batch)
        held = self.held_out(pictures.domains)
        if held is None:
            return self.losses(pictures, {}, torch.ones_like(pictures.domains, dtype=torch.bool))
        adapted = self.adapted(pictures.where(~held))
        return self.losses(pictures, adapted, held)

    def pictures(self, batch: ClipBatch) -> Pictures:
        """Return the frames of a batch; ConfigError when their data sets are not known."""
        if batch.domains is None:
            raise ConfigError("gm_df: training needs each sample's data set (batch.domains)")
        if int(batch.domains.max()) >= len(self.config.domains):
            raise ConfigError(
                f"gm_df: data set {int(batch.domains.max())} of the batch has no name among "
                f"{list(self.config.domains)}; list all with --set 'config.domains=[...]'"
            )
        moments = batch.frames.shape[1]
        return Pictures(
            self.normalise(batch.frames.flatten(0, 1)),
            batch.labels.repeat_interleave(moments),
            batch.domains.repeat_interleave(moments),
            moments,
        )

    def held_out(self, domains: Tensor) -> Tensor | None:
        """Return which crops are of the domain held out, (B,) bool; None to adapt nothing."""
        present = sorted(set(domains.tolist()))
        if not self.config.meta or len(present) < 2:
            return None
        held: Tensor = domains == present[int(torch.randint(len(present), ()))]
        return held

    def adapted(self, pictures: Pictures) -> dict[str, Tensor]:
        """Return experts and routers after the inner steps, by their names in the encoder.

        The change is a constant to autograd, so a gradient at them is one at the weights.
        """
        weights: dict[str, Tensor] = {
            name: weight
            for name, weight in self.encoder.named_parameters()
            if any(part in name for part in EXPERTS)
        }
        for _ in range(self.config.inner_steps):
            logits = self.judged(self.encoded(pictures, weights).features)
            loss = binary_cross_entropy_with_logits(logits.float(), pictures.labels)
            gradients = torch.autograd.grad(loss, list(weights.values()))
            weights = {
                name: weight - self.config.inner_lr * gradient
                for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            }
        return weights

    def encoded(self, pictures: Pictures, weights: Weights, mask: Tensor | None = None) -> Encoded:
        """Return what the encoder gives with some of its weights replaced."""
        arguments = (pictures.x, self.embeddings[pictures.domains], mask)
        found: Encoded = functional_call(self.encoder, dict(weights), arguments)
        return found

    def losses(self, pictures: Pictures, weights: Weights, held: Tensor) -> Loss:
        """Return L_cls and L_mim of the crops `held`, L_sis and L_dal of all, at replaced weights.

        The last two compare domains: of one alone, L_dal is 0 and L_sis only tells its name.
        """
        config, chosen = self.config, pictures.where(held)
        features, tokens = self.encoded(pictures, weights)
        each = binary_cross_entropy_with_logits(
            self.judged(features[held]).float(), chosen.labels, reduction="none"
        )
        meant = len(CLASSES) * pictures.domains + pictures.labels.long()
        temperatures = self.prompts.temperatures()[pictures.domains]
        parts = {
            "cls": each.mean(),
            "mim": self.painted(chosen, weights, tokens[held]),
            "sis": contrast(features, self.prompts(), meant, temperatures, config.contrast),
            "dal": alignment(features, pictures.domains, config.alignment),
        }
        total = (
            parts["cls"]
            + config.weight_mim * parts["mim"]
            + config.weight_sis * parts["sis"]
            + config.weight_dal * parts["dal"]
        )
        shown = {name: part.detach() for name, part in parts.items()}
        by_sample = each.view(-1, pictures.moments).mean(1) if held.all() else None
        return Loss(total=total, parts=shown, each=by_sample)

    def painted(self, pictures: Pictures, weights: Weights, tokens: Tensor) -> Tensor:
        """Return the error of the patches that were hidden. tokens: of the unmasked pictures."""
        config = self.config
        mask = draw_mask(len(tokens), config.patches, config.mask_share, tokens.device)
        if config.mask_at == "encoder":
            tokens = self.encoded(pictures, weights, mask).tokens
        wanted = targets(pictures.x, config.clip.patch)
        return masked_error(self.painter(tokens, mask), wanted, mask)
