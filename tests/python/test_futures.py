"""The executors: what they share with those of concurrent.futures, in threads and in processes.

CPython's own tests of executors run in test_cpython_executors.py; what is beyond them in test_futures_limits.py.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import itertools
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.pool import MaybeEncodingError  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, Union

import pytest

import millpond
from millpond import errors

# Far beyond what anything here takes on a loaded machine.
LONG = 60
Executor = Union[millpond.ThreadPoolExecutor, millpond.ProcessPoolExecutor]
KINDS = [millpond.ThreadPoolExecutor, millpond.ProcessPoolExecutor]


def square(number: int) -> int:
    return number * number


def wait_for(path: Path) -> str:
    """Says that it has begun, and waits until it may end."""
    (path / "begun").touch()
    while not (path / "end").exists():
        time.sleep(0.005)
    return "ended"


def begun(path: Path) -> None:
    while not (path / "begun").exists():
        time.sleep(0.005)


def touch(path: Path) -> None:
    path.touch()


def capture(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


def unlucky(number: int) -> int:
    if number == 3:
        raise LookupError("three")
    return number


class Unpicklable:
    def __reduce__(self) -> Any:
        raise RuntimeError("no pickle of this")


@pytest.fixture(params=KINDS, ids=["threads", "processes"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def executor(kind: Any) -> Iterator[Executor]:
    with kind(2) as made:
        yield made


def test_submit_passes_every_keyword(executor: Executor) -> None:
    keywords = {"self": 1, "fn": 2, "timeout": 3, "retries": 4, "executor": 5, "args": 6}
    assert executor.submit(capture, 0, **keywords).result(LONG) == ((0,), keywords)
    assert isinstance(executor.submit(capture), millpond.Future)
    assert isinstance(executor.submit(capture), concurrent.futures.Future)


def test_a_function_that_raises(executor: Executor) -> None:
    future = executor.submit(unlucky, 3)
    error = future.exception(LONG)
    assert isinstance(error, LookupError) and error.args == ("three",)
    with pytest.raises(LookupError, match="three"):
        future.result()
    if isinstance(executor, millpond.ProcessPoolExecutor):
        assert type(error.__cause__).__name__ == "_RemoteTraceback"
        assert 'raise LookupError("three")' in str(error.__cause__)


def test_what_cannot_be_pickled_is_the_calls_own_failure() -> None:
    with millpond.ProcessPoolExecutor(1) as executor:
        with pytest.raises(RuntimeError, match="no pickle"):
            executor.submit(square, Unpicklable()).result(LONG)
        with pytest.raises(MaybeEncodingError, match="no pickle"):
            executor.submit(Unpicklable).result(LONG)
        results = executor.map(str, [1, Unpicklable(), 3])
        assert next(results) == "1"
        with pytest.raises(RuntimeError, match="no pickle"):
            next(results)
        assert executor.submit(square, 3).result(LONG) == 9


def test_cancel_before_the_start_only(kind: Any, tmp_path: Path) -> None:
    with kind(1) as executor:
        running = executor.submit(wait_for, tmp_path)
        begun(tmp_path)
        waiting = executor.submit(touch, tmp_path / "touched")
        called: list[Any] = []
        waiting.add_done_callback(called.append)
        assert running.running() and not waiting.running() and not waiting.done()
        assert not running.cancel() and not running.cancelled()
        assert waiting.cancel() and waiting.cancelled() and waiting.done() and waiting.cancel()
        assert called == [waiting]
        done, not_done = concurrent.futures.wait([running, waiting], LONG, concurrent.futures.FIRST_COMPLETED)
        assert done == {waiting} and not_done == {running}
        (tmp_path / "end").touch()
        assert running.result(LONG) == "ended" and not running.running()
        with pytest.raises(concurrent.futures.CancelledError):
            waiting.result(LONG)
    assert not (tmp_path / "touched").exists()


def test_wait_and_as_completed(executor: Executor) -> None:
    futures: dict[Any, int] = {executor.submit(square, number): number for number in range(20)}
    for future in concurrent.futures.as_completed(futures, LONG):
        assert future.result() == futures[future] ** 2
    assert concurrent.futures.wait(futures, LONG).not_done == set()


def test_a_wait_that_runs_out_of_time(kind: Any, tmp_path: Path) -> None:
    with kind(1) as executor:
        future = executor.submit(wait_for, tmp_path)
        with pytest.raises(concurrent.futures.TimeoutError):
            future.result(0.01)
        (tmp_path / "end").touch()
        assert future.result(LONG) == "ended"


@pytest.mark.parametrize("chunksize", [1, 7])
@pytest.mark.parametrize("buffersize", [None, 1, 3])
def test_map(executor: Executor, chunksize: int, buffersize: int | None) -> None:
    options: dict[str, Any] = {"chunksize": chunksize, "buffersize": buffersize}
    assert list(executor.map(square, range(50), **options)) == [n * n for n in range(50)]
    assert list(executor.map(pow, [2, 3], [3, 2, 1], **options)) == [8, 9]
    assert list(executor.map(square, [], **options)) == []
    results = executor.map(unlucky, [1, 2, 3, 4], buffersize=buffersize)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(LookupError, match="three"):
        next(results)


def test_map_reads_no_further_ahead_than_its_buffer(executor: Executor) -> None:
    read = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    results = executor.map(square, numbers(), buffersize=3)
    assert len(read) == 3
    for taken in range(1, 10):
        assert next(results) == (taken - 1) ** 2
        assert len(read) == 3 + taken


def test_a_map_that_is_left_early_cancels_the_rest(kind: Any, tmp_path: Path) -> None:
    with kind(1) as executor:
        running = executor.submit(wait_for, tmp_path)
        begun(tmp_path)
        results = executor.map(touch, [tmp_path / "one", tmp_path / "two"], timeout=0.01)
        with pytest.raises(concurrent.futures.TimeoutError):
            next(results)
        (tmp_path / "end").touch()
        running.result(LONG)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "end"]


def test_map_refuses_nonsense(executor: Executor) -> None:
    with pytest.raises(ValueError, match="chunksize"):
        executor.map(square, [1], chunksize=0)
    with pytest.raises(ValueError, match="buffersize"):
        executor.map(square, [1], buffersize=0)
    with pytest.raises(TypeError, match="buffersize"):
        executor.map(square, [1], buffersize="3")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="progress"):
        executor.map(square, [1], progress=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        executor.submit()  # type: ignore[call-arg]


def test_shutdown_ends_what_was_submitted(kind: Any) -> None:
    executor = kind(2)
    futures = [executor.submit(square, number) for number in range(50)]
    executor.shutdown()
    assert [future.result(0) for future in futures] == [n * n for n in range(50)]
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(square, 1)
    executor.shutdown()
    # One that was never used has no workers.
    unused = kind(2)
    unused.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        unused.submit(square, 1)


@pytest.mark.parametrize("wait", [True, False])
def test_shutdown_cancels_what_waits(kind: Any, tmp_path: Path, wait: bool) -> None:
    executor = kind(1)
    running = executor.submit(wait_for, tmp_path)
    begun(tmp_path)
    waiting = [executor.submit(square, number) for number in range(10)]
    # shutdown(wait=True) returns when the running call has ended.
    threading.Timer(0.05, (tmp_path / "end").touch).start()
    executor.shutdown(wait=wait, cancel_futures=True)
    assert all(future.cancelled() for future in waiting)
    assert running.result(LONG) == "ended"
    executor.shutdown(wait=True)


def test_an_executor_that_is_dropped_ends_what_it_has(kind: Any) -> None:
    executor = kind(2)
    futures = [executor.submit(square, number) for number in range(50)]
    del executor
    gc.collect()
    assert [future.result(LONG) for future in futures] == [n * n for n in range(50)]


def test_done_callbacks_are_called_with_the_future(executor: Executor) -> None:
    called = threading.Event()
    seen: list[Any] = []

    def note(future: Any) -> None:
        seen.append(future.result())
        called.set()

    executor.submit(square, 3).add_done_callback(note)
    assert called.wait(LONG) and seen == [9]


def test_arguments_are_checked(kind: Any) -> None:
    for count in (0, -1):
        with pytest.raises(ValueError, match="max_workers must be greater than 0"):
            kind(count)
    with pytest.raises(TypeError, match="initializer must be a callable"):
        kind(1, initializer=3)
    with pytest.raises(TypeError):
        kind(1, nonsense=1)


def test_defaults_are_those_of_the_standard_library() -> None:
    for ours, theirs in zip(KINDS, (concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor)):
        standard: Any = theirs()
        assert ours()._max_workers == standard._max_workers
        standard.shutdown()


def test_threads_have_the_names_of_the_standard_library() -> None:
    with millpond.ThreadPoolExecutor(2, thread_name_prefix="mill") as executor:
        name = executor.submit(lambda: threading.current_thread().name).result(LONG)
        assert name in ("mill_0", "mill_1")
        threads = executor._threads
        assert {thread.name for thread in threads} == {"mill_0", "mill_1"}
        assert all(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    assert not any(thread.name.startswith("mill_") for thread in threading.enumerate())


def test_awaiting(executor: Executor) -> None:
    async def main() -> tuple[Any, ...]:
        loop = asyncio.get_running_loop()
        gathered = await asyncio.gather(*(executor.submit(square, n) for n in range(5)))
        with pytest.raises(LookupError, match="three"):
            await executor.submit(unlucky, 3)
        return await executor.submit(square, 3), gathered, await loop.run_in_executor(executor, square, 4)

    assert asyncio.run(main()) == (9, [0, 1, 4, 9, 16], 16)


def test_giving_up_to_await_kills_nothing(kind: Any, tmp_path: Path) -> None:
    async def main() -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(future), 0.05)

    with kind(1) as executor:
        future = executor.submit(wait_for, tmp_path)
        begun(tmp_path)
        asyncio.run(main())
        (tmp_path / "end").touch()
        assert future.result(LONG) == "ended"


def test_progress(executor: Executor, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[Any] = []
    assert list(executor.map(square, range(5), progress=lambda *step: told.append(step))) == [0, 1, 4, 9, 16]
    assert told == [(n, 5) for n in range(1, 6)]
    told.clear()
    assert list(executor.map(square, iter(range(5)), progress=lambda *step: told.append(step), chunksize=2))
    assert told == [(n, None) for n in range(1, 6)]
    capfd.readouterr()
    assert list(executor.map(square, range(5), progress="squares")) == [0, 1, 4, 9, 16]
    assert "squares: " in capfd.readouterr().err
    list(executor.map(square, range(5), progress={"disable": True}))
    list(executor.map(square, range(5), progress=False))
    assert capfd.readouterr().err == ""


def test_a_call_may_wait_for_others_of_its_executor() -> None:
    def fibonacci(number: int) -> int:
        if number < 2:
            return number
        first, second = (threads.submit(fibonacci, number - less) for less in (1, 2))
        return int(first.result() + second.result())

    # The standard executor waits for ever.
    with millpond.ThreadPoolExecutor(1) as threads:
        assert threads.submit(fibonacci, 10).result(LONG) == 55


def test_an_executor_in_a_worker(executor: Executor) -> None:
    assert executor.submit(nested, 3).result(LONG) == [0, 1, 4]


def nested(count: int) -> list[int]:
    with millpond.ProcessPoolExecutor(1) as inner:
        return list(inner.map(square, range(count)))


def test_to_wait_in_a_callback_is_an_error_and_no_hang(executor: Executor) -> None:
    answers: list[Any] = []
    gate = threading.Event()

    def ask(_: Any) -> None:
        try:
            answers.append(executor.submit(square, 3).result())
        except errors.Deadlock as error:
            answers.append(error)
        gate.set()

    executor.submit(time.sleep, 0.05).add_done_callback(ask)
    assert gate.wait(LONG)
    assert answers == [9] or isinstance(answers[0], errors.Deadlock)


def test_mistakes_in_callbacks_are_logged(executor: Executor, caplog: pytest.LogCaptureFixture) -> None:
    future = executor.submit(square, 3)

    def fail(_: Any) -> None:
        raise RuntimeError("oh dear")

    with caplog.at_level(logging.ERROR, "concurrent.futures"):
        future.add_done_callback(fail)
        assert future.result(LONG) == 9
        executor.shutdown()
    assert "oh dear" in caplog.text


def test_in_a_forked_child_it_is_an_error_and_hangs_nobody(executor: Executor) -> None:
    assert executor.submit(square, 3).result(LONG) == 9
    pid = os.fork()
    if not pid:
        code = 1
        try:
            executor.submit(square, 3)
        except errors.PoolForked:
            code = 17
        except BaseException:
            code = 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 17
    assert executor.submit(square, 3).result(LONG) == 9


SCRIPT = """
import os, sys, time, millpond
def late(number):
    time.sleep(0.2)
    os.write(1, b"%d " % number)
executor = millpond.{kind}(2)
for number in range(4):
    executor.submit(late, number)
{then}
"""


@pytest.mark.parametrize("then", ["", "executor.shutdown(wait=False)", "del executor", "sys.exit(3)"])
def test_what_was_submitted_is_done_before_the_interpreter_ends(kind: Any, then: str) -> None:
    script = SCRIPT.format(kind=kind.__name__, then=then)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stderr) == (3 if "exit" in then else 0, "")
    assert sorted(done.stdout.split()) == ["0", "1", "2", "3"]
