import dataclasses
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import scanning
import verilens
from verilens import scan, scan_many
from verilens import scanner as module
from verilens.errors import ConfigError, MissingWeights, UnknownName
from verilens.media.sandbox import Decoder
from verilens.options import Options, choices, fingerprint
from verilens.records import Clip
from verilens.report import json
from verilens.store import Store
from verilens.verify import panel
from verilens.verify.npr.config import Config
from verilens.verify.npr.model import NPR
from verilens.verify.panel import assemble


def options(**settings):
    return Options(methods=(scanning.npr(),), **{"where": False, **settings})


def without_seconds(report):
    return json.dumps(dataclasses.replace(report, seconds=0.0))


@pytest.fixture
def folder(tmp_path):
    """Six pictures, two of them the same, a text, an empty file and a broken link."""
    root = tmp_path / "folder"
    for n in range(5):
        scanning.picture(root / f"{n}.png", seed=n, side=64 + 50 * n)
    shutil.copy(root / "1.png", root / "copy.png")
    (root / "text.jpg").write_text("hello")
    (root / "empty.jpg").write_bytes(b"")
    (root / "broken.jpg").symlink_to("nowhere")
    return root


def test_a_picture_gives_a_verdict_that_rests_on_evidence(tmp_path):
    report = scan(scanning.picture(tmp_path / "a.png"), options())
    assert report.error is None
    assert report.media.kind == "image"
    assert report.media.path == report.path == str(tmp_path / "a.png")
    assert [e.method for e in report.evidence] == ["npr"]
    assert 0 <= report.verdict.probability <= 1
    assert report.version == verilens.__version__
    assert report.seconds > 0


def test_files_nobody_can_read_give_reports_with_errors(folder):
    reports = {os.path.basename(r.path): r for r in scan_many([folder], options())}
    errors = {name: r.error.type for name, r in reports.items() if r.error}
    assert errors == {"text.jpg": "unsupported", "empty.jpg": "empty", "broken.jpg": "missing"}
    assert all(r.verdict is None for r in reports.values() if r.error)
    assert str(folder) not in reports["text.jpg"].error.message


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_do_not_depend_on_the_number_of_workers(folder, jobs):
    alone = [scan(path, options()) for path in sorted(folder.iterdir())]
    together = scan_many([folder], options(jobs=jobs))
    assert list(map(without_seconds, together)) == list(map(without_seconds, alone))


@pytest.mark.parametrize("with_store", [True, False])
def test_identical_files_are_scored_once(folder, tmp_path, monkeypatch, with_store):
    scored = []
    original = NPR.inspect
    monkeypatch.setattr(NPR, "inspect", lambda self, c: scored.append(1) or original(self, c))
    results = Store(tmp_path / "s.duckdb") if with_store else None
    reports = {os.path.basename(r.path): r for r in scan_many([folder], options(), results=results)}
    assert len(scored) == 5
    assert reports["copy.png"].path.endswith("copy.png")
    assert reports["copy.png"].media.path.endswith("copy.png")
    assert reports["copy.png"].evidence == reports["1.png"].evidence
    if results:
        again = list(scan_many([folder], options(), results=results))
        assert len(scored) == 5
        assert list(map(without_seconds, again)) == list(map(without_seconds, reports.values()))
        results.close()


def test_a_file_that_changed_is_scored_anew(tmp_path):
    store = Store(tmp_path / "s.duckdb")
    path = scanning.picture(tmp_path / "a.png", seed=1)
    (first,) = scan_many([path], options(), results=store)
    facts = path.stat()
    scanning.picture(path, seed=2)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (second,) = scan_many([path], options(), results=store)
    store.close()
    assert first.media.sha256 != second.media.sha256


def test_a_timeout_is_tried_again_and_lasting_errors_are_kept(tmp_path, folder):
    store = Store(tmp_path / "s.duckdb")
    path = folder / "0.png"
    (late,) = scan_many([path], options(timeout_s=1e-6), results=store)
    assert late.error.type == "timeout"
    (report,) = scan_many([path], options(), results=store)
    assert report.verdict is not None
    store.close()


