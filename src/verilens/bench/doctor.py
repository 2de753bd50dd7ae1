"""What is wrong with a data set before anyone trains or scores on it.

    samples + what was seen of their files -> findings with counts, examples and what to do

Errors spoil a result (a file in two splits, a label that contradicts its folder), warnings may.
Exact copies are told by digest, near copies by a perceptual hash of one frame.
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from verilens.media.fingerprint import Alike, Look, Looker
from verilens.records import Sample

EXAMPLES = 5
LEAST_SIDE, LEAST_FRAMES = 64, 8
_TELLS = 0.1  # accuracy over guessing at which a file format gives the label away
_GENUINE = {"real", "0_real", "genuine", "original", "original_sequences", "authentic", "nature"}
_GENUINE |= {"youtube-real", "celeb-real", "live", "bonafide", "origin", "pristine", "tp-real"}
_FAKE = {
    "fake",
    "1_fake",
    "ai",
    "celeb-synthesis",
    "manipulated_sequences",
    "manipulation",
    "spoof",
}
_FAKE |= {"manipulated_videos", "synthetic", "generated", "deepfakes", "faceswap"}
_CLASSES = {"orig", "face_swap", "face_attribute", "text_swap", "text_attribute"}  # of DGM4
_WORDS = re.compile(r"[/\\]")

Level = Literal["error", "warning"]

ADVICE: dict[str, tuple[Level, str]] = {
    "missing": ("error", "listed but not there: check the root, --map, or fetch the rest"),
    "unreadable": ("error", "cannot be decoded: get another copy or leave them out"),
    "too-small": ("warning", f"shorter side under {LEAST_SIDE} px: methods see little"),
    "too-short": ("warning", f"fewer than {LEAST_FRAMES} frames: clips will be padded or skipped"),
    "duplicate": ("warning", "the same bytes again: they count twice"),
    "near-duplicate": ("warning", "almost the same picture again: keep such groups in one split"),
    "label-conflict": ("error", "the same bytes with both labels: one of them is wrong"),
    "leak-file": ("error", "the same bytes in two splits: remove them from one"),
    "leak-near": ("error", "almost the same picture in two splits: split by source"),
    "leak-source": ("error", "one source in two splits: split by source"),
    "leak-identity": ("warning", "one person in two splits: split by identity"),
    "label-against-folder": (
        "error",
        "the folder says otherwise: labels may be inverted (Celeb-DF's list has 1 for real)",
    ),
    "label-against-generator": ("error", "genuine but made by a generator: check the label"),
    "label-against-class": (
        "error",
        "the published class says otherwise (DGM4: 'orig' is genuine)",
    ),
    "format-tells-label": (
        "error",
        "format or quality alone tells the classes apart: match them, e.g. 'verilens perturb'",
    ),
    "one-class": ("error", "this split holds one class only: AUC and the like are undefined"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong: what, how often, some of where, and what to do."""

    kind: str
    level: Level
    count: int
    examples: tuple[str, ...]
    advice: str


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found in how many samples. formats: files of each format by label."""

    samples: int
    by_split: dict[str, dict[str, int]]
    formats: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """Return how many kinds of error there are."""
        return sum(finding.level == "error" for finding in self.findings)


def examine(samples: Iterable[Sample], looker: Looker) -> Findings:
    """Return what is wrong with the samples.

    looker: gives what each file is, as `Looked.looks`. Of a sample stored as frames the middle one
    is looked at and all are checked to be there.
    """
    ward = _Ward()
    waiting: deque[Sample] = deque()

    def paths() -> Iterator[Path]:
        for sample in samples:
            waiting.append(sample)
            yield _file(sample)

    for seen in looker(paths()):
        ward.add(waiting.popleft(), seen)
    ward.finish()
    return ward.findings()


def plain(found: Findings) -> dict[str, Any]:
    """Return the findings as JSON-safe values."""
    return asdict(found)


def _file(sample: Sample) -> Path:
    if sample.kind == "frames" and sample.frames:
        return Path(sample.uri) / sample.frames[len(sample.frames) // 2]
    return Path(sample.uri)


@dataclass
class _Ward:
    """What was seen so far. Only what later samples are compared with is kept."""

    seen: dict[str, tuple[str, str, int]] = field(default_factory=dict)  # digest -> first of it
    alike: Alike = field(default_factory=Alike)
    hashed: list[tuple[str, str]] = field(default_factory=list)  # (id, split) of each hash
    groups: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    formats: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    splits: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def note(self, kind: str, example: str) -> None:
        self.counts[kind] += 1
        if len(self.examples[kind]) < EXAMPLES:
            self.examples[kind].append(example)

    def add(self, sample: Sample, seen: Look) -> None:
        self.splits[sample.split][sample.label] += 1
        self._labels(sample)
        self._group("source", sample.source, sample)
        self._group("identity", sample.identity, sample)
        if seen.error:
            kind = "missing" if seen.error == "missing" else "unreadable"
            self.note(kind, sample.id if kind == "missing" else f"{sample.id}: {seen.message}")
            return
        form = f"{seen.format} {seen.quality // 10 * 10}+" if seen.quality else seen.format
        self.formats[form][sample.label] += 1
        if min(seen.width, seen.height) < LEAST_SIDE:
            self.note("too-small", f"{sample.id}: {seen.width} x {seen.height}")
        frames = len(sample.frames) if sample.kind == "frames" else seen.frames
        if sample.kind in ("video", "frames") and frames < LEAST_FRAMES:
            self.note("too-short", f"{sample.id}: {frames} frames")
        if sample.kind == "frames":
            self._all_there(sample)
        self._copies(sample, seen)

    def _all_there(self, sample: Sample) -> None:
        there = {path.name for path in Path(sample.uri).iterdir()}
        lacking = [name for name in sample.frames if "/" not in name and name not in there]
        if lacking:
            self.note("missing", f"{sample.id}: {len(lacking)} frames, such as {lacking[0]}")

    def _copies(self, sample: Sample, seen: Look) -> None:
        if before := self.seen.get(seen.sha256):
            pair = f"{before[0]} = {sample.id}"
            if before[1] != sample.split:
                self.note("leak-file", f"{pair} ({before[1]}, {sample.split})")
            if sample.kind == "post":
                return  # a picture may stand in several posts, with true words and false ones
            self.note("duplicate", pair)
            if before[2] != sample.label:
                self.note("label-conflict", pair)
            return
        self.seen[seen.sha256] = (sample.id, sample.split, sample.label)
        if seen.hash is None:
            return
        at = self.alike.add(seen.hash)
        self.hashed.append((sample.id, sample.split))
        if at is not None:
            twin, split = self.hashed[at]
            self.note("near-duplicate", f"{twin} ~ {sample.id}")
            if split != sample.split:
                self.note("leak-near", f"{twin} ~ {sample.id} ({split}, {sample.split})")

    def _group(self, what: str, name: str, sample: Sample) -> None:
        if name and sample.split:
            members = self.groups.setdefault(what, {}).setdefault(name, {})
            members.setdefault(sample.split, sample.id)

    def _labels(self, sample: Sample) -> None:
        words = {word.lower() for word in _WORDS.split(sample.id)[:-1]}
        said = bool(words & _FAKE) - bool(words & _GENUINE)
        if said and sample.kind != "post" and (said > 0) != bool(sample.label):
            self.note("label-against-folder", f"{sample.id}: label {sample.label}")
        if sample.generator and not sample.label:
            self.note("label-against-generator", f"{sample.id}: {sample.generator}")
        done = set(sample.attributes.get("class", "").split("&")) & _CLASSES
        if done and (done != {"orig"}) != bool(sample.label):
            self.note("label-against-class", f"{sample.id}: {done}, label {sample.label}")

    def finish(self) -> None:
        for what, groups in self.groups.items():
            for name, members in groups.items():
                if len(members) > 1:
                    self.note(f"leak-{what}", f"{name}: {', '.join(sorted(members))}")
        for split, labels in self.splits.items():
            if len([label for label in labels if labels[label]]) == 1 and sum(labels.values()) > 1:
                only = "fakes" if labels[1] else "genuine samples"
                self.note("one-class", f"{split or 'no split'}: only {only}")
        told, guessed, total = _told(self.formats)
        if total and told - guessed >= _TELLS:
            form = max(self.formats, key=lambda name: sum(self.formats[name].values()))
            text = f"{100 * told:.0f} % right by format alone, {100 * guessed:.0f} % by guessing"
            self.note("format-tells-label", f"{text}; most files are {form}")

    def findings(self) -> Findings:
        found = [
            Finding(
                kind=kind,
                level=level,
                count=self.counts[kind],
                examples=tuple(self.examples[kind]),
                advice=advice,
            )
            for kind, (level, advice) in ADVICE.items()
            if self.counts[kind]
        ]
        return Findings(
            samples=sum(sum(labels.values()) for labels in self.splits.values()),
            by_split={name: _named(labels) for name, labels in sorted(self.splits.items())},
            formats={name: _named(labels) for name, labels in sorted(self.formats.items())},
            findings=tuple(sorted(found, key=lambda f: (f.level, -f.count))),
        )


def _named(labels: Counter[int]) -> dict[str, int]:
    return {"genuine": labels[0], "fake": labels[1]}


def _told(formats: "dict[str, Counter[int]]") -> tuple[float, float, int]:
    """Return balanced accuracy of the best guess by format, that of no knowledge, and the files.

    Each class counts half, so that rare classes do not hide what a format gives away.
    """
    totals = [sum(labels[label] for labels in formats.values()) for label in (0, 1)]
    if min(totals) < 10:
        return 0.0, 0.0, 0
    shares = [(labels[0] / totals[0], labels[1] / totals[1]) for labels in formats.values()]
    return sum(max(pair) for pair in shares) / 2, 0.5, sum(totals)
