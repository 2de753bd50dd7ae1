"""Words to states, noise to poses.

words -> encoder -> states + time -> decoder of noisy poses -> clean poses
"""

import math

import torch
from torch import Tensor, nn

from verilens.batch import TextPoseBatch
from verilens.method import Loss
from verilens.motion.signer import Signer
from verilens.motion.tdm_slp import diffusion
from verilens.motion.tdm_slp.config import Config
from verilens.motion.tdm_slp.loss import bone_loss, joint_loss
from verilens.nn.transformer import Decoder, Encoder, past, present, xavier


class Moment(nn.Module):
    """The time of the diffusion as a vector: sines, then two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sines = width // 2
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, times: Tensor) -> Tensor:
        """times: (B,). Returns (B, width)."""
        steps = torch.arange(self.sines, device=times.device) / (self.sines - 1)
        angles = times.float()[:, None] * torch.exp(-math.log(10000.0) * steps)
        vector: Tensor = self.layers(torch.cat((angles.sin(), angles.cos()), -1))
        return vector


class Denoiser(nn.Module):
    """Predicts clean poses from noisy ones, a time, and what the words say."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.causal = config.causal
        values = 3 * config.joints
        self.embed = nn.Linear(values, config.width)
        self.decoder = Decoder(
            config.layers, config.width, config.heads, config.inner, config.dropout
        )
        self.moment = Moment(config.width)
        self.out = nn.Linear(config.width, values, bias=False)

    def forward(
        self, poses: Tensor, times: Tensor, states: Tensor, said: Tensor, frames: Tensor
    ) -> Tensor:
        """poses: (B, T, K); times: (B,); states: (B, N, width); said: (B, N); frames: (B, T)."""
        memory = states + self.moment(times)[:, None]
        seen = past(poses.shape[1], poses) if self.causal else frames[:, None]
        found: Tensor = self.out(self.decoder(self.embed(poses), memory, seen, said[:, None]))
        return found


class TDM(Signer):
    """Signs by diffusion."""

    name = "tdm_slp"
    config: Config
    kept: Tensor

    def __init__(self, config: Config | None = None) -> None:
        config = config or Config()
        super().__init__(config)
        self.encoder = Encoder(
            config.layers, config.width, config.heads, config.inner, config.dropout
        )
        self.denoiser = Denoiser(config)
        self.register_buffer("kept", diffusion.cosine(config.times), persistent=False)
        xavier(self)
        if config.loud:
            nn.init.normal_(self.words.weight)

    def read(self, batch: TextPoseBatch) -> tuple[Tensor, Tensor]:
        """Return the states of the words, (B, N, width), and which count, (B, N)."""
        said = present(batch.word_counts, batch.words.shape[1])
        return self.encoder(self.words(batch.words), said[:, None]), said

    def training_step(self, batch: TextPoseBatch) -> Loss:
        """Return the error of joints, plus the weighted error of bone directions."""
        config = self.config
        states, said = self.read(batch)
        frames = present(batch.frames, batch.joints.shape[1])
        clean = batch.joints.flatten(2) * config.scale
        times = torch.randint(config.times, (len(batch),), device=clean.device)
        noisy = diffusion.noised(clean, torch.randn_like(clean), self.kept[times])
        found = self.denoiser(noisy / config.scale, times, states, said, frames)
        found, wanted = found.unflatten(2, (-1, 3)), batch.joints
        counted = wanted != 0 if config.masking == "zeros" else frames[..., None, None]
        mask = counted.to(found.dtype).expand_as(wanted)
        joint = joint_loss(found, wanted, mask)
        bone = bone_loss(found, wanted, mask, config.bones)
        parts = {"joint": joint.detach(), "bone": bone.detach()}
        return Loss(total=joint + config.bone_weight * bone, parts=parts)

    def produce(self, text: str, frames: int) -> Tensor:
        """Return the joints of one sentence, (T, J, 3); the same every time."""
        config = self.config
        device = self.words.weight.device
        ids = self.ids(text)[: config.longest]
        length = min(
            config.longest, frames or max(1, round(config.frames_per_word * (len(ids) - 1)))
        )
        words = torch.tensor([ids], device=device)
        said = torch.ones_like(words, dtype=torch.bool)
        states = self.encoder(self.words(words), said[:, None])
        shown = torch.ones(1, length, dtype=torch.bool, device=device)

        def denoise(poses: Tensor, time: int) -> Tensor:
            times = torch.tensor([time], device=device)
            found: Tensor = self.denoiser(poses / config.scale, times, states, said, shown)
            return found * config.scale

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            noise = torch.randn(1, length, 3 * config.joints).to(device)
            drawn = diffusion.sample(denoise, noise, self.kept, config.steps, config.eta)
        return (drawn[0] / config.scale).unflatten(1, (-1, 3))
