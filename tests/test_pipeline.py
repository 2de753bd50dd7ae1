import threading
import time

import pytest

from verilens import pipeline


def test_results_keep_the_order_of_the_jobs():
    def prepare(n):
        time.sleep(0.01 * (n % 3))
        return lambda: time.sleep(0.01 * (n % 2)) or n

    assert list(pipeline.run(range(40), prepare, workers=4)) == list(range(40))


def test_jobs_are_taken_only_as_fast_as_they_are_worked_off():
    taken, gate = [], threading.Event()

    def jobs():
        for n in range(100):
            taken.append(n)
            yield n

    results = pipeline.run(jobs(), lambda n: lambda: gate.wait() and n, workers=2)
    reader = threading.Thread(target=lambda: list(results))
    reader.start()
    time.sleep(0.2)
    held = len(taken)
    gate.set()
    reader.join()
    assert held <= pipeline.UNDER_WAY * 2 + 1
    assert len(taken) == 100


@pytest.mark.parametrize("half", ["first", "second"])
def test_an_exception_in_a_thread_is_raised_to_the_reader(half):
    def prepare(n):
        if half == "first" and n == 3:
            raise ZeroDivisionError
        return lambda: n if half == "first" or n != 3 else 1 / 0

    results = pipeline.run(range(10), prepare, workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_closing_it_drops_what_has_not_begun():
    done = []
    results = pipeline.run(range(1000), lambda n: lambda: done.append(n) or n, workers=2)
    next(results)
    results.close()
    assert len(done) < 20
