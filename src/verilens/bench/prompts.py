"""Prompt suites against a manifest: what each prompt makes of a model as a detector.

    manifest -> files -> prompt programs -> verdicts -> one predictions file a prompt

A score is 1 for fake, 0 for genuine; for several prompts joined by majority the share that says
fake. Who does not decide has no score and is counted, never judged. Answers are kept beside the
predictions, so a run that was stopped goes on where it was and no question is paid for twice.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from verilens import __version__, catalog, tables
from verilens.bench import predictions
from verilens.bench.predictions import Prediction
from verilens.errors import ConfigError, MediaError
from verilens.media.opened import Limits
from verilens.media.sample import subset
from verilens.media.sandbox import Decoder
from verilens.records import Clip, Sample
from verilens.understand.answerer import Answer, Answerer
from verilens.understand.asking import Tally
from verilens.understand.programs import Program, Ran, is_usable, run
from verilens.understand.reading import REFUSALS
from verilens.understand.verdicts import Verdict, share_of_fakes, verdict

SEED = 3706  # mllm-defake's
MAJORITY = "majority"
CHUNK = 16  # samples in memory
VERDICTS: dict[float | None, Verdict] = {0.0: "genuine", 1.0: "fake", None: "undecided"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a suite is run.

    count: so many genuine and so many fake samples, drawn with SEED; 0 takes all. strict: reads
    verdicts by whole words, else by mllm-defake's rule. frames: shown of a video.
    """

    count: int = 0
    strict: bool = True
    frames: int = 8
    parallel: int = 4
    max_tokens: int = 512


