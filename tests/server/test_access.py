"""Keys, scopes, rates, and what stands before every route."""

import json

import pytest
import serving

from verilens.server import keys


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


@pytest.fixture
def closed(tmp_path):
    with serving.stand(tmp_path, is_open=False) as found:
        yield found


def bearer(stand, *scopes, **limits):
    _, text = keys.create(stand.service.database, "test", scopes, **limits)
    return {"Authorization": f"Bearer {text}"}


def test_nothing_but_health_opens_without_a_key(closed):
    job = "01a222f1-5ccd-7000-a6a1-b36291fed32f"
    for method, path in (
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs"),
        ("GET", f"/v1/jobs/{job}"),
        ("GET", f"/v1/jobs/{job}/events"),
        ("GET", f"/v1/jobs/{job}/preview"),
        ("DELETE", f"/v1/jobs/{job}"),
        ("POST", "/v1/uploads"),
        ("GET", "/v1/keys"),
        ("GET", "/v1/dead"),
        ("GET", "/metrics"),
    ):
        answer = closed.client.request(method, path)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/no-key"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert closed.client.get("/healthz").status_code == 200
    assert closed.client.get("/v1/about").json()["auth"] is True


@pytest.mark.parametrize(
    "text", ["", "Bearer", "Bearer x", "Bearer vl_000000000000_" + "a" * 43, "Basic dTpw"]
)
def test_other_texts_open_nothing(closed, text):
    bearer(closed, "admin")
    assert closed.client.get("/v1/jobs", headers={"Authorization": text}).status_code == 401


def test_a_key_opens_what_its_scopes_say(closed):
    submit, read, admin = (bearer(closed, scope) for scope in ("submit", "read", "admin"))
    file = {"file": ("a.png", serving.png())}
    job = closed.client.post("/v1/jobs", files=file, headers=submit).json()["id"]
    assert closed.client.post("/v1/jobs", files=file, headers=read).status_code == 403
    assert closed.client.get(f"/v1/jobs/{job}", headers=submit).status_code == 403
    assert closed.client.get(f"/v1/jobs/{job}", headers=read).status_code == 200
    assert closed.client.get("/v1/keys", headers=read).status_code == 403
    assert closed.client.delete(f"/v1/jobs/{job}", headers=read).status_code == 403
    assert closed.client.get("/v1/keys", headers=admin).status_code == 200
    assert closed.client.delete(f"/v1/jobs/{job}", headers=admin).status_code == 204


def test_a_key_that_only_submits_deletes_only_its_own(closed):
    mine, other = bearer(closed, "submit"), bearer(closed, "submit")
    file = {"file": ("a.png", serving.png())}
    job = closed.client.post("/v1/jobs", files=file, headers=mine).json()["id"]
    assert closed.client.delete(f"/v1/jobs/{job}", headers=other).status_code == 403
    assert closed.client.delete(f"/v1/jobs/{job}", headers=mine).status_code == 204


def test_a_key_that_only_submits_learns_nothing_of_the_jobs_of_others(closed):
    mine, other = bearer(closed, "submit"), bearer(closed, "submit")
    first, second = (
        closed.client.post(
            "/v1/jobs", files={"file": (f"{n}.png", serving.png())}, headers=headers
        ).json()
        for n, headers in enumerate((mine, other))
    )
    assert first["id"] != second["id"]
    assert second["name"] == "1.png"


def test_secrets_are_kept_as_hashes_and_shown_once(closed, tmp_path):
    admin = bearer(closed, "admin")
    wanted = {"name": "press desk", "scopes": ["read"], "rate": 60}
    made = closed.client.post("/v1/keys", json=wanted, headers=admin).json()
    secret = made["key"].split("_", 2)[2]
    assert closed.client.get("/v1/jobs", headers={"Authorization": f"Bearer {made['key']}"})
    listed = closed.client.get("/v1/keys", headers=admin).json()
    assert [item["name"] for item in listed] == ["test", "press desk"]
    assert listed[1]["last_used"] is not None
    kept = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert secret.encode() not in kept
    assert closed.client.delete(f"/v1/keys/{made['id']}", headers=admin).status_code == 204
    refused = closed.client.get("/v1/jobs", headers={"Authorization": f"Bearer {made['key']}"})
    assert refused.status_code == 401


