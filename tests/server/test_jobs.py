"""From a file that is sent to a verdict that is read."""

import json

import jsonschema
import pytest
import serving

import scanning
from verilens import scan
from verilens.options import Options
from verilens.report.json import line, schema


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def test_a_file_becomes_a_verdict_as_the_command_gives_it(stand, tmp_path):
    path = scanning.picture(tmp_path / "a.png", side=300)
    job = stand.submit(path.read_bytes(), "a.png")
    assert (job["state"], job["name"], job["summary"]) == ("queued", "a.png", None)
    assert stand.worker.work_one()
    done = stand.job(job["id"])
    assert (done["state"], done["kind"], done["progress"]) == ("done", "image", 1.0)

    result = stand.client.get(f"/v1/jobs/{job['id']}/result").json()
    jsonschema.validate(result, schema())
    expected = json.loads(json.dumps(line(scan(path, Options(methods=(scanning.npr(),))))))
    for record in (result, expected):
        record.pop("seconds")
        record.pop("path")
    assert result == expected
    assert done["summary"]["decision"] == result["decision"]
    assert done["summary"]["interval"] == result["interval"]


def test_a_result_is_not_there_before_the_job_is_done(stand):
    job = stand.submit(serving.png())
    answer = stand.client.get(f"/v1/jobs/{job['id']}/result")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-done"


def test_the_same_content_is_answered_by_the_same_job(stand):
    first = stand.submit(serving.png(1))
    again = stand.client.post("/v1/jobs", files={"file": ("b.png", serving.png(1))})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    fresh = stand.submit(serving.png(1), fresh="true")
    assert fresh["id"] != first["id"]
    assert stand.submit(serving.png(1))["id"] == fresh["id"]
    assert len(stand.files()) == 2


def test_heat_maps_are_grey_pictures(stand):
    import cv2
    import numpy as np

    job = stand.submit(serving.png(side=300))
    stand.worker.work_one()
    assert stand.job(job["id"])["maps"] == ["npr"]
    answer = stand.client.get(f"/v1/jobs/{job['id']}/maps/npr")
    assert answer.headers["content-type"] == "image/png"
    decoded = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    grid = stand.client.get(f"/v1/jobs/{job['id']}/result").json()["evidence"][0]["where"]
    cells = np.array(grid["heatmap"]["values"]).reshape(decoded.shape)
    assert np.abs(decoded / 255 - cells).max() < 0.003
    assert stand.client.get(f"/v1/jobs/{job['id']}/maps/other").status_code == 404


def test_scanners_share_networks_and_idle_ones_are_closed(tmp_path, monkeypatch):
    from verilens.server import scanners
    from verilens.verify import panel

    monkeypatch.setattr(scanners, "KEPT", 1)
    npr, probe = scanning.npr(), "probe"
    settings = serving.settings(tmp_path)
    with scanners.Scanners(settings, 1) as found:
        with found.of((npr,)) as first, found.of((npr, probe)) as second:
            assert first is not second
            assert len(found._scanners) == 2
        assert list(found._scanners) == [(npr,)]  # it was in use when the other had to go
        with found.of((npr,)) as again:
            assert again is first
    (one,) = panel.assemble((npr,)).detectors
    assert one in panel.assemble((npr, probe)).detectors
