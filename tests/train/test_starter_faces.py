"""The face detector's training: whole sources apart, one treatment a pair, runs that go on."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("sklearn")

from verilens import catalog, weights
from verilens.media.blend import points_of_crops
from verilens.records import View
from verilens.train.starter import face_crops, face_fakes, face_training, faces
from verilens.train.starter.corpus import Item
from verilens.train.starter.face_crops import WIDE, Person
from verilens.train.starter.write import write_fusion
from verilens.verify.blending.config import Config
from verilens.verify.blending.model import Blending


def item(n: int, source: str, kind: str = "image", label: str = "real") -> Item:
    return Item(path=Path(f"a/{source}/{n}.png"), kind=kind, label=label, generator="",
                source=source, origin=f"{source}:{n}", width=640, height=480)  # fmt: skip


def person(n: int, source: str = "s", moments: int = 1) -> Person:
    rng = np.random.default_rng(n)
    coarse = rng.integers(40, 216, (12, 12, 3), dtype=np.uint8)
    frame = cv2.resize(coarse, (WIDE.size, WIDE.size), interpolation=cv2.INTER_CUBIC)
    points = points_of_crops(moments, WIDE.size, WIDE.margin).astype(np.float32)
    edge = WIDE.size * (1 - 1 / WIDE.margin) / 2
    box = np.array([edge, edge, WIDE.size - edge, WIDE.size - edge], np.float32)
    boxes = np.tile(box, (moments, 1))
    return Person(item(n, source), np.repeat(frame[None], moments, 0), points, boxes)


def tiny(monkeypatch) -> Blending:
    """Return a small detector, with crops of its size."""
    small = dataclasses.replace(
        Config.starter(), view=View(size=48, frames=2, fit="face", margin=1.25)
    )
    monkeypatch.setattr(face_fakes, "CONFIG", small)
    torch.manual_seed(0)
    return Blending(small)


def test_parts_have_whole_sources_and_nothing_held_out():
    sources = [f"s{n}" for n in range(12)]
    files = [item(n, s) for s in [*sources, *face_crops.HELD_OUT] for n in range(4)]
    free = face_crops.genuine([*files, item(9, "s0", label="manipulated")])
    assert {i.source for i in free} == set(sources)
    found = face_crops.parts([person(n, i.source) for n, i in enumerate(free)])
    groups = [{p.item.source for p in part} for part in found.values()]
    assert all(groups)
    assert sum(map(len, groups)) == len(set().union(*groups)) == 12


def test_both_of_a_pair_are_treated_and_cut_alike():
    for n in range(6):
        pair = face_fakes.drawn(person(n, moments=2), [0, 1], np.random.default_rng(n))
        assert pair is not None
        assert pair.genuine.shape == pair.fake.shape == (2, 160, 160, 3)
        assert (pair.genuine != pair.fake).any()
        treat = face_fakes.treatment(np.random.default_rng(n))
        assert np.array_equal(treat(pair.genuine), treat(pair.genuine.copy()))


def test_a_swap_changes_the_face_and_no_more():
    native = face_fakes.scaled(person(1), [0], np.random.default_rng(0))
    fake = face_fakes.swapped(native, person(2), np.random.default_rng(0))
    differs = (fake != native.frames).any(-1)[0]
    assert differs.mean() > 0.05
    assert not differs[[0, -1]].any()


def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    monkeypatch.setattr(face_training, "PAIRS", 2)
    monkeypatch.setattr(face_training, "EVERY", 2)
    persons = [person(n, f"s{n}") for n in range(3)]
    crops = np.random.default_rng(0).integers(0, 256, (3, 2, 48, 48, 3), dtype=np.uint8)
    exam = face_training.Exam(*crops)

    def run(file: str, *ends: int) -> tuple[dict[str, torch.Tensor], list[float]]:
        losses: list[float] = []
        for end in ends:
            method = tiny(monkeypatch)
            steps = face_training.train(method, persons, exam, 4, tmp_path / file, 0)
            for step in steps:
                losses.append(step.loss)
                if step.number == end:
                    break
        for step in steps:
            losses.append(step.loss)
        return method.state_dict(), losses

    whole, first = run("a.pt", 4)
    resumed, second = run("b.pt", 2, 4)
    assert first == pytest.approx(second, rel=1e-4)
    assert all(torch.allclose(whole[k].float(), resumed[k].float(), atol=1e-5) for k in whole)


def test_validation_shows_both_fakes_of_a_person(monkeypatch):
    tiny(monkeypatch)
    exam = face_training.exam_of([person(n, f"s{n}") for n in range(3)], 0)
    assert [len(part) for part in exam] == [6, 3, 3]


def test_calibration_scores_every_person_beside_its_fakes(monkeypatch):
    method = tiny(monkeypatch).eval()
    logits, items = faces.scored(method, [person(n, f"s{n}") for n in range(3)], 0)
    assert len(logits) == len(items) == 3 * faces.DRAWS * 2 * 2
    assert [i.is_fake for i in items[:4]] == [False, True, False, True]
    assert {i.generator for i in items} == {"", "self-blended", "swapped"}


def test_weights_carry_their_configuration(tmp_path, monkeypatch):
    method = tiny(monkeypatch).eval()
    file = faces.write(method, tmp_path, 0, {"corpus": "", "recipe": "", "measured": {}})
    assert weights.config_of(file, "blending")["view"]["size"] == 48
    loaded = catalog.load("blending", str(file))
    crops = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    assert loaded.crop_logits(crops) == pytest.approx(method.crop_logits(crops), abs=0.02)


def test_fits_of_other_claims_stay(tmp_path):
    file = tmp_path / "fusion.json"
    face = {"methods": ["blending"], "claim": "face-swap"}
    write_fusion(file, {"image": [face]}, claim="face-swap")
    shipped = json.loads(file.read_text())
    assert face in shipped["image"]
    assert any("claim" not in row for row in shipped["image"])
    write_fusion(file, {"image": [{"methods": ["probe"]}], "video": []})
    rows = json.loads(file.read_text())
    assert rows["image"][0] == {"methods": ["probe"]} and face in rows["image"]
    assert all(row.get("claim") for row in rows["image"][1:])
    assert all(row.get("claim") for row in rows["video"])
