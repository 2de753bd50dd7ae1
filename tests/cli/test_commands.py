"""The small commands, in process."""

import hashlib
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import scanning
from verilens import catalog, selftest
from verilens.cli import app, main
from verilens.cli.exits import exits
from verilens.errors import ConfigError

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def test_help_imports_nothing_heavy_and_is_quick():
    code = (
        "import sys; sys.argv = ['verilens', '--help']\n"
        "from verilens.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'PIL', 'av', 'cv2', 'duckdb'} & set(sys.modules)\n"
        "print(heavy or 'light', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "light"
    assert "scan" in done.stdout


@pytest.mark.parametrize("command", ["scan", "methods", "selftest", "doctor"])
def test_every_command_explains_itself_with_an_example(command):
    shown = runner.invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"verilens {command}" in shown.output


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_bug_is_a_short_message_and_a_traceback_only_on_demand(monkeypatch, capsys, debug):
    def fail(*arguments):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("verilens.cli.run.run", fail)
    monkeypatch.setattr("sys.argv", ["verilens", "scan", "x.jpg"])
    monkeypatch.setenv("VERILENS_DEBUG", debug)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "internal error: ZeroDivisionError: oh" in shown
    assert "please report it" in shown
    assert ("Traceback" in shown) == bool(debug)


def test_messages_show_what_would_steer_the_terminal(capsys):
    with pytest.raises(SystemExit), exits():
        raise ConfigError("no folder \x1b[2J\u202egpj\nsecond line")
    assert capsys.readouterr().err == "verilens: no folder \\x1b[2J\\u202egpj\nsecond line\n"


def test_version():
    assert runner.invoke(app, ["--version"]).output.startswith("verilens ")


def test_methods_lists_every_card():
    shown = runner.invoke(app, ["methods"])
    assert all(name in shown.output for name in catalog.cards())
    listed = json.loads(runner.invoke(app, ["methods", "--json"]).output)
    assert [card["name"] for card in listed] == list(catalog.cards())


@pytest.mark.parametrize("name", catalog.cards())
def test_methods_shows_one_in_full(name):
    shown = runner.invoke(app, ["methods", name])
    card = catalog.card(name)
    assert card.title in shown.output
    assert card.paper in shown.output
    described = json.loads(runner.invoke(app, ["methods", name, "--json"]).output)
    assert described["limits"] == list(card.limits)
    assert all("measured" in weights for weights in described["weights"].values())


def test_doctor_knows_versions_weights_and_decoders():
    found = json.loads(runner.invoke(app, ["doctor", "--json"]).output)
    assert {"versions", "extras", "machine", "weights", "stills", "video", "folders"} <= set(found)
    assert found["stills"]["AVIF"]["is_well"]
    assert found["stills"]["HEIF"]["is_well"]
    assert found["video"]["h264"]["is_well"]
    text = runner.invoke(app, ["doctor"]).output
    assert "torch" in text


def test_selftest_agrees_with_what_it_recorded_and_notices_a_change(tmp_path):
    path, methods = tmp_path / "expected.json", (scanning.npr(),)
    selftest.record(path, methods)
    assert all(check.is_well for check in selftest.checks(path, methods))
    values = json.loads(path.read_text())
    values["logits"]["smooth"]["npr"] += 1
    values["weights"]["npr"] = "0" * 64
    path.write_text(json.dumps(values))
    failed = {check.name for check in selftest.checks(path, methods) if not check.is_well}
    assert failed == {"npr weights", "npr on smooth"}


def test_selftest_takes_a_picture_as_a_face(tmp_path):
    """Its pictures show none, and what finds faces need not be installed."""
    import dataclasses

    from safetensors.torch import save_file

    from verilens import weights
    from verilens.records import View
    from verilens.verify.blending.config import Config
    from verilens.verify.blending.model import Blending

    view = View(size=32, frames=2, fit="face")
    method = Blending(dataclasses.replace(Config.starter(), view=view)).eval()
    path = tmp_path / "faces.safetensors"
    save_file(
        method.state_dict(), path, weights.metadata("blending", dataclasses.asdict(method.config))
    )
    methods = (f"blending={path}",)
    selftest.record(tmp_path / "expected.json", methods)
    checks = list(selftest.checks(tmp_path / "expected.json", methods))
    assert [check.name for check in checks] == [
        "blending weights",
        *(f"blending on {name}" for name in selftest.pictures()),
    ]
    assert all(check.is_well for check in checks)


def test_selftest_pictures_are_the_same_everywhere():
    digest = hashlib.sha256()
    for pixels in selftest.pictures().values():
        assert pixels.shape == (320, 320, 3)
        digest.update(pixels.tobytes())
    assert digest.hexdigest()[:16] == "9997700764f5d4b6"
