"""Posts are scanned as their media are, with what was read of the words beside it."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import scanning
from verilens import scan_many, weights
from verilens.bench.metrics import auc
from verilens.cli import app
from verilens.errors import ConfigError, MissingWeights
from verilens.media.opened import Opened
from verilens.nn import sentences
from verilens.options import Options, Posts, choices, fingerprint, for_posts
from verilens.records import Evidence, Media, Passage, Post, Provenance, Region, Verdict, Where
from verilens.report import html, pdf, posts
from verilens.report import json as report_json
from verilens.report.pages import Pages
from verilens.store import Store
from verilens.verify import consistency
from verilens.verify import posts as module
from verilens.verify.amd.config import Config as AmdConfig
from verilens.verify.amd.model import AMD
from verilens.verify.calibrate import UNCALIBRATED
from verilens.verify.cmcl_mmcd.config import Config as CmclConfig
from verilens.verify.cmcl_mmcd.model import CMCLMMCD
from verilens.verify.post_detector import PostDetector
from verilens.verify.posts import Readers, stated

needs_encoder = pytest.mark.skipif(
    sentences.packaged() is None, reason=f"no sentence encoder: {sentences.INSTALL}"
)
POST = Post(text="One two three four.", sha256="a" * 64, media="a.png", language="en")
GENUINE = Verdict(
    decision="genuine",
    probability=0.1,
    interval=(0.05, 0.2),
    sentence="No sign of generation.",
    not_checked=("context",),
)


def options(**settings):
    return Options(methods=(scanning.npr(),), where=False, posts=Posts(), **settings)


@pytest.fixture(autouse=True)
def no_encoder(request, monkeypatch):
    """Compare no words, unless a test is about that: reading the encoder takes seconds."""
    if request.node.get_closest_marker("skipif") is None:
        monkeypatch.setattr(sentences, "packaged", lambda: None)
        sentences.load.cache_clear()
    module.assemble.cache_clear()
    yield
    module.assemble.cache_clear()
    sentences.load.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """Posts with a picture, without one, with one that is gone, and no post."""
    root = tmp_path / "posts"
    scanning.picture(root / "a.png")
    said = {
        "good": {"text": "The bridge opened today.", "media": "a.png"},
        "empty": {"text": "", "media": "a.png"},
        "gone": {"text": "Words", "media": "gone.png"},
        "none": {"text": "Words alone"},
        "text": {"text": "Words", "media": "note.txt"},
    }
    (root / "note.txt").write_text("hello")
    (root / "wrong.json").write_text("[]")
    for name, facts in said.items():
        (root / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
    return root


def evidence(score, **where):
    logit = float(np.log(score / (1 - score)))
    where = Where(by="a test", **where)
    return Evidence(method="m", claim="edited", score=score, logit=logit, why="so", where=where)


def opened(**metadata):
    provenance = Provenance(metadata=metadata)
    facts = {"path": "a.mp4", "sha256": "b" * 64, "kind": "video", "format": "mov"}
    media = Media(**facts, size_bytes=9, width=64, height=64, provenance=provenance)
    return Opened(media=media, clips={})


def test_every_post_of_a_folder_has_its_outcome(folder):
    reports = {r.path.rpartition("/")[2]: r for r in scan_many([folder], options())}
    errors = {name: r.error.type for name, r in reports.items() if r.error}
    assert errors == {
        "gone.json": "missing",
        "none.json": "missing",
        "text.json": "unsupported",
        "wrong.json": "unsupported",
    }
    assert set(reports) == {*errors, "good.json", "empty.json"}
    good = reports["good.json"]
    assert good.post.text == "The bridge opened today." and good.media.kind == "image"
    assert [e.method for e in good.evidence] == ["npr"]
    assert reports["none.json"].post.text == "Words alone"
    assert reports["wrong.json"].post is None


def test_a_post_that_is_taken_for_a_picture_gives_a_hint(folder):
    plain = dataclasses.replace(options(), posts=None)
    (report,) = scan_many([folder / "good.json"], plain)
    assert report.error.type == "unsupported" and "--task post" in report.error.message


def test_the_report_says_what_was_and_was_not_checked(folder):
    (report,) = scan_many([folder / "good.json"], options())
    unread = " ".join(report.verdict.not_checked)
    for part in (
        "whether words or faces were altered (no method of posts was asked)",
        "whether words and picture belong together (no sentence encoder is installed: pip",
        "whether the claim is true",
        "the comments",
    ):
        assert part in unread
    assert "context" not in report.verdict.not_checked
    assert report.verdict.sentence.startswith("Of the post's media, by pixels and provenance:")


def test_the_picture_is_judged_as_it_is_alone(folder):
    (of_post,) = scan_many([folder / "good.json"], options())
    alone = dataclasses.replace(options(), posts=None)
    (of_picture,) = scan_many([folder / "a.png"], alone)
    assert of_post.evidence == of_picture.evidence
    assert of_post.verdict.probability == of_picture.verdict.probability
    assert of_post.media.sha256 == of_picture.media.sha256


def test_results_are_kept_by_the_words_too(folder, tmp_path):
    store = Store(tmp_path / "s.duckdb")
    shutil.copy(folder / "good.json", folder / "same.json")
    for _ in range(2):
        reports = {
            r.path.rpartition("/")[2]: r for r in scan_many([folder], options(), results=store)
        }
        assert reports["good.json"].post.text == "The bridge opened today."
        assert reports["empty.json"].post.text == ""
        assert reports["same.json"].verdict == reports["good.json"].verdict
    store.close()
    assert fingerprint(options()) != fingerprint(dataclasses.replace(options(), posts=None))


def test_reports_of_posts_survive_json_and_make_a_page(folder, tmp_path):
    pages = Pages(tmp_path / "pages", html.Context())
    reports = list(scan_many([folder], options(), pages=pages))
    for report in reports:
        (again,) = report_json.loads([report_json.dumps(report)])
        assert again.post == report.post
        assert "The post" in pages.address(report).read_text("utf-8") or report.post is None
    assert len(list((tmp_path / "pages").glob("*.html"))) == len(reports)


def test_marks_are_shown_in_the_text_and_on_the_picture(folder, tmp_path):
    (report,) = scan_many([folder / "good.json"], options())
    passages = (Passage(start=4, end=10, score=0.9), Passage(start=7, end=17, score=0.6))
    regions = (Region(box=(8, 16, 32, 48), score=0.8),)
    found = evidence(0.9, passages=passages, regions=regions)
    found = dataclasses.replace(found, kinds={"face_swap": 0.9, "text_swap": 0.2})
    report = dataclasses.replace(report, evidence=(found,))
    pieces = posts.pieces(report.post, report.evidence)
    assert "".join(piece.text for piece in pieces) == report.post.text
    assert [(p.text, p.score) for p in pieces if p.by] == [
        ("bri", 0.9),
        ("dge", 0.9),
        (" opened", 0.6),
    ]
    (mark,) = posts.regions(report, (128, 128))
    assert (mark.x, mark.y, mark.width, mark.height) == (16, 32, 48, 64)
    shown = html.render(
        report, html.Pictures(preview=np.zeros((64, 64, 3), np.uint8)), html.Context()
    )
    assert shown.count("<mark ") == 3 and '<g class="region">' in shown
    assert "face swapped 0.90, text swapped 0.20" in shown
    written = pdf.render(report, html.Pictures(), html.Context())
    assert written.startswith(b"%PDF-")
    said = pdf_of_post(report)
    assert "The bridge opened today." in said and "m: box (8, 16, 32, 48) (0.80)" in said
    assert "m: face swapped 0.90, text swapped 0.20" in said
    picture = np.zeros((64, 64, 3), np.uint8)
    framed = pdf._boxed(picture, posts.regions(report, (64, 64)))
    assert framed[16, 8].tolist() == list(pdf.BOX) and not framed[32, 20].any()
    assert not picture.any()
    empty = dataclasses.replace(found, where=Where(passages=(Passage(start=90, end=99, score=1),)))
    assert len(posts.pieces(report.post, (empty,))) == 1  # a mark beyond the text marks nothing


def pdf_of_post(report):
    """Return what the section on the post says; a PDF itself holds numbers of glyphs."""
    parts = []
    lab = pdf._reportlab()
    writer = pdf._Writer(lab | {"Paragraph": lambda text, style: parts.append(text)}, 400)
    pdf._post(writer, report)
    return "\n".join(parts)


def test_a_page_escapes_what_a_stranger_wrote(folder):
    (report,) = scan_many([folder / "good.json"], options())
    hostile = Post(
        text="<script>alert(1)</script>\n\u202emoc.live\u202c می\u200cشود",
        sha256="a" * 64,
        author='"><img src=x onerror=alert(1)>',
        comments=("<b>",),
    )
    report = dataclasses.replace(report, post=hostile)
    shown = html.render(report, html.Pictures(), html.Context())
    assert "<script>alert" not in shown and "<img src=x" not in shown
    assert "\u202e" not in shown and "\\u202e" in shown
    assert "می\u200cشود" in shown  # a joiner that Persian needs
    assert "&lt;/script&gt;\n" in shown


def test_a_picture_that_looks_genuine_is_unsure_when_the_words_speak_against_it():
    verdict = stated(GENUINE, [evidence(0.8)], ["the author"])
    assert verdict.decision == "unsure" and verdict.probability == GENUINE.probability
    assert verdict.conflicts == ("m speak against the post, its picture looks genuine",)
    assert verdict.not_checked == ("the author",)
    assert stated(GENUINE, [evidence(0.2)], []).decision == "genuine"
    fake = dataclasses.replace(GENUINE, decision="fake")
    assert stated(fake, [evidence(0.2)], []).decision == "fake"


class Broken(PostDetector):
    name = "broken"

    def __init__(self, error):
        super().__init__()
        self.error, self.config = error, Posts()

    def inspect(self, post, opened):
        raise self.error


@pytest.mark.parametrize("error", [IndexError("list index"), MissingWeights("no weights")])
def test_a_method_that_fails_is_named_and_costs_nothing_else(error):
    found, verdict = Readers([Broken(error)]).judged(POST, opened(), GENUINE)
    assert found == ()
    assert any(
        f"broken failed on this post ({type(error).__name__}: " in s for s in verdict.not_checked
    )


def test_methods_are_told_apart_by_what_they_read():
    assert for_posts(None) == (None, Posts())
    assert for_posts(("npr",), "clip") == (("npr",), Posts(encoder="clip"))
    with pytest.raises(ConfigError, match="reads media, not post"):
        choices(("npr",), "post")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--task", "poem"], "no task 'poem'"),
        (["--encoder", "clip"], "add --task post"),
        (["--task", "post", "--server", "http://localhost:1"], "a server scans no posts"),
    ],
)
def test_what_does_not_go_together_is_refused(folder, arguments, says):
    run = CliRunner().invoke(app, ["scan", str(folder / "good.json"), *arguments])
    assert run.exit_code != 0
    assert says in run.output or says in str(run.exception)


def test_the_command_shows_the_words(folder):
    methods = ["--methods", scanning.npr(), "--no-where"]
    run = CliRunner().invoke(app, ["scan", "--task", "post", *methods, str(folder / "good.json")])
    assert run.exit_code == 0 and "The bridge opened today." in run.output


def test_what_says_enough_and_what_is_english():
    assert consistency.says_enough("The bridge opened")
    assert not consistency.says_enough("Look! 🎉") and not consistency.says_enough("")
    assert consistency.says_enough("大桥今天通车了")
    assert consistency.is_latin_english("The bridge opened", "en-GB")
    assert not consistency.is_latin_english("The bridge opened", "de")
    assert not consistency.is_latin_english("Мост открыт сегодня", "")


FITS = (
    ("A dog catches a ball in the park.", "Our puppy plays fetch on the grass with a ball."),
    ("Floods have closed the road to the airport.", "Water covers the highway near the terminal."),
    ("The bakery sells bread until noon.", "Fresh loaves can be bought in the morning."),
    ("A rocket was launched to the space station.", "Astronauts lifted off into orbit."),
    ("The team won the football final.", "Players celebrate the trophy after the match."),
    ("Farmers block the motorway with tractors.", "Agricultural protest stops the traffic."),
)


@needs_encoder
def test_unlike_words_score_higher_than_like_ones():
    encoder = sentences.load()
    genuine, swapped = [], []
    for n, (text, _) in enumerate(FITS):
        for m, (_, heard) in enumerate(FITS):
            post = dataclasses.replace(POST, text=text, transcript=heard)
            score = consistency.compare(post, opened(), encoder, is_english=True).evidence.score
            (genuine if n == m else swapped).append(score)
    assert max(genuine) <= 0.5 <= min(swapped), (genuine, swapped)
    clear = [score for score in (*genuine, *swapped) if score != 0.5]
    assert len(clear) >= 0.8 * len(genuine + swapped), (genuine, swapped)  # the rest is unsaid


def test_between_like_and_unlike_nothing_is_said():
    low, high = consistency.WORDS
    middle, slope = (low + high) / 2, consistency.WORDS_SLOPE
    found = [consistency.logit(x, consistency.WORDS, slope) for x in (0.0, low, middle, high, 1.0)]
    assert found[0] > 0 > found[4] and found[1:4] == [0, 0, 0]
    pair = consistency.Pair("text-ocr", "the words seen in the media", middle, found[2])
    reading = consistency._evidence([pair])
    assert reading.score == 0.5 and "neither clearly fits nor contradicts" in reading.why
    facts = {"decision": "genuine", "probability": 0.1, "interval": (0.0, 0.2)}
    plain = Verdict(**facts, sentence="No sign of generation.")
    assert stated(plain, [reading], ()).decision == "genuine"


@needs_encoder
def test_what_cannot_be_compared_is_said():
    encoder = sentences.load()
    compare = consistency.compare

    def why_not(**facts):
        return compare(dataclasses.replace(POST, **facts), opened(), encoder, True).why_not

    assert "fewer than 3 words" in why_not(text="")
    assert "reads English" in why_not(text="大桥今天通车了", language="zh")
    assert "no words came with the media" in why_not()
    tagged = compare(POST, opened(title="One two three and four."), encoder, True)
    assert "text-metadata" in tagged.evidence.kinds


@needs_encoder
def test_an_encoder_that_was_altered_is_refused(tmp_path, monkeypatch):
    (tmp_path / sentences.WEIGHTS).write_bytes(b"other")
    monkeypatch.setattr(sentences, "packaged", lambda: tmp_path)
    sentences.load.cache_clear()
    with pytest.raises(MissingWeights, match="altered"):
        sentences.load()
    with pytest.raises(MissingWeights, match="no encoder can be read"):
        sentences.load(str(tmp_path))


def test_swapped_pairs_are_told_by_any_joint_space_and_intact_ones_are_not():
    """A joint space fitted by least squares on generated titles and frames of one latent."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(8, 40)), rng.normal(size=(8, 24))

    def pairs(count):
        latent = rng.normal(size=(count, 8))
        said = latent @ maps[0] + rng.normal(size=(count, 40))
        seen = latent[:, None] @ maps[1] + rng.normal(size=(count, 3, 24))
        return said, seen

    def unit(x):
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    said, seen = pairs(500)
    to_seen = np.linalg.lstsq(said, seen.mean(1), rcond=None)[0]
    said, seen = pairs(400)
    texts, frames = unit(said @ to_seen), unit(seen)
    unlike = [-consistency.seen_likeness(t, f) for t, f in zip(texts, frames, strict=True)]
    swapped = np.roll(np.arange(200, 400), 1)
    crossed = [-consistency.seen_likeness(texts[n], frames[m]) for n, m in enumerate(swapped, 200)]
    labels = [0] * 200 + [1] * 200
    assert auc(unlike[:200] + crossed, labels) >= 0.9
    assert abs(auc(unlike, labels) - 0.5) <= 0.1


