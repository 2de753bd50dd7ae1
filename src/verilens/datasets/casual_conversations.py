"""Casual Conversations: paid, consenting people who state age and gender, for tests of fairness.

All videos are genuine. Skin types (Fitzpatrick I to VI) and dark lighting were annotated. What is
not known of a person ("N/A") leaves no attribute, so that they fall out of the group but are
counted. The set is for evaluation; its licence forbids some uses in training.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="casual-conversations",
    title="Casual Conversations",
    summary="45,186 genuine videos of 3,011 people with age, gender, skin type and lighting",
    tasks=("face-forgery",),
    layout="[CC_annotations/]CasualConversations.json, optionally CasualConversations_mini.json "
    "beside it, CasualConversations<A..>/<person>/<person>_NN.MP4",
    paper="arXiv:2104.02821",
    licence="Meta's data licence agreement: evaluation, some uses in training forbidden",
    access="https://ai.meta.com/datasets/casual-conversations-dataset after agreeing to the terms",
    consent="paid adults who agreed to this use and gave age and gender themselves",
    year=2021,
    genuine=45186,
    fake=0,
    has_audio=True,
    traps=(
        "videos of one person are not independent: resample persons, not videos",
        "N/A is no group: such persons have no attribute and are counted apart",
        "a dark video that is not among the person's videos is an error",
    ),
    uncertain=(
        "the bounds of the age groups, 18-30, 31-45 and 46-85, and the size of the mini split",
        "without a list dark_files the lighting is unknown, not bright",
    ),
)

NAME = "CasualConversations"
MINI = f"{NAME}_mini.json"
AGES = ((18, 30), (31, 45), (46, 85))
UNKNOWN = ("", "N/A")
GROUPS = {
    "age-group": tuple(f"{low}-{high}" for low, high in AGES),
    "gender": ("female", "male", "other"),
    "skin-type": ("1", "2", "3", "4", "5", "6"),
    "lighting": ("bright", "dark"),
}
UNLABELLED = "unlabelled"


class Size(NamedTuple):
    """How many people and videos a group has."""

    people: int
    videos: int


def fits(root: Path) -> bool:
    """Return whether the annotations are there."""
    return _annotations(root, f"{NAME}.json") is not None


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the videos by person; the set has no splits, attribute mini says who is in the mini."""
    return layout.of_split(_samples(root), split)


def groups(root: Path) -> dict[str, dict[str, Size]]:
    """Return the size of every group of every attribute, empty ones too, and the unlabelled."""
    found = {
        name: {group: (set[str](), set[str]()) for group in (*known, UNLABELLED)}
        for name, known in GROUPS.items()
    }
    for sample in samples(root):
        for name, sizes in found.items():
            people, videos = sizes[sample.attributes.get(name, UNLABELLED)]
            people.add(sample.identity)
            videos.add(sample.id)
    return {
        name: {group: Size(len(people), len(videos)) for group, (people, videos) in sizes.items()}
        for name, sizes in found.items()
    }


def age_group(age: int) -> str:
    """Return the group of an age in years, "" outside all of them."""
    return next((f"{low}-{high}" for low, high in AGES if low <= age <= high), "")


def _samples(root: Path) -> Iterator[Sample]:
    path = _annotations(root, f"{NAME}.json")
    if path is None:
        raise layout.wrong(root / f"{NAME}.json", None, "missing; it holds the annotations")
    small = _annotations(root, MINI)
    mini = {file for _, facts in _people(small) for file in facts["files"]} if small else None
    for person, facts in _people(path):
        known = _known(path, person, facts["label"])
        for file in facts["files"]:
            attributes = dict(known)
            if facts["dark_files"] is not None:
                attributes["lighting"] = "dark" if file in facts["dark_files"] else "bright"
            if mini is not None:
                attributes["mini"] = "yes" if file in mini else "no"
            yield Sample(
                id=file,
                uri=str(root / file),
                kind="video",
                label=0,
                source=layout.stem(file),
                identity=person,
                licence=CARD.licence,
                attributes=attributes,
            )


def _annotations(root: Path, name: str) -> Path | None:
    return layout.first(root / name, root / "CC_annotations" / name)


def _people(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (person, label, files and dark files) after checking their form."""
    for person, facts in layout.read_object(path).items():
        ok = isinstance(facts, dict) and isinstance(facts.get("files"), list)
        if not ok or not isinstance(facts.get("label"), dict):
            raise layout.wrong(path, None, f"person {person}: a label and files are expected")
        files, dark = facts["files"], facts.get("dark_files")
        if dark is not None and (extra := sorted(set(dark) - set(files))):
            what = f"person {person}: dark file {extra[0]} is not among the files"
            raise layout.wrong(path, None, f"{what}; fetch the annotations again")
        yield person, {"label": facts["label"], "files": files, "dark_files": dark}


def _known(path: Path, person: str, label: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of a person that are known."""
    facts: dict[str, str] = {}
    age = str(label.get("age", "")).strip()
    if age not in UNKNOWN:
        if not age.isdigit():
            raise layout.wrong(path, None, f"person {person}: age '{age}' is no number")
        facts["age"] = age
        if group := age_group(int(age)):
            facts["age-group"] = group
    for name in ("gender", "skin-type"):
        said = str(label.get(name, "")).strip()
        if said in UNKNOWN:
            continue
        if said.lower() not in GROUPS[name]:
            known = ", ".join(GROUPS[name])
            raise layout.wrong(path, None, f"person {person}: {name} '{said}' is none of {known}")
        facts[name] = said.lower()
    return facts


def fake(root: Path) -> None:
    """Write eight people of all groups, one of them unlabelled, and a mini split."""
    mini, people, small = Miniature(root), {}, {}
    ages = ("30", "31", "46", "18", "45", "85", "N/A", "60")
    genders = ("Female", "Male", "Other", "Female", "Male", "Female", "N/A", "Male")
    for n, (age, gender) in enumerate(zip(ages, genders, strict=True)):
        person = f"{1140 + n}"
        files = [f"{NAME}A/{person}/{person}_{take:02d}.MP4" for take in range(2)]
        for file in files:
            mini.video(file)
        skin = "N/A" if age == "N/A" else str(n % 6 + 1)
        label = {"age": age, "gender": gender, "skin-type": skin}
        people[person] = {"label": label, "files": files, "dark_files": files[1:]}
        small[person] = {"label": label, "files": files[:1], "dark_files": []}
    mini.json(f"CC_annotations/{NAME}.json", people)
    mini.json(f"CC_annotations/{MINI}", small)
