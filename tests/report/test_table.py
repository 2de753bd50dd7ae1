"""Tables hold one row a line, whatever the lines hold."""

import csv
import dataclasses
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_strategies import reports

from verilens.records import ErrorRecord, Evidence, Media, Report, Segment, Verdict, Where
from verilens.report import json as report_json
from verilens.report import table

MEDIA = Media(
    path="a.mp4", sha256="0" * 64, kind="video", format="mp4", size_bytes=9, width=4, height=3
)
EVIDENCE = Evidence(
    method="npr",
    claim="ai-generated",
    score=0.75,
    logit=1.1,
    where=Where(segments=(Segment(start_s=1.0, end_s=2.5, score=0.9),)),
)
VERDICT = Verdict(decision="fake", probability=0.875, interval=(0.5, 1.0), sentence="So.")
GOOD = Report(
    path="a.mp4", version="1", seconds=0.5, media=MEDIA, evidence=(EVIDENCE,), verdict=VERDICT
)
BAD = Report(path="b", version="1", seconds=0.0, error=ErrorRecord(type="empty", message="0 bytes"))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_a_flat_row_a_line(tmp_path: Path) -> None:
    count = table.write_csv(map(report_json.line, [GOOD, BAD]), tmp_path / "t.csv")
    good, bad = read_csv(tmp_path / "t.csv")
    assert count == 2
    assert (good["probability"], good["interval_low"], good["decision"]) == ("0.875", "0.5", "fake")
    assert good["scores"] == '{"npr": 0.75}'
    assert good["segments"] == '[[1.0, 2.5, 0.9, "npr"]]'
    assert (bad["decision"], bad["error_type"]) == ("", "empty")
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]


def test_parquet_agrees_with_csv(tmp_path: Path) -> None:
    path = tmp_path / "it's [a] table.parquet"
    assert table.write_parquet(map(report_json.line, [GOOD, BAD]), path) == 2
    plain = path.rename(tmp_path / "plain.parquet")
    found = duckdb.read_parquet(str(plain))
    assert found.columns == list(table.TYPES)
    assert [str(kind) for kind in found.types] == list(table.TYPES.values())
    assert found.fetchall() == [
        tuple(table.row(report_json.line(report)).values()) for report in (GOOD, BAD)
    ]


def test_tables_without_rows_are_still_tables(tmp_path: Path) -> None:
    assert table.write_parquet([], tmp_path / "t.parquet") == 0
    assert table.write_csv([], tmp_path / "t.csv") == 0
    assert duckdb.read_parquet(str(tmp_path / "t.parquet")).columns == list(table.TYPES)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r", "  =", "\uff1d"])
def test_no_cell_can_be_run_as_a_formula(tmp_path: Path, start: str) -> None:
    hostile = dataclasses.replace(BAD, path=f"{start}cmd|' /C calc'!A0")
    table.write_csv([report_json.line(hostile)], tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv")[0]["path"] == "'" + hostile.path


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(reports(), max_size=4))
def test_any_report_fits(tmp_path: Path, many: list[Report]) -> None:
    lines = [report_json.line(report) for report in many]
    table.write_csv(lines, tmp_path / "t.csv")
    assert len(read_csv(tmp_path / "t.csv")) == len(many)
    table.write_parquet(lines, tmp_path / "t.parquet")
    rows = duckdb.read_parquet(str(tmp_path / "t.parquet")).fetchall()
    assert rows == [tuple(table.row(line).values()) for line in lines]


def test_a_failure_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("old")

    def broken() -> Iterator[report_json.Line]:
        yield report_json.line(BAD)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        table.write_csv(broken(), path)
    assert path.read_text() == "old"


def test_rows_are_not_kept(tmp_path: Path) -> None:
    line = report_json.line(GOOD)
    tracemalloc.start()
    table.write_csv((dict(line) for _ in range(5000)), tmp_path / "t.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_scores_of_a_file_are_not_those_of_its_persons() -> None:
    low = dataclasses.replace(EVIDENCE, score=0.1, track=1, where=Where())
    high = dataclasses.replace(EVIDENCE, track=2)
    report = dataclasses.replace(GOOD, evidence=(EVIDENCE, low, high))
    flat = table.row(report_json.line(report))
    assert json.loads(str(flat["scores"])) == {"npr": 0.75}
    assert json.loads(str(flat["segments"])) == [[1.0, 2.5, 0.9, "npr"]]
