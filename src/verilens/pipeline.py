"""Two bounded stages that keep every core busy, results in the order of the jobs.

    jobs -> [preparing threads] -> [finishing threads] -> results

Preparing mostly waits for decoder children, finishing runs the networks. With as many threads of
each as there are cores the slower stage never starves while the faster one can run ahead, and the
number of jobs under way is fixed, so memory stays flat however long the list is.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

UNDER_WAY = 3  # jobs a worker: one being prepared, one ready, one being finished
WINDOW = 256  # finished results kept while an earlier one is still missing


def run(
    jobs: Iterable[Job], prepare: Callable[[Job], Callable[[], Result]], workers: int
) -> Iterator[Result]:
    """Yield each job's result, in order; jobs are taken only as fast as they are worked off.

    prepare: does the first half of a job and returns the second half, to be called elsewhere.
    An exception of either half is raised here. Closing the generator drops what has not begun.
    """
    slots = threading.Semaphore(UNDER_WAY * workers)
    preparing = ThreadPoolExecutor(workers, "prepare")
    finishing = ThreadPoolExecutor(workers, "finish")
    waiting: deque[Future[Future[Result]]] = deque()

    def first_half(job: Job) -> Future[Result]:
        try:
            return finishing.submit(second_half, prepare(job))
        except BaseException:
            slots.release()
            raise

    def second_half(finish: Callable[[], Result]) -> Result:
        try:
            return finish()
        finally:
            slots.release()

    try:
        for job in jobs:
            slots.acquire()
            waiting.append(preparing.submit(first_half, job))
            while len(waiting) > WINDOW or _is_ready(waiting):
                yield waiting.popleft().result().result()
        while waiting:
            yield waiting.popleft().result().result()
    finally:
        preparing.shutdown(wait=False, cancel_futures=True)
        finishing.shutdown(wait=True, cancel_futures=True)


def _is_ready(waiting: deque[Future[Future[Result]]]) -> bool:
    if not waiting or not waiting[0].done():
        return False
    first = waiting[0]
    return first.exception() is not None or first.result().done()
