"""Lists and batches: paged, searched, and as quick in a large table as in a small one."""

import time

import pytest
import serving
from sqlalchemy import insert

from verilens.server import ids
from verilens.server.database import jobs, terms


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def fill(stand, count, prefix="file"):
    """Put finished jobs into the table without scanning anything."""
    rows, words = [], []
    for n in range(count):
        job = ids.new()
        rows.append(
            {
                "id": job,
                "name": f"{prefix}-{n}.png",
                "source": "upload",
                "owner": "local",
                "question": "{}",
                "created": 1.7e9 + n,
                "state": "done",
                "kind": "image" if n % 2 else "video",
                "decision": ("fake", "genuine", "unsure")[n % 3],
                "probability": (n * 7919 % 1000) / 1000,
                "low": 0.0,
                "high": 1.0,
                "sentence": "",
                "claim": "ai-generated",
                "provenance": "unknown",
                "size": n * 7919 % 1000,
                "maps": "[]",
                "sha256": f"{n:064x}",
            }
        )
        words += [{"term": word, "job": job} for word in (prefix, str(n), "png")]
    with stand.service.database.writing() as db:
        for start in range(0, len(rows), 1000):
            db.execute(insert(jobs), rows[start : start + 1000])
            db.execute(insert(terms), words[3 * start : 3 * (start + 1000)])
    return [row["id"] for row in rows]


def listed(stand, **query):
    answer = stand.client.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("sort", ["created", "-created", "name", "-size", "probability"])
def test_pages_hold_every_job_once_in_order(stand, sort):
    fill(stand, 25)
    found, cursor = [], None
    while True:
        page = listed(stand, sort=sort, limit=10, **({"cursor": cursor} if cursor else {}))
        assert page["total"] == 25
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len({item["id"] for item in found}) == 25

    def key(item):
        name = sort.removeprefix("-")
        value = item["summary"]["probability"] if name == "probability" else item[name]
        return (value, item["id"])

    assert found == sorted(found, key=key, reverse=sort.startswith("-"))


def test_jobs_are_found_by_words_hash_and_facts(stand):
    made = fill(stand, 30, "holiday")
    assert listed(stand, q="holi 17")["total"] == 1
    assert listed(stand, q="HOLIDAY-1")["total"] == 11
    assert listed(stand, q="nothing")["items"] == []
    assert listed(stand, q="0" * 62 + "1d")["items"][0]["id"] == made[29]
    assert listed(stand, decision="fake", kind="image")["total"] == 5
    assert listed(stand, state="queued")["total"] == 0
    assert listed(stand, since="2100-01-01T00:00:00Z")["total"] == 0
    assert listed(stand, until="2100-01-01T00:00:00Z")["total"] == 30


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "W10"},
        {"limit": 0},
        {"limit": 10_000},
        {"sort": "id; drop table jobs"},
        {"state": "x"},
        {"unknown": "x"},
        {"since": "yesterday"},
    ],
)
def test_queries_that_make_no_sense_are_refused(stand, query):
    answer = stand.client.get("/v1/jobs", params=query)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")


@pytest.mark.slow
def test_a_page_costs_the_same_in_a_large_table(stand):
    def cost(**query) -> float:
        times = []
        for _ in range(15):
            begun = time.perf_counter()
            listed(stand, **query)
            times.append(time.perf_counter() - begun)
        return sorted(times)[7]

    queries = ({}, {"sort": "-probability"}, {"decision": "fake"}, {"q": "special 3"})
    fill(stand, 20, "special")
    fill(stand, 12_000)
    small = [cost(**query) for query in queries]
    fill(stand, 150_000)
    large = [cost(**query) for query in queries]
    assert all(b < 2 * a + 0.01 for a, b in zip(small, large, strict=True)), (small, large)


