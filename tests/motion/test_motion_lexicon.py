"""Movement without identity: files kept byte for byte, signs reused, other bodies, colours."""

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from verilens.bench.metrics import signs
from verilens.errors import ConfigError
from verilens.motion.motion_lexicon.config import Config
from verilens.motion.motion_lexicon.model import RenderBatch, Renderer, drawn
from verilens.motion.motion_lexicon.retarget import lengths, retarget
from verilens.motion.submission import read_submission
from verilens.poses import dtw
from verilens.poses.make import make_pose
from verilens.poses.pose_format import dump, load

DATA = Path(__file__).parents[3] / "shared" / "data" / "motion"
has_data = pytest.mark.skipif(not DATA.exists(), reason="the motion data is not here")


@has_data
def test_files_are_written_as_they_were_read():
    paths = sorted((DATA / "pose_files" / "dummy_lexicon" / "sgg").glob("*.pose"))
    paths += sorted((DATA / "pose_files" / "pose_format_tests").glob("*.pose"))
    versions = set()
    for path in paths:
        file = load(path)
        versions.add(round(file.version, 1))
        if file.version:  # 0.0 is only read
            assert dump(file) == path.read_bytes(), path.name
    assert {0.1, 0.2} <= versions


def segments():
    """Return (sentence, gloss, movement) of the 15 published sequences."""
    folder = DATA / "phoenix14t_skels_sample"
    known = {}
    for split in ("train", "dev", "test"):
        known |= read_submission(folder / f"{split}.skels")
    found = []
    with gzip.open(DATA / "phoenix14t_text" / "gloss_segments.csv.gz", "rt") as stream:
        for line in stream:
            split, name, gloss, start, end = line.strip().split("|")
            if f"{split}/{name}" in known:
                joints = known[f"{split}/{name}"].joints[int(start) : int(end)]
                found.append((f"{split}/{name}", gloss, joints))
    return known, found


@has_data
def test_the_published_sequences_are_a_small_lexicon():
    _, found = segments()
    named = [gloss for _, gloss, _ in found if gloss != "?"]
    assert len(set(named)) == 64
    assert len(found) == 123 or len(named) == 123


def fitted(joints, frames):
    """Return a movement with so many frames, taken evenly."""
    return joints[np.linspace(0, len(joints) - 1, frames).round().astype(int)]


@has_data
def test_segments_of_the_same_gloss_fit_better_than_others():
    """Each segment is rebuilt from another sentence: by its gloss, or by any, of equal length."""
    _, found = segments()
    rng = np.random.default_rng(0)
    same, anything, truth = [], [], []
    for sentence, gloss, joints in found:
        others = [(g, m) for s, g, m in found if s != sentence and len(m)]
        fitting = [m for g, m in others if g == gloss and gloss != "?"]
        if not fitting or not len(joints):
            continue
        truth.append(joints)
        same.append([fitted(m, len(joints)) for m in fitting])
        anything.append(
            [fitted(others[n][1], len(joints)) for n in rng.permutation(len(others))[:20]]
        )

    def mean(candidates):
        pairs = [(m, t) for options, t in zip(candidates, truth, strict=True) for m in options]
        return signs.dtw_mje(*map(list, zip(*pairs, strict=True)), lambda a, b: dtw.fast(a, b).path)

    print(f"{len(truth)} segments: same gloss {mean(same):.4f}, any {mean(anything):.4f}")
    assert mean(same) < mean(anything)


def moving(seed=0):
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(1, 50, 3)) + np.cumsum(rng.normal(0, 0.05, (12, 50, 3)), 0)
    return make_pose(joints, None, "phoenix50", 25)


def angles(pose):
    """Return the angle between each bone and the one it hangs on, (T, bones)."""
    parents, found = pose.skeleton.parents, []
    for joint, parent in enumerate(parents):
        if parent >= 0 and parents[parent] >= 0:
            a = pose.joints[:, joint].astype(float) - pose.joints[:, parent]
            b = pose.joints[:, parent].astype(float) - pose.joints[:, parents[parent]]
            cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
            found.append(np.arccos(cosine.clip(-1, 1)))
    return np.stack(found, 1)


def test_other_bodies_move_with_the_same_angles():
    pose = moving()
    shorter, uneven = lengths(pose) * 0.6, lengths(moving(1)) + 0.2
    uneven[[n for n, parent in enumerate(pose.skeleton.parents) if parent < 0]] = 0
    first, second = retarget(pose, shorter), retarget(pose, uneven)
    assert np.abs(angles(first) - angles(second)).max() < 1e-4
    for made, wanted in ((first, shorter), (second, uneven)):
        for joint, parent in enumerate(pose.skeleton.parents):
            if parent >= 0:
                gaps = np.linalg.norm(made.joints[:, joint] - made.joints[:, parent], axis=-1)
                assert gaps == pytest.approx(wanted[joint], abs=1e-5)
    with pytest.raises(ConfigError, match="50 bone lengths"):
        retarget(pose, np.ones(3))


