"""What the executors have beyond those of concurrent.futures: calls that are killed, limited, tried again, and workers
that die without harm to others."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

import millpond
from millpond import errors

# Far beyond what anything here takes on a loaded machine.
LONG = 60


def square(number: int) -> int:
    return number * number


def hang(path: Path) -> None:
    path.touch()
    time.sleep(10 * LONG)


def wait_for(path: Path) -> None:
    (path / "begun").touch()
    appeared(path / "end")


def appeared(path: Path) -> None:
    while not path.exists():
        time.sleep(0.005)


def die(complaint: str = "") -> None:
    os.write(2, complaint.encode())
    os._exit(7)


def count(path: Path) -> int:
    """How often this was called."""
    with path.open("a") as file:
        file.write("x")
    return len(path.read_text())


def raise_twice(path: Path) -> int:
    times = count(path)
    if times < 3:
        raise LookupError(f"time {times}")
    return times


def die_twice(path: Path) -> int:
    times = count(path)
    if times < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return times


def hang_twice(path: Path) -> int:
    times = count(path)
    if times < 3:
        time.sleep(10 * LONG)
    return times


def allocate(size: int) -> int:
    return len(bytearray(size))


@pytest.fixture
def executor() -> Iterator[millpond.ProcessPoolExecutor]:
    with millpond.ProcessPoolExecutor(2) as made:
        yield made


def test_kill_ends_what_runs_and_nothing_else(executor: millpond.ProcessPoolExecutor, tmp_path: Path) -> None:
    future = executor.submit(hang, tmp_path / "one")
    appeared(tmp_path / "one")
    others = [executor.submit(square, number) for number in range(20)]
    assert not future.cancel() and future.running()
    assert future.kill()
    with pytest.raises(errors.TaskCancelled, match="killed"):
        future.result(LONG)
    assert isinstance(future.exception(), concurrent.futures.CancelledError)
    assert not future.cancelled() and future.done() and not future.running()
    assert not future.kill()
    assert [other.result(LONG) for other in others] == [n * n for n in range(20)]


def test_kill_cancels_what_has_not_started(tmp_path: Path) -> None:
    with millpond.ProcessPoolExecutor(1) as executor:
        running = executor.submit(hang, tmp_path / "one")
        appeared(tmp_path / "one")
        waiting = executor.submit(hang, tmp_path / "two")
        assert waiting.kill() and waiting.cancelled()
        assert running.kill()
        with pytest.raises(errors.TaskCancelled):
            running.result(LONG)
    assert not (tmp_path / "two").exists()


def test_threads_cannot_be_killed() -> None:
    gate = threading.Event()
    with millpond.ThreadPoolExecutor(1) as executor:
        running, waiting = executor.submit(gate.wait), executor.submit(gate.wait)
        while not running.running():
            time.sleep(0.005)
        with pytest.raises(errors.Unsupported, match="thread"):
            running.kill()
        assert waiting.kill() and waiting.cancelled()
        gate.set()
        assert running.result(LONG) is True


def test_a_time_limit_of_one_call(executor: millpond.ProcessPoolExecutor, tmp_path: Path) -> None:
    hurried = executor.options(timeout=0.05)
    future = hurried.submit(hang, tmp_path / "one")
    with pytest.raises(errors.TimeLimitExceeded) as caught:
        future.result(LONG)
    assert isinstance(caught.value, TimeoutError)
    # Without a limit there is none.
    assert executor.submit(time.sleep, 0.2).result(LONG) is None
    assert list(executor.options(timeout=LONG).map(square, [1, 2, 3])) == [1, 4, 9]


def test_a_time_limit_of_all_calls(tmp_path: Path) -> None:
    with millpond.ProcessPoolExecutor(1, task_timeout=0.1) as executor:
        with pytest.raises(errors.TimeLimitExceeded):
            executor.submit(hang, tmp_path / "one").result(LONG)
        assert executor.submit(square, 3).result(LONG) == 9
        assert executor.options(timeout=LONG).submit(time.sleep, 0.3).result(LONG) is None


@pytest.mark.parametrize("function", [raise_twice, die_twice, hang_twice])
def test_calls_are_tried_again(executor: millpond.ProcessPoolExecutor, tmp_path: Path, function: Any) -> None:
    timeout = 0.2 if function is hang_twice else None
    assert executor.options(retries=2, timeout=timeout).submit(function, tmp_path / "enough").result(LONG) == 3
    failing = executor.options(retries=1, timeout=timeout).submit(function, tmp_path / "few")
    with pytest.raises((LookupError, errors.WorkerDied, errors.TimeLimitExceeded)):
        failing.result(LONG)
    assert (tmp_path / "few").read_text() == "xx"


def test_calls_are_tried_again_in_threads(tmp_path: Path) -> None:
    with millpond.ThreadPoolExecutor(1) as executor:
        assert executor.options(retries=2).submit(raise_twice, tmp_path / "enough").result(LONG) == 3
        with pytest.raises(LookupError, match="time 2"):
            executor.options(retries=1).submit(raise_twice, tmp_path / "few").result(LONG)


def test_urgent_calls_go_first(tmp_path: Path) -> None:
    order: list[str] = []
    gate = threading.Event()
    with millpond.ThreadPoolExecutor(1) as executor:
        executor.submit(gate.wait)
        executor.options(priority=-1).submit(order.append, "late")
        executor.submit(order.append, "normal")
        executor.options(priority=1).submit(order.append, "urgent")
        gate.set()
    assert order == ["urgent", "normal", "late"]


def test_options_are_checked_and_add_up(executor: millpond.ProcessPoolExecutor, tmp_path: Path) -> None:
    for wrong in (
        {"timeout": 0},
        {"timeout": -1},
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"priority": 2},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            executor.options(**wrong)
    with pytest.raises(TypeError):
        executor.options(nonsense=1)  # type: ignore[call-arg]
    with millpond.ThreadPoolExecutor(1) as threads, pytest.raises(errors.Unsupported, match="thread"):
        threads.options(timeout=1)
    both = executor.options(retries=2).options(timeout=0.2)
    assert both.submit(hang_twice, tmp_path / "one").result(LONG) == 3
    assert isinstance(both, concurrent.futures.Executor)


def test_a_worker_that_dies_costs_its_own_call_only(executor: millpond.ProcessPoolExecutor) -> None:
    for _ in range(5):
        dying = executor.submit(die)
        others = [executor.submit(square, number) for number in range(20)]
        with pytest.raises(BrokenProcessPool, match="exit code 7") as caught:
            dying.result(LONG)
        assert isinstance(caught.value, errors.WorkerDied)
        assert [other.result(LONG) for other in others] == [n * n for n in range(20)]


def test_an_idle_worker_that_dies_costs_nothing(executor: millpond.ProcessPoolExecutor) -> None:
    assert executor.submit(square, 3).result(LONG) == 9
    for process in executor._processes.values():
        process.kill()
        process.join(LONG)
    assert list(executor.map(square, range(20))) == [n * n for n in range(20)]


@pytest.mark.parametrize("idle", [False, True])
def test_one_death_breaks_the_executor_if_it_should(tmp_path: Path, idle: bool) -> None:
    executor = millpond.ProcessPoolExecutor(2, on_worker_death="break")
    running = executor.submit(hang, tmp_path / "one")
    appeared(tmp_path / "one")
    if idle:
        for process in executor._processes.values():
            process.terminate()
    else:
        dying = executor.submit(die)
        # The watch over all workers may be faster than the call's own end.
        with pytest.raises(errors.WorkerDied, match=r"exit code 7|terminated abruptly"):
            dying.result(LONG)
    with pytest.raises(BrokenProcessPool):
        running.result(LONG)
    with pytest.raises(BrokenProcessPool, match="terminated abruptly"):
        executor.submit(square, 1)
    executor.shutdown()


def test_an_executor_that_breaks_kills_nothing(tmp_path: Path) -> None:
    with millpond.ProcessPoolExecutor(2, on_worker_death="break") as executor:
        running = executor.submit(wait_for, tmp_path)
        appeared(tmp_path / "begun")
        with pytest.raises(errors.Unsupported, match="break"):
            running.kill()
        (tmp_path / "end").touch()
        assert running.result(LONG) is None
        with pytest.raises(errors.Unsupported, match="break"):
            executor.options(timeout=1)
    for options in ({"task_timeout": 1}, {"max_tasks_per_child": 1}):
        with pytest.raises(errors.Unsupported, match="break"):
            millpond.ProcessPoolExecutor(2, on_worker_death="break", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["kill_workers", "terminate_workers"])
def test_workers_are_ended_all_at_once(tmp_path: Path, how: str) -> None:
    executor = millpond.ProcessPoolExecutor(1)
    running = executor.submit(hang, tmp_path / "one")
    appeared(tmp_path / "one")
    waiting = executor.submit(square, 1)
    getattr(executor, how)()
    assert waiting.cancelled()
    with pytest.raises(BrokenProcessPool):
        running.result(LONG)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(square, 1)
    executor.shutdown()


def test_a_limit_of_memory() -> None:
    # What a worker has from this process counts, and that is not known here.
    with millpond.ProcessPoolExecutor(1, memory_limit=2 << 30) as executor:
        assert executor.submit(allocate, 1 << 20).result(LONG) == 1 << 20
        with pytest.raises(MemoryError):
            executor.submit(allocate, 3 << 30).result(LONG)
        assert executor.submit(square, 3).result(LONG) == 9


def test_the_last_words_of_a_worker_are_in_the_error() -> None:
    with millpond.ProcessPoolExecutor(1, stderr_tail=1000) as executor:
        future = executor.submit(die, "I have had enough\n")
        with pytest.raises(errors.WorkerDied, match="I have had enough"):
            future.result(LONG)


def test_workers_are_replaced_after_some_calls() -> None:
    with millpond.ProcessPoolExecutor(1, max_tasks_per_child=3) as executor:
        pids = [executor.submit(os.getpid).result(LONG) for _ in range(9)]
    assert len(set(pids)) == 3 and pids == sorted(pids, key=pids.index)


def test_what_is_asked_of_processes_is_checked() -> None:
    for method in ("spawn", "forkserver"):
        with pytest.raises(errors.Unsupported, match=method):
            millpond.ProcessPoolExecutor(1, multiprocessing.get_context(method))
    context = multiprocessing.get_context("fork")
    with millpond.ProcessPoolExecutor(1, context) as executor:
        assert executor._mp_context is context
        assert executor.submit(square, 3).result(LONG) == 9
    mistakes: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"max_tasks_per_child": 0}, ValueError),
        ({"max_tasks_per_child": 1.5}, TypeError),
        ({"on_worker_death": "mourn"}, ValueError),
        ({"memory_limit": -1}, ValueError),
        ({"stderr_tail": -1}, ValueError),
        ({"task_timeout": 0}, ValueError),
    ]
    for wrong, error in mistakes:
        with pytest.raises(error, match=next(iter(wrong))):
            millpond.ProcessPoolExecutor(1, **wrong)


def test_a_pool_over_an_executor_can_do_what_that_can(tmp_path: Path) -> None:
    from millpond.executor_pool import ExecutorPool

    with millpond.ProcessPoolExecutor(2) as executor:
        with ExecutorPool(executor.options(retries=2)) as pool:
            assert pool.capabilities.kill and pool.capabilities.timeout and pool.capabilities.retries
            assert pool.map(square, range(10)) == [n * n for n in range(10)]
            assert pool.apply(raise_twice, (tmp_path / "count",)) == 3
            limited = pool.apply_async(hang, (tmp_path / "none",), timeout=0.1)
            with pytest.raises(errors.TimeLimitExceeded):
                limited.get(LONG)
            killed = pool.apply_async(hang, (tmp_path / "two",))
            appeared(tmp_path / "two")
            assert killed.running() and not killed.cancel() and killed.kill()
            with pytest.raises(errors.TaskCancelled):
                killed.get(LONG)
            hanging = pool.apply_async(hang, (tmp_path / "one",))
            appeared(tmp_path / "one")
            pool.terminate()
            with pytest.raises(errors.PoolTerminated):
                hanging.get(LONG)
            pool.join()
        assert executor.submit(square, 3).result(LONG) == 9


INTERRUPTED = """
import os, sys, time, millpond
def hang():
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(600)
with millpond.ProcessPoolExecutor(2) as executor:
    futures = [executor.submit(hang) for _ in range(2)]
    try:
        futures[0].result()
    except KeyboardInterrupt:
        for future in futures:
            future.kill()
        raise
"""


def test_ctrl_c_ends_a_wait_at_once_and_leaves_no_process() -> None:
    program = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    pids = [int(program.stdout.readline()) for _ in range(2)]
    program.send_signal(signal.SIGINT)
    _, complaint = program.communicate(timeout=LONG)
    assert program.returncode == -signal.SIGINT and b"KeyboardInterrupt" in complaint
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.kill(pid, 0)
                time.sleep(0.01)
