"""Movement that no person made, of captured pieces: the generators of `train.starter.living`.

A maker is given a piece and others of its set, and gives a movement with what of it is made up.
Families are left out together, as makers of one family leave like traces:

    fills       gaps of half a second and more filled: straight, cubic, spline, DTW blend, StgcDiff
    key poses   a pose every 0.3 to 0.7 s, and straight lines or a spline between
    stitching   pieces of several recordings joined as signs of a lexicon are, or cut hard
    loops       a passage over and over, or forwards and backwards
    stills      the mean pose, swaying or standing, or one frame held
    re-synthesis few principal components, noise and heavy smoothing, another speed
    text        TDM and the progressive transformer, trained on the set's words
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from verilens.errors import ConfigError, MediaError
from verilens.motion.fillers import SIMPLE, Fills
from verilens.motion.joining import join
from verilens.motion.progressive_transformer.config import Config as ProgressiveConfig
from verilens.motion.progressive_transformer.model import ProgressiveTransformer
from verilens.motion.signer import Signer
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.motion.submission import Signed
from verilens.motion.tdm_slp.config import Config as TDMConfig
from verilens.motion.tdm_slp.model import TDM
from verilens.motion.vocabulary import counted
from verilens.poses.missing import filled
from verilens.poses.timing import at, stretch
from verilens.records import Pose
from verilens.train.loop import fit
from verilens.train.recipe import Plan
from verilens.train.starter.captured import Piece, filtered

Floats = np.ndarray
CONTEXT_S, GAP_S = 0.25, (0.5, 1.2)
SMALL: dict[str, Any] = {"width": 64, "layers": 2, "heads": 4, "inner": 128, "longest": 160}
SPOKEN = {"phoenix14t": 25.0, "nw_ucla": 15.0, "sfinge3d": 20.0}  # sets with words, frames a second
SENTENCES = 64  # of a set, for the makers of text


@dataclass(frozen=True, kw_only=True)
class Made:
    """A movement, and which frames are made up, (T,)."""

    pose: Pose
    is_made: np.ndarray


Maker = Callable[[Piece, Sequence[Piece], np.random.Generator], Made]


def gaps(filler: Fills) -> Maker:
    """Return what fills gaps all along a piece, a quarter of a second of which stays between."""

    def make(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
        joints, fps = filled(piece.pose).astype(float), piece.pose.fps
        context = max(2, round(CONTEXT_S * fps))
        is_made, at_frame = np.zeros(len(joints), bool), context
        while len(joints) - at_frame - context >= 3:
            room = len(joints) - at_frame - context
            length = min(room, max(3, round(rng.uniform(*GAP_S) * fps)))
            gap = slice(at_frame, at_frame + length)
            before, after = (
                joints[max(0, at_frame - 10) : at_frame],
                joints[gap.stop : gap.stop + 10],
            )
            joints[gap] = filler.between(before, after, length)
            is_made[gap] = True
            at_frame = gap.stop + context
        return Made(pose=_with(piece.pose, joints), is_made=is_made)

    return make


def key_poses(filler: str) -> Maker:
    """Return what keeps a pose every now and then, and fills between them all."""

    def make(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
        joints = filled(piece.pose).astype(float)
        step = max(3, round(rng.uniform(0.3, 0.7) * piece.pose.fps))
        keys = np.unique([*range(0, len(joints), step), len(joints) - 1])
        flat = joints.reshape(len(joints), -1)
        if filler == "spline":
            from scipy.interpolate import CubicSpline

            found = CubicSpline(keys, flat[keys])(np.arange(len(flat)))
        else:
            found = np.stack(
                [np.interp(range(len(flat)), keys, flat[keys, n]) for n in range(flat.shape[1])], 1
            )
        return _all(piece.pose, found.reshape(joints.shape))

    return make


def lexicon(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
    """Return pieces joined as the signs of a lexicon are; ConfigError where that is impossible."""
    parts = [_some(one.pose, rng, (0.5, 1.0)) for one in _mates(piece, others, rng, 5)]
    joined = join(parts).pose
    return _all(joined, joined.joints.astype(float))


def hard_cuts(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
    """Return pieces of other recordings, moved to where the last one ended, with no passage."""
    parts = [
        filled(_some(one.pose, rng, (0.4, 0.8))).astype(float)
        for one in _mates(piece, others, rng, 5)
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = np.concatenate([whole, part - part[0].mean(0) + whole[-1].mean(0)])
    return _all(piece.pose, whole)


def loop(is_mirrored: bool) -> Maker:
    """Return what repeats a passage of 0.6 to 0.9 s, cross-faded, or forwards and backwards."""

    def make(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
        part = filled(_some(piece.pose, rng, (0.6, 0.9))).astype(float)
        fade = max(2, len(part) // 5)
        if is_mirrored:
            turn = np.concatenate([part, part[-2:0:-1]])
        else:
            share = (np.arange(fade) + 1)[:, None, None] / (fade + 1)
            turn = part[fade:].copy()
            turn[-fade:] = (1 - share) * part[-fade:] + share * part[:fade]
        count = int(np.ceil(max(len(piece.pose), 2 * piece.pose.fps) / len(turn)))
        return _all(piece.pose, np.tile(turn, (count, 1, 1)))

    return make


def still(kind: str) -> Maker:
    """Return what stands: the mean pose, the mean pose swaying, or one frame held and moving on."""

    def make(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
        joints = filled(piece.pose).astype(float)
        times = np.arange(len(joints)) / piece.pose.fps
        mean = np.repeat(joints.mean(0, keepdims=True), len(joints), 0)
        size = joints[0].std()
        sway = np.sin(2 * np.pi * rng.uniform(0.2, 0.6) * times)[:, None, None]
        if kind == "sway":
            mean = mean + 0.1 * size * sway * rng.normal(size=joints.shape[1:])
        if kind == "hold":
            mean = np.repeat(joints[rng.integers(len(joints))][None], len(joints), 0)
        noise = filtered(rng.normal(size=joints.shape), np.ones(5) / 5)
        return _all(piece.pose, mean + size * 10 ** rng.uniform(-4, -2) * noise)

    return make


def components(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
    """Return the piece from its first principal components over time and joints, two to five."""
    joints = filled(piece.pose).astype(float)
    flat = joints.reshape(len(joints), -1)
    middle = flat.mean(0)
    u, s, v = np.linalg.svd(flat - middle, full_matrices=False)
    kept = int(rng.integers(2, 6))
    smooth = filtered(u[:, :kept, None] * s[:kept, None], np.ones(5) / 5)[..., 0]
    return _all(piece.pose, (middle + smooth @ v[:kept]).reshape(joints.shape))


def smoothed(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
    """Return the piece drowned in noise and smoothed heavily, as denoisers leave it."""
    joints = filled(piece.pose).astype(float)
    sigma = rng.uniform(0.1, 0.2) * piece.pose.fps
    reach = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    noisy = joints + rng.uniform(0.05, 0.2) * joints[0].std() * rng.normal(size=joints.shape)
    return _all(piece.pose, filtered(noisy, kernel / kernel.sum()))


def slower(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
    """Return every third to sixth frame with a spline between: another speed, in-between frames."""
    from scipy.interpolate import CubicSpline

    joints = filled(piece.pose).astype(float)
    step = max(2, round(piece.pose.fps / rng.uniform(4, 7)))
    keys = np.arange(0, len(joints), step)
    if len(keys) < 4:
        raise ConfigError("too short to be slowed down")
    speed = rng.uniform(0.5, 0.8)
    times = np.arange(0, keys[-1], speed)
    return _all(piece.pose, CubicSpline(keys, joints[keys])(times))


def makers(
    filler: StgcDiff, signers: Mapping[str, Mapping[str, Signer]]
) -> dict[str, dict[str, Maker]]:
    """Return the makers by family and name. signers: by name, then by set; see `trained`."""

    def learned(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
        return gaps(filler.fitted_to(piece.pose.skeleton))(piece, others, rng)

    fills = {name: gaps(SIMPLE[name]) for name in ("linear", "cubic", "spline", "dtw-blend")}
    return {
        "fills": {**fills, "stgcdiff": learned},
        "key poses": {"keys, straight": key_poses("linear"), "keys, spline": key_poses("spline")},
        "stitching": {"motion_lexicon": lexicon, "hard cuts": hard_cuts},
        "loops": {"loop": loop(False), "to and fro": loop(True)},
        "stills": {"mean pose": still("mean"), "sway": still("sway"), "hold": still("hold")},
        "re-synthesis": {"components": components, "noised, smoothed": smoothed, "slowed": slower},
        "text": {name: signed(of_sets) for name, of_sets in signers.items()},
    }


def signed(signers: Mapping[str, Signer]) -> Maker:
    """Return what signs a piece's words by the network of its set; ConfigError without one."""

    def make(piece: Piece, others: Sequence[Piece], rng: np.random.Generator) -> Made:
        signer = signers.get(piece.of)
        if signer is None or not piece.text:
            raise ConfigError(f"no words were learned with {piece.of}")
        fps = SPOKEN[piece.of]
        frames = round(max(2.0, len(piece.pose) / piece.pose.fps) * fps)
        with torch.inference_mode():
            torch.manual_seed(int(rng.integers(1 << 30)))
            found = signer.produce(piece.text, frames).numpy().astype(float)
        return _all(replace(piece.pose, fps=fps), found)

    return make


