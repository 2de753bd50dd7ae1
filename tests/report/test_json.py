"""Lines are strict JSON, keep the published schema, and give the report back."""

import copy
import dataclasses
import json
import math

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from report_strategies import reports

from verilens.records import Evidence, Media, Provenance, Quality, Report, Verdict, Where
from verilens.report import json as report_json

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

VERDICT = Verdict(decision="fake", probability=0.9, interval=(0.8, 0.95), sentence="Because.")
MEDIA = Media(
    path="a.jpg", sha256="0" * 64, kind="image", format="JPEG", size_bytes=9, width=4, height=3
)
REPORT = Report(path="a.jpg", version="1", seconds=0.5, media=MEDIA, verdict=VERDICT)


def strict(text: str) -> dict:
    """Read JSON as a strict reader does: no NaN, no lone surrogates."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    value = json.loads(text, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def closed(node: object) -> object:
    """The schema with every described object closed, so that an undescribed field is an error."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: closed(value) for key, value in node.items()}
    if node.get("type") == "object" and "properties" in node:
        result.setdefault("additionalProperties", False)
    return result


def values(record: object) -> object:
    """A record as nested plain values that `==` can compare, arrays included."""
    if dataclasses.is_dataclass(record):
        return {f.name: values(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, np.ndarray):
        return (record.shape, np.round(record.astype(float), 3).tolist())
    if isinstance(record, tuple):
        return [values(item) for item in record]
    return record


VALIDATOR = jsonschema.Draft202012Validator(closed(copy.deepcopy(report_json.schema())))


@many
@given(reports())
def test_any_report_keeps_the_schema_and_comes_back(report: Report) -> None:
    text = report_json.dumps(report)
    assert "\n" not in text and text.isascii()
    VALIDATOR.validate(strict(text))
    (again,) = report_json.loads([text])
    assert values(again) == values(report)


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(report_json.schema())


def test_line_has_the_promised_fields() -> None:
    promised = (
        "path sha256 kind width height duration_s decision probability interval evidence "
        "provenance quality error seconds version"
    )
    assert set(promised.split()) <= set(report_json.line(REPORT))


def test_undecodable_path_is_readable_and_exact() -> None:
    path = b"a\xe9.jpg".decode("utf-8", "surrogateescape")
    text = report_json.dumps(dataclasses.replace(REPORT, path=path))
    line = strict(text)
    assert line["path"] == "a\\xe9.jpg"
    assert bytes.fromhex(line["path_bytes"]) == b"a\xe9.jpg"
    assert report_json.parse(line).path == path


def test_surrogates_anywhere_are_written_safely() -> None:
    verdict = dataclasses.replace(VERDICT, sentence="\ud800 \udcff")
    provenance = Provenance(c2pa={"\udcff": ["\ud83d", {"x": object}]}, metadata={"a": "\udfff"})
    media = dataclasses.replace(MEDIA, provenance=provenance)
    path = "a\ud800b"
    line = report_json.line(dataclasses.replace(REPORT, path=path, media=media, verdict=verdict))
    VALIDATOR.validate(strict(json.dumps(line)))


def test_numbers_that_json_lacks_become_null() -> None:
    media = dataclasses.replace(MEDIA, fps=math.inf, quality=Quality(sharpness=math.nan))
    line = strict(report_json.dumps(dataclasses.replace(REPORT, media=media)))
    assert line["fps"] is None and line["quality"]["sharpness"] is None
    VALIDATOR.validate(line)
    assert math.isnan(report_json.parse(line).media.quality.sharpness)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.1])
def test_a_score_that_is_none_is_refused(bad: float) -> None:
    evidence = Evidence(method="npr", claim="ai-generated", score=bad, logit=0.0)
    with pytest.raises(ValueError, match="score of npr"):
        report_json.line(dataclasses.replace(REPORT, evidence=(evidence,)))
    with pytest.raises(ValueError, match="probability"):
        verdict = dataclasses.replace(VERDICT, probability=bad)
        report_json.line(dataclasses.replace(REPORT, verdict=verdict))


def test_an_infinite_logit_is_clamped() -> None:
    evidence = Evidence(method="npr", claim="edited", score=1.0, logit=math.inf)
    line = report_json.line(dataclasses.replace(REPORT, evidence=(evidence,)))
    assert line["evidence"][0]["logit"] == report_json.MAX_LOGIT


def test_large_heat_maps_leave_as_small_grids_of_means() -> None:
    halves = np.zeros((256, 512), dtype=np.float32)
    halves[:, 256:] = 1
    where = Where(heatmap=halves)
    evidence = Evidence(method="npr", claim="edited", score=0.5, logit=0.0, where=where)
    text = report_json.dumps(dataclasses.replace(REPORT, evidence=(evidence,)))
    grid = strict(text)["evidence"][0]["where"]["heatmap"]
    assert (grid["rows"], grid["columns"]) == (32, 64)
    assert np.mean(grid["values"]) == 0.5
    assert len(text) < 16_000


def test_a_line_written_before_there_were_people_is_read() -> None:
    evidence = Evidence(method="npr", claim="edited", score=0.5, logit=0.0)
    line = strict(report_json.dumps(dataclasses.replace(REPORT, evidence=(evidence,))))
    del line["people"], line["claim"], line["evidence"][0]["track"]
    VALIDATOR.validate(line)
    again = report_json.parse(line)
    assert again.people is None and again.evidence[0].track is None
    assert again.verdict is not None and again.verdict.claim == "ai-generated"


def test_a_line_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="scan-v9"):
        report_json.parse({"schema": "verilens/scan-v9"})
