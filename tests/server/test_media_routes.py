"""What is shown of a file, and the reports that are downloaded."""

import io

import pytest
import serving
from PIL import Image

from verilens.media.miniature import Miniature


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server for the tests that only add to it: its decoders start once."""
    with serving.stand(tmp_path_factory.mktemp("shared")) as found:
        yield found


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def done(stand, data, name="a.png"):
    job = stand.submit(data, name)
    assert stand.worker.work_one() or job["state"] == "done"
    return stand.job(job["id"])


def test_a_picture_is_shown_encoded_anew_and_scaled_down(shared):
    stand, file = shared, io.BytesIO()
    Image.new("RGB", (2100, 2100), (90, 120, 150)).save(file, "PNG")
    job = done(stand, file.getvalue())
    answer = stand.client.get(f"/v1/jobs/{job['id']}/preview")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (2048, 2048)


def test_a_film_is_shown_as_mp4_in_ranges(shared, tmp_path):
    stand = shared
    Miniature(tmp_path).video("a.mp4")
    job = done(stand, (tmp_path / "a.mp4").read_bytes(), "a.mp4")
    address = f"/v1/jobs/{job['id']}/preview"
    whole = stand.client.get(address)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.content[4:8] == b"ftyp"
    part = stand.client.get(address, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    end = stand.client.get(address, headers={"Range": "bytes=-3"})
    assert end.content == whole.content[-3:]
    beyond = stand.client.get(address, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


def test_a_preview_that_no_worker_made_is_made_when_asked_for(stand, monkeypatch):
    from verilens.server import routes_media
    from verilens.server.previews import Previews

    with monkeypatch.context() as patch:  # a worker that dies after the verdict
        patch.setattr(Previews, "make", lambda self, job, process: "")
        job = done(stand, serving.png())
    monkeypatch.setattr(routes_media, "LOST_S", 0.0)
    answer = stand.client.get(f"/v1/jobs/{job['id']}/preview")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.parametrize(
    ("kind", "starts"), [("html", b"<!doctype html>"), ("pdf", b"%PDF-"), ("json", b'{"schema"')]
)
def test_reports_are_downloads(shared, kind, starts):
    stand = shared
    job = done(stand, serving.png(side=200), "Bild «ä» 漢.png")
    answer = stand.client.get(f"/v1/jobs/{job['id']}/report", params={"format": kind})
    assert answer.status_code == 200, answer.text
    assert answer.content.lower().startswith(starts.lower())
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert f'filename="verilens-Bild.{kind}"' in answer.headers["content-disposition"]
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_page_is_the_one_of_the_command_and_shows_the_picture(shared):
    stand = shared
    job = done(stand, serving.png(side=200))
    page = stand.client.get(f"/v1/jobs/{job['id']}/report").text
    assert "data:image/jpeg;base64" in page
    assert job["sha256"] in page


def test_after_the_file_is_gone_reports_remain_and_the_preview_says_so(stand):
    from verilens.server import removal

    job = done(stand, serving.png(side=200))
    assert removal.expire(stand.service.database, stand.service.blobs, hours=0.0) == 1
    assert stand.files() == []
    found = stand.job(job["id"])
    assert (found["file_kept"], found["summary"]) == (False, job["summary"])
    assert stand.client.get(f"/v1/jobs/{job['id']}/preview").status_code == 410
    for kind in ("html", "pdf"):
        answer = stand.client.get(f"/v1/jobs/{job['id']}/report", params={"format": kind})
        assert answer.status_code == 200


def test_files_of_jobs_that_are_not_done_never_expire(stand):
    from verilens.server import removal

    stand.submit(serving.png())
    assert removal.expire(stand.service.database, stand.service.blobs, hours=0.0) == 0
    assert len(stand.files()) == 1
