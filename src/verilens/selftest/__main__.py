"""python -m verilens.selftest: write the values that `verilens selftest` compares with."""

from verilens.selftest import record

record()
