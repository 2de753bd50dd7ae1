"""FakeTT: short videos from TikTok about claims that Snopes checked, true or false, in English.

The form is that of `fakesv`: an object a line with video_id, annotation (real or fake), event and
description, and lists of ids by time.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens.card import DataCard
from verilens.datasets import fakesv
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="fakett",
    title="FakeTT",
    summary="English short-video posts about 286 news events, true and false",
    tasks=("post",),
    layout="data.{json,jsonl} with an object a line, data-split/vid_time3_{train,val,test}.txt, "
    "{video,videos}/<video_id>.mp4",
    paper="arXiv:2407.16670",
    licence="application form of the authors: research",
    access="https://github.com/ICTMCG/FakingRecipe after applying",
    consent="posts of TikTok users, without their consent",
    year=2024,
    genuine=819,
    fake=1172,
    has_audio=True,
    traps=(
        "the label says that the claim is false, not that the pictures are synthetic",
        "an id has 19 digits: tables that read it as a number with a point lose the last ones",
        "the temporal split may cut through events (field source)",
    ),
    uncertain=(
        "the annotations and the folder of videos are known from public readers, not from the set",
    ),
)

RELEASE = fakesv.Release({"real": 0, "fake": 1}, "event", CARD.licence, "fakett")


def fits(root: Path) -> bool:
    """Return whether the first object of the annotations says real or fake of a video_id."""
    return fakesv.is_release(root, RELEASE)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the videos in the order of the annotations."""
    return (s for s in fakesv.posts(root, RELEASE) if split is None or s.split == split)


def fake(root: Path) -> None:
    """Write four events of a true and a false post; one lies in two splits."""
    fakesv.write(Miniature(root), RELEASE, "data-split/")
