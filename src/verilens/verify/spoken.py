"""A detector that answers like a chat model: any prompt suite runs with it, without a network."""

import threading
from collections.abc import Sequence
from pathlib import Path

from verilens import catalog, weights
from verilens.errors import ConfigError
from verilens.records import Clip
from verilens.understand.answerer import Answer, Answerer, Question
from verilens.verify.detector import Detector


class Spoken(Answerer):
    """Says of every picture what one detector scores it, whatever the question is."""

    def __init__(self, detector: Detector, identity: str = "") -> None:
        self.detector = detector
        self.name = detector.name
        self.identity = f"detector {detector.name} {identity}"
        self.sees = detector.config.view
        self._one_at_a_time = threading.Lock()

    def answer(self, question: Question, clips: Sequence[Clip]) -> Answer:
        """Return the detector's score in words, its verdict last."""
        if not clips:
            return Answer(text="", outcome="empty", model=self.name)
        with self._one_at_a_time:
            found = max(self.detector.inspect(list(clips)), key=lambda item: item.score)
        said = "fake" if found.score > 0.5 else "real"
        text = f"{found.why} Its score is {found.score:.3f}. verdict: {said}"
        return Answer(text=text, outcome="answered", model=self.name)


def spoken(name: str) -> Spoken:
    """Return the detector "name" or "name=weights" as an answerer. ConfigError, MissingWeights."""
    method, _, chosen = name.partition("=")
    file = weights.find(catalog.card(method), chosen or "starter")
    detector = catalog.load(method, str(Path(file)))
    if not isinstance(detector, Detector):
        raise ConfigError(f"{method} is no detector")
    return Spoken(detector, weights.sha256(file))
