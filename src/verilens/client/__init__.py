"""A client of `verilens serve`: files in, reports out, on a machine that has no networks.

    from verilens import Client
    with Client("https://scan.example.org", key="vl_...") as client:
        report = client.scan("photo.jpg")
        job = client.submit("film.mp4")
        job = client.wait(job, lambda seen: print(f"{seen.progress:.0%} {seen.stage}"))

Needs the extra `client`.
"""

from verilens.client.client import Client
from verilens.client.records import Job, JobPage, Question, Summary, Upload

__all__ = ["Client", "Job", "JobPage", "Question", "Summary", "Upload"]
