"""Uploads in pieces: they go on after a break, and only whole ones become jobs."""

import hashlib

import pytest
import serving


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def begin(stand, data, **fields):
    answer = stand.client.post("/v1/uploads", json={"name": "a.png", "size": len(data), **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def send(stand, upload, data, offset):
    return stand.client.patch(
        f"/v1/uploads/{upload}", content=data, headers={"Upload-Offset": str(offset)}
    )


def test_pieces_become_a_job(stand):
    data = serving.png(side=100)
    upload = begin(stand, data, sha256=hashlib.sha256(data).hexdigest())
    assert send(stand, upload, data[:1000], 0).headers["upload-offset"] == "1000"
    head = stand.client.head(f"/v1/uploads/{upload}")
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == (
        "1000",
        f"{len(data)}",
    )
    early = stand.client.post(f"/v1/uploads/{upload}/complete", json={})
    assert (early.status_code, early.json()["type"]) == (409, "/problems/incomplete")
    wrong = send(stand, upload, data[900:], 900)
    assert (wrong.status_code, wrong.headers["upload-offset"]) == (409, "1000")
    assert send(stand, upload, data[1000:], 1000).status_code == 204
    answer = stand.client.post(f"/v1/uploads/{upload}/complete", json={})
    assert answer.status_code == 202
    assert answer.json()["sha256"] == hashlib.sha256(data).hexdigest()
    assert stand.client.head(f"/v1/uploads/{upload}").status_code == 404
    assert len(stand.files()) == 1
    assert stand.worker.work_one()
    assert stand.job(answer.json()["id"])["state"] == "done"


def test_completing_twice_gives_the_same_job(stand):
    data = serving.png()
    upload = begin(stand, data)
    send(stand, upload, data, 0)
    path = f"/v1/uploads/{upload}/complete"
    first, again = (stand.client.post(path, json={"fresh": True}) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert stand.client.get("/v1/jobs").json()["total"] == 1
    assert stand.client.head(f"/v1/uploads/{upload}").status_code == 404
    stand.client.delete(f"/v1/jobs/{first.json()['id']}")
    assert stand.client.post(path, json={}).status_code == 404


def test_more_bytes_than_announced_are_refused(stand):
    upload = begin(stand, b"x" * 10)
    assert send(stand, upload, b"y" * 11, 0).status_code == 413


def test_other_bytes_than_announced_are_refused(stand):
    data = serving.png()
    upload = begin(stand, data, sha256="0" * 64)
    send(stand, upload, data, 0)
    answer = stand.client.post(f"/v1/uploads/{upload}/complete", json={})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/digest")
    assert stand.client.get("/v1/jobs").json()["total"] == 0


def test_an_upload_over_the_limit_never_begins(tmp_path):
    with serving.stand(tmp_path, max_bytes=1000) as stand:
        answer = stand.client.post("/v1/uploads", json={"name": "a.png", "size": 1001})
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


def test_an_upload_goes_on_in_a_server_that_was_started_anew(tmp_path):
    data = serving.png(side=100)
    with serving.stand(tmp_path) as stand:
        upload = begin(stand, data)
        send(stand, upload, data[:500], 0)
        with (tmp_path / "staging" / f"upload-{upload}").open("ab") as file:
            file.write(b"torn off")  # came, but was not written down before the end
    with serving.stand(tmp_path) as stand:
        assert stand.client.head(f"/v1/uploads/{upload}").headers["upload-offset"] == "500"
        assert send(stand, upload, data[500:], 500).status_code == 204
        answer = stand.client.post(f"/v1/uploads/{upload}/complete", json={})
        assert answer.json()["sha256"] == hashlib.sha256(data).hexdigest()


def test_an_upload_can_be_given_up_and_expires(stand):
    from verilens.server import removal

    first, second = begin(stand, b"abc"), begin(stand, b"abc")
    assert stand.client.delete(f"/v1/uploads/{first}").status_code == 204
    with stand.service.database.writing() as db:
        from sqlalchemy import text

        db.execute(text("UPDATE uploads SET expires = 0"))
    removal.expire_uploads(stand.service.database, stand.settings.places.staging)
    assert stand.client.head(f"/v1/uploads/{second}").status_code == 404
    assert stand.files() == []