@dataclass
class Score:
    """What one prompt came to. The rates are over samples that got a verdict; a tie counts half.

    undecided: answers that say neither. failed: no answer, or a file that could not be read.
    """

    prompt: str
    samples: int = 0
    undecided: int = 0
    refused: int = 0
    failed: int = 0
    scores: list[float] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def add(self, one: "Judged") -> None:
        """Count one prediction."""
        self.samples += 1
        outcome = one.row.attributes.get("answer.outcome", "")
        if one.row.score is not None:
            self.scores.append(one.row.score)
            self.labels.append(one.row.label)
        elif outcome == "refused":
            self.refused += 1
        elif outcome in ("answered", "cut-off") or one.prompt == MAJORITY:
            self.undecided += 1
        else:
            self.failed += 1

    @property
    def accuracy(self) -> float | None:
        """Return the share of right verdicts, None without any verdict."""
        return _mean(self._right())

    @property
    def balanced_accuracy(self) -> float | None:
        """Return the mean of both classes' shares, None when a class has no verdict."""
        each = [_mean(self._right(label)) for label in (0, 1)]
        known = [share for share in each if share is not None]
        return _mean(known) if len(known) == 2 else None

    def _right(self, label: int | None = None) -> list[float]:
        """Return 1 for each right verdict, 0.5 for a tie, of one class or of both."""
        return [
            0.5 if score == 0.5 else float((score > 0.5) == bool(truth))
            for score, truth in zip(self.scores, self.labels, strict=True)
            if label in (None, truth)
        ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def suite(name: str) -> list[Program]:
    """Return the programs of a method that has some, or of a folder. ConfigError, UnknownName."""
    folder = Path(name)
    if folder.is_dir():
        paths = sorted(folder.glob("*.json"))
        programs = [Program.read(path) for path in paths]
    else:
        with as_file(files(catalog.card(name).package) / "prompts") as inside:
            programs = [Program.read(path) for path in sorted(inside.glob("*.json"))]
    if not programs:
        raise ConfigError(f"no prompts in '{name}': no *.json of format_version 3")
    twice = [n for n, c in Counter(program.name for program in programs).items() if c > 1]
    if twice:
        raise ConfigError(f"{name}: several prompts are called {', '.join(twice)}")
    return programs


def drawn(samples: Sequence[tuple[str, Sample]], count: int) -> list[tuple[str, Sample]]:
    """Return `count` samples of each class in the order given; all when it is 0."""
    if not count:
        return list(samples)
    chosen = set()
    for label in (0, 1):
        places = [n for n, (_, sample) in enumerate(samples) if sample.label == label]
        if len(places) < count:
            raise ConfigError(f"--count {count}: only {len(places)} samples have label {label}")
        chosen |= set(random.Random(SEED).sample(places, count))
    return [item for n, item in enumerate(samples) if n in chosen]


class Judged(NamedTuple):
    """What one prompt made of one sample. answers: empty for a file that could not be read."""

    prompt: str
    row: Prediction
    answers: tuple[Answer, ...] = ()
    text: str = ""


def score(
    samples: Sequence[tuple[str, Sample]],
    programs: Sequence[Program],
    answerer: Answerer,
    out: Path,
    plan: Plan,
    facts: Mapping[str, object],
) -> Iterator[tuple[list[Score], Tally]]:
    """Run every program on every sample and write `out`/<program>.parquet; yield after each chunk.

    The file "majority" joins the programs of one conversation but the plain one, when there are
    several. Predictions appear, whole, when all is done.
    """
    joined = angles(programs)
    names = [p.name for p in programs] + [MAJORITY] * bool(joined)
    totals, tally = {name: Score(prompt=name) for name in names}, Tally()
    said = {**facts, "version": __version__, "model": answerer.name, "strict": plan.strict}
    said["prompts"] = digest(programs)
    with ExitStack() as stack:
        add = {}
        for name in names:
            own = {**said, "method": f"{answerer.name}/{name}"}
            file = tables.writer(out / f"{name}.parquet", predictions.schema(), own)
            add[name] = stack.enter_context(file)
        responses = stack.enter_context((out / "responses.jsonl").open("w", encoding="utf-8"))
        decoder = stack.enter_context(Decoder(Limits()))
        rest = iter(samples)
        while chunk := list(islice(rest, CHUNK)):
            found = judged(chunk, programs, answerer, decoder, plan)
            for one in [*found, *by_majority(chunk, found, joined)]:
                add[one.prompt](predictions.row(one.row))
                totals[one.prompt].add(one)
                for answer in one.answers:
                    tally.add(answer)
                if one.text:
                    line = {"prompt": one.prompt, "id": one.row.id, "text": one.text}
                    responses.write(json.dumps(line) + "\n")
            yield list(totals.values()), tally


def judged(
    chunk: Sequence[tuple[str, Sample]],
    programs: Sequence[Program],
    answerer: Answerer,
    decoder: Decoder,
    plan: Plan,
) -> list[Judged]:
    """Return what every program makes of every sample of a chunk."""
    shown = [pixels(decoder, sample, answerer, plan.frames) for _, sample in chunk]
    readable = [clips for clips in shown if not isinstance(clips, str)]
    found = []
    for program in programs:
        ran = iter(run(program, answerer, readable, plan.parallel, plan.max_tokens))
        for (dataset, sample), clips in zip(chunk, shown, strict=True):
            row = labelled(dataset, sample)
            if isinstance(clips, str):
                found.append(Judged(program.name, replace(row, error=clips)))
            else:
                found.append(read(program.name, row, next(ran), plan.strict))
    return found


def read(prompt: str, row: Prediction, ran: Ran, strict: bool) -> Judged:
    """Return what a prompt's last answer says of a sample, and how it ended."""
    last = ran.answers[-1]
    outcome, said = last.outcome, verdict(ran.text, strict)
    if is_usable(last) and said == "undecided" and REFUSALS.search(ran.text[:400]):
        outcome = "refused"
    row = replace(row, attributes={**row.attributes, "answer.outcome": outcome})
    if is_usable(last) and said != "undecided":
        row = replace(row, score=float(said == "fake"))
    else:
        row = replace(row, error=last.note or (said if outcome == "answered" else outcome))
    return Judged(prompt, row, ran.answers, ran.text)


def angles(programs: Sequence[Program]) -> list[str]:
    """Return the programs that a majority joins: of one conversation, but not the plain one."""
    names = [p.name for p in programs if len(p.conversations) == 1 and not p.name.startswith("p0")]
    return names if len(names) > 1 else []


def by_majority(
    chunk: Sequence[tuple[str, Sample]], found: Sequence[Judged], joined: Sequence[str]
) -> list[Judged]:
    """Return the share of the joined prompts that say fake, of every sample of a chunk."""
    if not joined:
        return []
    each = {name: [one.row for one in found if one.prompt == name] for name in joined}
    rows = []
    for n, (dataset, sample) in enumerate(chunk):
        said = [VERDICTS[each[name][n].score] for name in joined]
        share = share_of_fakes(said)
        error = "" if share is not None else "undecided"
        rows.append(Judged(MAJORITY, replace(labelled(dataset, sample), score=share, error=error)))
    return rows


def pixels(
    decoder: Decoder, sample: Sample, answerer: Answerer, frames: int
) -> tuple[Clip, ...] | str:
    """Return what a model is shown of a sample, or in words why it cannot be read."""
    view = replace(answerer.sees, frames=frames)
    places = [Path(sample.uri)]
    if sample.kind == "frames":
        chosen = subset(len(sample.frames), frames)
        places = [Path(sample.uri) / sample.frames[n] for n in chosen]
    try:
        return tuple(decoder.open(place, (view,)).clips[view] for place in places)
    except (MediaError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


def labelled(dataset: str, sample: Sample) -> Prediction:
    """Return a prediction without a score."""
    return Prediction(
        id=sample.id,
        label=sample.label,
        score=None,
        dataset=dataset,
        generator=sample.generator,
        source=sample.source,
        identity=sample.identity,
        split=sample.split,
        kind=sample.kind,
        attributes=dict(sample.attributes),
    )


def digest(programs: Sequence[Program]) -> str:
    """Return a hash of all prompts."""
    return hashlib.sha256(repr(programs).encode()).hexdigest()
