"""`verilens serve --engine ray`: the same server, its parts kept by Ray."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

pytest.importorskip("ray", reason="the extra 'ray' is not installed")

import httpx
import serving

import scanning
import verilens
from verilens.cluster import serve
from verilens.errors import ConfigError
from verilens.options import Options
from verilens.report.json import line


def test_sqlite_is_for_one_machine(tmp_path):
    serve._check_database(serving.settings(tmp_path), nodes=1)
    serve._check_database(serving.settings(tmp_path, database="postgresql://db/v"), nodes=9)
    with pytest.raises(ConfigError, match="this cluster has 2 nodes"):
        serve._check_database(serving.settings(tmp_path), nodes=2)


@contextlib.contextmanager
def started(folder, *options):
    """Start the command; give its address and its process."""
    command = [sys.executable, "-m", "verilens", "serve", "--data", folder, "--port", "0"]
    command += ["--engine", "ray", "--jobs", "1", "--methods", scanning.npr(), *options]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        said = process.stdout.readline()
        assert "serves at" in said, process.stderr.read()
        yield said.split("serves at ")[1].split()[0], process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.slow
def test_a_job_gets_the_result_of_a_scan_and_outlives_its_worker(tmp_path):
    path = scanning.picture(tmp_path / "a.png", seed=1)
    with started(tmp_path / "serve") as (url, _), verilens.Client(url) as client:
        found = {**line(client.scan(path)), "seconds": None}
        here = verilens.scan(path, Options(methods=(scanning.npr(),)))
        assert found == {**line(here), "seconds": None}

        assert httpx.get(f"{url}readyz").json()["checks"]["worker"] == "ok"
        refused = httpx.post(f"{url}v1/jobs", files={"file": ("a.png", b"text")})
        assert refused.headers["content-type"] == "application/problem+json"

        with contextlib.closing(sqlite3.connect(tmp_path / "serve" / "jobs.sqlite")) as database:
            ((pid,),) = database.execute("SELECT pid FROM workers").fetchall()
        os.kill(pid, signal.SIGKILL)
        job = client.submit(scanning.picture(tmp_path / "b.png", seed=2))
        assert client.wait(job, timeout_s=60).state == "done"
