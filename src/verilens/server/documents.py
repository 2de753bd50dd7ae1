"""What is made of a result when somebody asks for it: pages, PDF files, a preview that is missing.

Files are decoded in the decoder process here too; this process only draws the pixels it gets back.
"""

import json
import threading
from contextlib import ExitStack
from functools import cached_property

from verilens.errors import MediaError
from verilens.media.sandbox import Decoder
from verilens.options import Options, choices
from verilens.records import Report
from verilens.report import html, pdf
from verilens.report.html import Context, Pictures
from verilens.report.json import parse
from verilens.report.pages import Pages, pictures
from verilens.server.blobs import Blobs
from verilens.server.database import Database
from verilens.server.jobs import Job
from verilens.server.previews import Previews, previewer
from verilens.server.settings import Settings


class Documents:
    """Makes documents, one at a time: they cost processor time that requests need."""

    def __init__(self, settings: Settings, database: Database, blobs: Blobs) -> None:
        self._settings = settings
        self._blobs = blobs
        self._previews = Previews(database, blobs, settings.places.staging)
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def html(self, job: Job, line: str) -> bytes:
        """Return the page of a result, as `verilens scan --html` writes it."""
        with self._lock:
            report, shown = self._illustrated(job, line)
            return html.render(report, shown, self.context).encode()

    def pdf(self, job: Job, line: str) -> bytes:
        """Return the result as a PDF file."""
        with self._lock:
            report, shown = self._illustrated(job, line)
            return pdf.render(report, shown, self.context)

    def preview(self, job: Job) -> str:
        """Make the preview of a job whose worker did not; return its media type."""
        with self._lock, previewer(self._settings) as process:
            return self._previews.make(job.id, process)

    def close(self) -> None:
        """End the decoder."""
        self._stack.close()

    def _illustrated(self, job: Job, line: str) -> tuple[Report, Pictures]:
        """Return the report and its pictures; none where the file is gone."""
        report = parse(json.loads(line))
        if not job.is_file_kept or report.error is not None:
            return report, Pictures()
        try:
            with self._blobs.local(f"files/{job.id}") as path:
                opened = self._decoder.open(path, Pages.views, examined=False)
        except (MediaError, FileNotFoundError):
            return report, Pictures()
        return report, pictures(report, opened.clips)

    @cached_property
    def _decoder(self) -> Decoder:
        rules, work = self._settings.rules, self._settings.work
        options = Options(max_bytes=rules.max_bytes, timeout_s=work.timeout_s)
        return self._stack.enter_context(Decoder(options.limits))

    @cached_property
    def context(self) -> Context:
        """What pages share: thresholds, cards, weights."""
        chosen = choices(self._settings.work.methods)
        return html.context({choice.card.name: choice.weights for choice in chosen})