def test_rates_and_sizes_are_limited_by_key(closed):
    few = bearer(closed, "read", "submit", rate=6, max_bytes=1000)
    codes = [closed.client.get("/v1/jobs", headers=few).status_code for _ in range(3)]
    answer = closed.client.get("/v1/jobs", headers=few)
    assert codes == [200, 429, 429]
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    small = bearer(closed, "submit", max_bytes=1000)
    file = {"file": ("a.png", serving.png())}
    assert closed.client.post("/v1/jobs", files=file, headers=small).status_code == 413


def test_only_so_many_uploads_at_once(tmp_path):
    from verilens.server.limits import Limiter
    from verilens.server.problems import Problem
    from verilens.server.settings import Rules

    limiter = Limiter(Rules(uploads_per_key=1, uploads=2))
    one, two, three = (keys.Key(id=name, name="", scopes=()) for name in "abc")
    with limiter.upload(one):
        with pytest.raises(Problem) as mine, limiter.upload(one):
            pass
        with limiter.upload(two), pytest.raises(Problem) as all_:
            limiter.upload(three).__enter__()
    assert (mine.value.status, all_.value.status) == (429, 503)
    assert "Retry-After" in mine.value.headers
    with limiter.upload(one):
        pass


def test_a_full_queue_says_when_to_come_again(tmp_path):
    with serving.stand(tmp_path, queue=2) as stand:
        for n in range(2):
            stand.submit(serving.png(n))
        answer = stand.client.post("/v1/jobs", files={"file": ("c.png", serving.png(3))})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/queue-full")
        assert int(answer.headers["retry-after"]) >= 1
        assert len(stand.files()) == 2


def test_another_host_name_is_refused(tmp_path):
    with serving.stand(tmp_path, hosts=("localhost", "127.0.0.1", "::1")) as stand:
        get = lambda host: stand.client.get("/v1/about", headers={"Host": host})  # noqa: E731
        assert get("evil.example").status_code == 421
        assert get("127.0.0.1.evil.example:8000").status_code == 421
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
            assert get(host).status_code == 200
        probe = stand.client.get("/healthz", headers={"Host": "10.0.0.7"})
        assert probe.status_code == 200


def test_pages_of_other_sites_send_nothing(stand):
    headers = {"Origin": "https://evil.example", "Host": "localhost"}
    file = {"file": ("a.png", serving.png())}
    answer = stand.client.post("/v1/jobs", files=file, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    assert "access-control-allow-origin" not in answer.headers
    null = stand.client.post("/v1/jobs", files=file, headers={"Origin": "null"})
    assert null.status_code == 403
    own = {"Origin": "http://localhost", "Host": "localhost"}
    assert stand.client.post("/v1/jobs", files=file, headers=own).status_code == 202


def test_a_site_that_is_allowed_may_call(tmp_path):
    origin = "https://desk.example"
    with serving.stand(tmp_path, origins=(origin,)) as stand:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        asked = stand.client.options("/v1/jobs", headers=headers)
        assert asked.headers["access-control-allow-origin"] == origin
        file = {"file": ("a.png", serving.png())}
        assert stand.client.post("/v1/jobs", files=file, headers=headers).status_code == 202


def test_every_answer_is_fenced(stand):
    job = stand.submit(serving.png())["id"]
    for path in ("/", "/v1/jobs", f"/v1/jobs/{job}", "/nothing", "/v1/openapi.json", "/metrics"):
        headers = stand.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_a_bug_is_an_answer_too(stand, monkeypatch):
    monkeypatch.setattr("verilens.server.listing.page", lambda *asked: 1 / 0)
    answer = stand.client.get("/v1/jobs")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
    assert "ZeroDivision" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_did_what_is_written_down_without_secrets(closed, tmp_path):
    admin = bearer(closed, "admin")
    file = {"file": ("a.png", serving.png())}
    job = closed.client.post("/v1/jobs", files=file, headers=admin).json()["id"]
    closed.client.delete(f"/v1/jobs/{job}", headers=admin)
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    identity = admin["Authorization"].split("_")[1]
    assert [(item["key"], item["action"], item["job"]) for item in lines] == [
        (identity, "submit", job),
        (identity, "delete", job),
    ]
    assert admin["Authorization"].split("_", 2)[2] not in (tmp_path / "audit.jsonl").read_text()


def test_an_idempotency_key_is_good_for_one_request(stand):
    def post(data, key):
        headers = {"Idempotency-Key": key}
        return stand.client.post("/v1/jobs", files={"file": ("a.png", data)}, headers=headers)

    first = post(serving.png(1), "k")
    again = post(serving.png(1), "k")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    other = post(serving.png(2), "k")
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency")
    assert len(stand.files()) == 1


def test_the_web_process_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, verilens.server.daemon; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
