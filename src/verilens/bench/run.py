"""Score the samples of a manifest once, for every method asked, so that tables need no model.

    manifest -> files -> the scanner -> one predictions file a method

Stills and videos are scored as `verilens scan` scores them, posts as with `--task post`. A sample
stored as frames is scored frame by frame, evenly spread over the whole video unless the first ones
are asked for. With a results store a killed run goes on where it was; the files appear when all
samples are scored.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import tee
from pathlib import Path
from typing import NamedTuple

from verilens import __version__, pipeline, tables, weights
from verilens.bench import predictions
from verilens.bench.compat import first_frames
from verilens.bench.features import Features, unopened
from verilens.bench.predictions import FOUND, Prediction
from verilens.errors import DatasetError, MediaError
from verilens.known import Recent, Results
from verilens.media import packed
from verilens.media.sample import subset
from verilens.media.sources import Source
from verilens.options import Options, Posts, choices, for_posts, readers
from verilens.post_files import as_post
from verilens.records import Evidence, Media, Post, Report, Sample
from verilens.scanner import Scanner

VERDICT = "verdict"  # the fused probability, beside the methods' own scores


class Shot(NamedTuple):
    """One file to score: a sample, or one frame of it."""

    sample: Sample
    place: str  # a path, or a place in a database
    dataset: str
    frame: int | None = None


class Scored(NamedTuple):
    """What the scanner said of one file. is_missing: it was not read, so a score is missing."""

    shot: Shot
    report: Report
    is_missing: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How videos stored as frames are read: `frames` of them, evenly spread, or the first ones.

    first: as DeepfakeBench's release does, see `compat.first_frames`.
    """

    frames: int = 8
    first: bool = False

    def indices(self, count: int) -> list[int]:
        """Return which of `count` frames are scored."""
        return first_frames(count, self.frames) if self.first else subset(count, self.frames)


def asked_of(methods: Sequence[str] | None) -> tuple[tuple[str, ...] | None, Posts | None]:
    """Return which of the methods named are asked of media, None for all, and of posts.

    Where methods of posts alone are named, nobody is asked of their media.
    """
    of_media, posts = for_posts(tuple(methods) if methods else None)
    if not posts.methods:
        return of_media, None
    return of_media or (), replace(posts, compared=False)


def run(
    samples: Iterable[tuple[str, Sample]],
    out: Path,
    options: Options,
    plan: Plan,
    facts: Mapping[str, object],
    results: Results | None = None,
) -> Iterator[Scored]:
    """Score every sample and write `out`/<method>.parquet for each method and for the verdict.

    Yields as files are scored, for progress; the predictions are written when it is exhausted.
    samples: with the names of their data sets. facts: what else to note in each file, e.g. the
    manifest's digest, the protocol, the command.
    """
    asked = choices(options.methods) + (readers(options.posts) if options.posts else [])
    names = [VERDICT, *(choice.card.name for choice in asked)]
    hashes = {choice.card.name: weights.sha256(choice.weights) for choice in asked}
    common = {**facts, "version": __version__, "frames": plan.frames, "first_frames": plan.first}
    with ExitStack() as files:
        add = {}
        for name in names:
            own = {name: hashes[name]} if name in hashes else hashes
            path, said = out / f"{name}.parquet", {**common, "method": name, "weights": own}
            add[name] = files.enter_context(tables.writer(path, predictions.schema(), said))
        features = Features(options)
        for scored in score(shots(samples, plan), options, results, features):
            found = {name: prediction(scored, name) for name in names}
            for name, item in found.items():
                found[name] = features.prediction(name, scored.shot.sample, item)
                add[name](predictions.row(found[name]))
            of_methods = [item for name, item in found.items() if name != VERDICT]
            lacks = any(item.score is None for item in of_methods)
            yield scored._replace(is_missing=scored.report.error is not None and lacks)


