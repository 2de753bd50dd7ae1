"""What the server says of itself, its page, and its files elsewhere."""

import json
import threading

import pytest
import serving
from typer.testing import CliRunner

from verilens.cli import app
from verilens.errors import ConfigError


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def test_about_says_what_is_taken_and_who_is_asking(stand):
    about = stand.client.get("/v1/about").json()
    assert (about["auth"], about["languages"]) == (False, ["en", "de"])
    assert list(about["methods"]) == ["npr"]
    assert about["key"] == {"id": "local", "scopes": ["submit", "read", "admin"]}
    assert about["limits"]["bytes"] == 4 << 30


def test_without_a_worker_the_server_is_not_ready(stand):
    answer = stand.client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "ok")
    stand.worker.queue.seen({"host": "here", "pid": 1, "slots": 1, "version": "0"})
    assert stand.client.get("/readyz").status_code == 200


def test_events_tell_of_a_job_until_its_end(stand):
    job = stand.submit(serving.png())["id"]
    said = []

    def listen():
        with stand.client.stream("GET", f"/v1/jobs/{job}/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            said.append("".join(answer.iter_text()))

    listening = threading.Thread(target=listen)
    listening.start()
    serving.wait_for(lambda: job in stand.service.watcher._waiting)
    stand.worker.work_one()
    listening.join(20)
    blocks = said[0].strip().split("\n\n")
    assert "event: progress" in blocks[0]
    assert "event: end" in blocks[-1]
    end = json.loads(blocks[-1].split("data: ")[1])
    assert (end["id"], end["state"]) == (job, "done")
    identity = blocks[-1].split("\n")[0].removeprefix("id: ")
    again = stand.client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": identity})
    assert again.text.count("event:") == 1


def test_events_end_when_the_job_is_deleted(stand):
    job = stand.submit(serving.png())["id"]
    said = []

    def listen():
        said.append(stand.client.get(f"/v1/jobs/{job}/events").text)

    listening = threading.Thread(target=listen)
    listening.start()
    serving.wait_for(lambda: job in stand.service.watcher._waiting)
    stand.client.delete(f"/v1/jobs/{job}")
    listening.join(20)
    assert "/problems/not-found" in said[0].split("\n\n")[-2]


def test_files_may_lie_in_a_store_elsewhere(tmp_path):
    with serving.stand(tmp_path, blobs="memory://verilens") as stand:
        job = stand.submit(serving.png(side=300))["id"]
        assert list((tmp_path / "staging").iterdir()) == []
        stand.worker.work_one()
        assert stand.job(job)["state"] == "done"
        preview = stand.client.get(f"/v1/jobs/{job}/preview", headers={"Range": "bytes=0-1"})
        assert preview.content == b"\xff\xd8"
        assert stand.client.get(f"/v1/jobs/{job}/report").status_code == 200
        assert stand.client.delete(f"/v1/jobs/{job}").status_code == 204
        assert list((tmp_path / "staging").iterdir()) == []
        import fsspec

        assert fsspec.filesystem("memory").find("/verilens") == []


def test_keys_are_made_listed_and_deleted_by_command(tmp_path):
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["serve", "keys", *arguments, "--data", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done.stdout

    text = run("create", "press desk", "--scope", "read").strip()
    assert text.startswith("vl_")
    (key,) = json.loads(run("list", "--json"))
    assert (key["name"], key["scopes"], key["last_used"]) == ("press desk", ["read"], None)
    assert text.split("_")[1] == key["id"]
    assert "press desk" in run("list")
    run("delete", key["id"])
    assert json.loads(run("list", "--json")) == []


@pytest.mark.parametrize(
    "options", [["--host", "0.0.0.0"], ["--host", "0.0.0.0", "--no-auth"], ["--auth"]]
)
def test_where_a_key_is_needed_the_server_does_not_start_without(tmp_path, options):
    done = CliRunner().invoke(app, ["serve", "--data", str(tmp_path), "--port", "0", *options])
    assert isinstance(done.exception, ConfigError)
    assert "key" in str(done.exception)


def test_the_page_and_its_files_are_served(monkeypatch, tmp_path):
    from verilens.server import routes_system, static_files

    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><p>page")
    (built / "secret.txt").write_text("secret")
    (built / "assets" / "index-1234.js").write_text("let a = 1;\n" * 500)
    for module in (routes_system, static_files):
        monkeypatch.setattr(module, "STATIC", built)
    with serving.stand(tmp_path) as stand:
        page = stand.client.get("/")
        assert page.text == "<!doctype html><p>page"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        script = stand.client.get("/assets/index-1234.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["content-encoding"] == "gzip"
        assert "immutable" in script.headers["cache-control"]
        for path in ("/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/assets/nothing.js"):
            assert stand.client.get(path).status_code == 404


def test_without_a_built_page_the_interface_is_named(stand, monkeypatch, tmp_path):
    from verilens.server import routes_system

    monkeypatch.setattr(routes_system, "STATIC", tmp_path / "nothing")
    assert "/v1/docs" in stand.client.get("/").text


def test_the_documentation_of_the_interface_loads_nothing_from_elsewhere(stand):
    page = stand.client.get("/v1/docs")
    assert page.status_code == 200
    assert "/v1/jobs/{job}/events" in page.text
    assert "http" not in page.text.replace("https://www.rfc-editor.org", "")
