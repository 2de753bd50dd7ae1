"""Heat maps of a report as pictures: grey, 0 is a score of 0 and 255 a score of 1."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.records import Evidence, Report


def pngs(report: Report) -> Mapping[str, bytes]:
    """Return each map as PNG, at its own resolution, by the name of its method.

    Maps of persons are called METHOD-person-N. A cell that nobody scored is 0.
    """
    return {
        name(evidence): png(evidence.where.heatmap)
        for evidence in report.evidence
        if evidence.where.heatmap is not None
    }


def name(evidence: Evidence) -> str:
    """Return what the map of a piece of evidence is called."""
    person = "" if evidence.track is None else f"-person-{evidence.track}"
    return evidence.method + person


def png(heatmap: NDArray[np.float32]) -> bytes:
    """Return scores in [0, 1], (rows, columns), as a grey PNG of as many pixels."""
    scores = np.clip(np.nan_to_num(heatmap, nan=0.0), 0.0, 1.0)
    _, data = cv2.imencode(".png", np.rint(scores * 255.0).astype(np.uint8))
    return bytes(data.tobytes())
