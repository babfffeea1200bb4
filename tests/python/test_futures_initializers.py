"""What the workers of executors call first, and what becomes of an executor in which that fails."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import sys
import threading
import time
from typing import Any

import pytest

import millpond

# Far beyond what anything here takes on a loaded machine.
LONG = 60


def square(number: int) -> int:
    return number * number


@pytest.fixture(params=[millpond.ThreadPoolExecutor, millpond.ProcessPoolExecutor], ids=["threads", "processes"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_initializers_run_on_each_worker(kind: Any) -> None:
    with kind(2, initializer=setup, initargs=(17,)) as executor:
        assert {executor.submit(was_set_up).result(LONG) for _ in range(20)} == {17}


values = threading.local()


def setup(value: int) -> None:
    values.value = value


def was_set_up() -> int:
    return int(values.value)


def break_down() -> None:
    raise LookupError("no beginning")


@pytest.mark.parametrize("initializer", [break_down, sys.exit])
def test_an_initializer_that_raises_breaks_the_executor(
    kind: Any, initializer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    executor = kind(2, initializer=initializer)
    for _ in range(2):
        with pytest.raises(concurrent.futures.BrokenExecutor, match="initializer failed") as caught:
            executor.submit(square, 1)
    executor.shutdown()
    if kind is millpond.ThreadPoolExecutor:
        assert "Exception in initializer" in caplog.text
    del caught


def interrupt(pid: int) -> None:
    os.kill(pid, signal.SIGUSR1)
    time.sleep(0.2)


def test_what_a_signal_handler_raises_while_workers_begin_is_not_their_initializer_s(kind: Any) -> None:
    def leave(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        sys.exit(7)

    before = signal.signal(signal.SIGUSR1, leave)
    try:
        executor = kind(1, initializer=interrupt, initargs=(os.getpid(),))
        with pytest.raises(SystemExit, match="7"):
            executor.submit(square, 1)
        assert executor.submit(square, 2).result() == 4
        executor.shutdown()
    finally:
        signal.signal(signal.SIGUSR1, before)
