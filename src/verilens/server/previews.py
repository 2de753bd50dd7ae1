"""Previews of jobs: made once, in the decoder process, and kept beside the files."""

from contextlib import suppress
from pathlib import Path

from sqlalchemy import update

from verilens.errors import MediaError
from verilens.media.opened import Limits
from verilens.media.preview import Previewer
from verilens.server import ids
from verilens.server.blobs import Blobs
from verilens.server.database import Database, jobs
from verilens.server.settings import Settings

EXTRA_S = 30.0  # beyond what a film may cost: to open it, and to close what was written


def previewer(settings: Settings) -> Previewer:
    """Return a process that makes previews, not started yet."""
    work = settings.work
    limits = Limits(max_bytes=settings.rules.max_bytes, seconds=work.preview_s + EXTRA_S)
    return Previewer(limits, work.preview_s)


class Previews:
    """Makes previews of the files of a store."""

    def __init__(self, database: Database, blobs: Blobs, staging: Path) -> None:
        self._database = database
        self._blobs = blobs
        self._staging = staging

    def make(self, job: str, process: Previewer) -> str:
        """Make the preview of a job and return its media type; "" when it cannot be shown."""
        self._staging.mkdir(parents=True, exist_ok=True)
        target = self._staging / f"direct-{ids.new()}"
        made = ""
        try:
            with suppress(MediaError, FileNotFoundError):
                with self._blobs.local(f"files/{job}") as path:
                    made = process.write(path, target).type
                self._blobs.put(target, f"previews/{job}")
        finally:
            target.unlink(missing_ok=True)
        if not self._note(job, made):  # deleted meanwhile
            self._blobs.delete(f"previews/{job}")
            return ""
        return made

    def _note(self, job: str, made: str) -> bool:
        changed = {"preview": made, "version": jobs.c.version + 1}
        with self._database.writing() as db:
            kept = (jobs.c.id == job) & jobs.c.is_file_kept.is_(True)
            return db.execute(update(jobs).where(kept).values(changed)).rowcount > 0