def shots(samples: Iterable[tuple[str, Sample]], plan: Plan) -> Iterator[Shot]:
    """Yield the files to score, in order; of a frame folder those of the plan."""
    for dataset, sample in samples:
        if sample.kind != "frames":
            yield Shot(sample, sample.uri, dataset)
            continue
        if not sample.frames:
            raise DatasetError(f"{sample.id}: a video of frames that lists none; see its manifest")
        for index in plan.indices(len(sample.frames)):
            yield Shot(sample, f"{sample.uri}/{sample.frames[index]}", dataset, index)


def score(
    shots: Iterable[Shot],
    options: Options,
    results: Results | None = None,
    features: Features | None = None,
) -> Iterator[Scored]:
    """Yield what the scanner says of every file, in order, using all cores.

    Where published `features` suffice media stay closed.
    """
    asked, kept = tee(shots)
    with Scanner(options, results or Recent()) as scanner:

        def opened(shot: Shot) -> Callable[[], Report]:
            if features and features.suffice(shot.sample):
                return partial(unopened, shot.place)
            post = as_post(shot.sample) if options.posts and shot.frame is None else None
            return scanner.open(source(shot.place, post))

        yield from map(Scored, kept, pipeline.run(asked, opened, options.workers))


def source(place: str, post: Post | None = None) -> Source:
    """Return the file to open; what lies in a database is copied out until it is scored."""
    if not packed.is_packed(place):
        return Source(name=place, path=Path(place), post=post)
    try:
        content = packed.read(place)
    except MediaError as error:
        return Source(name=place, error=error)
    with tempfile.NamedTemporaryFile(prefix="verilens-", delete=False) as file:
        file.write(content)
    return Source(name=place, path=Path(file.name), temporary=True, post=post)


def prediction(scored: Scored, method: str) -> Prediction:
    """Return what one method, or the verdict, said of one file."""
    shot, report = scored.shot, scored.report
    found = Prediction(
        id=shot.sample.id,
        label=shot.sample.label,
        score=None,
        frame=shot.frame,
        dataset=shot.dataset,
        generator=shot.sample.generator,
        source=shot.sample.source,
        identity=shot.sample.identity,
        split=shot.sample.split,
        kind=shot.sample.kind,
        attributes={**shot.sample.attributes, **file_facts(report.media)},
    )
    if report.error:
        return replace(found, error=f"{report.error.type}: {report.error.message}")
    if method == VERDICT:
        return replace(found, score=report.verdict.probability if report.verdict else None)
    for item in report.evidence:
        if item.method == method and item.track is None:
            spans = tuple((s.start_s, s.end_s, s.score) for s in item.where.segments)
            attributes = {**found.attributes, **said_of(item)}
            return replace(found, score=item.score, where=spans, attributes=attributes)
    return replace(found, error=f"{method} gave no evidence")


def said_of(evidence: Evidence) -> dict[str, str]:
    """Return what a method says was done to a post, as attributes that `diagnosis` reads."""
    facts = {f"{FOUND}{name}": f"{score:.6g}" for name, score in evidence.kinds.items()}
    if evidence.where.regions:
        facts[f"{FOUND}box"] = ",".join(map(str, evidence.where.regions[0].box))
    return facts


def file_facts(media: Media | None) -> dict[str, str]:
    """Return what a file tells without its pixels, as attributes that an audit reads."""
    if media is None:
        return {}
    facts: dict[str, object] = {
        "format": media.format,
        "codec": media.codec,
        "width": media.width,
        "height": media.height,
        "bytes": media.size_bytes,
        "jpeg_quality": media.quality.jpeg_quality,
        "duration_s": media.duration_s,
        "fps": media.fps,
        "audio": int(media.has_audio) if media.kind == "video" else None,
    }
    return {f"file.{name}": str(value) for name, value in facts.items() if value is not None}


def methods_of(folder: Path) -> Sequence[Path]:
    """Return the predictions files of a run; DatasetError when there are none."""
    found = sorted(folder.glob("*.parquet"))
    if not found:
        raise DatasetError(f"{folder}: no predictions; make them with 'verilens bench run'")
    return found
