"""Methods of posts that read published features: they score a sample without opening its media.

Sets of short videos are handed out under agreements, their features are not, so a published row can
be measured where the videos are missing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

import verilens
from verilens.bench.predictions import Prediction
from verilens.errors import DatasetError, MissingWeights
from verilens.options import Options
from verilens.records import ErrorRecord, Report, Sample
from verilens.verify import posts
from verilens.verify.detector import sigmoid
from verilens.verify.post_detector import PostDetector, Shown

UNOPENED = ErrorRecord(type="unopened", message="published features were read, not its media")


class Features:
    """The methods of posts that a run asks."""

    def __init__(self, options: Options) -> None:
        readers: Sequence[PostDetector[Any]] = ()
        if options.posts:
            readers = posts.assemble(options.posts).methods
        self.methods = {method.name: method for method in readers}
        self._alone = options.methods == ()

    def suffice(self, sample: Sample) -> bool:
        """Return whether nobody asked needs the sample's media."""
        return self._alone and all(m.pixels_of(sample) is None for m in self.methods.values())

    def prediction(self, name: str, sample: Sample, found: Prediction) -> Prediction:
        """Return `found` with the score that published features give, where `name` reads them."""
        method = self.methods.get(name)
        if method is None or method.pixels_of(sample) is not None:
            return found
        try:
            with torch.inference_mode():
                logit = float(method.logits(method.batch([Shown(sample, None)]))[0])
        except (DatasetError, MissingWeights) as error:
            return replace(found, score=None, error=str(error))
        return replace(found, score=float(sigmoid(logit)), error="")


def unopened(place: str) -> Report:
    """Return the report of media that nobody asked to open."""
    return Report(path=place, version=verilens.__version__, seconds=0.0, error=UNOPENED)