def test_a_batch_takes_the_good_files_and_names_the_others(stand):
    files = [
        ("file", ("a.png", serving.png(1))),
        ("file", ("b.txt", b"hello")),
        ("file", ("c.png", b"")),
        ("file", ("d.png", serving.png(2))),
    ]
    found = stand.client.post("/v1/batches", files=files)
    assert found.status_code == 202
    batch = found.json()
    assert [job["name"] for job in batch["jobs"]] == ["a.png", "d.png"]
    refused = {item["name"]: item["problem"]["type"] for item in batch["refused"]}
    assert refused == {"b.txt": "/problems/unsupported", "c.png": "/problems/empty"}
    assert stand.worker.work_one()
    page = stand.client.get(f"/v1/batches/{batch['id']}", params={"limit": 1}).json()
    assert page["counts"] == {"queued": 1, "running": 0, "done": 1, "failed": 0}
    assert (len(page["jobs"]), page["total"]) == (1, 2)
    rest = {"limit": 5, "cursor": page["next"]}
    more = stand.client.get(f"/v1/batches/{batch['id']}", params=rest).json()
    assert [job["name"] for job in more["jobs"]] == ["d.png"]
    assert len(stand.files()) == 3  # two files and a preview


def test_a_batch_leaves_out_what_is_too_large(tmp_path):
    with serving.stand(tmp_path, max_bytes=20_000) as stand:
        files = [
            ("file", ("large.png", serving.png(1, side=120))),
            ("file", ("small.png", serving.png(2, side=40))),
        ]
        found = stand.client.post("/v1/batches", files=files).json()
        assert [job["name"] for job in found["jobs"]] == ["small.png"]
        assert found["refused"][0]["problem"]["type"] == "/problems/too-large"
        assert len(stand.files()) == 1


def test_what_is_known_already_belongs_to_the_batch_too(stand):
    first = stand.submit(serving.png(1))["id"]
    files = [("file", (f"{n}.png", serving.png(n))) for n in (1, 1, 2)]
    batch = stand.client.post("/v1/batches", files=files).json()
    assert [job["id"] for job in batch["jobs"]][:2] == [first, first]
    page = stand.client.get(f"/v1/batches/{batch['id']}").json()
    assert (page["total"], page["counts"]["queued"]) == (2, 2)
    listed_too = listed(stand, batch=batch["id"])
    assert {job["id"] for job in listed_too["items"]} == {job["id"] for job in batch["jobs"]}


def test_files_join_an_empty_batch_one_by_one(stand):
    batch = stand.client.post("/v1/batches", json={"urls": []}).json()["id"]
    for n in range(3):
        stand.submit(serving.png(n), batch=batch, name=f"folder/{n}.png")
    page = stand.client.get(f"/v1/batches/{batch}").json()
    assert [job["name"] for job in page["jobs"]] == [f"folder/{n}.png" for n in range(3)]
    other = {"file": ("a.png", serving.png(9))}
    for wrong in ("nonsense", ids.new()):
        answer = stand.client.post("/v1/jobs", files=other, data={"batch": wrong})
        assert answer.status_code == 404
    assert len(stand.files()) == 3


def test_a_batch_sent_again_goes_on_with_the_same_one(stand):
    files = [("file", (f"{n}.png", serving.png(n), "image/png")) for n in range(2)]
    files.append(("file", ("no.txt", b"words", "text/plain")))
    head = {"Idempotency-Key": "one"}
    first, again = (
        stand.client.post("/v1/batches", files=files, data={"fresh": "true"}, headers=head).json()
        for _ in range(2)
    )
    assert first["id"] == again["id"] and len(again["refused"]) == 1
    assert [job["id"] for job in first["jobs"]] == [job["id"] for job in again["jobs"]]
    assert stand.client.get(f"/v1/batches/{first['id']}").json()["total"] == 2
    other = stand.client.post("/v1/batches", files=files[1:], headers=head).json()
    assert other["id"] == first["id"] and not other["jobs"]  # the key stands for other files
    assert {r["problem"]["type"] for r in other["refused"]} >= {"/problems/idempotency"}