def trained(pieces: Sequence[Piece], epochs: int, seed: int) -> dict[str, dict[str, Signer]]:
    """Return small signers of text by name and set, each trained on a set's pieces and words."""
    found: dict[str, dict[str, Signer]] = {}
    for name in SPOKEN:
        for label, network in taught(name, pieces, epochs, seed):
            found.setdefault(label, {})[name] = network
    return found


def taught(
    name: str, pieces: Sequence[Piece], epochs: int, seed: int
) -> Iterator[tuple[str, Signer]]:
    """Yield the signers of a set, by the name of their method."""
    own, fps = [p for p in pieces if p.of == name and p.text][:SENTENCES], SPOKEN[name]
    told = [Signed(joints=_placed(p.pose, fps), text=p.text) for p in own]
    of = own[0].pose.skeleton
    shared = {
        **SMALL,
        "skeleton": of.name,
        "joints": len(of),
        "words": counted(one.text.lower() for one in told),
        "fps": fps,
    }
    torch.manual_seed(seed)
    networks: tuple[TDM | ProgressiveTransformer, ...] = (
        TDM(TDMConfig(bones=of.edges, masking="length", **shared)),
        ProgressiveTransformer(ProgressiveConfig(**shared)),
    )
    plan = Plan(lr=1e-3, epochs=epochs * max(1, SENTENCES // len(told)), clip_norm=5.0)
    for network in networks:
        for _ in fit(network, network.sentences(told, 16, seed), plan):
            pass
        yield network.name, network.eval()


def _placed(pose: Pose, fps: float) -> np.ndarray:
    """Return joints around the first frame's middle, in deviations, at so many frames a second."""
    frames = round((len(pose) - 1) / pose.fps * fps) + 1
    pose = stretch(pose, max(2, min(SMALL["longest"] - 2, frames)))
    joints = filled(pose)
    return ((joints - joints[0].mean(0)) / joints[0].std()).astype(np.float32)


def made(
    maker: Maker, piece: Piece, others: Sequence[Piece], rng: np.random.Generator
) -> Made | None:
    """Return what a maker makes of a piece; None where it cannot."""
    try:
        return maker(piece, others, rng)
    except (ConfigError, MediaError, ValueError):
        return None


def cropped(one: Made, seconds: float, rng: np.random.Generator) -> Made:
    """Return a random passage no longer than so many seconds, so that lengths tell nothing."""
    frames = round(seconds * one.pose.fps)
    start = int(rng.integers(max(1, len(one.pose) - frames + 1)))
    part = slice(start, start + frames)
    pose = replace(one.pose, joints=one.pose.joints[part], confidence=one.pose.confidence[part])
    return Made(pose=pose, is_made=one.is_made[part])


def _mates(
    piece: Piece, others: Sequence[Piece], rng: np.random.Generator, count: int
) -> list[Piece]:
    same = [
        one for one in others if one.of == piece.of and one.pose.skeleton == piece.pose.skeleton
    ]
    return [piece, *(same[n] for n in rng.integers(len(same), size=count - 1))]


def _some(pose: Pose, rng: np.random.Generator, seconds: tuple[float, float]) -> Pose:
    """Return a random passage of a movement, so many seconds long."""
    length = min(len(pose), max(4, round(rng.uniform(*seconds) * pose.fps)))
    start = int(rng.integers(len(pose) - length + 1))
    return at(pose, np.arange(start, start + length, dtype=float))


def _all(pose: Pose, joints: Floats) -> Made:
    return Made(pose=_with(pose, joints), is_made=np.ones(len(joints), bool))


def _with(pose: Pose, joints: Floats) -> Pose:
    """Return other joints in a pose; those that it never sees stay missing."""
    seen: NDArray[np.bool_] = np.asarray(pose.confidence > 0)
    if len(seen) != len(joints):
        seen = np.repeat(seen.any(axis=0, keepdims=True), len(joints), 0)
    kept = np.where(seen[..., None], joints, 0).astype(np.float32)
    units = "unknown" if pose.units == "norm" else pose.units
    return replace(pose, joints=kept, confidence=seen.astype(np.float32), units=units)
