"""A server over the scan: an HTTP interface, a queue in a database, workers as processes.

The web process takes files in, keeps the queue and answers; it imports no torch. Workers lease
jobs from the database, scan them as `verilens scan` does and write what they found. A folder or an
S3-like store holds the files until their time is over. See docs/serve.md.
"""
