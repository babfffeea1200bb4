"""Pool and ThreadPool beyond what CPython's own tests look at: windows, orders, callbacks, options, refusals."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.pool
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import millpond
from millpond import errors


def double(x: int) -> int:
    return 2 * x


def power(base: int, exponent: int) -> int:
    return int(base**exponent)


def refuse(x: object) -> None:
    raise LookupError(x)


def refuse_three(x: int) -> int:
    if x == 3:
        raise LookupError(x)
    return x


def pid(_: object = None) -> int:
    time.sleep(0.01)
    return os.getpid()


@pytest.fixture(params=[millpond.Pool, millpond.ThreadPool], ids=["processes", "threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[millpond.Pool]:
    with request.param(2) as pool:
        yield pool
    pool.join()


def test_every_way_to_call(pool: millpond.Pool) -> None:
    assert pool.apply(power, (2, 3)) == pool.apply(power, kwds={"base": 2, "exponent": 3}) == 8
    assert pool.apply_async(power, [2], {"exponent": 3}).get(60) == 8
    assert pool.map(double, range(1000)) == list(map(double, range(1000)))
    assert pool.map(double, iter(range(7)), chunksize=3) == list(map(double, range(7)))
    assert pool.starmap(power, [(2, 1), (3, 2)]) == [2, 9]
    assert list(pool.imap(double, range(200))) == list(map(double, range(200)))
    assert list(pool.imap(double, range(200), chunksize=7)) == list(map(double, range(200)))
    assert sorted(pool.imap_unordered(double, range(200), chunksize=3)) == list(map(double, range(200)))
    assert pool.map(double, []) == pool.starmap(power, []) == list(pool.imap(double, [])) == []


def test_the_defaults_for_chunks_are_those_of_multiprocessing(monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes(pool: Any, count: int) -> list[int]:
        taken: list[int] = []

        def chunks(_: object, size: int, threads: bool) -> Iterator[object]:
            taken.append(size)
            return iter(())

        monkeypatch.setattr("millpond.pool.chunks", chunks)
        pool.map_async(double, range(count))
        return taken

    with millpond.ThreadPool(3) as pool:
        assert [sizes(pool, count)[0] for count in (1, 12, 13, 24, 25, 1000)] == [1, 1, 2, 2, 3, 84]


def test_imap_reads_no_further_ahead_than_its_window(pool: millpond.Pool) -> None:
    read = 0

    def numbers() -> Iterator[int]:
        nonlocal read
        for read in itertools.count(1):
            yield read

    results = pool.imap(double, numbers(), window=5)
    for taken in range(1, 50):
        assert next(results) == 2 * taken
        assert read <= taken + 5
    before = read
    time.sleep(0.05)
    assert read <= before + 5
    unordered = pool.imap_unordered(double, itertools.count(), window=3)
    assert len({next(unordered) for _ in range(50)}) == 50
    # Both inputs have no end; whoever stops taking results stops the reading.
    del results, unordered
    pool.close()
    pool.join()


def test_a_failure_is_delivered_in_its_place_and_the_others_come_after_it(pool: millpond.Pool) -> None:
    results = pool.imap(refuse_three, range(5))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError):
        next(results)
    assert list(results) == [4]


def test_who_waits_for_the_next_result_may_run_out_of_time(pool: millpond.Pool) -> None:
    for imap in (pool.imap, pool.imap_unordered):
        results = imap(time.sleep, [0.2])
        with pytest.raises(multiprocessing.TimeoutError):
            results.next(timeout=0.01)
        assert results.next(timeout=60) is None
        with pytest.raises(StopIteration):
            results.next(timeout=60)


def test_a_closed_pool_still_runs_all_that_imap_was_given(pool: millpond.Pool) -> None:
    results = pool.imap(double, iter(range(300)), window=2)
    pool.close()
    assert list(results) == list(map(double, range(300)))
    pool.join()


def test_what_imap_was_given_is_run_though_nobody_takes_results() -> None:
    ran: list[int] = []
    pool = millpond.ThreadPool(2)
    kept = pool.imap(ran.append, range(100), window=2)
    pool.imap_unordered(ran.append, range(100, 200), window=2)
    pool.imap(ran.append, range(200, 300), window=2)
    pool.close()
    pool.join()
    assert sorted(ran) == list(range(300))
    assert list(kept) == [None] * 100


def test_a_terminated_pool_says_so_to_those_who_wait() -> None:
    pool = millpond.Pool(2)
    result = pool.map_async(time.sleep, [1000] * 10, chunksize=1)
    results = pool.imap(time.sleep, [1000] * 100)
    pool.terminate()
    pool.join()
    with pytest.raises(errors.PoolTerminated):
        result.get(60)
    with pytest.raises(errors.PoolTerminated):
        for _ in range(1000):
            results.next(60)
    for call in (pool.apply, pool.map, pool.imap, pool.apply_async):
        with pytest.raises(ValueError, match=r"^Pool not running$"):
            call(double, [1])


def test_callbacks_are_called_one_at_a_time_before_the_result_is_ready(pool: millpond.Pool) -> None:
    inside, most, called = 0, 0, []

    def callback(value: object) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)
        called.append(value)
        inside -= 1

    results = [pool.apply_async(double, (i,), callback=callback) for i in range(30)]
    results += [pool.map_async(double, [i], callback=callback) for i in range(30)]
    for result in results:
        result.wait()
        assert result.ready() and result.successful()
        assert result.get() in called
    assert most == 1 and len(called) == 60


def test_a_result_is_not_ready_while_its_callback_runs(pool: millpond.Pool) -> None:
    known = threading.Event()
    ready: list[bool] = []

    def callback(_: object) -> None:
        known.wait(60)
        ready.append(result.ready())

    result = pool.apply_async(double, (1,), callback=callback)
    known.set()
    assert result.get(60) == 2 and ready == [False] and result.ready()


def test_error_callbacks_get_the_exception(pool: millpond.Pool) -> None:
    failed: list[BaseException] = []
    one = pool.apply_async(refuse, (1,), callback=pytest.fail, error_callback=failed.append)
    many = pool.map_async(refuse, [2, 3, 4], 1, callback=pytest.fail, error_callback=failed.append)
    for result in (one, many):
        with pytest.raises(LookupError):
            result.get(60)
        assert not result.successful()
    assert sorted(error.args[0] for error in failed) in ([1, 2], [1, 3], [1, 4])
    # What is raised by a callback harms nobody.
    assert pool.apply_async(double, (1,), callback=refuse).get(60) == 2
    assert pool.apply_async(double, (1,)).get(60) == 2


def test_a_map_without_items_calls_back_too(pool: millpond.Pool) -> None:
    called: list[object] = []
    assert pool.map_async(double, [], callback=called.append).get(60) == []
    assert called == [[]]


def test_a_result_that_is_not_there_yet(pool: millpond.Pool) -> None:
    result = pool.apply_async(time.sleep, (0.2,))
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    with pytest.raises(multiprocessing.TimeoutError):
        result.get(timeout=0)
    result.wait(0.001)
    assert result.get() is None and result.successful()


def test_a_task_is_cancelled_and_killed() -> None:
    with millpond.Pool(1) as pool:
        first, second = pool.apply_async(time.sleep, (1000,)), pool.apply_async(double, (1,))
        assert second.cancel() and not second.cancel()
        while not first.running():
            time.sleep(0.001)
        assert not first.cancel() and first.kill()
        for result in (first, second):
            with pytest.raises(errors.TaskCancelled):
                result.get(60)
        assert pool.apply(double, (1,)) == 2


def test_options_of_a_call() -> None:
    with millpond.Pool(1) as pool:
        with pytest.raises(errors.TimeLimitExceeded):
            pool.apply_async(time.sleep, (1000,), timeout=0.05).get(60)
        order: list[object] = []
        blocker = pool.apply_async(time.sleep, (0.1,))
        last = pool.apply_async(str, ("last",), callback=order.append)
        pool.apply_async(str, ("first",), callback=order.append, priority=1)
        last.get(60), blocker.get(60)
        assert order == ["first", "last"]
    with millpond.Pool(1, task_timeout=0.05) as pool, pytest.raises(errors.TimeLimitExceeded):
        pool.map(time.sleep, [1000])
    with millpond.Pool(1, memory_limit=1 << 31) as pool:
        with pytest.raises(MemoryError):
            pool.apply(bytearray, (1 << 32,))
        assert pool.apply(double, (1,)) == 2


def test_workers_are_replaced_after_so_many_tasks() -> None:
    with millpond.Pool(1, maxtasksperchild=2) as pool:
        pids = [pool.apply(pid) for _ in range(6)]
        assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] == pids[5]


def test_arguments_that_make_no_pool() -> None:
    for kind in (millpond.Pool, millpond.ThreadPool):
        for processes in (0, -1):
            with pytest.raises(ValueError, match="Number of processes must be at least 1"):
                kind(processes)
        with pytest.raises(TypeError, match="initializer must be a callable"):
            kind(1, initializer="no")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="no option 'colour'"):
            kind(1, colour="red")
        with pytest.raises(errors.InvalidArgument):
            kind(100000)
    with pytest.raises(errors.Unsupported):
        millpond.ThreadPool(1, nice=5)
    with pytest.raises(ValueError, match="spawn"):
        millpond.Pool(1, context=multiprocessing.get_context("spawn"))
    for context in (multiprocessing.get_context("fork"), multiprocessing.get_context()):
        with millpond.Pool(1, context=context) as pool:
            assert pool.apply(double, (1,)) == 2


def test_arguments_that_make_no_call(pool: millpond.Pool) -> None:
    for chunksize in (0, -1):
        for call in (pool.map, pool.imap, pool.imap_unordered):
            with pytest.raises(ValueError, match="Chunksize must be 1"):
                call(double, [1], chunksize)
    with pytest.raises(ValueError, match="window must be 1"):
        pool.imap(double, [1], window=0)
    with pytest.raises(TypeError):
        pool.map(double, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        pool.imap(double, 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Pool is still running"):
        pool.join()


def test_what_a_pool_looks_like(pool: millpond.Pool) -> None:
    assert repr(pool) == f"<millpond.pool.{type(pool).__name__} state=RUN pool_size=2>"
    assert [worker.is_alive() for worker in pool._pool] == [True, True] and pool._processes == 2
    with pytest.raises(NotImplementedError, match="cannot be passed between processes or pickled"):
        pickle.dumps(pool)
    assert not pool._cache


def test_a_task_on_a_thread_may_use_its_pool() -> None:
    def nested(pool: millpond.Pool, depth: int) -> int:
        return depth if depth == 0 else 1 + sum(pool.map(nested_call, [(pool, depth - 1)] * 2))

    def nested_call(arguments: Any) -> int:
        return nested(*arguments)

    with millpond.ThreadPool(2) as pool:
        assert pool.apply(nested, (pool, 4)) == 15


def test_a_task_in_a_process_may_make_a_pool() -> None:
    with millpond.Pool(2) as pool:
        assert pool.map(sum_in_a_pool, [10, 20]) == [90, 380]


def sum_in_a_pool(count: int) -> int:
    with millpond.Pool(2) as pool:
        return sum(pool.map(double, range(count)))


def test_large_arguments_and_results(pool: millpond.Pool) -> None:
    data = os.urandom(1 << 22)
    assert pool.apply(bytes, (data,)) == data
    assert pool.apply(bytearray, (bytearray(data),)) == data
    assert pool.map(len, [data] * 5) == [len(data)] * 5


def test_children_of_the_program_that_are_forked_later() -> None:
    with millpond.Pool(1) as pool:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                pool.apply(double, (1,))
            except errors.PoolForked:
                del pool
                with millpond.Pool(1) as own:
                    code = own.apply(double, (0,))
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert pool.apply(double, (1,)) == 2


def test_forks_beside_busy_threads_do_not_hang() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            pickle.loads(pickle.dumps(list(range(100))))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            with millpond.Pool(2) as pool:
                assert pool.map(double, range(10)) == list(map(double, range(10)))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_worker_is_what_multiprocessing_says_of_its_own() -> None:
    with millpond.Pool(2) as pool:
        names = set(pool.map(worker_name, range(20), 1))
        assert names <= {("MillpondPoolWorker-1", os.getpid()), ("MillpondPoolWorker-2", os.getpid())}


def worker_name(_: int) -> tuple[str, int]:
    parent = multiprocessing.parent_process()
    assert parent is not None and parent.pid is not None
    return multiprocessing.current_process().name, parent.pid


def test_other_programs_can_be_run_in_tasks(pool: millpond.Pool) -> None:
    assert pool.map(subprocess.getoutput, ["echo 1", "echo 2"]) == ["1", "2"]


def test_what_a_worker_makes_of_signals_and_of_its_input() -> None:
    with millpond.Pool(1) as pool:
        assert pool.apply(signals_and_input) == (signal.SIG_IGN, "")


def signals_and_input() -> tuple[object, str]:
    return signal.getsignal(signal.SIGINT), sys.stdin.read()


def test_calls_that_never_run_are_let_go_of() -> None:
    pool = millpond.ThreadPool(1)
    started = threading.Event()

    def run() -> None:
        started.set()
        time.sleep(0.1)

    first = pool.apply_async(run)
    gone = weakref.ref(argument := threading.Event())
    pool.apply_async(id, (argument,))
    del argument
    started.wait()
    pool.terminate()
    pool.join()
    assert first.get(60) is None and gone() is None