def test_a_device_or_a_pipe_is_an_error_and_hangs_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    errors = [report.error.type for report in scan_many([tmp_path], options())]
    assert errors == ["not-a-file", "not-a-file"]


def test_a_method_that_fails_is_named_and_the_scan_goes_on(folder, monkeypatch):
    def fail(self, clips):
        raise IndexError("list index out of range")

    monkeypatch.setattr(NPR, "inspect", fail)
    report = scan(folder / "0.png", options())
    assert report.evidence == ()
    assert "npr failed on this file (IndexError: list index out of range)" in (
        report.verdict.not_checked
    )


def test_a_bug_outside_the_methods_is_raised_and_nothing_hangs(folder, monkeypatch):
    def fail(self, evidence, opened, pool):
        raise ZeroDivisionError

    monkeypatch.setattr("verilens.verify.panel.Panel.locate", fail)
    with pytest.raises(ZeroDivisionError):
        list(scan_many([folder], options(where=True)))


def test_where_adds_a_heat_map_and_changes_no_score(tmp_path):
    path = scanning.picture(tmp_path / "a.png", side=500)
    plain, located = scan(path, options()), scan(path, options(where=True))
    heatmap = located.evidence[0].where.heatmap
    assert heatmap.shape == (32, 32)
    assert np.isfinite(heatmap).all()
    assert plain.evidence[0].where.heatmap is None
    assert located.verdict == plain.verdict
    assert located.evidence[0].logit == plain.evidence[0].logit


def test_where_gives_a_suspected_video_a_denser_timeline_and_changes_no_score(tmp_path):
    path = scanning.animation(tmp_path / "a.gif")
    plain, located = scan(path, options()), scan(path, options(where=True))
    assert located.media.kind == "video"
    assert located.verdict == plain.verdict
    assert located.evidence[0].logit == plain.evidence[0].logit
    if plain.verdict.decision != "genuine":
        assert len(located.evidence[0].where.timeline) > len(plain.evidence[0].where.timeline)


def test_a_score_does_not_depend_on_methods_that_take_other_moments(tmp_path):
    path = scanning.long_film(tmp_path / "a.mp4")
    alone = scan(path, options())
    beside = scan(path, Options(methods=("bmn=stretches", scanning.npr()), where=False))
    counts = {item.method: len(item.where.timeline) for item in beside.evidence}
    assert counts["bmn"] > counts["npr"]
    (found,) = (item for item in beside.evidence if item.method == "npr")
    assert found == alone.evidence[0]


def test_a_still_is_decoded_once_for_methods_of_other_moments(tmp_path, monkeypatch):
    fewer = dataclasses.replace(NPR(Config.tiny()).config.view, frames=5, size=96)
    found = module.scored
    monkeypatch.setattr(module, "scored", lambda methods: (*found(methods), fewer))
    asked, opened = [], Decoder.open

    def noting(self, *given, **settings):
        asked.append(opened(self, *given, **settings))
        return asked[-1]

    monkeypatch.setattr(Decoder, "open", noting)
    alone = scan(scanning.picture(tmp_path / "a.png"), options())
    assert alone.verdict is not None and [len(each.clips) for each in asked] == [2]
    asked.clear()
    scan(scanning.animation(tmp_path / "a.gif"), options())
    assert [len(each.clips) for each in asked] == [1, 1]


def test_a_denser_timeline_scores_only_moments_not_scored_before():
    class Counting(NPR):
        def crop_logits(self, frames):
            asked.append(len(frames))
            return super().crop_logits(frames)

    asked = []
    method = Counting(Config.tiny()).eval()
    rng = np.random.default_rng(0)
    clip = Clip(
        frames=rng.integers(0, 256, (7, 32, 32, 3)).astype(np.uint8),
        times_s=np.arange(7.0),
        boxes=np.tile(np.array([0, 0, 32, 32], np.int32), (7, 1)),
        size=(32, 32),
        view=method.config.view,
    )
    whole = method.inspect([clip])[0].where.timeline
    assert np.allclose(panel._timeline(method, clip, whole[::3]), whole)
    assert asked == [7, 4]


