"""python -m verilens.selftest: write the values that `verilens selftest` compares with."""

from pathlib import Path

from verilens.selftest import record

record(Path(__file__).with_name("expected.json"))
