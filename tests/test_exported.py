"""Networks for other runtimes: the same logits, or nothing is written; and scanning with them."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from verilens import catalog, config, exported, scanner, weights
from verilens.cli import app
from verilens.errors import ConfigError, ExportError
from verilens.exported import Order
from verilens.nn.program import traced
from verilens.nn.session import Session
from verilens.options import Options, fingerprint
from verilens.records import Clip
from verilens.verify import runtime
from verilens.verify.bmn.config import Config as BMNConfig
from verilens.verify.bmn.model import BMN
from verilens.verify.demamba.config import Config as DeMambaConfig
from verilens.verify.demamba.model import DeMamba
from verilens.verify.npr.config import Config
from verilens.verify.npr.model import NPR
from verilens.verify.panel import assemble

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return "npr=FILE", a small network drawn from a seed."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    state = {name: tensor.contiguous() for name, tensor in NPR(Config.tiny()).state_dict().items()}
    save_file(state, path, weights.metadata("npr", asdict(Config.tiny())))
    return f"npr={path}"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "a.png"
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).cumsum(0) // 60
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def done(tiny, picture, tmp_path_factory):
    """Return what exporting to ONNX through the command said, as JSON."""
    out = tmp_path_factory.mktemp("out") / "x.onnx"
    order = ["weights", "export", tiny, "-o", str(out), "--picture", str(picture), "--json"]
    ran = CliRunner().invoke(app, order)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_the_file_scores_as_torch_does(done, tiny):
    assert done["difference"] <= 1e-4 and done["free"] == "NHW" and done["compared"] > 6
    session = Session(Path(done["file"]))
    plain = catalog.load("npr", tiny.partition("=")[2])
    for shape in ((1, 3, 64, 64), (5, 3, 40, 81)):
        x = torch.rand(shape)
        with torch.inference_mode():
            assert (session(x) - plain(x)).abs().max() <= 1e-4


def test_the_file_says_what_it_is(done, tiny):
    facts = Session(Path(done["file"])).facts
    assert facts["method"] == "npr"
    assert facts["weights_sha256"] == weights.sha256(Path(tiny.partition("=")[2]))
    settings = json.loads(facts[weights.KEY])["config"]
    assert config.build(Config, settings, where="npr") == Config.tiny()
    onnx.checker.check_model(done["file"])


def test_nothing_is_written_when_the_logits_differ(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(exported, "GAP", -1.0)  # whatever it is, it is too much
    out = tmp_path / "x.pt2"
    with pytest.raises(ExportError, match=r"npr: its logits differ .* by \d.*nothing was written"):
        exported.export(Order(method=tiny, to="torch-export", out=out))
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_traced_program_is_stored_whole(tiny, tmp_path):
    out = tmp_path / "x.pt2"
    said = exported.export(Order(method=tiny, to="torch-export", out=out))
    facts = {"verilens.json": ""}
    program = torch.export.load(out, extra_files=facts)
    x = torch.rand(4, 3, 48, 32)
    with torch.inference_mode():
        gap = (program.module()(x) - catalog.load("npr", tiny.partition("=")[2])(x)).abs().max()
    assert gap <= 1e-4 and said.free == "NHW"
    assert json.loads(facts["verilens.json"])["method"] == "npr"


@pytest.mark.slow
def test_half_stores_half(tiny, done, tmp_path):
    said = exported.export(Order(method=tiny, out=tmp_path / "x.onnx", half=True))
    assert said.half and said.difference < exported.HALF_GAP
    model = onnx.load(tmp_path / "x.onnx")
    stored = {t.name: t.data_type for t in model.graph.initializer}
    assert stored["trunk.0.weight_half"] == onnx.TensorProto.FLOAT16


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * float(x.detach().numpy().max())

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Unexportable(nn.Module):
    def forward(self, x):
        return Scaled.apply(x).mean((1, 2, 3))


def test_what_cannot_be_traced_is_named():
    with pytest.raises(ExportError, match=r"cannot be traced: \w+: .+"):
        traced(Unexportable(), torch.rand(2, 3, 8, 8), ((0,),))


def test_wrong_orders_are_refused():
    for wrong in ({"to": "tflite"}, {"to": "torch-export", "half": True}):
        with pytest.raises(ConfigError):
            Order(method="npr", **wrong)
    with pytest.raises(ConfigError, match="torch or onnxruntime"):
        Options(backend="tensorflow")


def test_results_of_one_backend_are_not_taken_for_the_others(tiny):
    prints = {fingerprint(Options(methods=(tiny,), backend=b)) for b in ("torch", "onnxruntime")}
    assert len(prints) == 2


def test_scanning_scores_the_same_and_exports_once(tiny, picture, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch_, other = (
        scanner.scan(picture, Options(methods=(tiny,), where=True, backend=backend))
        for backend in ("torch", "onnxruntime")
    )
    assert abs(torch_.evidence[0].logit - other.evidence[0].logit) <= 1e-4
    assert torch_.verdict.decision == other.verdict.decision
    assert np.allclose(torch_.evidence[0].where.heatmap, other.evidence[0].where.heatmap, atol=1e-4)
    (kept,) = (tmp_path / "verilens" / "onnx").iterdir()
    (detector,) = assemble((tiny,), "onnxruntime").detectors  # what the scan used
    assert "forward" in vars(detector)
    before = kept.stat().st_mtime_ns
    runtime.taken_over(catalog.load("npr", tiny.partition("=")[2]), kept_weights(tiny))
    assert [p.stat().st_mtime_ns for p in kept.parent.iterdir()] == [before]


def kept_weights(method: str) -> Path:
    return Path(method.partition("=")[2])


@pytest.mark.slow
def test_a_damaged_model_is_made_anew(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = catalog.load("npr", tiny.partition("=")[2])
    x = torch.rand(2, 3, 40, 52)
    with torch.inference_mode():
        expected = plain(x)
        runtime.taken_over(plain, kept_weights(tiny))
        (kept,) = (tmp_path / "verilens" / "onnx").iterdir()
        kept.write_bytes(kept.read_bytes()[:1000])
        again = catalog.load("npr", tiny.partition("=")[2])
        runtime.taken_over(again, kept_weights(tiny))
        assert (again(x) - expected).abs().max() <= 1e-4
    assert kept.stat().st_size > 1000 and len(list(kept.parent.iterdir())) == 1


def test_an_unexportable_detector_stays_in_torch(tiny, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    class Odd(NPR):
        def forward(self, frames):
            return super().forward(frames) * float(frames.numpy().max() > -1)

    odd = Odd(Config.tiny()).eval()
    assert runtime.taken_over(odd, kept_weights(tiny)) is odd
    assert "forward" not in vars(odd) and "npr runs in torch" in caplog.text
    assert not any(tmp_path.rglob("*.onnx"))
    monkeypatch.setattr(runtime, "made", lambda detector: pytest.fail("tried again"))
    assert runtime.taken_over(odd, kept_weights(tiny)) is odd  # the refusal is remembered
    said = [message for message in caplog.messages if message]
    assert len(said) == 2 and said[0] == said[1]


def test_clips_of_demamba_are_traced_in_any_number():
    method = DeMamba(DeMambaConfig.tiny()).eval()
    seen = runtime.example(method)
    program = traced(runtime.Workload(method, "forward"), seen.tensor, seen.free[-1:])
    three = runtime.noise(method, 3)
    with torch.no_grad():
        assert torch.allclose(program.exported.module()(three), method(three), atol=1e-5)


@pytest.fixture(scope="module")
def bmn(tmp_path_factory):
    """Return "bmn=FILE", a small network whose maps differ between films, as a trained one's do."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "bmn.safetensors"
    drawn = BMN(BMNConfig.tiny()).state_dict()
    state = {k: (v * 2.5 if v.ndim > 1 else v).contiguous() for k, v in drawn.items()}
    save_file(state, path, weights.metadata("bmn", asdict(BMNConfig.tiny())))
    return f"bmn={path}"


