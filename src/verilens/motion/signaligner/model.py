"""Words to three movements, which then correct each other.

words -> encoder -> decoder with a query stream a modality -> p~, h~, s~
r_a = a~ + CMA(a~, {b~, c~})
L = sum over a of w_a |a - a_hat|, twice (before and after), + consistency of wrists
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from verilens.batch import TextPoseBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.motion.signaligner.balance import Balance
from verilens.motion.signaligner.config import Config
from verilens.motion.signer import Signer
from verilens.nn.transformer import Attention, Decoder, Encoder, present

MODALITIES = ("pose", "hands", "body")


class Correction(nn.Module):
    """What one modality learns from the other two: attention to theirs, added to its own."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, count = config.width, len(MODALITIES)
        self.enter = nn.ModuleList(nn.Linear(size, width) for size in config.sizes)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(count))
        self.attention = nn.ModuleList(
            Attention(width, config.heads, config.dropout) for _ in range(count)
        )
        self.leave = nn.ModuleList(nn.Linear(width, size) for size in config.sizes)

    def forward(self, made: Sequence[Tensor], mask: Tensor) -> list[Tensor]:
        """Return the corrected modalities, (B, T, K_a) each.

        made: the same before; mask: which frames of each may be attended to, (B, 3, T) bool. A
        modality that can see neither of the others stays as it is.
        """
        states = [
            norm(enter(x)) for norm, enter, x in zip(self.norms, self.enter, made, strict=True)
        ]
        corrected = []
        for n, x in enumerate(made):
            others = [m for m in range(len(made)) if m != n]
            memory = torch.cat([states[m] for m in others], 1)  # (B, 2 T, width)
            seen = torch.cat([mask[:, m] for m in others], 1)  # (B, 2 T)
            can = seen.any(1)[:, None, None]
            found = self.attention[n](states[n], memory, (seen[:, None] | ~can))
            corrected.append(x + torch.where(can, self.leave[n](found), 0))
        return corrected


class SignAligner(Signer):
    """Signs in three modalities."""

    name = "signaligner"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        config = config or Config()
        super().__init__(config)
        sizes = (config.layers, config.width, config.heads, config.inner, config.dropout)
        self.encoder, self.decoder = Encoder(*sizes), Decoder(*sizes)
        self.streams = nn.Embedding(len(MODALITIES), config.width)
        self.heads = nn.ModuleList(nn.Linear(config.width, size) for size in config.sizes)
        self.length = nn.Linear(config.width, 1)
        corrections = [Correction(config) for _ in range(config.rounds)]
        self.corrections = nn.ModuleList(corrections)
        # Wrists of pose and hands are points; the body's are read off its rotations.
        self.body_wrists = nn.Linear(config.body, 6)
        self.balance = Balance(len(MODALITIES), config.tau)
        nn.init.normal_(self.words.weight, std=config.width**-0.5)
        for weight in (w for correction in corrections for w in correction.leave.parameters()):
            nn.init.zeros_(weight)  # each begins as the identity

    def read(self, words: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of the words, (B, N, width), and which count, (B, N)."""
        said = present(counts, words.shape[1])
        embedded = self.words(words) * self.config.width**0.5  # as loud as their positions
        return self.encoder(embedded, said[:, None]), said

    def generate(self, states: Tensor, said: Tensor, frames: Tensor, count: int) -> list[Tensor]:
        """Return pose, hands and body before correction, (B, count, K) each. frames: (B,)."""
        seen = present(frames, count)[:, None]
        made = []
        for n, head in enumerate(self.heads):
            query = self.streams.weight[n].expand(len(states), count, -1)
            made.append(head(self.decoder(query, states, seen, said[:, None])))
        return made

    def correct(self, made: list[Tensor], frames: Tensor) -> list[Tensor]:
        """Return the modalities after every round of correction."""
        mask = present(frames, made[0].shape[1])[:, None].expand(-1, len(made), -1)
        for correction in self.corrections:
            made = correction(made, mask)
        return made

    def training_step(self, batch: TextPoseBatch) -> Loss:
        """Return the weighted errors of all modalities, before and after correction."""
        if batch.more is None:
            raise ConfigError(
                "signaligner: a batch needs hands and body beside the pose (field more)"
            )
        config, count = self.config, batch.joints.shape[1]
        wanted = [batch.joints.flatten(2), *batch.more.split((config.hands, config.body), 2)]
        mask = present(batch.frames, count)[..., None].to(batch.joints.dtype)
        states, said = self.read(batch.words, batch.word_counts)
        made = self.generate(states, said, batch.frames, count)
        after = self.correct(made, batch.frames)
        first, second = (self._errors(x, wanted, mask) for x in (made, after))
        weights = self.balance(second)
        # Lengths do not shape the states: their error is large at first and would drown the rest.
        told = self._logarithm(states.detach(), said) - batch.frames.log()
        apart = (self.apart(after) * mask).sum() / mask.sum() / 4
        known = (self.apart(wanted) * mask).sum() / mask.sum() / 4  # teaches the body's wrists
        total = (weights * (first + second)).sum() + told.square().mean()
        total = total + config.consistency * (apart + known)
        parts = dict(zip(MODALITIES, second.detach(), strict=True))
        return Loss(total=total, parts={**parts, "wrists": apart.detach()})

    def _errors(self, made: list[Tensor], wanted: list[Tensor], mask: Tensor) -> Tensor:
        each = [
            ((a - b).abs() * mask).sum() / (mask.sum() * a.shape[2])
            for a, b in zip(made, wanted, strict=True)
        ]
        return torch.stack(each)

    def _logarithm(self, states: Tensor, said: Tensor) -> Tensor:
        mask = said[..., None].to(states.dtype)
        found: Tensor = self.length((states * mask).sum(1) / mask.sum(1))
        return found[:, 0]

    def apart(self, modalities: Sequence[Tensor]) -> Tensor:
        """Return how far the wrists are that the body says from those of pose and hands.

        (B, T, 4): left and right of the pose, left and right of the hands.
        """
        pose, hands, body = modalities
        told = self.body_wrists(body).unflatten(2, (2, 3))
        of_pose = pose.unflatten(2, (-1, 3))[:, :, list(self.config.wrists)]
        of_hands = hands.unflatten(2, (-1, 3))[:, :, list(self.config.hand_wrists)]
        gaps = torch.cat((told - of_pose, told - of_hands), 2)
        return gaps.square().sum(3).add(1e-12).sqrt()

    @torch.inference_mode()
    def together(self, text: str, frames: int = 0) -> list[Tensor]:
        """Return corrected pose, hands and body of a sentence, (T, K) each, T alike."""
        device = self.words.weight.device
        ids = torch.tensor([self.ids(text)], device=device)
        states, said = self.read(ids, torch.tensor([ids.shape[1]], device=device))
        free = float(self._logarithm(states, said).exp())
        count = min(self.config.longest, max(1, frames or round(free)))
        counts = torch.tensor([count], device=device)
        made = self.correct(self.generate(states, said, counts, count), counts)
        return [x[0] for x in made]

    def produce(self, text: str, frames: int) -> Tensor:
        """Return the joints of one sentence, (T, J, 3)."""
        return self.together(text, frames)[0].unflatten(1, (-1, 3))
