"""Which pictures of a prompt-to-picture collection are faces that look like photographs.

Four filters one after the other, on what was measured before: does the prompt ask for a human
face, is a face found, is it a photograph and no drawing, did a person accept it. After "Diffusion
Deepfake" (Bhattacharyya et al., arXiv:2404.01579), read from its abstract and a review: the four
steps and the prompt's threshold are theirs, all other thresholds and the rule for styles are ours.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from verilens import layout
from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is known of one picture; None where nobody measured.

    prompt: probability in [0, 1] that the prompt asks for a human face.
    face: confidence in [0, 1] of the face found in the picture, 0 when there is none.
    colour_variance: mean variance of the three colours in [0, 255], so at most 16,256.
    edge_density: share of pixels on an edge, in [0, 1].
    style: the collection's own word for it, such as "photo"; "" when it has none.
    accepted: what a person said; None when nobody looked.
    """

    id: str
    prompt: float | None = None
    face: float | None = None
    colour_variance: float | None = None
    edge_density: float | None = None
    style: str = ""
    accepted: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a picture must reach to stay; only `prompt` is the paper's.

    styles: words for photographs. A collection that names styles is judged by them, and the two
        measures count only where there is no word.
    """

    prompt: float = 0.5
    face: float = 0.9
    colour_variance: float = 500.0
    edge_density: float = 0.2
    styles: tuple[str, ...] = ("photo", "photography", "photorealistic", "realistic")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one filter did. unmeasured: those among the dropped that it could not judge."""

    name: str
    entered: int
    kept: int
    unmeasured: int


def _by_prompt(candidate: Candidate, limits: Limits) -> bool | None:
    return None if candidate.prompt is None else candidate.prompt >= limits.prompt


def _by_face(candidate: Candidate, limits: Limits) -> bool | None:
    return None if candidate.face is None else candidate.face >= limits.face


def _by_style(candidate: Candidate, limits: Limits) -> bool | None:
    if candidate.style:
        return candidate.style.lower() in limits.styles
    if candidate.colour_variance is None or candidate.edge_density is None:
        return None
    is_colourful = candidate.colour_variance >= limits.colour_variance
    return is_colourful and candidate.edge_density <= limits.edge_density


def _by_hand(candidate: Candidate, limits: Limits) -> bool | None:
    return candidate.accepted is not False  # what nobody looked at stays


FILTERS: dict[str, Callable[[Candidate, Limits], bool | None]] = {
    "prompt": _by_prompt,
    "face": _by_face,
    "style": _by_style,
    "hand": _by_hand,
}
ORDER = tuple(FILTERS)


def keep(
    candidates: Iterable[Candidate], limits: Limits | None = None, order: Sequence[str] = ORDER
) -> tuple[list[Candidate], list[Stage]]:
    """Return the pictures that pass every filter, in their order, and what each filter did.

    A filter looks at one picture at a time and at nothing else: running it twice drops nothing
    more, and the order of the filters changes the counts but never the pictures that stay.
    ConfigError when `order` names a filter that does not exist.
    """
    if unknown := [name for name in order if name not in FILTERS]:
        raise ConfigError(f"no filter '{unknown[0]}'; known: {', '.join(ORDER)}")
    kept, stages = list(candidates), []
    for name in order:
        answers = [FILTERS[name](candidate, limits or Limits()) for candidate in kept]
        passed = [c for c, answer in zip(kept, answers, strict=True) if answer]
        unmeasured = sum(answer is None for answer in answers)
        stages.append(Stage(name=name, entered=len(kept), kept=len(passed), unmeasured=unmeasured))
        kept = passed
    return kept, stages


MEASURES = {"prompt": 1.0, "face": 1.0, "colour_variance": 16_256.25, "edge_density": 1.0}
ANSWERS = {"": None, "yes": True, "no": False}


def read(path: Path) -> Iterator[Candidate]:
    """Yield the pictures of a CSV file with a column id and any of the others of `Candidate`.

    An empty field is a measure that nobody took; accepted is yes, no or empty. DatasetError names
    the line whose number is none or out of range.
    """
    for number, row in layout.rows(path, ("id",)):
        answer = row.get("accepted", "").strip().lower()
        if answer not in ANSWERS:
            raise layout.wrong(path, number, f"accepted is '{answer}', not yes, no or empty")
        measured = {name: _measure(path, number, name, row.get(name, "")) for name in MEASURES}
        yield Candidate(
            id=row["id"],
            style=row.get("style", "").strip(),
            accepted=ANSWERS[answer],
            **measured,
        )


def _measure(path: Path, number: int, name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MEASURES[name]:
        what = f"{name} is '{text:.40}', not a number from 0 to {MEASURES[name]:g}"
        raise layout.wrong(path, number, what)
    return value
