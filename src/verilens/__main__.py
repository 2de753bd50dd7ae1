"""python -m verilens: the command line."""

from verilens.cli import main

main()
