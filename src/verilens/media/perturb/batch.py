"""Perturbed copies of whole folders: several processes, nothing twice, no file stops the rest.

What exists is skipped, so a run that was killed goes on where it was. A folder keeps a note of the
perturbation that made it and refuses another one.
"""

import json
import os
import queue
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from verilens.errors import ConfigError, MediaError
from verilens.layout import MEDIA, VIDEOS
from verilens.media.opened import Limits
from verilens.media.perturb.files import Perturber, Written, suffix
from verilens.media.sources import expand

NOTE = ".perturbation.json"
_PICTURES = (MEDIA - VIDEOS) | {".gif", ".avif", ".heic", ".heif", ".apng", ".jpe", ".jfif"}
_FILMS = VIDEOS | {".gif", ".3gp", ".flv", ".wmv", ".ts", ".ogv"}


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """One column of a robustness table: a kind at a severity, drawn from a seed."""

    kind: str
    severity: int
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Task:
    """One file to write. target: without the suffix of its format, unless `exact`."""

    source: Path
    target: Path
    sample: str
    treatment: Treatment
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a task. "copied" is a file that is no media; "left out" the same, not copied.

    path: what lies there now, None when nothing does. error: why it failed.
    """

    task: Task
    status: Literal["written", "skipped", "copied", "left out", "failed"]
    path: Path | None = None
    written: Written | None = None
    error: MediaError | None = None


def tasks(root: Path, out: Path, treatment: Treatment, keep_names: bool) -> Iterator[Task]:
    """Yield a task for each file below a folder, or for one file.

    keep_names: targets are called as their sources, whatever format they hold; an adapter of a
        data set then reads the copy as it reads the original.

    Raises ConfigError when `out` holds another perturbation.
    """
    if root.is_file():
        target = out / root.name if out.is_dir() else out
        exact = keep_names or not out.is_dir()
        yield Task(source=root, target=target, sample=root.name, treatment=treatment, exact=exact)
        return
    _sign(out, treatment)
    for source in expand([str(root)]):
        if source.path is None:
            continue
        sample = source.path.relative_to(root).as_posix()
        if out.resolve() not in source.path.resolve().parents:
            yield Task(
                source=source.path,
                target=out / sample,
                sample=sample,
                treatment=treatment,
                exact=keep_names,
            )


@cache
def treatment_of(folder: Path) -> Treatment | None:
    """Return what a folder, or the nearest above it that has a note, was perturbed with."""
    for place in (folder, *folder.parents):
        try:
            return Treatment(**json.loads((place / NOTE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"{place / NOTE}: damaged ({error}); perturb anew") from error
    return None


def perturb_many(
    work: Iterable[Task], jobs: int, limits: Limits | None = None
) -> Iterator[Outcome]:
    """Yield an outcome for each task as it is done, in any order; at most `jobs` at once."""
    waiting, lock = iter(work), threading.Lock()
    done: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=jobs * 4)
    perturbers = [Perturber(limits) for _ in range(jobs)]
    stopped = threading.Event()

    def take() -> Task | None:
        with lock:
            return None if stopped.is_set() else next(waiting, None)

    def serve(perturber: Perturber) -> None:
        try:
            while (task := take()) is not None:
                done.put(_outcome(task, perturber))
        except BaseException as error:  # it goes to whoever asked, not to a thread's standard error
            done.put(error)
        finally:
            perturber.close()
            done.put(None)

    threads = [threading.Thread(target=serve, args=(p,), daemon=True) for p in perturbers]
    for thread in threads:
        thread.start()
    try:
        yield from _drained(done, len(threads))
    finally:
        stopped.set()
        while any(thread.is_alive() for thread in threads):
            for perturber in perturbers:
                perturber.abort()
            while not done.empty():
                done.get()
            threads[0].join(0.05)


def _drained(
    done: "queue.Queue[Outcome | BaseException | None]", running: int
) -> Iterator[Outcome]:
    while running:
        found = done.get()
        if isinstance(found, BaseException):
            raise found
        if found is None:
            running -= 1
        else:
            yield found


def _outcome(task: Task, perturber: Perturber) -> Outcome:
    there = next((path for path in _candidates(task) if path.exists()), None)
    if there is not None:
        return Outcome(task=task, status="skipped", path=there)
    if task.source.suffix.lower() not in _PICTURES | _FILMS | {""}:
        return _beside(task)
    of = task.treatment
    try:
        written = perturber.write(
            task.source, task.target, of.kind, of.severity, seed=of.seed, sample=task.sample
        )
    except MediaError as error:
        return Outcome(task=task, status="failed", error=error)
    path = task.target
    if not task.exact and of.severity:
        path = _named(task, written.kind == "video")
        os.replace(task.target, path)
    return Outcome(task=task, status="written", path=path, written=written)


def _beside(task: Task) -> Outcome:
    """Copy a file that is no media, when names are kept: lists and labels of a data set."""
    if not task.exact:
        return Outcome(task=task, status="left out")
    task.target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(task.source, task.target)
    return Outcome(task=task, status="copied", path=task.target)


def _candidates(task: Task) -> list[Path]:
    if task.exact:
        return [task.target]
    return [task.target, _named(task, False), _named(task, True)]


def _named(task: Task, is_video: bool) -> Path:
    """Return the target with the suffix of its format, added when the source has another one."""
    right = suffix(task.treatment.kind, task.treatment.severity, is_video)
    same = {".jpeg": ".jpg"}.get(task.target.suffix.lower(), task.target.suffix.lower()) == right
    return task.target if same else task.target.with_name(task.target.name + right)


def _sign(out: Path, treatment: Treatment) -> None:
    """Note in a folder which perturbation it holds; ConfigError when it holds another."""
    note = out / NOTE
    facts = asdict(treatment)
    if note.exists():
        try:
            held = json.loads(note.read_text(encoding="utf-8"))
        except ValueError:
            held = None
        if held != facts:
            raise ConfigError(f"{out}: holds another perturbation ({held}); name a new folder")
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror})") from error
