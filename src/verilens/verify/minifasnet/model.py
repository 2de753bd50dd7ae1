"""The detector: a face and its surroundings in, how likely it is an attack out.

crop -> BGR in [0, 255] -> network -> three classes -> odds of the attacks against live
"""

from torch import Tensor
from torch.nn.functional import mse_loss

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.verify.detector import Detector, cross_entropy
from verilens.verify.minifasnet.config import Config
from verilens.verify.minifasnet.network import Fourier, Network, spectrum


class MiniFASNet(Detector):
    """Tells presentation attacks from bona fide presentations."""

    name = "minifasnet"
    sign = "paper, screen or mask instead of skin: {} crops look so"
    claim = "spoof"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.net = Network(config)
        self.fourier = Fourier() if config.fourier else None

    def forward(self, frames: Tensor) -> Tensor:
        return self.odds(self.net(as_published(frames)))

    def odds(self, scores: Tensor) -> Tensor:
        """Return the logit of "any attack" (N,) from class scores (N, classes).

        It is the logarithm of the attacks' probabilities over that of live, so its sigmoid is the
        sum of the attacks' softmax.
        """
        live = self.config.live
        attacks = [n for n in range(self.config.classes) if n != live]
        return scores[:, attacks].logsumexp(1) - scores[:, live]

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return half the cross-entropy of attack against live, and half the spectrum's error."""
        pictures = as_published(batch.frames.flatten(0, 1))
        features = self.net.features(pictures)
        logits = self.odds(self.net.scores(features)).view(batch.frames.shape[:2]).mean(1)
        told = cross_entropy(logits, batch.labels)
        if self.fourier is None:
            return told
        error = mse_loss(self.fourier(features), spectrum(pictures, features.shape[-1]))
        total = 0.5 * told.total + 0.5 * error
        return Loss(total=total, parts={**told.parts, "spectrum": error.detach()}, each=told.each)


def as_published(frames: Tensor) -> Tensor:
    """Return RGB in [0, 1] as BGR in [0, 255], which the official code reads."""
    return frames.flip(1) * 255
