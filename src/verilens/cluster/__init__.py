"""Past one machine: the same scan, and the same server, on the nodes of a Ray cluster.

    verilens scan folder/ --engine ray --workers 8
    verilens scan @files.txt --engine ray --address auto --parquet results.parquet

Decisions are those of the local engine, byte for byte: every file is scored alone, by the same code
with the same weights, and a node that has others is refused. Needs the extra `ray`.
"""
