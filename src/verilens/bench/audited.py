"""A table with what an audit of its predictions found: warnings, and the metadata-only baseline."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from verilens import tables
from verilens.bench import audit, predictions
from verilens.bench.columns import FILE, Columns
from verilens.bench.result import Cell, Row, Table

MOST_ROWS = 300_000  # an audit holds them all; larger files are audited on their own
BASELINE = "no pixels: file facts only"


def audited(table: Table, files: Sequence[Columns]) -> Table:
    """Return the table with one baseline row and the warnings of its files, each said once."""
    rows: list[Row] = []
    notes: dict[str, None] = {}
    for file in files:
        for found in _audits(file.path):
            notes.update(dict.fromkeys(f"audit: {said}" for said in found.warnings))
            auc = found.metadata_auc
            if auc and "auc" in table.measures and not rows:
                cell = Cell(value=auc.value, low=auc.low, high=auc.high)
                counts = {name: found.samples[name] for name in ("fake", "genuine")}
                row = Row(
                    method="(baseline)",
                    kind="baseline",
                    name=BASELINE,
                    fakes=counts["fake"],
                    genuine=counts["genuine"],
                    cells={"auc": cell},
                )
                rows.append(row)
    return replace(table, rows=(*table.rows, *rows), notes=(*table.notes, *notes))


def _audits(path: Path) -> Iterable[audit.Audit]:
    """Yield the audit of a file of ours that is small enough and tells what its files were."""
    if path.suffix.lower() != ".parquet":
        return
    opened = tables.opened(path)
    if opened.metadata.num_rows > MOST_ROWS or not set(predictions.COLUMNS) <= set(
        opened.schema_arrow.names
    ):
        return
    rows = list(predictions.read(path))
    if any(key.startswith(FILE) for row in rows for key in row.attributes):
        yield audit.audit(rows)
