"""What breaks underneath: every accepted file is kept, nothing is half there."""

import errno
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import serving

from verilens.server import removal
from verilens.server.leases import Queue


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def another(stand, name="another"):
    """Return the queue as another worker sees it."""
    return Queue(stand.worker.database, name, lease_s=0.2, attempts=3)


def test_a_deleted_job_leaves_nothing(stand):
    job = stand.submit(serving.png(side=200))
    stand.worker.work_one()
    assert stand.client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    for what in ("", "/result", "/preview", "/maps/npr", "/report", "/events"):
        assert stand.client.get(f"/v1/jobs/{job['id']}{what}").status_code == 404
    assert stand.client.delete(f"/v1/jobs/{job['id']}").status_code == 404
    assert stand.files() == []
    with stand.service.database.reading() as db:
        for table in ("jobs", "results", "maps", "terms"):
            assert db.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


@pytest.mark.parametrize("moment", ["open", "finish"])
def test_a_job_that_is_deleted_while_it_runs_is_dropped(stand, monkeypatch, moment):
    from verilens.scanner import Scanner

    job = stand.submit(serving.png())
    opened = Scanner.open

    def delete():
        assert stand.client.delete(f"/v1/jobs/{job['id']}").status_code == 204

    def open_(self, source):
        if moment == "open":
            delete()
        finish = opened(self, source)
        return (lambda: (finish(), delete())[0]) if moment == "finish" else finish

    monkeypatch.setattr(Scanner, "open", open_)
    assert stand.worker.work_one()
    assert stand.client.get("/v1/jobs").json()["total"] == 0
    assert stand.files() == []
    with stand.service.database.reading() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM results").scalar() == 0


def test_many_delete_the_same_job_at_once_and_one_does(stand):
    job = stand.submit(serving.png())
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: stand.client.delete(f"/v1/jobs/{job['id']}"), range(8)))
    assert sorted(answer.status_code for answer in codes) == [204] + [404] * 7


def test_many_submit_the_same_content_at_once_and_one_job_is_made(stand):
    data = serving.png()
    send = lambda _: stand.client.post("/v1/jobs", files={"file": ("a.png", data)})  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert len(stand.files()) == 1


def test_a_late_worker_writes_nothing(stand):
    stand.submit(serving.png())
    slow, quick = another(stand, "slow"), another(stand, "quick")
    late = slow.claim()
    assert quick.claim() is None
    time.sleep(0.3)
    again = quick.claim()
    assert (again.job.id, again.job.attempts) == (late.job.id, 2)
    from verilens.server.leases import Outcome

    assert slow.finish(late, Outcome(error={"type": "/problems/internal"})) is False
    assert slow.extend([late.lease]) == 0
    assert stand.job(late.job.id)["state"] == "running"


def test_a_job_whose_workers_die_becomes_a_dead_letter_and_can_be_retried(stand):
    job = stand.submit(serving.png())["id"]
    for n in range(3):
        taken = another(stand, f"worker-{n}")
        assert taken.claim().job.attempts == n + 1
        assert taken.release(f"worker-{n}") == 1
    assert another(stand).claim() is None
    found = stand.job(job)
    assert (found["state"], found["attempts"]) == ("failed", 3)
    assert found["error"]["type"] == "/problems/worker-lost"
    assert [item["id"] for item in stand.client.get("/v1/dead").json()["items"]] == [job]
    assert stand.client.post(f"/v1/jobs/{job}/retry").status_code == 202
    assert stand.client.get("/v1/dead").json()["items"] == []
    assert stand.worker.work_one()
    assert stand.job(job)["state"] == "done"
    assert stand.client.post(f"/v1/jobs/{job}/retry").status_code == 409


def test_a_bug_costs_a_job_a_try_and_never_the_worker(stand, monkeypatch):
    from verilens.scanner import Scanner
    from verilens.server import leases

    monkeypatch.setattr(leases, "BACKOFF_S", 0.0)
    job = stand.submit(serving.png())["id"]
    with monkeypatch.context() as patch:
        patch.setattr(Scanner, "open", lambda self, source: 1 / 0)
        assert stand.worker.work_one()
        assert (stand.job(job)["state"], stand.job(job)["attempts"]) == ("queued", 1)
    assert stand.worker.work_one()
    assert (stand.job(job)["state"], stand.job(job)["attempts"]) == ("done", 2)


def test_a_full_disk_refuses_the_upload_and_keeps_nothing_of_it(stand, monkeypatch):
    write, written = os.write, []

    def full(descriptor, data):
        if len(data) > 1000 and os.readlink(f"/proc/self/fd/{descriptor}").find("direct-") > 0:
            written.append(len(data))
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    answer = stand.client.post("/v1/jobs", files={"file": ("a.png", serving.png())})
    assert written
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/disk-full")
    assert stand.files() == []
    assert stand.client.get("/v1/jobs").json()["total"] == 0
    monkeypatch.undo()
    assert stand.submit(serving.png())["state"] == "queued"


@pytest.fixture
def small_disk(tmp_path):
    import subprocess

    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], check=False
    )
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(tmp_path, small_disk):
    with serving.stand(tmp_path, blobs=str(small_disk / "blobs")) as stand:
        first = stand.submit(serving.png(1, side=250))
        answer = stand.client.post("/v1/jobs", files={"file": ("b.png", serving.png(2, side=250))})
        assert (answer.status_code, answer.json()["type"]) == (507, "/problems/disk-full")
        assert [job["id"] for job in stand.client.get("/v1/jobs").json()["items"]] == [first["id"]]
        assert stand.files() == [first["id"]]


@pytest.fixture
def impatient(monkeypatch):
    from verilens.server import database

    monkeypatch.setattr(database, "BUSY_S", 0.3)


def test_while_the_database_is_gone_answers_say_so_and_results_wait(
    impatient, tmp_path, monkeypatch
):
    """SQLite cannot go away; a lock that nobody lifts is as good."""
    with serving.stand(tmp_path) as stand:
        job = stand.submit(serving.png())["id"]
        leased = stand.worker.queue.claim()
        other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE jobs SET stage = stage")
        working = threading.Thread(target=stand.worker._work, args=(leased,))
        working.start()
        answer = stand.client.post("/v1/jobs", files={"file": ("b.png", serving.png(1))})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert stand.client.get("/healthz").status_code == 200
        time.sleep(2.0)
        assert working.is_alive()
        other.execute("ROLLBACK")
        other.close()
        working.join(10)
        assert stand.job(job)["state"] == "done"
        removal.sweep(stand.service.database, stand.service.blobs, tmp_path / "staging")


def test_files_that_a_crash_left_behind_are_swept(stand, tmp_path):
    kept = stand.submit(serving.png())["id"]
    for path in ("blobs/files/lost", "blobs/previews/lost", "staging/direct-lost"):
        (tmp_path / path).write_bytes(b"x")
        os.utime(tmp_path / path, (1, 1))
    os.utime(tmp_path / "blobs/files" / kept, (1, 1))
    service = stand.service
    assert removal.sweep(service.database, service.blobs, tmp_path / "staging") == 3
    assert stand.files() == [kept]


def test_a_file_that_is_gone_from_the_store_ends_its_job(stand, tmp_path):
    job = stand.submit(serving.png())["id"]
    (tmp_path / "blobs" / "files" / job).unlink()
    stand.worker.work_one()
    assert stand.job(job)["error"]["type"] == "/problems/no-file"
    assert stand.client.get(f"/v1/jobs/{job}/preview").status_code in (404, 410)
