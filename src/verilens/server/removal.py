"""Deleting: a job on demand, files whose time is over, and what a crash left behind."""

from contextlib import suppress
from pathlib import Path
from time import time

from sqlalchemy import delete, select, update

from verilens.server.blobs import Blobs
from verilens.server.database import Database, jobs, maps, members, results, terms, uploads, workers

BATCH = 200
WORKER_S = 86_400.0
ORPHAN_S = 3600.0  # after which a file that no job names is an accident


def remove(database: Database, blobs: Blobs, job: str) -> bool:
    """Delete a job with all it has, whatever its state; False when there is none.

    A worker that is still at it finds its lease gone and drops what it found.
    """
    with database.writing() as db:
        is_there = db.execute(delete(jobs).where(jobs.c.id == job)).rowcount > 0
        for table in (results, maps, terms, members):
            db.execute(delete(table).where(table.c.job == job))
    if is_there:
        discard(blobs, job)
    return is_there


def discard(blobs: Blobs, job: str) -> None:
    """Delete the file of a job and its preview."""
    for folder in ("files", "previews"):
        blobs.delete(f"{folder}/{job}")


def expire(database: Database, blobs: Blobs, hours: float) -> int:
    """Delete the files of jobs that ended so long ago; results stay. Return how many."""
    count = 0
    while True:
        with database.reading() as db:
            limit = database.now(db) - 3600 * hours
            old = jobs.c.is_file_kept.is_(True) & (jobs.c.finished < limit)
            found = list(db.execute(select(jobs.c.id).where(old).limit(BATCH)).scalars())
        if not found:
            return count
        for job in found:
            discard(blobs, job)
        with database.writing() as db:
            ended = jobs.c.id.in_(found) & jobs.c.finished.is_not(None)
            changed = {"is_file_kept": False, "preview": "", "version": jobs.c.version + 1}
            db.execute(update(jobs).where(ended).values(changed))
        count += len(found)


def expire_uploads(database: Database, staging: Path) -> int:
    """Delete uploads that were never completed; return how many."""
    with database.writing() as db:
        old = uploads.c.expires < database.now(db)
        found = list(db.execute(delete(uploads).where(old).returning(uploads.c.id)).scalars())
    for upload in found:
        (staging / f"upload-{upload}").unlink(missing_ok=True)
    return len(found)


def forget_workers(database: Database) -> None:
    """Delete what is known of workers that were not seen for a day."""
    with database.writing() as db:
        db.execute(delete(workers).where(workers.c.seen < database.now(db) - WORKER_S))


def sweep(database: Database, blobs: Blobs, staging: Path) -> int:
    """Delete files that a crash left without a job, and old pieces of uploads; return how many."""
    orphans = 0
    for folder in ("files", "previews"):
        names = blobs.older(folder, ORPHAN_S)
        for start in range(0, len(names), BATCH):
            part = {name.rpartition("/")[2]: name for name in names[start : start + BATCH]}
            with database.reading() as db:
                kept = select(jobs.c.id).where(jobs.c.id.in_(part), jobs.c.is_file_kept.is_(True))
                for job in db.execute(kept).scalars():
                    part.pop(job, None)
            for name in part.values():
                blobs.delete(name)
            orphans += len(part)
    return orphans + _sweep_staging(staging)


def _sweep_staging(staging: Path) -> int:
    count = 0
    for pattern in ("direct-*", "blob-*"):
        for path in staging.glob(pattern):
            with suppress(OSError):
                if path.stat().st_mtime < time() - ORPHAN_S:
                    path.unlink()
                    count += 1
    return count
