"""Perturbations: what happens to media between its making and a detector, in five severities.

`perturb` acts on frames in memory (training, tests), `perturb_file` on files, where a video is a
real encoded stream before and after. `KINDS` is the table of all of them, `suite_of` names the
protocols of ForgeryNet, GenVideo and DeeperForensics-1.0. The same seed, sample, kind and severity
give the same result.
"""

from verilens.media.perturb.apply import perturb
from verilens.media.perturb.draw import generator
from verilens.media.perturb.files import Perturber, Written, perturb_file
from verilens.media.perturb.kinds import KINDS, SEVERITIES, Kind, kind, suite_of

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Kind",
    "Perturber",
    "Written",
    "generator",
    "kind",
    "perturb",
    "perturb_file",
    "suite_of",
]
