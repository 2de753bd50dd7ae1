"""Hypothesis strategies that make any valid report, hostile text included."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from verilens.records import (
    ErrorRecord,
    Evidence,
    Media,
    Passage,
    Person,
    Post,
    Provenance,
    ProvenanceClaim,
    Quality,
    Region,
    Report,
    Segment,
    Verdict,
    Where,
)

text = st.text(st.characters(codec="utf-8"), max_size=12)
texts = st.lists(text, max_size=2).map(tuple)
score = st.floats(0, 1)
amount = st.floats(0, 1e9)
count = st.integers(0, 2**40)
mapping = st.dictionaries(text, text, max_size=2)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | amount | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
paths = text | st.binary(min_size=1, max_size=12).map(
    lambda raw: raw.decode("utf-8", "surrogateescape")
)

heatmaps = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.integers(0, 1000).map(lambda thousandths: np.float32(thousandths / 1000)),
)
boxes = st.lists(st.tuples(*[st.integers(0, 30_000)] * 4), max_size=2).map(tuple)
segments = st.builds(Segment, start_s=amount, end_s=amount, score=score)
wheres = st.builds(
    Where,
    by=text,
    heatmap=st.none() | heatmaps,
    boxes=boxes,
    box_scores=st.lists(score, max_size=2).map(tuple),
    timeline=st.lists(st.tuples(amount, score), max_size=2).map(tuple),
    segments=st.lists(segments, max_size=2).map(tuple),
    regions=st.lists(
        st.builds(Region, box=st.tuples(*[st.integers(0, 30_000)] * 4), score=score), max_size=2
    ).map(tuple),
    passages=st.lists(
        st.builds(Passage, start=st.integers(0, 99), end=st.integers(0, 99), score=score),
        max_size=2,
    ).map(tuple),
)
evidence = st.builds(
    Evidence,
    method=text,
    score=score,
    logit=st.floats(-50, 50),
    where=wheres,
    why=text,
    limits=texts,
    track=st.none() | st.integers(1, 5),
    kinds=st.dictionaries(text, score, max_size=2),
)
_WORDS = ("text", "media", "author", "time", "language", "title", "ocr", "transcript")
posts = st.builds(
    Post,
    **dict.fromkeys(_WORDS, text),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    comments=texts,
)
claims = st.builds(ProvenanceClaim, source=text, statement=text, detail=mapping)
provenances = st.builds(
    Provenance,
    claims=st.lists(claims, max_size=2).map(tuple),
    c2pa=st.none() | st.dictionaries(text, plain, max_size=2),
    metadata=mapping,
    notes=texts,
)
qualities = st.builds(
    Quality,
    jpeg_quality=st.none() | st.integers(1, 100),
    double_jpeg=st.none() | score,
    blockiness=amount,
    sharpness=amount,
    bits_per_pixel=amount,
    notes=texts,
)
media = st.builds(
    Media,
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    format=text,
    size_bytes=count,
    width=st.integers(1, 30_000),
    height=st.integers(1, 30_000),
    duration_s=st.none() | amount,
    fps=st.none() | amount,
    frames=st.none() | count,
    codec=st.none() | text,
    quality=qualities,
    provenance=provenances,
)
_VERDICT = {
    "probability": score,
    "interval": st.tuples(score, score),
    "sentence": text,
    "conflicts": texts,
    "not_checked": texts,
}
verdicts = st.builds(Verdict, **_VERDICT)


@st.composite
def persons(draw: st.DrawFn) -> Person:
    """A person seen once or twice, judged or not."""
    places = draw(st.lists(st.tuples(*[st.integers(0, 30_000)] * 4), min_size=1, max_size=2))
    return Person(
        track=draw(st.integers(1, 5)),
        times_s=tuple(draw(st.lists(amount, min_size=len(places), max_size=len(places)))),
        boxes=tuple(places),
        verdict=draw(st.none() | st.builds(Verdict, **_VERDICT, claim=st.just("face-swap"))),
    )


errors = st.builds(ErrorRecord, type=text, message=text)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report with a verdict, or with an error and perhaps a file that could be read."""
    path = draw(paths)
    found = draw(media | st.none())
    if found is not None:
        found = Media(**{**vars(found), "path": path})
    scored = found is not None and draw(st.booleans())
    return Report(
        path=path,
        version=draw(text),
        seconds=draw(amount),
        media=found,
        evidence=tuple(draw(st.lists(evidence, max_size=2))),
        people=draw(st.none() | st.lists(persons(), max_size=2).map(tuple)),
        verdict=draw(verdicts) if scored else None,
        error=None if scored else draw(errors),
        post=draw(st.none() | posts),
    )
