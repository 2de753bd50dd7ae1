"""The same queue over a real PostgreSQL, also while it is gone."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import postgres
import pytest
import serving
from sqlalchemy import text

from verilens.server.database import Database
from verilens.server.leases import Queue


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Postgres]:
    pytest.importorskip("psycopg")
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL here; on Debian: apt install postgresql")
    found = postgres.Postgres(programs)
    found.start()
    yield found
    found.close()


@pytest.fixture
def stand(cluster, tmp_path) -> Iterator[serving.Stand]:
    with serving.stand(tmp_path, database=cluster.url) as found:
        yield found
        with found.service.database.writing() as db:
            db.execute(
                text("TRUNCATE jobs, results, maps, terms, batches, members, uploads, audit")
            )


def test_a_file_becomes_a_verdict(stand):
    job = stand.submit(serving.png(side=300), "Holiday at the sea.png")
    assert stand.submit(serving.png(side=300))["id"] == job["id"]
    assert stand.worker.work_one()
    found = stand.job(job["id"])
    assert (found["state"], found["maps"]) == ("done", ["npr"])
    for query in ({"q": "holi sea"}, {"q": found["sha256"][:10]}, {"decision": "unsure"}):
        listed = stand.client.get("/v1/jobs", params=query).json()
        is_meant = (
            query.get("decision", found["summary"]["decision"]) == (found["summary"]["decision"])
        )
        assert [item["id"] for item in listed["items"]] == [job["id"]] * is_meant
    assert stand.client.get(f"/v1/jobs/{job['id']}/result").json()["sha256"] == found["sha256"]
    assert "verilens_jobs" in stand.client.get("/metrics").text
    assert stand.client.delete(f"/v1/jobs/{job['id']}").status_code == 204


def test_many_workers_take_every_job_once(stand, cluster):
    jobs = {stand.submit(serving.png(n, side=16))["id"] for n in range(24)}
    database = Database(cluster.url)

    def work(name: int) -> list[str]:
        queue, found = Queue(database, f"w{name}", lease_s=30, attempts=3), []
        while (leased := queue.claim()) is not None:
            found.append(leased.job.id)
        return found

    with ThreadPoolExecutor(6) as pool:
        taken = [job for part in pool.map(work, range(6)) for job in part]
    database.close()
    assert sorted(taken) == sorted(jobs)


def test_an_upload_and_its_pieces(stand):
    data = serving.png(side=100)
    asked = {"name": "a.png", "size": len(data)}
    upload = stand.client.post("/v1/uploads", json=asked).json()["id"]
    for start in (0, 1000):
        headers = {"Upload-Offset": str(start)}
        piece = data[start : start + 1000] if start == 0 else data[start:]
        sent = stand.client.patch(f"/v1/uploads/{upload}", content=piece, headers=headers)
        assert sent.status_code == 204
    assert stand.client.post(f"/v1/uploads/{upload}/complete", json={}).status_code == 202


@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.slow)])
def test_while_the_database_is_gone_answers_say_so_and_results_wait(stand, cluster, seconds):
    job = stand.submit(serving.png())["id"]
    leased = stand.worker.queue.claim()
    cluster.stop()
    try:
        working = threading.Thread(target=stand.worker._work, args=(leased,))
        working.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answer = stand.client.post("/v1/jobs", files={"file": ("b.png", serving.png(1))})
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            ready = stand.client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["worker"]) == (503, "unknown")
            assert stand.client.get("/healthz").status_code == 200
            time.sleep(0.3)
        assert working.is_alive()
    finally:
        cluster.start()
    working.join(20)
    found = stand.job(job)
    assert (found["state"], found["attempts"]) == ("done", 1)
    assert stand.client.get("/v1/jobs").json()["total"] == 1
    again = stand.client.post("/v1/jobs", files={"file": ("b.png", serving.png(1))})
    assert again.status_code == 202