@pytest.mark.parametrize("to", ["onnx", "torch-export"])
def test_bmn_is_exported_as_its_maps(bmn, to, tmp_path):
    out = tmp_path / "bmn"
    said = exported.export(Order(method=bmn, to=to, out=out))
    assert said.difference <= 1e-4 and said.free == "NHW"
    method = catalog.load("bmn", bmn.partition("=")[2])
    films = runtime.noise(method, 4)
    run = Session(out) if to == "onnx" else torch.export.load(out).module()
    with torch.no_grad():
        found, maps = run(films), method.of_films(films)
    steps = BMNConfig.tiny().steps
    parts = (found[:, 0], found[:, 1], found[:, 2 : 2 + steps], found[:, 2 + steps :])
    for part, expected in zip(parts, maps, strict=True):
        assert (expected - expected[:1]).abs().max() > 0.01
        assert part.shape == expected.shape and (part - expected).abs().max() <= 1e-4
    if to == "onnx":
        assert "2 + 2 T" in Session(out).facts["output"]


def test_a_scan_with_bmn_reads_frames_in_onnxruntime(bmn, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (plain,) = assemble((bmn,)).detectors
    (other,) = assemble((bmn,), "onnxruntime").detectors
    assert "described" in vars(other)
    frames = np.random.default_rng(0).integers(0, 256, (12, 32, 40, 3)).astype(np.uint8)
    clip = Clip(
        frames=frames,
        times_s=np.linspace(0, 4, 12),
        boxes=np.tile(np.array([0, 0, 40, 32], np.int32), (12, 1)),
        size=(40, 32),
        view=plain.config.view,
    )
    torch_, onnx_ = (method.located(clip) for method in (plain, other))
    assert abs(torch_.score - onnx_.score) <= 1e-4


@pytest.mark.slow
def test_the_shipped_stretches_are_exported(tmp_path):
    said = exported.export(Order(method="bmn=stretches", out=tmp_path / "bmn.onnx"))
    assert said.difference <= 1e-4 and said.free == "NHW"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["npr", "patchcraft", "probe"])
def test_shipped_detectors_export_and_score_the_same(method, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = exported.export(Order(method=method, out=tmp_path / "x.onnx"))
    assert said.difference <= 1e-4 and said.free == "NHW"
    (plain,) = assemble((method,)).detectors
    (other,) = assemble((method,), "onnxruntime").detectors
    assert plain.workload in vars(other)
    frames = np.random.default_rng(0).integers(0, 256, (2, 384, 216, 3)).astype(np.uint8)
    assert np.abs(plain.crop_logits(frames) - other.crop_logits(frames)).max() <= 1e-4
