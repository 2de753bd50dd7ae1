"""The nouns of the program, frozen, numpy only.

    media in -> clips -> evidence -> verdict -> report

A picture is a clip of one moment, so pictures and videos share every step. Scores rise with
fakeness: 0 is genuine, 1 is fake. Times are seconds from the start, boxes are (left, top, right,
bottom) in pixels of the upright picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["image", "video", "movement"]
Decision = Literal["genuine", "suspicious", "fake", "unsure"]
SampleKind = Literal["image", "video", "frames", "post"]
Split = Literal["train", "val", "test", ""]
Claim = Literal[
    "ai-generated", "face-swap", "spoof", "edited", "out-of-context", "generated-movement"
]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class View:
    """Which pixels of a file a method wants; `media.sample` obeys it.

    frames: moments of a video, evenly spaced in time, first and last included; a still has one.
    size: side of a square crop in pixels.
    crops: crops a frame, on an even grid over the picture, always at the same places; a picture
        that fewer crops cover, or that is smaller, gets fewer (at least one).
    fit: "crop" cuts at native resolution, and a picture smaller than `size` is mirrored up to it;
         "resize" scales the whole frame to size x size (destroys up-sampling traces);
         "native" gives the centre at native resolution, at most size x size, never padded;
         "contain" scales the whole frame down, never up, until its longer side is `size`;
         "face" cuts every face of every moment: a square of `margin` times the longer side of its
         box, shifted inside the picture, scaled to size x size. A file without a face gives none.
    shape: of what a face view cuts: "square", or "box", which is `margin` times the box itself and
        is stretched to size x size.
    only: a file of the other kind gives no clip for it, and no face is looked for.
    cut_px: of a native crop, keep a square of this side alone, 0 for all of it; cut_x and cut_y, in
        [0, 1], say how far to the right and down it lies in the room there is.
    bands: numbers a pixel has: 3 are RGB, more are RGB and further bands of a spectral cube, see
        `media.spectral`. A file with another number gives no clip for it, but RGB is in all.
    """

    size: int
    frames: int = 8
    crops: int = 1
    fit: Literal["crop", "resize", "native", "contain", "face"] = "crop"
    margin: float = 1.3
    shape: Literal["square", "box"] = "square"
    only: Kind | None = None
    cut_px: int = 0
    cut_x: float = 0.5
    cut_y: float = 0.5
    bands: int = 3

    def reads(self, kind: Kind, bands: int = 3) -> bool:
        """Return whether files of a kind, with so many bands, give a clip for it."""
        return self.only in (None, kind) and self.bands in (3, bands)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The pixels one view cut from one file, moment after moment.

    frames: RGB, (N, H, W, 3) uint8, or (N, H, W, bands) where the view has more; N = moments x
        crops, the crops of a moment stand together.
    times_s: the moment each crop belongs to, (N,) float64; all zero for a still.
    boxes: where each crop lies in the full upright frame, (N, 4) int32. With fit="resize" the box
        is the whole frame.
    size: full upright frame (width, height).
    tracks: with fit="face" the person each crop shows, (N,) int32, see `Person`; else None.
    """

    frames: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    boxes: NDArray[np.int32]
    size: tuple[int, int]
    view: View
    tracks: NDArray[np.int32] | None = None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How much a file lets anyone see; low quality widens the interval or ends in "unsure".

    jpeg_quality: estimate from the quantisation tables, 1-100; None when it is no JPEG.
    double_jpeg: probability-like sign of a second JPEG compression in [0, 1]; None when unknown.
    blockiness: strength of an 8x8 grid in the pixels, 1 is none.
    sharpness: variance of the Laplacian of luma in [0, 255].
    bits_per_pixel: file bits / (pixels x frames).
    notes: plain sentences, e.g. "only 96 x 96 pixels".
    """

    jpeg_quality: int | None = None
    double_jpeg: float | None = None
    blockiness: float = 1.0
    sharpness: float = 0.0
    bits_per_pixel: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProvenanceClaim:
    """One statement a file makes about its origin.

    source: "c2pa", "iptc", "xmp", "exif", "png-text", "container", "jpeg" ...
    ai: True says made or edited by AI, False says captured by a device, None says neither.
    strength: "signed" (a validated signature), "declared" (metadata written on purpose), "trace"
        (a side effect such as a prompt left in a text chunk). Anyone can forge the last two.
    """

    source: str
    statement: str
    ai: bool | None
    strength: Literal["signed", "declared", "trace"]
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a file says of its own origin. `state` "unknown" means silence and proves nothing.

    state: "ai" (some claim says AI), "captured" (a claim says a device captured it, none says AI),
        "unknown" (nothing said), "conflict" (claims disagree), "invalid" (a C2PA manifest failed
        validation, e.g. the file was changed after signing).
    c2pa: None without a manifest; else the summary for the report: validation_state, issuer,
        signed_at, generator, actions (list), ingredients (list), errors (list).
    metadata: the readable remainder (camera, software, dates, encoder), for the report.
    """

    state: Literal["ai", "captured", "unknown", "conflict", "invalid"] = "unknown"
    claims: tuple[ProvenanceClaim, ...] = ()
    c2pa: Mapping[str, object] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Media:
    """One readable file: what it is, apart from its pixels.

    width, height: upright, in pixels. duration_s, fps, frames: None for a still; `frames` may be an
    estimate of the container. format: decoder's name, e.g. "JPEG", "mov,mp4".
    """

    path: str
    sha256: str
    kind: Kind
    format: str
    size_bytes: int
    width: int
    height: int
    duration_s: float | None = None
    fps: float | None = None
    frames: int | None = None
    has_audio: bool = False
    codec: str | None = None
    quality: Quality = field(default_factory=Quality)
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of a video, in seconds, with the mean score inside it."""

    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of a post's text that a method marks: characters `start` to `end`, excluded."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, kw_only=True)
class Region:
    """A box in the upright picture that a method says was changed."""

    box: Box
    score: float


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a method sees its claim.

    by: the procedure that produced the map, in words, e.g. "patch-wise scores of npr".
    heatmap: scores in [0, 1], (rows, columns) float32, spread evenly over the upright picture.
    boxes: crops that were scored, with their scores, same order.
    timeline: (time in seconds, score) of each sampled moment.
    regions: what of the picture was changed. passages: what of a post's text was.
    """

    by: str = ""
    heatmap: NDArray[np.float32] | None = None
    boxes: tuple[Box, ...] = ()
    box_scores: tuple[float, ...] = ()
    timeline: tuple[tuple[float, float], ...] = ()
    segments: tuple[Segment, ...] = ()
    regions: tuple[Region, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one method says about one file, or about one person in it.

    score: in [0, 1], rises with the claim; raw, calibrated only after `fuse`.
    logit: the same before the sigmoid; what fusion reads.
    why: one plain sentence. limits: what would make this evidence weak here.
    track: the person it is about, see `Person`; None for the whole file.
    kinds: what was done, by name, each with a score in [0, 1]; several may hold at once.
    """

    method: str
    claim: Claim
    score: float
    logit: float
    where: Where = field(default_factory=Where)
    why: str = ""
    limits: tuple[str, ...] = ()
    track: int | None = None
    kinds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the evidence supports.

    probability: calibrated probability that the file is AI-generated or forged, in [0, 1].
    interval: 90 % interval of that probability.
    conflicts: pieces of evidence that disagree, in words. not_checked: what nobody looked at.
    sentence: why, in plain English. claim: what the decision rests on.
    """

    decision: Decision
    probability: float
    interval: tuple[float, float]
    sentence: str
    conflicts: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    claim: Claim = "ai-generated"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person seen in a file, followed by place and colours; nobody is recognised.

    track: 1 for the person who fills most of the picture over time, then 2, 3 ...
    times_s: the moments at which the face was seen, rising; a still has 0.0 alone.
    boxes: the face itself at each of them, without margin.
    verdict: what is said of this person; None when no calibrated method looked.
    """

    track: int
    times_s: tuple[float, ...]
    boxes: tuple[Box, ...]
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Whom the search for faces found in a file.

    small_px: longer side of the largest face that was too small to be judged, 0 for none.
    further: how many persons there were beyond those in `people`.
    """

    people: tuple[Person, ...] = ()
    small_px: int = 0
    further: int = 0


@dataclass(frozen=True, kw_only=True)
class Post:
    """The words that somebody published with a picture or a video; see `media.post`.

    text: what it says, in any script; may be empty. media: the picture or video, relative to the
        folder of the post; "" when it has none. sha256: of the post's own file.
    author, time, language: as the post gives them; time is ISO 8601, language BCP 47, "" unknown.
    title, ocr, transcript: its headline, words seen in the media, words heard in it.
    """

    text: str
    sha256: str
    media: str = ""
    author: str = ""
    time: str = ""
    language: str = ""
    title: str = ""
    ocr: str = ""
    transcript: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ErrorRecord:
    """Why a file has no verdict."""

    type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything known about one file; one line of JSON. Either `verdict` or `error` is set.

    people: None when nobody looked for faces. post: the words it came with, of a scan of posts.
    """

    path: str
    version: str
    seconds: float
    media: Media | None = None
    evidence: tuple[Evidence, ...] = ()
    people: tuple[Person, ...] | None = None
    verdict: Verdict | None = None
    error: ErrorRecord | None = None
    post: Post | None = None


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Which joints there are, in which order, and how they hang together.

    name: of its table, see `verilens.poses.skeletons`; a file with joints of its own has its own.
    joints: their names. edges: pairs of joints that a line connects. root: the joint that the
    others hang on. pairs: (left, right) joints that change places in a mirror.
    """

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    root: int = 0
    pairs: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The joint each one hangs on, nearest to the root first; -1 where nothing leads to it."""
        near: dict[int, list[int]] = {}
        for a, b in self.edges:
            near.setdefault(a, []).append(b)
            near.setdefault(b, []).append(a)
        parents = [-1] * len(self)
        seen: set[int] = set()
        for start in (self.root, *range(len(self))):
            queue = [] if start in seen else [start]
            seen.add(start)
            for joint in queue:  # grows while it is read: breadth first
                for other in near.get(joint, ()):
                    if other not in seen:
                        seen.add(other)
                        parents[other] = joint
                        queue.append(other)
        return tuple(parents)

    @cached_property
    def flip(self) -> tuple[int, ...]:
        """Which joint stands at each place after a mirror: joints[:, flip]."""
        order = list(range(len(self)))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)

    def index(self, joint: str) -> int:
        """Return the place of a joint; ValueError when there is none of that name."""
        return self.joints.index(joint)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How one person moved: joints of a skeleton, frame after frame.

    joints: (T, J, D) float32, D = 2 or 3; NaN and infinity never occur, a missing joint is 0 with
        confidence 0. confidence: how sure each joint is, (T, J) float32 in [0, 1].
    skeleton: orders and connects the joints; `verilens.poses.skeletons` has the named ones.
    fps: frames a second. units: of the coordinates. person: who of several in one file, from 0.
    size: of the picture in pixels, (width, height); (0, 0) when unknown.

    Convention: "image" is x to the right, y down, in pixels or parts of the picture; "camera" adds
    depth z away from the viewer; "world" is right-handed with y up.
    """

    joints: NDArray[np.float32]
    confidence: NDArray[np.float32]
    skeleton: Skeleton
    fps: float
    units: Literal["px", "norm", "m", "mm", "unknown"] = "unknown"
    frame: Literal["image", "camera", "world"] = "image"
    person: int = 0
    size: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.joints)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One row of a data set, whatever layout it was published in.

    id: unique in the data set and the same on every machine, e.g. its path below the root.
    uri: where the media is: an absolute path or a URL. For "frames" the folder that holds them.
    kind: "frames" is a video stored as pictures, "post" is media with its text.
    label: 1 is fake, 0 is genuine. Finer classes go into attributes.
    generator: what made it, "" for genuine media.
    source: what it was cut from (original video, photographer, repository); samples that share it
        must not be in two splits. "" when the layout does not say.
    identity: the person shown, "" when unknown; persons must not be in two splits either.
    split: "" when the layout has none.
    frames: file names below `uri`, in order, for "frames".
    mask: where the pixel mask is, "" for none.
    segments: forged spans (start, end) in `segment_unit`; empty when nothing is said.
    attributes: anything else, e.g. {"compression": "c23", "skin-type": "5"}.
    """

    id: str
    uri: str
    kind: SampleKind
    label: int
    generator: str = ""
    source: str = ""
    identity: str = ""
    split: Split = ""
    frames: tuple[str, ...] = ()
    mask: str = ""
    segments: tuple[tuple[float, float], ...] = ()
    segment_unit: Literal["seconds", "frames"] = "seconds"
    text: str = ""
    licence: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