def weights_of(method, path):
    """Write untrained weights with their config, as training leaves them."""
    state = {name: tensor.clone().contiguous() for name, tensor in method.state_dict().items()}
    config = dataclasses.asdict(method.config)
    save_file(state, path, metadata=weights.metadata(method.name, config))
    return f"{method.name}={path}"


def test_methods_of_posts_are_asked_with_weights_of_ones_own(folder, tmp_path):
    torch.manual_seed(0)
    asked = (
        scanning.npr(),
        weights_of(AMD(AmdConfig.tiny()), tmp_path / "amd.safetensors"),
        weights_of(CMCLMMCD(CmclConfig.tiny()), tmp_path / "cmcl.safetensors"),
    )
    of_media, of_posts = for_posts(asked)
    (report,) = scan_many(
        [folder / "good.json"], Options(methods=of_media, posts=of_posts, where=False)
    )
    assert [e.method for e in report.evidence] == ["npr", "amd"]
    amd = report.evidence[1]
    assert set(amd.kinds) == {"face_swap", "face_attribute", "text_swap"}
    assert UNCALIBRATED in amd.limits
    page = tmp_path / "page"
    command = ["--task", "post", "--no-where", "--methods", ",".join(asked), "--html", str(page)]
    run = CliRunner().invoke(app, ["scan", str(folder / "good.json"), *command])
    shown = "".join(path.read_text("utf-8") for path in page.glob("good-*.html"))
    assert run.exit_code == 0 and weights.sha256(tmp_path / "amd.safetensors") in shown
    unread = " ".join(report.verdict.not_checked)
    assert "cmcl_mmcd failed on this post (MissingWeights: " in unread
    assert "no method of posts was asked" not in unread
    (again,) = report_json.loads([report_json.dumps(report)])
    assert again.evidence[1].kinds == amd.kinds
    with pytest.raises(ConfigError, match="add --task post"):
        choices(asked)
    with pytest.raises(MissingWeights):
        list(scan_many([folder / "good.json"], Options(posts=Posts(methods=("amd",)))))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder with a tiny CLIP and a tokenizer of a few words, untrained."""
    transformers, tokenizers = (pytest.importorskip(n) for n in ("transformers", "tokenizers"))
    known = {w: n for n, w in enumerate(("[PAD]", "[UNK]", "the", "bridge", "opened", "today"))}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(known, unk_token="[UNK]"))
    inner.normalizer = tokenizers.normalizers.Lowercase()
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 16, "max_position_embeddings": 24}
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config={"vocab_size": len(known), **sizes},
        vision_config={**sizes, "image_size": 64, "patch_size": 32},
        projection_dim=12,
    )
    folder = tmp_path_factory.mktemp("clip")
    transformers.CLIPModel(config).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]", model_max_length=24
    ).save_pretrained(folder)
    facts = {
        "crop_size": {"height": 64, "width": 64},
        "image_mean": [0.5] * 3,
        "image_std": [1] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    return str(folder)


def test_an_encoder_of_pictures_compares_words_with_what_is_seen(folder, clip):
    encoder = sentences.Encoder(clip)
    assert consistency.view(encoder).size == encoder.side == 64
    rows = encoder.texts(["The bridge opened today.", "the"])
    seen = encoder.pictures(np.zeros((2, 64, 64, 3), np.uint8))
    assert rows.shape == seen.shape == (2, 12)
    assert np.allclose(np.linalg.norm(np.concatenate([rows, seen]), axis=1), 1, atol=1e-5)
    asked = dataclasses.replace(options(), posts=Posts(encoder=clip))
    (report,) = scan_many([folder / "good.json"], asked)
    found = report.evidence[-1]
    assert found.method == "consistency" and set(found.kinds) == {"text-picture"}
    assert "what is seen (similarity" in found.why
    assert "belong together" not in " ".join(report.verdict.not_checked)
    assert fingerprint(asked) != fingerprint(options())
