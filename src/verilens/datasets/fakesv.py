"""FakeSV: short videos from Douyin and Kuaishou about news events, with true or false claims.

One JSON object a line names a video, its event and 真 (true), 假 (false) or 辟谣 (a debunk, left
out). The published file holds no more; the one handed out under an agreement also has the
description, the words on screen and the comments. `fakett` has the same form.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="fakesv",
    title="FakeSV",
    summary="Chinese short-video posts about news events, true and false, debunks left out",
    tasks=("post",),
    layout="[dataset/]{data_complete,data}.{json,jsonl} with an object a line, "
    "[dataset/]data-split/temporal/vid_time3_{train,val,test}.txt, "
    "[dataset/]data-split/event/vid_fold_{1..5}.txt, {videos,video}/<video_id>.mp4; published "
    "features in fea/<set>/, labels of pairs in pseudo_label/<set>/pseudo_label.jsonl",
    paper="arXiv:2211.10973",
    licence="data use agreement of the authors: research",
    access="https://github.com/ICTMCG/FakeSV; the full texts after signing an agreement",
    consent="posts of Douyin and Kuaishou users, without their consent",
    year=2023,
    genuine=1814,
    fake=1810,
    has_audio=True,
    traps=(
        "the label says that the claim is false, not that the pictures are synthetic",
        "the lists of the splits name debunks too: these are left out by their annotation",
        "readers that ask only whether the annotation is 真 count debunks as fake",
        "the temporal split cuts through events (field source); the attribute event-fold holds the "
        "event-wise folds: test on one, train on the others",
        "without descriptions, as in the public file, a sample is a video and no post",
        "labels of pairs hold integers beside texts, and readers that compare texts alone take "
        "those for 0",
    ),
    uncertain=(
        "the counts are those of the public file",
        "the names of the folder of videos and of the full file are second-hand",
        "whether the event-wise folds are disjoint: a video in two has event-fold 1,2",
    ),
)

ABOVE = ("", "dataset/")
LISTS = ("data_complete.json", "data_complete.jsonl", "data.json", "data.jsonl")
TIMES: dict[Split, tuple[str, ...]] = {
    "train": ("vid_time3_train.txt",),
    "val": ("vid_time3_val.txt", "vid_time3_valid.txt"),
    "test": ("vid_time3_test.txt",),
}
FOLDS = ("1", "2", "3", "4", "5")
KEPT = {"ocr": "ocr", "comments": "comments", "publish_time": "published"}
PAIRS = "pseudo_label/{}/pseudo_label.jsonl"
CODES = {0: 0, 1: 1, 2: None}  # the number in the field label


class Release(NamedTuple):
    """What differs between sets of this form.

    words: annotation -> label, None leaves it out. features: the name that published features have
    below fea/ and pseudo_label/.
    """

    words: Mapping[str, int | None]
    event: str
    licence: str
    features: str


RELEASE = Release({"真": 0, "假": 1, "辟谣": None}, "keywords", CARD.licence, "fakesv")


def fits(root: Path) -> bool:
    """Return whether the first object of the annotations has one of the Chinese words."""
    return is_release(root, RELEASE)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the videos that are true or false, in the order of the annotations."""
    return layout.of_split(posts(root, RELEASE), split)


def is_release(root: Path, release: Release) -> bool:
    """Return whether the annotations below `root` use the words of this release."""
    path = _annotations(root)
    first = layout.first_object(path) if path else {}
    return "video_id" in first and str(first.get("annotation")) in release.words


def posts(root: Path, release: Release) -> Iterator[Sample]:
    """Yield the posts of a set of this form; DatasetError names the line that is wrong."""
    path = _annotations(root)
    if path is None:
        raise layout.wrong(root / "data.json", None, "missing; it holds the annotations")
    read = _Lists(temporal(root), _folds(root), _videos(root), pairs(root, release.features))
    seen: dict[str, int | None] = {}
    for number, facts in layout.entries(path):
        name, label = _name(path, number, facts), _label(path, number, facts, release.words)
        if name in seen:
            if seen[name] != label:
                raise layout.wrong(path, number, f"video {name} has another annotation above")
            continue
        seen[name] = label
        if label is not None:
            yield _sample(root, read, (name, label), facts, release)


class _Lists(NamedTuple):
    """What is said of a video elsewhere, by its id. videos: path below the root."""

    times: Mapping[str, Split]
    folds: Mapping[str, str]
    videos: Mapping[str, str]
    pairs: Mapping[str, str]


def temporal(root: Path) -> dict[str, Split]:
    """Return the split of each id in the lists by time; empty when there are none at all.

    DatasetError when one of the three is missing or an id is in two of them.
    """
    places = [f"{above}{part}" for above in ABOVE for part in ("data-split/temporal", "data-split")]
    lists = {split: _list(root, (*places, "vids"), names) for split, names in TIMES.items()}
    found: dict[str, Split] = {}
    for split, path in lists.items():
        if path is None and any(lists.values()):
            what = f"{TIMES[split][0]} is missing beside the other lists; fetch it again"
            raise layout.wrong(root / "data-split", None, what)
        for number, name in layout.lines(path) if path else ():
            if found.setdefault(name, split) != split:
                raise layout.wrong(path or root, number, f"{name} is in {found[name]} too")
    return found


