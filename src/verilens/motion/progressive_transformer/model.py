"""Words to states, frames so far to the next frame and the counter.

(words) -> encoder -> states;  (u_0 .. u_t, c_0 .. c_t) -> decoder -> u_t+1, c_t+1
"""

import torch
from torch import Tensor, nn

from verilens.batch import TextPoseBatch
from verilens.method import Loss
from verilens.motion.progressive_transformer.config import Config
from verilens.motion.signer import Signer
from verilens.nn.transformer import Decoder, Encoder, past, present, xavier

MEMORY = 0.99  # of the moving average of the error's variance


class ProgressiveTransformer(Signer):
    """Signs frame by frame."""

    name = "progressive_transformer"
    config: Config
    variance: Tensor

    def __init__(self, config: Config | None = None) -> None:
        config = config or Config()
        super().__init__(config)
        sizes = (config.layers, config.width, config.heads, config.inner, config.dropout)
        values = 3 * config.joints + 1
        self.encoder = Encoder(*sizes)
        self.embed = nn.Linear(1 if config.just_counter else values, config.width)
        self.decoder = Decoder(*sizes)
        self.out = nn.Linear(config.width, values, bias=False)
        self.register_buffer("variance", torch.zeros(values))
        xavier(self)

    def read(self, words: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of the words, (B, N, width), and which count, (B, N)."""
        said = present(counts, words.shape[1])
        return self.encoder(self.words(words), said[:, None]), said

    def following(self, frames: Tensor, states: Tensor, said: Tensor) -> Tensor:
        """Return the frame after each, (B, T, K): joints, then the counter. frames: the same."""
        shown = frames[..., -1:] if self.config.just_counter else frames
        found = self.decoder(
            self.embed(shown), states, past(frames.shape[1], frames), said[:, None]
        )
        answer: Tensor = self.out(found)
        return answer

    def training_step(self, batch: TextPoseBatch) -> Loss:
        """Return the mean squared error of the next frame and its counter."""
        states, said = self.read(batch.words, batch.word_counts)
        count = batch.joints.shape[1]
        places = torch.arange(1, count + 1, device=batch.joints.device)
        counter = (places / batch.frames[:, None]).clamp(max=1)[..., None]
        wanted = torch.cat((batch.joints.flatten(2), counter), -1)  # (B, T, K)
        mask = present(batch.frames, count)[..., None].to(wanted.dtype)
        before = torch.cat((torch.zeros_like(wanted[:, :1]), wanted[:, :-1]), 1)
        if self.config.noise_rate:
            spread = self.config.noise_rate * self.variance.sqrt()
            spread[-1] = 0  # the counter stays true
            before = before + torch.randn_like(before) * spread
        found = self.following(before, states, said)
        gaps = (found - wanted) * mask
        if self.training:
            with torch.no_grad():
                now = gaps.square().sum((0, 1)) / mask.sum()
                self.variance.lerp_(now, 1 - MEMORY)
        error = gaps.square().sum() / (mask.sum() * wanted.shape[-1])
        return Loss(total=error, parts={"mse": error.detach()})

    def produce(self, text: str, frames: int) -> Tensor:
        """Return the joints of one sentence, (T, J, 3), until its counter is full."""
        device = self.words.weight.device
        ids = torch.tensor([self.ids(text)], device=device)
        states, said = self.read(ids, torch.tensor([ids.shape[1]], device=device))
        signed = torch.zeros(1, 1, 3 * self.config.joints + 1, device=device)
        for place in range(frames or self.config.longest):
            after = self.following(signed, states, said)[:, -1:]
            if frames:  # a given length is a given counter
                after[..., -1] = (place + 1) / frames
            signed = torch.cat((signed, after), 1)
            if not frames and after[0, 0, -1] >= 1:
                break
        return signed[0, 1:, :-1].unflatten(1, (-1, 3))
