"""BMN from frames to segments.

    moments -> frame encoder -> compared within the film -> 400 features at 100 steps
            -> base layers -> start and end of every step, fit of every (start, duration) cell
            -> proposals start x end x fit -> soft-NMS -> segments in seconds

Shapes follow one film of the paper's configuration. Network layers after the features are those of
the code released with ForgeryNet, 4,978,564 parameters.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.media.cuts import Shot, blank, shots, unchanging
from verilens.method import Loss
from verilens.records import Clip, Evidence, Segment, View, Where
from verilens.verify.bmn import proposals
from verilens.verify.bmn.config import Config
from verilens.verify.bmn.encoder import FixedEncoder, FrameEncoder, ResidualEncoder
from verilens.verify.bmn.loss import Maps, forged_stretches, loss, targets
from verilens.verify.bmn.matching import BoundaryMatching
from verilens.verify.detector import PASS_PIXELS, ClipDetector, sigmoid, tensor
from verilens.verify.segments import divided

LEAST_MOMENTS = 4  # that show something; fewer place no segment
LEAST_S = 1.0  # of a film; in less there is nothing genuine to compare a stretch with
COARSE_S = 0.5  # step between moments from which a report says so
USUAL, LEAST_CHANGE = 4.0, 0.05  # usual changes in a unit of contrast, and what is added to them
MOST = 6.0  # contrast, beyond which it makes no difference
FAINT = 1e-6  # score of a film in which nothing is proposed


class Head(nn.Module):
    """The network after the features: base, boundary and proposal layers."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        wide, sampled, flat = config.hidden
        groups = config.groups
        self.base = nn.Sequential(
            nn.Conv1d(config.features, wide, 3, 1, 1, groups=groups),
            nn.ReLU(inplace=True),
            nn.Conv1d(wide, wide, 3, 1, 1, groups=groups),
            nn.ReLU(inplace=True),
        )
        self.start, self.end = (_boundary(wide, groups) for _ in range(2))
        self.inside = nn.Sequential(nn.Conv1d(wide, wide, 3, 1, 1), nn.ReLU(inplace=True))
        self.matching = BoundaryMatching(config)
        self.fit = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.Conv2d(sampled, flat, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(flat, flat, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(flat, flat, 3, 1, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(flat, 2, 1),
        )

    def forward(self, features: Tensor) -> Maps:
        """Return logits of boundaries and cells. features: (B, 400, 100)."""
        x = self.base(features)  # (B, 256, 100)
        cells = self.fit(self.matching(self.inside(x)))  # (B, 2, 100, 100)
        return Maps(self.start(x)[:, 0], self.end(x)[:, 0], cells[:, 0], cells[:, 1])


def _boundary(wide: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(wide, wide, 3, 1, 1, groups=groups), nn.ReLU(inplace=True), nn.Conv1d(wide, 1, 1)
    )


class BMN(ClipDetector):
    """Names forged stretches of films. Its logit is that of the best stretch's score.

    encoder: describes frames; the residual encoder of the config by default.
    """

    name = "bmn"
    claim = "edited"
    workload = "described"
    exported = "stacked"
    exported_gives = (
        "logits (N, 2 + 2 T, T) of T steps: start; end; then T rows of regression and T of "
        "classification, columns by start"
    )
    needs = frozenset({"spans"})
    config: Config

    def __init__(self, config: Config | None = None, encoder: FrameEncoder | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        is_fixed = config.described == "fixed"
        self.encoder = encoder or (FixedEncoder() if is_fixed else ResidualEncoder(config.encoder))
        self.embed = nn.Sequential(
            nn.Conv1d(2 * self.encoder.features, config.features, 1), nn.ReLU(inplace=True)
        )
        self.head = Head(config)

    def described(self, frames: Tensor) -> Tensor:
        """Return what the encoder says of frames, (M, features). frames: (M, 3, H, W)."""
        found: Tensor = self.encoder(frames)
        return found

    def of_films(self, frames: Tensor) -> Maps:
        """Return the maps of films. frames: RGB in [0, 1], (N, T, 3, H, W)."""
        described = self.described(frames.flatten(0, 1))
        return self.maps(described.view(*frames.shape[:2], self.encoder.features))

    def stacked(self, frames: Tensor) -> Tensor:
        """Return the maps of films as one tensor, (N, 2 + 2 T, T): start, end, both of cells."""
        maps = self.of_films(frames)
        return torch.cat([maps.start[:, None], maps.end[:, None], *maps[2:]], 1)

    def maps(
        self, described: Tensor, places: Tensor | None = None, runs: Sequence[int] = ()
    ) -> Maps:
        """Return the maps of films. described, places, runs: as in `compared`."""
        maps: Maps = self.head(self.embed(self.compared(described, places, runs)))
        return maps

    def compared(
        self, described: Tensor, places: Tensor | None = None, runs: Sequence[int] = ()
    ) -> Tensor:
        """Return what tells the steps of a film apart, (B, 2 x features, steps).

        described: (B, M, features) of the encoder. places: where each step lies between the
            moments, counted from 0, (steps,); evenly from the first to the last unless given.
        runs: how many moments each shot has, in order; against the median a moment is compared
            with its own shot. One shot unless given.
        """
        if places is None:
            places = torch.linspace(0, described.shape[1] - 1, self.config.steps)
        places = places.to(described.device)
        if self.config.against == "median":
            each = described.split(list(runs) or described.shape[1], 1)
            return between(torch.cat([*map(contrasted, each)], 1), places).transpose(1, 2)
        x = between(described, places).transpose(1, 2)  # (B, F, 100)
        return torch.cat([x, x - x.mean(2, keepdim=True)], 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the logit of the best stretch's score, (N,). frames: (N, T, 3, H, W)."""
        maps = Maps(*(m.detach().float() for m in self.of_films(frames)))
        films = [self._candidates(maps, film) for film in range(len(frames))]
        best = [max(FAINT, *found.scores[:1]) if len(found.scores) else FAINT for found in films]
        return torch.tensor(best, dtype=torch.float64).logit().float().to(frames.device)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return boundary, regression and classification loss against the forged moments."""
        spans = forged_moments(batch)
        config = self.config
        truth = targets(forged_stretches(spans, config.steps), config.steps, config.columns)
        return loss(self.of_films(batch.frames), truth, config.regression)

    @property
    def map_view(self) -> View | None:
        """Return None: a still has no stretches."""
        return None

    @property
    def dense_view(self) -> View | None:
        """Return None: `inspect` names segments itself."""
        return None

    def _candidates(self, maps: Maps, film: int) -> proposals.Scored:
        start, end, regression, fitting = (sigmoid(m[film].double().cpu().numpy()) for m in maps)
        return proposals.candidates(start, end, regression * fitting, self.config)

    @torch.inference_mode()
    def propose(self, clip: Clip) -> list[Segment]:
        """Return at most `config.proposals` segments in seconds, best first; they may overlap.

        Empty where the film gives too little to compare (see `silenced`).
        """
        seen = ~blank(clip.frames, clip.times_s)
        if silenced(clip, seen):
            return []
        times = np.unique(clip.times_s)[seen]
        grid = np.linspace(times[0], times[-1], self.config.steps)
        places = torch.from_numpy(np.interp(grid, times, np.arange(len(times)))).float()
        described = self._moments(clip)[torch.from_numpy(seen)]
        told = shots(clip.frames, clip.times_s)
        maps = self.maps(described[None].to(self.device), places, runs_of(told, times))
        found = self._candidates(Maps(*(m.float() for m in maps)), 0)
        step_s = (times[-1] - times[0]) / (self.config.steps - 1)
        whole = self._placed(found, clip, (float(times[0]) - step_s / 2, step_s))
        return divided(whole, told, least_s=_step_s(clip))

    def _placed(
        self, found: proposals.Scored, clip: Clip, axis: tuple[float, float]
    ) -> list[Segment]:
        """Return proposals in seconds. axis: the first edge, and a step."""
        origin_s, step_s = axis
        moments, reach_s = np.unique(clip.times_s), _step_s(clip) / 2
        first_s, last_s = max(0.0, moments[0] - reach_s), moments[-1] + reach_s
        config = self.config
        kept = proposals.soft_nms(found, config.nms_sigma, config.nms_above, config.proposals)
        whole = []
        for (start, end), score in zip(kept.spans, kept.scores, strict=True):
            # A stretch that reaches the film's first or last step reaches its end.
            start_s = first_s if start == 0 else origin_s + start * step_s
            end_s = last_s if end == config.steps else origin_s + end * step_s
            whole.append(Segment(start_s=float(start_s), end_s=float(end_s), score=float(score)))
        return whole

    def _moments(self, clip: Clip) -> Tensor:
        """Return what the encoder says of each moment, mean over its crops, (moments, features)."""
        frames = clip.frames
        batch = max(1, PASS_PIXELS // (frames.shape[1] * frames.shape[2]))
        parts = [
            self.described(tensor(frames[n : n + batch]).to(self.device)).float()
            for n in range(0, len(frames), batch)
        ]
        each = torch.cat(parts)
        _, moment = np.unique(clip.times_s, return_inverse=True)
        owner = torch.from_numpy(moment).to(each.device)
        total = each.new_zeros(int(moment.max()) + 1, each.shape[1]).index_add_(0, owner, each)
        return total / torch.bincount(owner)[:, None]

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip, with segments of its own."""
        return [self.located(clip) for clip in clips]

    def located(self, clip: Clip) -> Evidence:
        """Return the segments found in a clip, how sure the best is, and what was not seen."""
        found = self.propose(clip)
        moments = np.unique(clip.times_s)
        limits = limits_of(clip)
        if not found:
            nothing = "too little to compare over time: no forged stretch is looked for"
            return Evidence(
                method=self.name, claim=self.claim, score=0.5, logit=0.0, why=nothing, limits=limits
            )
        best = min(max(s.score for s in found), 1 - FAINT)
        timeline = tuple(
            (float(t), max((s.score for s in found if s.start_s <= t <= s.end_s), default=0.0))
            for t in moments
        )
        reported = proposals.disjoint(found, self.config.level)
        return Evidence(
            method=self.name,
            claim=self.claim,
            score=best,
            logit=float(np.log(best / (1 - best))),
            where=Where(
                by=f"stretches between boundaries that {self.name} sees",
                timeline=timeline,
                segments=reported,
            ),
            why=told(reported),
            limits=limits,
        )


def forged_moments(batch: ClipBatch) -> Tensor:
    """Return how far each moment is forged, (B, T); ConfigError when the batch does not say."""
    if batch.spans is not None:
        return batch.spans
    if batch.masks is not None:
        return batch.masks.flatten(2).amax(2)
    raise ConfigError(
        "bmn learns from samples that say which seconds (segments) or pixels (masks) are forged, "
        "and these say neither; use a data set with segments, such as forgerynet"
    )


def runs_of(told: Sequence[Shot], times_s: NDArray[np.float64]) -> list[int]:
    """Return how many of these moments each shot has, in order; those without one left out."""
    number = np.searchsorted([shot.start_s for shot in told], times_s, side="right")
    return np.unique(number, return_counts=True)[1].tolist()


def _step_s(clip: Clip) -> float:
    """Return the usual step between a film's moments, in seconds."""
    return float(np.median(np.diff(np.unique(clip.times_s))))


def contrasted(described: Tensor) -> Tensor:
    """Return distances from a shot's median, as they are and in usual changes, (B, M, 2 F).

    described: (B, M, F). A usual change is the median one from a moment to the next.
    """
    if described.shape[1] < 2:
        return torch.zeros_like(torch.cat([described, described], 2))
    apart = described - _median(described)
    usual = _median((described[:, 1:] - described[:, :-1]).abs())
    return torch.cat([apart, apart / (USUAL * usual + LEAST_CHANGE)], 2).clamp(-MOST, MOST)


def _median(x: Tensor) -> Tensor:
    ordered = x.sort(1).values
    return ordered[:, ordered.shape[1] // 2, None]


def between(described: Tensor, places: Tensor) -> Tensor:
    """Return features read at fractional moments, (B, S, F). described: (B, M, F). places: (S,)."""
    low = places.floor().long().clamp(0, described.shape[1] - 1)
    high = (low + 1).clamp(max=described.shape[1] - 1)
    part = (places - low).view(1, -1, 1).to(described.dtype)
    return torch.lerp(described[:, low], described[:, high], part)


def silenced(clip: Clip, seen: NDArray[np.bool_]) -> str:
    """Return in words why a film's moments cannot be compared, "" when they can.

    seen: which moments show something, (moments,).
    """
    moments, first = np.unique(clip.times_s, return_index=True)
    if seen.sum() < LEAST_MOMENTS:
        return (
            f"moments that show something: {int(seen.sum())}, at least {LEAST_MOMENTS} are needed"
        )
    length_s = moments[-1] - moments[0] + np.median(np.diff(moments))
    if length_s < LEAST_S:
        return f"only {length_s:.1f} s long"
    if unchanging(clip.frames[first[seen]]):
        return "one picture throughout: nothing changes that could be compared"
    return ""


def limits_of(clip: Clip) -> tuple[str, ...]:
    """Return what weakens the evidence on this clip, in words."""
    moments = np.unique(clip.times_s)
    seen = ~blank(clip.frames, clip.times_s)
    found = [silenced(clip, seen)]
    if not seen.all():
        found.append(f"{int((~seen).sum())} of {len(moments)} moments are blank and were left out")
    step_s = float(np.median(np.diff(moments))) if len(moments) > 1 else 0.0
    if step_s > COARSE_S:
        found.append(
            f"moments are {step_s:.1f} s apart: edges are that unsure, and a shorter stretch can "
            "be missed"
        )
    return tuple(limit for limit in found if limit)


def told(found: Sequence[Segment]) -> str:
    """Return in words which stretches were found."""
    if not found:
        return "no stretch stands out from the rest of the film"
    best = max(found, key=lambda s: s.score)
    count = "a stretch stands" if len(found) == 1 else f"{len(found)} stretches stand"
    return (
        f"{count} out from the rest of the film, most clearly {best.start_s:.1f}-{best.end_s:.1f} s"
    )
