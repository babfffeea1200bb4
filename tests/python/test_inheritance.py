"""What workers inherit from the program: the queues, locks and proxies of multiprocessing, used before and after."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from multiprocessing import util
from typing import Any

import pytest

import millpond

given: list[Any] = []


def take(*things: Any) -> None:
    given[:] = things


def put(x: object) -> None:
    given[0].put(x)


def count(_: object) -> None:
    with given[0]:
        given[1].value += 1


def insert(x: int) -> None:
    given[0][x] = os.getpid()


def write_at_end(end: int) -> None:
    util.Finalize(None, os.write, (end, b"."), exitpriority=0)


@pytest.mark.parametrize("tasks", [None, 1])
def test_a_queue_that_the_program_has_used_is_a_workers_too(tasks: int | None) -> None:
    queue: multiprocessing.Queue[object] = multiprocessing.Queue()
    # Its thread runs in the program from now on, and in no worker.
    queue.put(-1)
    pool = millpond.Pool(2, take, (queue,), tasks)
    pool.map_async(put, range(10), chunksize=1)
    pool.close()
    assert sorted(queue.get(timeout=60) for _ in range(11)) == list(range(-1, 10))  # type: ignore[type-var]
    pool.join()


def test_a_worker_that_ends_has_written_what_it_put() -> None:
    queue: multiprocessing.Queue[object] = multiprocessing.Queue()
    pool = millpond.Pool(2, take, (queue,))
    # More than a pipe holds: the workers' threads write while somebody reads, after the last task.
    assert pool.map(put, ["x" * 40_000] * 10, chunksize=1) == [None] * 10
    pool.close()
    got: list[object] = []
    reader = threading.Thread(target=lambda: got.extend(queue.get(timeout=60) for _ in range(10)))
    reader.start()
    pool.join()
    reader.join()
    assert len(got) == 10


def test_locks_and_values_are_shared() -> None:
    lock, value = multiprocessing.Lock(), multiprocessing.Value("i", 0)
    with millpond.Pool(3, take, (lock, value)) as pool:
        pool.map(count, range(100), chunksize=1)
    assert value.value == 100


def test_each_worker_has_a_managers_proxy_for_itself() -> None:
    with multiprocessing.Manager() as manager:
        shared = manager.dict()
        # The connection that the program has used is not the workers'.
        shared[-1] = 0
        with millpond.Pool(3, take, (shared,)) as pool:
            pool.map(insert, range(60), chunksize=1)
        assert len(shared) == 61


def test_finalizers_run_in_the_worker_that_has_made_them() -> None:
    read, write = os.pipe()
    # The program's own runs in no worker.
    mine = util.Finalize(None, os.write, (write, b"?"), exitpriority=0)
    pool = millpond.Pool(2, write_at_end, (write,))
    pool.close()
    pool.join()
    assert os.read(read, 100) == b".."
    mine.cancel()
    os.close(read)
    os.close(write)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older versions do not warn of forks")
def test_pools_made_at_once_by_threads_leave_the_warnings_filters_alone() -> None:
    import warnings

    def make() -> None:
        for _ in range(5):
            with millpond.Pool(1):
                time.sleep(0.001)

    before = list(warnings.filters)
    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
