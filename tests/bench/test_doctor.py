"""The doctor finds what is wrong, names where, and is silent about what is right."""

import json

import pytest

from verilens.bench.doctor import ADVICE, examine, plain
from verilens.media.fingerprint import Look
from verilens.records import Sample


def sample(name: str, label: int = 0, **about) -> Sample:
    return Sample(
        id=name, uri=f"/set/{name}", kind=about.pop("kind", "image"), label=label, **about
    )


def seen(name: str, **about) -> Look:
    facts = {"sha256": name, "hash": hash(name) & (1 << 63) - 1, "format": "JPEG", "quality": 90}
    return Look(**{**facts, "width": 256, "height": 256, **about})


def found(samples, looks=None):
    looks = looks or {}

    def looker(paths):
        for path in paths:
            yield looks.get(path.name) or seen(str(path))

    return examine(samples, looker)


def kinds(findings) -> dict[str, int]:
    return {finding.kind: finding.count for finding in findings.findings}


def both(count: int = 12, **about) -> list[Sample]:
    return [sample(f"x/{n}.jpg", n % 2, split="train", **about) for n in range(count)]


def test_a_sound_set_has_no_findings():
    findings = found(both())
    assert findings.findings == () and findings.errors == 0
    assert findings.by_split == {"train": {"genuine": 6, "fake": 6}}
    json.dumps(plain(findings), allow_nan=False)


def test_what_cannot_be_used():
    looks = {
        "0.jpg": Look(error="missing", message="no such file"),
        "1.jpg": Look(error="corrupt", message="damaged"),
        "2.jpg": seen("2", width=40),
    }
    findings = found(both(), looks)
    assert kinds(findings) == {"missing": 1, "unreadable": 1, "too-small": 1}
    examples = {finding.kind: finding.examples for finding in findings.findings}
    assert examples["unreadable"] == ("x/1.jpg: damaged",)
    assert findings.errors == 2


def test_short_videos_and_lost_frames(tmp_path):
    for name in ("0.png", "2.png"):
        (tmp_path / name).touch()
    frames = Sample(
        id="clip", uri=str(tmp_path), kind="frames", label=0, frames=("0.png", "1.png", "2.png")
    )
    film = sample("film.mp4", 1, kind="video")
    findings = found([frames, film], {"film.mp4": seen("film", frames=3)})
    assert kinds(findings) == {"too-short": 2, "missing": 1}


def test_copies_and_leaks():
    pairs = [
        sample("a.jpg", 0, split="train", source="s1", identity="p"),
        sample("b.jpg", 0, split="test", source="s1", identity="p"),
        sample("c.jpg", 1, split="test", source="s2"),
        sample("d.jpg", 1, split="train", source="s3"),
        sample("e.jpg", 0, split="train", source="s3"),
        sample("f.jpg", 0, split="test"),
    ]
    looks = {
        "a.jpg": seen("one"),
        "b.jpg": seen("one"),
        "c.jpg": seen("two", hash=7),
        "d.jpg": seen("three", hash=7 ^ 1 << 40),
        "e.jpg": seen("three"),
    }
    assert kinds(found(pairs, looks)) == {
        "duplicate": 2,
        "leak-file": 1,
        "near-duplicate": 1,
        "leak-near": 1,
        "label-conflict": 1,
        "leak-source": 1,
        "leak-identity": 1,
    }


def test_a_picture_in_several_posts_is_no_copy():
    posts = [sample(f"{n}.jpg", n % 2, kind="post", split="test") for n in range(4)]
    looks = {f"{n}.jpg": seen("one") for n in range(4)}
    assert kinds(found(posts, looks)) == {}


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (sample("Celeb-real/id0.mp4", 1), "label-against-folder"),
        (sample("Celeb-synthesis/id0.mp4", 0), "label-against-folder"),
        (sample("train/0_real/a.png", 1), "label-against-folder"),
        (sample("a.png", 0, generator="SDXL"), "label-against-generator"),
        (sample("a.png", 0, attributes={"class": "face_swap&text_swap"}), "label-against-class"),
        (sample("a.png", 1, attributes={"class": "orig"}), "label-against-class"),
    ],
)
def test_known_traps_of_labels(one, kind):
    assert kinds(found([one, *both(2)]))[kind] == 1


def test_right_labels_are_no_trap():
    right = [
        sample("Celeb-real/a.mp4", 0),
        sample("Celeb-synthesis/a.mp4", 1, generator="Celeb-DF"),
        sample("a.png", 1, attributes={"class": "face_swap"}),
        sample("b.png", 0, attributes={"class": "orig"}),
        sample("real_or_fake.png", 1),
        sample("origin/bbc/1.jpg", 1, kind="post"),  # a true picture under false words
    ]
    assert kinds(found(right)) == {}


def test_formats_that_tell_the_label():
    looks = {f"{n}.jpg": seen(str(n), format="PNG", quality=0) for n in range(1, 40, 2)}
    (finding,) = found(both(40), looks).findings
    assert finding.kind == "format-tells-label"
    assert "100 % right by format alone, 50 % by guessing" in finding.examples[0]
    mixed = {f"{n}.jpg": seen(str(n), format="PNG", quality=0) for n in range(20)}
    assert kinds(found(both(40), mixed)) == {}


def test_a_split_of_one_class_is_an_error():
    only = [sample(f"{n}.jpg", 1, split="test") for n in range(3)]
    (finding,) = found(only).findings
    assert (finding.kind, finding.examples) == ("one-class", ("test: only fakes",))


def test_examples_are_few_and_counts_are_whole():
    looks = {f"{n}.jpg": Look(error="missing") for n in range(100)}
    (finding,) = found(both(100), looks).findings
    assert (finding.count, len(finding.examples)) == (100, 5)
    assert all(advice for _, advice in ADVICE.values())