def test_what_hangs_on_a_missing_joint_is_missing():
    pose = moving()
    sure = pose.confidence.copy()
    elbow = pose.skeleton.index("left_elbow")
    sure[3, elbow] = 0
    made = retarget(make_pose(pose.joints, sure, "phoenix50", 25), lengths(pose))
    wrist = pose.skeleton.index("left_wrist")
    assert made.confidence[3, wrist] == 0 and made.confidence[2, wrist] == 1


def posture(rng, count):
    """Return made-up postures of eight joints in a picture, (count, 50, 2)."""
    rest = np.array(
        [
            [0.5, 0.2],
            [0.5, 0.35],
            [0.35, 0.4],
            [0.3, 0.6],
            [0.35, 0.75],
            [0.65, 0.4],
            [0.7, 0.6],
            [0.65, 0.75],
        ]
    )
    moved = rest + rng.normal(0, 0.05, (count, 8, 2))
    joints = np.zeros((count, 50, 2))
    joints[:, :8] = moved
    joints[:, 29:], joints[:, 8:29] = moved[:, [4]] + 0.04, moved[:, [7]] + 0.04
    return torch.from_numpy(joints).float()


def painted(joints, colours, config):
    """Return pictures of a signer: ground, sleeves, skin. colours: (3, 3)."""
    bones = drawn(joints, config.edges, config.size, config.thickness) > 0.3
    cloth, skin = bones[:, 1:7].any(1), (bones[:, :1].any(1) | bones[:, 7:].any(1))
    picture = (
        torch.tensor(colours[0]).view(1, 3, 1, 1).expand(len(joints), 3, config.size, config.size)
    )
    for mask, colour in ((cloth, colours[1]), (skin, colours[2])):
        picture = torch.where(mask[:, None], torch.tensor(colour).view(1, 3, 1, 1), picture)
    return picture.float()


FIRST = ((0.9, 0.9, 0.9), (0.1, 0.2, 0.7), (0.9, 0.7, 0.5))
SECOND = ((0.2, 0.4, 0.2), (0.8, 0.1, 0.1), (0.4, 0.25, 0.15))


def histogram(pictures):
    """Return shares of 4 x 4 x 4 colours, (64,)."""
    bins = (pictures.clamp(0, 0.999) * 4).long()
    codes = (bins[:, 0] * 16 + bins[:, 1] * 4 + bins[:, 2]).flatten()
    return torch.bincount(codes, minlength=64).float() / codes.numel()


@pytest.mark.slow
def test_the_renderer_follows_a_picture_it_was_never_trained_on():
    config = Config.tiny()
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    method = Renderer(config)
    optimiser = torch.optim.Adam(method.parameters(), 3e-3)
    for _ in range(150):
        joints, others = posture(rng, 8), posture(rng, 8)
        batch = RenderBatch(
            labels=torch.zeros(8),
            joints=joints,
            picture_joints=others,
            picture=painted(others, FIRST, config),
            frame=painted(joints, FIRST, config),
        )
        loss = method.training_step(batch)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    joints, others = posture(rng, 16), posture(rng, 16)
    with torch.inference_mode():
        made = method.eval()(joints, painted(others, SECOND, config), others)
    wanted, first = (histogram(painted(joints, c, config)) for c in (SECOND, FIRST))
    near, far = ((histogram(made) - h).abs().sum() for h in (wanted, first))
    error = (made - painted(joints, SECOND, config)).abs().mean()
    print(
        f"histogram to the picture's {near:.3f}, to the trained signer's {far:.3f}; L1 {error:.3f}"
    )
    assert near < far / 2


def test_colours_are_copied_and_never_made():
    torch.manual_seed(0)
    method = Renderer(Config.tiny()).eval()
    joints = posture(np.random.default_rng(0), 2)
    picture = torch.rand(2, 3, 32, 32) * 0.2 + 0.5
    frame = method(joints, picture, joints)
    assert frame.shape == (2, 3, 32, 32) and frame.min() >= 0.5 and frame.max() <= 0.7
    swapped = method(joints, picture[:, [2, 0, 1]], joints)
    assert torch.allclose(swapped, frame[:, [2, 0, 1]], atol=1e-6)
    with pytest.raises(ConfigError, match="multiple"):
        Config(size=100)


def test_a_training_step_reaches_every_weight():
    torch.manual_seed(0)
    config = Config.tiny()
    method = Renderer(config)
    joints, others = posture(np.random.default_rng(0), 2), posture(np.random.default_rng(1), 2)
    batch = RenderBatch(
        labels=torch.zeros(2),
        joints=joints,
        picture_joints=others,
        picture=painted(others, FIRST, config),
        frame=painted(joints, FIRST, config),
    )
    method.training_step(batch).total.backward()
    assert all(p.grad is not None for p in method.parameters())
    assert sum(float(p.grad.abs().sum()) > 0 for p in method.parameters()) > 20
    with torch.device("meta"):
        full = Renderer()
    widths = [64 * 2**n for n in range(4)]
    down = sum(9 * a * b + 9 * b * b + 6 * b for a, b in pairwise(widths))
    up = sum(9 * (a + b) * a + 9 * a * a + 6 * a for a, b in pairwise(widths))
    enter = 9 * 11 * 64 + 9 * 64 * 64 + 6 * 64
    assert sum(p.numel() for p in full.parameters()) == down + up + enter + 2 * (64 * 64 + 64)