def test_nobody_looks_for_faces_again_in_a_film_without_any():
    found = assemble(None)
    faces = [v for v in found.dense_views() if v.fit == "face"]
    assert faces and not [v for v in found.dense_views(has_people=False) if v.fit == "face"]


def test_the_first_file_is_decoded_while_networks_are_loaded(tmp_path, monkeypatch):
    decoded = threading.Event()
    opened, assembled = Decoder.open, assemble

    def noting(self, *given, **settings):
        found = opened(self, *given, **settings)
        decoded.set()
        return found

    def late(*asked):
        assert decoded.wait(30)
        return assembled(*asked)

    monkeypatch.setattr(Decoder, "open", noting)
    monkeypatch.setattr("verilens.verify.panel.assemble", late)
    files = [scanning.picture(tmp_path / f"{n}.png", seed=n, side=400) for n in range(2)]
    first, second = scan_many(files, options(where=True, jobs=1))
    assert first.evidence[0].where.heatmap is not None is not second.evidence[0].where.heatmap


def test_what_is_scored_is_asked_once_a_scan(folder, monkeypatch):
    asked = []
    found = module.scored
    monkeypatch.setattr(module, "scored", lambda methods: asked.append(1) or found(methods))
    assert len(list(scan_many([folder], options(jobs=1)))) == 9
    assert len(asked) == 1


def test_no_tiles_of_heat_maps_are_cut_from_films():
    assert not any(view.reads("video") for view in assemble(None).map_views())


def test_pages_get_every_report_with_the_pixels_they_ask_for(folder, tmp_path):
    class Pages:
        views = (dataclasses.replace(assemble((scanning.npr(),)).views(False)[0], size=40),)

        def __init__(self):
            self.seen = {}

        def add(self, report, clips):
            self.seen[os.path.basename(report.path)] = set(clips)

    store = Store(tmp_path / "s.duckdb")
    for _ in range(2):
        pages = Pages()
        list(scan_many([folder], options(), results=store, pages=pages))
        assert len(pages.seen) == 9
        assert all(pages.views[0] in views for name, views in pages.seen.items() if "png" in name)
    store.close()


def test_everything_known_needs_no_torch(folder, tmp_path):
    store = tmp_path / "s.duckdb"
    code = f"""
import sys
from pathlib import Path
from verilens import scan_many
from verilens.options import Options
from verilens.store import Store
store = Store(Path({str(store)!r}))
methods = ({scanning.npr()!r},)
found = scan_many([{str(folder)!r}], Options(methods=methods, where=False), results=store)
print(len(list(found)), "torch" in sys.modules)
store.close()
"""
    run = [sys.executable, "-c", code]
    said = {"capture_output": True, "text": True, "check": True, "timeout": 120}
    first = subprocess.run(run, **said).stdout.split()
    second = subprocess.run(run, **said).stdout.split()
    assert (first, second) == (["9", "True"], ["9", "False"])


def test_the_fingerprint_follows_weights_and_settings(tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"x")
    base = fingerprint(options())
    assert base == fingerprint(options(jobs=1, timeout_s=5.0))
    assert base != fingerprint(options(where=True))
    assert base != fingerprint(Options(methods=(f"npr={other}",), where=False))


def test_wrong_options_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'npr'"):
        scan("x.jpg", Options(methods=("nprr",)))
    with pytest.raises(MissingWeights, match="no weights file"):
        scan("x.jpg", Options(methods=("npr=/nowhere.safetensors",)))
    with pytest.raises(ConfigError):
        Options(timeout_s=0)
    with pytest.raises(ConfigError):
        Options(jobs=0)


def test_a_method_named_twice_is_refused():
    with pytest.raises(ConfigError, match="npr is named twice"):
        choices(("npr", "npr=starter"))
