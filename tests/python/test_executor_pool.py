"""millpond.Pool over executors of the standard library: the same calls and answers as multiprocessing's own pools."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import multiprocessing.pool
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

import millpond
from millpond import errors
from millpond.executor_pool import ExecutorPool

# Far beyond what anything here takes on a loaded machine.
LONG = 60


def add(a: int, b: int = 10) -> int:
    return a + b


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number % 5 == 3:
        raise LookupError(f"no {number}")
    return number


@pytest.fixture(params=["threads", "processes"])
def pool(request: pytest.FixtureRequest) -> Iterator[ExecutorPool]:
    executor: Executor
    if request.param == "threads":
        executor = ThreadPoolExecutor(2)
    else:
        executor = ProcessPoolExecutor(2, multiprocessing.get_context("forkserver"))
    with executor, ExecutorPool(executor) as made:
        yield made


@pytest.fixture
def threads() -> Iterator[ExecutorPool]:
    with ThreadPoolExecutor(2) as executor, ExecutorPool(executor) as made:
        yield made


def test_calls_give_what_multiprocessing_gives(pool: ExecutorPool) -> None:
    numbers = list(range(50))
    assert pool.apply(add, (1,), {"b": 2}) == 3
    assert pool.apply_async(add, (1,)).get(LONG) == 11
    assert pool.map(square, numbers) == [n * n for n in numbers]
    assert pool.map(square, iter(numbers), 7) == [n * n for n in numbers]
    assert pool.starmap(add, [(n, n) for n in numbers]) == [2 * n for n in numbers]
    assert pool.starmap_async(add, [(1, 2)]).get(LONG) == [3]
    assert list(pool.imap(square, numbers)) == [n * n for n in numbers]
    assert list(pool.imap(square, numbers, 7)) == [n * n for n in numbers]
    assert sorted(pool.imap_unordered(square, numbers, 3)) == [n * n for n in numbers]
    assert pool.map(square, []) == []
    assert list(pool.imap(square, [])) == []


def test_every_method_takes_the_arguments_of_multiprocessing() -> None:
    import inspect

    for name, method in inspect.getmembers(multiprocessing.pool.Pool, inspect.isfunction):
        if not name[0].islower():
            continue
        theirs = list(inspect.signature(method).parameters)
        ours = list(inspect.signature(getattr(ExecutorPool, name)).parameters)
        assert ours[: len(theirs)] == theirs, name


def test_errors_of_tasks_come_back(pool: ExecutorPool) -> None:
    with pytest.raises(LookupError, match="no 3"):
        pool.apply(refuse, (3,))
    with pytest.raises(LookupError, match="no 3"):
        pool.map(refuse, range(20), 1)
    results = pool.imap(refuse, range(5))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="no 3"):
        next(results)
    assert list(results) == [4]


def test_an_error_of_the_input_comes_after_the_results_before_it(threads: ExecutorPool) -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)
        raise OSError("the input broke")

    results = threads.imap(square, numbers())
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(OSError, match="the input broke"):
        next(results)
    assert list(results) == []


def test_callbacks_come_before_the_result_is_ready(pool: ExecutorPool) -> None:
    seen: list[object] = []
    errors_seen: list[BaseException] = []
    pool.apply_async(add, (1,), callback=seen.append).wait(LONG)
    pool.map_async(square, [1, 2], callback=seen.append).wait(LONG)
    pool.apply_async(refuse, (3,), callback=seen.append, error_callback=errors_seen.append).wait(LONG)
    assert seen == [11, [1, 4]]
    assert [type(error) for error in errors_seen] == [LookupError]


def test_callbacks_never_overlap(threads: ExecutorPool) -> None:
    inside = threading.Lock()
    overlaps = []
    calls = []

    def callback(value: int) -> None:
        overlaps.append(not inside.acquire(blocking=False))
        # Time for another to come in.
        time.sleep(0.001)
        calls.append(value)
        if not overlaps[-1]:
            inside.release()

    results = [threads.apply_async(square, (n,), callback=callback) for n in range(200)]
    threads.close()
    threads.join()
    assert len(calls) == 200 and not any(overlaps)
    assert all(result.ready() for result in results)


def test_a_callback_that_raises_is_logged_and_harms_nobody(
    threads: ExecutorPool, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("oh dear")

    assert threads.apply_async(add, (1,), callback=fail).get(LONG) == 11
    assert threads.apply_async(add, (1,), callback=fail).get(LONG) == 11
    assert [record.name for record in caplog.records] == ["millpond"] * 2


def test_waiting_in_vain(threads: ExecutorPool) -> None:
    gate = threading.Event()
    result = threads.apply_async(gate.wait)
    iterator = threads.imap(lambda event: event.wait(), [gate])
    result.wait(0.01)
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    with pytest.raises(multiprocessing.TimeoutError):
        result.get(0.01)
    with pytest.raises(multiprocessing.TimeoutError):
        iterator.next(0.01)
    gate.set()
    assert result.get(LONG) is True and result.successful()
    assert iterator.next(LONG) is True


@pytest.mark.parametrize("unordered", [False, True])
def test_imap_reads_no_further_ahead_than_its_window(threads: ExecutorPool, unordered: bool) -> None:
    read = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    start = threads.imap_unordered if unordered else threads.imap
    results = start(square, numbers(), window=3)
    for taken in range(1, 20):
        next(results)
        assert len(read) <= taken + 3
    threads.terminate()
    with pytest.raises(errors.PoolTerminated):
        list(results)


def test_input_that_comes_slowly_holds_up_no_result(threads: ExecutorPool) -> None:
    asked = threading.Event()

    def numbers() -> Iterator[int]:
        yield 2
        assert asked.wait(LONG)
        yield 3

    results = threads.imap(square, numbers())
    assert results.next(LONG) == 4
    asked.set()
    assert list(results) == [9]


def test_join_waits_for_all_of_an_imap_that_nobody_reads(threads: ExecutorPool) -> None:
    seen: list[int] = []
    threads.imap(seen.append, range(200), window=2)
    threads.close()
    threads.join()
    assert sorted(seen) == list(range(200))


def test_a_closed_pool_takes_nothing_and_ends_what_it_has(pool: ExecutorPool) -> None:
    result = pool.map_async(square, range(100), 1)
    with pytest.raises(ValueError, match="Pool is still running"):
        pool.join()
    pool.close()
    calls: list[Callable[[], object]] = [
        lambda: pool.apply(add, (1,)),
        lambda: pool.map(square, [1]),
        lambda: pool.imap(square, [1]),
        pool.__enter__,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="Pool not running"):
            call()
    pool.join()
    assert result.ready() and result.get() == [n * n for n in range(100)]
    # The executor is not the pool's.
    assert pool.executor.submit(square, 3).result(LONG) == 9


def test_terminate_drops_what_has_not_started(threads: ExecutorPool) -> None:
    gate = threading.Event()
    called: list[object] = []
    running = [threads.apply_async(gate.wait, callback=called.append) for _ in range(2)]
    waiting = [threads.apply_async(called.append, (n,)) for n in range(10)]
    failed: list[BaseException] = []
    waiting.append(threads.apply_async(square, (1,), callback=called.append, error_callback=failed.append))
    threads.terminate()
    for result in running + waiting:
        with pytest.raises(errors.PoolTerminated):
            result.get(LONG)
    gate.set()
    threads.join()
    assert called == [] and [type(error) for error in failed] == [errors.PoolTerminated]


def test_an_executor_that_was_shut_down_says_so() -> None:
    executor = ThreadPoolExecutor(1)
    pool = ExecutorPool(executor)
    gate = threading.Event()
    running = pool.apply_async(gate.wait)
    waiting = pool.apply_async(square, (1,))
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert running.get(LONG) is True
    with pytest.raises(errors.TaskCancelled, match="executor"):
        waiting.get(LONG)
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.apply(square, (1,))
    with pytest.raises(RuntimeError, match="shutdown"):
        list(pool.imap(square, [1]))
    pool.close()
    pool.join()


def test_what_concerns_workers_is_refused_and_declared() -> None:
    with ThreadPoolExecutor(3) as executor:
        for options in ({"initializer": print}, {"maxtasksperchild": 5}, {"context": 1}, {"memory_limit": 1}):
            with pytest.raises(errors.Unsupported, match=next(iter(options))):
                ExecutorPool(executor, **options)
        with pytest.raises(TypeError, match="submit"):
            ExecutorPool(3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="at least 1"):
            ExecutorPool(executor, 0)
        with ExecutorPool(executor) as pool:
            assert not any(pool.capabilities)
            assert pool.capabilities.kill is False
            assert "pool_size=3" in repr(pool) and "ThreadPoolExecutor" in repr(pool)
            with pytest.raises(errors.Unsupported, match="map_native"):
                pool.map_native(None, None, None)
            for bad in (pool.map, pool.imap, pool.imap_unordered):
                with pytest.raises(ValueError, match="Chunksize"):
                    bad(square, [1], 0)
            with pytest.raises(ValueError, match="window"):
                pool.imap(square, [1], window=0)
            with pytest.raises(NotImplementedError, match="pickled"):
                pool.__reduce__()


def test_chunks_are_those_of_multiprocessing() -> None:
    class Counting(Executor):
        def __init__(self) -> None:
            self.sizes: list[int] = []

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.sizes.append(len(args[0][1]))
            future: Future[Any] = Future()
            future.set_result(fn(*args))
            return future

    executor = Counting()
    with ExecutorPool(executor, 3) as pool:
        assert pool.map(square, range(25)) == [n * n for n in range(25)]
    assert executor.sizes == [3] * 8 + [1]


def test_a_pool_is_one_over_an_executor_if_it_is_given_one() -> None:
    with ThreadPoolExecutor(2) as executor:
        pool: Any
        for pool in (millpond.Pool(executor=executor), millpond.ThreadPool(executor=executor)):
            assert isinstance(pool, ExecutorPool) and pool.executor is executor
            with pool:
                assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]


def test_limits_of_single_calls_are_refused_where_there_are_none(threads: ExecutorPool) -> None:
    call: Any = threads.apply_async
    for limits in ({"timeout": 1}, {"retries": 1}, {"priority": 1}):
        with pytest.raises(errors.Unsupported, match="ThreadPoolExecutor"):
            call(square, (2,), **limits)


def test_results_can_be_asked_and_cancelled() -> None:
    with ThreadPoolExecutor(1) as executor, ExecutorPool(executor) as pool:
        gate = threading.Event()
        running = pool.apply_async(gate.wait)
        waiting = pool.apply_async(square, (1,))
        while not running.running():
            time.sleep(0.005)
        assert not waiting.running() and not running.cancel()
        with pytest.raises(errors.Unsupported, match="killed"):
            running.kill()
        assert waiting.cancel() and not waiting.cancel()
        with pytest.raises(errors.TaskCancelled):
            waiting.get(LONG)
        gate.set()
        assert running.get(LONG) is True


def test_tasks_need_nothing_of_millpond_on_the_worker() -> None:
    # A worker on another machine need not have the package.
    import pickle

    class Recording(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            assert b"millpond" not in pickle.dumps((fn, args, kwargs))
            return super().submit(fn, *args, **kwargs)

    with Recording(2) as executor, ExecutorPool(executor) as pool:
        assert pool.map(abs, [-1, 2]) == [1, 2]
        assert pool.apply(int, ("11",), {"base": 2}) == 3
        assert list(pool.imap_unordered(abs, [-1])) == [1]
        assert pool.starmap(pow, [(2, 3)]) == [8]


def test_an_open_pool_that_is_dropped_warns() -> None:
    with ThreadPoolExecutor(1) as executor:
        pool = ExecutorPool(executor)
        assert pool.apply(os.getpid) == os.getpid()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            del pool
            gc.collect()
        assert any("unclosed running pool" in str(warning.message) for warning in caught)