def _folds(root: Path) -> dict[str, str]:
    """Return the fold of each id in the lists by event; "1,2" when it is in two."""
    places = [f"{above}{part}" for above in ABOVE for part in ("data-split/event", "data-split")]
    found: dict[str, set[str]] = {}
    for fold in FOLDS:
        path = _list(root, (*places, "vids"), (f"vid_fold_{fold}.txt",))
        for _, name in layout.lines(path) if path else ():
            found.setdefault(name, set()).add(fold)
    return {name: ",".join(sorted(folds)) for name, folds in found.items()}


def pairs(root: Path, name: str) -> dict[str, str]:
    """Return which pairs a language model called contradictory, "vt,at,va" by id, 1 for those.

    v: what is seen, t: the words, a: what is heard. Labels of pseudo_label/ go before those that
    metainfo.json holds; the published ones are texts, a few integers. DatasetError names the line.
    """
    found: dict[str, str] = {}
    places = (root / "fea" / name / "metainfo.json", root / PAIRS.format(name))
    for path in places:
        for number, facts in layout.entries(path) if path.is_file() else ():
            if not {"video_id", "vt", "at", "va"} <= facts.keys():
                continue
            said = [str(facts[pair]).strip() for pair in ("vt", "at", "va")]
            if not set(said) <= {"0", "1"}:
                raise layout.wrong(path, number, f"a label of pairs is neither 0 nor 1: {said}")
            found[layout.readable(facts["video_id"])] = ",".join(said)
    return found


def _list(root: Path, folders: tuple[str, ...], names: tuple[str, ...]) -> Path | None:
    return layout.first(*(root / folder / name for folder in folders for name in names))


def _annotations(root: Path) -> Path | None:
    return layout.first(*(root / above / name for above in ABOVE for name in LISTS))


def _videos(root: Path) -> dict[str, str]:
    folders = [f"{above}{part}" for above in ABOVE for part in ("videos", "video")]
    return {
        layout.stem(name): f"{folder}/{name}"
        for folder in folders
        for name in layout.files(root / folder, layout.VIDEOS)
    }


def _name(path: Path, number: int, facts: Mapping[str, Any]) -> str:
    name = facts.get("video_id")
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
        what = f"video_id {name!r:.40} is no text; as a number with a point an id loses digits"
        raise layout.wrong(path, number, what)
    return layout.readable(name)


def _label(
    path: Path, number: int, facts: Mapping[str, Any], words: Mapping[str, int | None]
) -> int | None:
    word, code = str(facts.get("annotation")), facts.get("label")
    if word not in words:
        what = f"annotation '{word:.40}' is none of {', '.join(words)}"
        raise layout.wrong(path, number, what)
    if isinstance(code, int) and CODES.get(code, -1) != words[word]:
        what = f"label {code} does not fit the annotation {word}; 0 is true, 1 false, 2 a debunk"
        raise layout.wrong(path, number, what)
    return words[word]


def _sample(
    root: Path,
    lists: _Lists,
    meaning: tuple[str, int],
    facts: Mapping[str, Any],
    release: Release,
) -> Sample:
    name, label = meaning
    below = lists.videos.get(name, f"videos/{name}.mp4")
    text = layout.readable(facts.get("description") or facts.get("title"))
    event = layout.readable(facts.get(release.event))
    said = {kept: layout.readable(facts.get(key)) for key, kept in KEPT.items()}
    said |= {"event": event, "event-fold": lists.folds.get(name, "")}
    if (root / "fea" / release.features).is_dir():
        above = "/".join([".."] * below.count("/"))
        said["features"] = f"{above}/fea/{release.features}"
    said["inconsistent"] = lists.pairs.get(name, "")
    return Sample(
        id=name,
        uri=str(root / below),
        kind="post" if text else "video",
        label=label,
        generator="false claim" if label else "",
        source=event,
        split=lists.times.get(name, ""),
        text=text,
        licence=release.licence,
        attributes={key: value for key, value in said.items() if value},
    )


def fake(root: Path) -> None:
    """Write four events of a true, a false and a debunking post; one lies in two splits."""
    write(Miniature(root), RELEASE, "data-split/temporal/")


def write(mini: Miniature, release: Release, lists: str) -> None:
    """Write a miniature of a set of this form; lists: folder of the temporal lists, ends in /."""
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    lines = []
    for event, split in enumerate(("train", "train", "val", "test")):
        for n, word in enumerate(release.words):
            name = f"70{event}{n}"
            splits["val" if (event, n) == (1, 0) else split].append(name)
            facts = {
                "video_id": name,
                "annotation": word,
                release.event: f"event {event}",
                "description": f"post {n} on event {event}",
                "ocr": "breaking news",
            }
            lines.append(json.dumps(facts, ensure_ascii=False))
            mini.video(f"videos/{name}.mp4", forged=bool(release.words[word]))
    mini.text("data.json", *lines)
    for split, names in splits.items():
        mini.text(f"{lists}vid_time3_{split}.txt", *names)
    for fold in FOLDS[: len(lines) // len(release.words)]:
        names = [f"70{int(fold) - 1}{n}" for n in range(len(release.words))]
        mini.text(f"data-split/event/vid_fold_{fold}.txt", *names)
