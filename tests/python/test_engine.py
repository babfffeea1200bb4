"""The engine under Pool and the executors: calls submitted, waited for, asked, cancelled, killed, in both modes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import alive

from millpond import errors
from millpond._engine import Engine
from millpond._task import Task

MODES = ["processes", "threads"]


def double(x: int) -> int:
    return 2 * x


def fail(x: object) -> None:
    raise KeyError(x)


def count_attempts(path: str, needed: int) -> int:
    """Fails until it is called so often."""
    with open(path, "a") as file:
        file.write("x")
    count = len(Path(path).read_text())
    if count < needed:
        raise ValueError(count)
    return count


@pytest.fixture(params=MODES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = Engine(request.param, 2)
    yield engine
    engine.terminate()
    assert engine.join(60)


@pytest.fixture
def processes() -> Iterator[Engine]:
    engine = Engine("processes", 2)
    yield engine
    engine.terminate()
    assert engine.join(60)


def test_a_call_and_its_result(engine: Engine) -> None:
    task = engine.submit(double, (4,))
    assert task.result() == 8
    assert task.done() and not task.running() and not task.cancel() and not task.kill()
    assert engine.submit(dict, (), {"a": 1}).result() == {"a": 1}
    assert engine.submit(double, (4,), timeout=60, priority=1, delay=0.001).result() == 8


def test_an_exception_arrives_with_its_traceback(engine: Engine) -> None:
    with pytest.raises(KeyError) as raised:
        engine.submit(fail, (5,)).result()
    assert raised.value.args == (5,)
    if engine.mode == "processes":
        assert "in fail" in str(raised.value.__cause__)
    else:
        assert raised.value.__cause__ is None


def test_many_at_once(engine: Engine) -> None:
    ended: list[Task] = []
    tasks = engine.submit_many([(double, (i,), {}) for i in range(100)], done=ended.append)
    assert [task.result() for task in tasks] == [2 * i for i in range(100)]
    engine.close()
    assert engine.join(60)
    assert sorted(task.result() for task in ended) == [2 * i for i in range(100)]


def test_done_is_called_once_for_each_task_whatever_becomes_of_it(processes: Engine) -> None:
    ended: list[Task] = []
    busy = [processes.submit(time.sleep, (1000,), done=ended.append) for _ in range(2)]
    queued = processes.submit(double, (1,), done=ended.append)
    assert queued.cancel() and not queued.cancel()
    assert busy[0].kill()
    processes.terminate()
    assert processes.join(60)
    assert len(ended) == 3 and set(ended) == {*busy, queued}
    assert [type(task.outcome()[1]) for task in [queued, *busy]] == [
        errors.TaskCancelled,
        errors.TaskCancelled,
        errors.PoolTerminated,
    ]


def test_a_wait_may_run_out_of_time(engine: Engine) -> None:
    task = engine.submit(time.sleep, (0.3,))
    assert not task.wait(0) and not task.wait(0.001)
    assert task.wait(60) and task.result() is None


def test_a_failure_is_tried_again(engine: Engine, tmp_path: Path) -> None:
    assert engine.submit(count_attempts, (str(tmp_path / "a"), 3), retries=2).result() == 3
    with pytest.raises(ValueError, match="2"):
        engine.submit(count_attempts, (str(tmp_path / "b"), 3), retries=1).result()
    tasks = engine.submit_many([(count_attempts, (str(tmp_path / name), 2), {}) for name in "cd"], retries=1)
    assert [task.result() for task in tasks] == [2, 2]


def test_a_task_that_takes_too_long_is_killed(processes: Engine) -> None:
    with pytest.raises(errors.TimeLimitExceeded):
        processes.submit(time.sleep, (1000,), timeout=0.05).result()
    assert processes.submit(double, (1,)).result() == 2


def test_a_dead_worker_harms_its_own_task_only(processes: Engine) -> None:
    tasks = [processes.submit(double, (i,)) for i in range(20)]
    dead = processes.submit(os._exit, (3,))
    tasks += [processes.submit(double, (i,)) for i in range(20, 40)]
    with pytest.raises(errors.WorkerDied, match="exit code 3"):
        dead.result()
    with pytest.raises(errors.WorkerDied, match="SIGKILL"):
        processes.submit(signal.raise_signal, (signal.SIGKILL,)).result()
    assert [task.result() for task in tasks] == [2 * i for i in range(40)]


def test_a_closed_engine_takes_no_calls(engine: Engine) -> None:
    last = engine.submit(double, (1,))
    engine.close()
    engine.close()
    with pytest.raises(errors.PoolClosed):
        engine.submit(double, (1,))
    with pytest.raises(errors.PoolClosed):
        engine.submit_many([(double, (1,), {})])
    assert engine.join(60) and last.result() == 2


def test_what_an_initializer_raises_is_raised_by_who_makes_the_pool() -> None:
    for mode in MODES:
        with pytest.raises(KeyError) as raised:
            Engine(mode, 2, initializer=fail, initargs=("no such table",))
        assert raised.value.args == ("no such table",)


def test_threads_keep_what_is_their_own() -> None:
    own = threading.local()

    def begin(value: int) -> None:
        own.value = value

    def look() -> int:
        return int(own.value)

    engine = Engine("threads", 2, initializer=begin, initargs=(7,))
    assert [task.result() for task in [engine.submit(look) for _ in range(20)]] == [7] * 20
    engine.close()
    assert engine.join(60)


def test_an_engine_that_nobody_refers_to_ends() -> None:
    engine = Engine("processes", 1)
    pid = engine.worker_pids()[0]
    task = engine.submit(time.sleep, (1000,))
    del engine
    # The task refers to its engine until it has ended.
    assert task.kill() and isinstance(task.outcome()[1], errors.TaskCancelled)
    while alive(pid):
        time.sleep(0.01)
