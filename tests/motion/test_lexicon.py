"""Signs looked up, joined and smoothed; what is missing is named."""

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from verilens.cli import app
from verilens.errors import ConfigError, DatasetError, MediaError, UnknownName
from verilens.motion.fillers import SIMPLE
from verilens.motion.joining import Joining, by, connection, join, laid, normalised, part, shown
from verilens.motion.lexicon import Entry, Lexicon, add, key, read_index, spoken_words, write_index
from verilens.poses import timing
from verilens.poses.make import make_pose
from verilens.poses.read import read, write

DATA = Path(__file__).parents[3] / "shared" / "data" / "motion"
SIGNS = DATA / "pose_files" / "dummy_lexicon"
has_data = pytest.mark.skipif(not DATA.exists(), reason="the motion data is not here")
SENTENCE = "Kleine Kinder essen Pizza"


def made(frames=30, fps=25.0, seed=0):
    """Return a made-up recording on PHOENIX's skeleton, shoulders apart."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(1, 50, 3)) + np.cumsum(rng.normal(0, 0.02, (frames, 50, 3)), 0)
    return make_pose(joints, None, "phoenix50", fps)


@pytest.fixture
def folder(tmp_path):
    """Return a lexicon of made-up German signs."""
    root = tmp_path / "signs"
    for n, (word, gloss) in enumerate(
        (("können", "KOENNEN"), ("Regen", "REGEN"), ("groß", "GROSS"), ("Schnee", ""))
    ):
        write(tmp_path / "one.npz", [made(20 + n, seed=n)])
        entry = Entry(
            path="", spoken_language="de", signed_language="gsg", words=word, glosses=gloss
        )
        add(root, tmp_path / "one.npz", entry)
    return root


def test_words_are_found_whatever_their_case_and_umlauts(folder):
    lexicon = Lexicon(folder)
    for word in ("können", "KÖNNEN", "koennen", "ko\u0308nnen", "KOENNEN"):
        assert lexicon.find(word).words == "können", word
    assert lexicon.find("GROSS").words == lexicon.find("groß").words == "groß"
    assert lexicon.find("nichts") is None
    assert lexicon.find("nichts", "REGEN").words == "Regen"
    assert key("Größe ") == "groesse"
    assert spoken_words("„Regen“, Schnee – und Eis!") == ["Regen", "Schnee", "und", "Eis"]


def test_words_come_before_glosses_and_low_priority_first():
    rows = [
        Entry(path="a", spoken_language="de", signed_language="x", words="bank", priority=2),
        Entry(path="b", spoken_language="de", signed_language="x", words="Bank", priority=1),
        Entry(path="c", spoken_language="de", signed_language="x", glosses="bank"),
        Entry(path="d", spoken_language="de", signed_language="x", words="see", glosses="SEE"),
    ]
    lexicon = Lexicon.__new__(Lexicon)
    from verilens.motion.lexicon import indexed

    lexicon.by_word, lexicon.by_gloss = indexed(rows, "words"), indexed(rows, "glosses")
    assert lexicon.find("bank").path == "a"  # exactly so
    assert lexicon.find("BANK").path == "b"  # the lowest priority
    assert lexicon.find("ufer", "bank").path == "c"
    assert lexicon.find("see").path == "d"


def test_missing_signs_are_named_and_none_is_made_up(folder):
    said = Lexicon(folder).say("Es kann Regen, Hagel und Schnee können!")
    assert [e.words for e in said.signs] == ["Regen", "Schnee", "können"]
    assert said.missing == ("Es", "kann", "Hagel", "und")
    for text, told in (("nur Hagel", "nur, Hagel"), ("  ", "empty sentence")):
        with pytest.raises(UnknownName, match=told):
            Lexicon(folder).say(text)


def test_a_recording_is_a_copy_and_there_is_one_a_sign(folder, tmp_path):
    write(tmp_path / "again.npz", [made()])
    entry = Entry(path="", spoken_language="de", signed_language="gsg", words="regen")
    with pytest.raises(DatasetError, match="there already"):
        add(folder, tmp_path / "again.npz", entry)
    with pytest.raises(DatasetError, match="word or a gloss"):
        add(folder, tmp_path / "again.npz", Entry(path="", spoken_language="", signed_language=""))
    write(tmp_path / "two.npz", [made(), made()])
    with pytest.raises(DatasetError, match="2 persons"):
        add(
            folder,
            tmp_path / "two.npz",
            Entry(path="", spoken_language="de", signed_language="gsg", words="zwei"),
        )
    assert len(read_index(folder)) == 4


def test_start_and_end_are_milliseconds(folder):
    entry = read_index(folder)[0]
    lexicon = Lexicon(folder)
    whole = lexicon.sign(entry)
    from dataclasses import replace

    cut = lexicon.sign(replace(entry, start=200, end=600))
    assert len(cut.joints) == 10 and np.array_equal(cut.joints, whole.joints[5:15])
    with pytest.raises(DatasetError, match="no frames"):
        lexicon.sign(replace(entry, start=9000))


def test_a_damaged_index_is_refused_by_line(folder, tmp_path):
    rows = (folder / "index.csv").read_text().splitlines()
    bad = tmp_path / "bad"
    bad.mkdir()
    for text, told in (
        ("path,words\na,b", "no column"),
        ("\n".join([rows[0], "a,de,gsg,x,0,w,g,0"]), "line 2"),
        ("\n".join([rows[0], "a,de,gsg,-5,0,w,g,0"]), "negative"),
    ):
        (bad / "index.csv").write_text(text)
        with pytest.raises(DatasetError, match=told):
            read_index(bad)
    row = Entry(path="../../etc/x.npz", spoken_language="de", signed_language="gsg", words="x")
    write_index(bad, [row])
    with pytest.raises(DatasetError, match="outside"):
        Lexicon(bad).say("x")
    with pytest.raises(DatasetError, match="no such file"):
        Lexicon(tmp_path / "nowhere")
    write_index(bad, [row, Entry(path="y", spoken_language="de", signed_language="sgg")])
    with pytest.raises(DatasetError, match="gsg, sgg"):
        Lexicon(bad)


def test_the_connection_is_where_neighbours_are_alike():
    """Two ramps, 0 1 2 ... and 16.5 17 17.5 ...: 17 at frame 17 of one and frame 1 of the other."""
    ramp = np.arange(20, dtype=np.float32)[:, None, None]
    up = np.broadcast_to(ramp, (20, 50, 3))
    down = np.broadcast_to(16.6 + 0.4 * ramp, (20, 50, 3))
    a = make_pose(up, None, "phoenix50", 25)
    b = make_pose(down, None, "phoenix50", 25)
    assert connection(a, b, 0.3) == (17, 1)


def test_joining_counts_frames_and_leaves_signs_as_they_are():
    signs = [made(30, seed=n) for n in range(3)]
    plain = Joining(smooth_frames=0)
    joined = join(signs, plain)
    lengths = [end - start for start, end in joined.cuts]
    assert len(joined.pose.joints) == sum(lengths) + 2 * int(0.2 * 25)
    for sign, (start, end), (at, until) in zip(signs, joined.cuts, joined.signs, strict=True):
        body = normalised(sign).joints[start:end]
        hands = [sign.skeleton.index(f"{side}_wrist") for side in ("left", "right")]
        others = [n for n in range(50) if n not in hands]
        assert np.allclose(joined.pose.joints[at:until, others], body[:, others], atol=1e-6)
    gap = joined.pose.joints[joined.signs[0][1] - 1 : joined.signs[1][0] + 1, 10]
    assert np.allclose(np.diff(gap, 2, axis=0), 0, atol=1e-5)  # a straight line
    assert (joined.pose.confidence > 0).all()


def test_another_filler_changes_what_lies_between_signs_alone():
    signs = [made(30, seed=n) for n in range(3)]
    plain = Joining(smooth_frames=0, reach=0.0)
    straight, curved = join(signs, plain), join(signs, plain, by(SIMPLE["spline"]))
    inside = np.zeros(len(straight.pose.joints), bool)
    for start, end in straight.signs:
        inside[start:end] = True
    assert np.array_equal(straight.pose.joints[inside], curved.pose.joints[inside])
    assert np.abs(straight.pose.joints[~inside] - curved.pose.joints[~inside]).max() > 1e-3
    even = join(signs, plain, by(SIMPLE["linear"]))
    assert np.allclose(even.pose.joints, straight.pose.joints, atol=1e-5)
    assert np.array_equal(even.pose.confidence, straight.pose.confidence)


def test_bad_recordings_are_told_apart():
    sign = made()
    faceless = make_pose(np.ones((4, 21, 3)), None, "hand21", 25)
    with pytest.raises(MediaError, match="shoulders"):
        join([faceless])
    with pytest.raises(ConfigError, match="one skeleton"):
        join([sign, faceless])
    with pytest.raises(ConfigError, match="no sign"):
        join([])
    with pytest.raises(MediaError, match="never seen"):
        join([make_pose(sign.joints, np.zeros((30, 50)), "phoenix50", 25)])
    with pytest.raises(ConfigError, match="smooth_order"):
        Joining(smooth_order=3)
    single = join([made(1), made(1, seed=2)])
    assert np.isfinite(single.pose.joints).all() and len(single.pose.joints) == 7
    slow = join([made(30), made(60, fps=50, seed=1)])
    assert slow.pose.fps == 25


@has_data
def test_the_dummy_lexicon_signs_a_sentence():
    lexicon = Lexicon(SIGNS)
    said = lexicon.say(f"{SENTENCE} heute.")
    assert [e.words for e in said.signs] == ["kleine", "kinder", "essen", "pizza"]
    assert said.missing == ("heute",)
    signs = [lexicon.sign(entry) for entry in said.signs]
    joined = join(signs)
    lengths = [end - start for start, end in joined.cuts]
    assert len(said.pose.joints) == sum(lengths) + 3 * int(0.2 * signs[0].fps)
    seen = [shown(timing.resample(s, signs[0].fps)) for s in signs]
    assert joined.cuts[0][0] == 0 and joined.cuts[-1][1] == len(timing.resample(signs[-1], 25))
    for (start, end), (first, last) in zip(joined.cuts[1:-1], seen[1:-1], strict=True):
        assert first <= start < end <= last
    assert np.isfinite(said.pose.joints).all()
    wrists = [said.pose.skeleton.index(f"{side}_wrist") for side in ("left", "right")]
    placed = [normalised(timing.resample(s, signs[0].fps)) for s in signs]
    plain, _ = laid([part(s, *cut) for s, cut in zip(placed, joined.cuts, strict=True)], 0)

    def jump(pose):
        sure = (pose.confidence[:, wrists] > 0).astype(float)[..., None]
        steps = np.linalg.norm(np.diff(pose.joints[:, wrists], axis=0), axis=-1)
        return float((steps * sure[1:, :, 0] * sure[:-1, :, 0]).max())

    print(f"largest step of a wrist: {jump(said.pose):.3f}, plain {jump(plain):.3f}")
    assert jump(said.pose) <= 0.5 * jump(plain)


@has_data
def test_the_commands_keep_list_and_compose(tmp_path):
    run = CliRunner(env={"COLUMNS": "200"})
    index = list(csv.DictReader((SIGNS / "index.csv").read_text().splitlines()))
    for row in index:
        source = str(SIGNS / row["path"])
        words = ["--word", row["words"], "--gloss", row["glosses"], "--signed", "sgg"]
        done = run.invoke(app, ["motion", "lexicon", "add", str(tmp_path / "l"), source, *words])
        assert done.exit_code == 0, done.output
        assert (tmp_path / "l" / row["path"]).read_bytes() == Path(source).read_bytes()
    listed = run.invoke(app, ["motion", "lexicon", "list", str(tmp_path / "l")])
    assert "pizza" in listed.output and "de to sgg" in listed.output
    out = tmp_path / "s.pose"
    composed = run.invoke(
        app, ["motion", "lexicon", "compose", str(tmp_path / "l"), "Pizza", "Eis", "-o", str(out)]
    )
    assert composed.exit_code == 0 and "no sign for: Eis" in composed.output
    assert read(out)[0].size == (500, 500) and part(read(out)[0], 0, 3).joints.any()
