"""Reports with evidence at known places, and answers of models about them."""

import json

import numpy as np

from verilens.records import Clip, Evidence, Media, Report, Verdict, View, Where

HOT, COOL = 0.95, 0.05


def heat(row: int, column: int) -> np.ndarray:
    """Return a 6 x 6 map that is hot in one ninth of the picture, cool elsewhere."""
    grid = np.full((6, 6), COOL, np.float32)
    grid[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = HOT
    return grid


def evidence(method: str = "theirs", score: float = 0.9, **where: object) -> Evidence:
    """Return evidence of a method that was never calibrated: it flags from 0.5 on."""
    logit = float(np.log(score / (1 - score)))
    return Evidence(
        method=method, claim="ai-generated", score=score, logit=logit, why="w", where=Where(**where)
    )


def report(*found: Evidence, decision: str = "fake", kind: str = "image") -> Report:
    """Return a report of a picture of 600 x 300, or of a film of 10 s."""
    media = Media(
        path="x", sha256="0" * 64, kind=kind, format="PNG", size_bytes=1, width=600, height=300,
        duration_s=10.0 if kind == "video" else None,
    )  # fmt: skip
    verdict = Verdict(
        decision=decision, probability=0.9, interval=(0.8, 0.95), sentence="Likely generated."
    )
    return Report(path="x", version="0", seconds=1.0, media=media, evidence=found, verdict=verdict)


def clip() -> Clip:
    """Return what a model is shown."""
    return Clip(
        frames=np.zeros((1, 8, 8, 3), np.uint8),
        times_s=np.zeros(1),
        boxes=np.array([[0, 0, 600, 300]], np.int32),
        size=(600, 300),
        view=View(size=8, frames=1, fit="contain"),
    )


def answer(*claims: dict[str, object], verdict: str = "fake", summary: str = "Odd hands.") -> str:
    """Return what a model that keeps to the form says."""
    return json.dumps(
        {"verdict": verdict, "confidence": 0.8, "summary": summary, "claims": list(claims)}
    )


def claim(region: str, says: str = "fake", **more: object) -> dict[str, object]:
    """Return one claim of a model."""
    return {"says": says, "what": "the hand has six fingers", "region": region, **more}
