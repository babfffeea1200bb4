"""What makes the standard library's pools hang, or lose work: each ends here at once, and an error says what it was."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing.pool
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from processes import alive

import millpond
from millpond import errors


def double(x: int) -> int:
    return 2 * x


def kill_myself(_: object = None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave_by_exit(code: object) -> None:
    sys.exit(code)  # type: ignore[arg-type]


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def kill_all(pool: millpond.Pool) -> None:
    for worker in pool._pool:
        # One that died before may be replaced by one with another number at any moment.
        with contextlib.suppress(ProcessLookupError):
            if worker.pid:
                os.kill(worker.pid, signal.SIGKILL)


class Unreadable(Exception):
    """One that cannot be made again from what its pickle says: it takes two arguments, and gives one to its base."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(first)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """One none of whose attributes can be set."""


def freeze() -> None:
    raise Frozen


class UnreadableResult:
    """A value whose pickle cannot be read."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("no number",)


class Unspeakable:
    """A value that can neither be pickled nor shown."""

    def __reduce__(self) -> tuple[object, ...]:
        raise RuntimeError("cannot be pickled")

    def __repr__(self) -> str:
        raise RuntimeError("cannot be shown")


class DiesWhenRead:
    """An argument that kills the worker which reads it."""

    def __reduce__(self) -> tuple[object, ...]:
        return kill_myself, (None,)


def raise_unreadable(_: object) -> None:
    raise Unreadable(1, 2)


def raise_unspeakable(_: object) -> None:
    raise RuntimeError(Unspeakable())


def a_generator(_: object) -> object:
    return (number for number in (1, 2))


def test_a_busy_worker_is_killed() -> None:
    with millpond.Pool(2) as pool:
        result = pool.apply_async(time.sleep, (1000,))
        others = pool.map_async(double, range(100))
        while not result.running():
            time.sleep(0.001)
        with pytest.raises(errors.WorkerDied, match="SIGKILL"):
            pool.apply(kill_myself)
        assert others.get(60) == list(map(double, range(100)))
        kill_all(pool)
        with pytest.raises(errors.WorkerDied, match="SIGKILL"):
            result.get(60)
        assert pool.map(double, range(100)) == list(map(double, range(100)))


def test_idle_workers_are_killed() -> None:
    with millpond.Pool(2) as pool:
        for _ in range(5):
            assert pool.map(double, range(10)) == list(map(double, range(10)))
            kill_all(pool)
        assert pool.map(double, range(10)) == list(map(double, range(10)))


def test_a_map_of_which_one_item_kills_its_worker() -> None:
    with millpond.Pool(2) as pool:
        with pytest.raises(errors.WorkerDied):
            pool.map(kill_myself, range(3), chunksize=1)
        results = pool.imap(kill_or_double, [1, 2, 3])
        assert next(results) == 2
        with pytest.raises(errors.WorkerDied):
            next(results)
        assert list(results) == [6]


def kill_or_double(x: int) -> int:
    if x == 2:
        kill_myself()
    return double(x)


def test_a_retry_survives_a_death(tmp_path: Path) -> None:
    with millpond.Pool(1) as pool:
        assert pool.apply_async(die_once, (str(tmp_path / "died"),), retries=1).get(60) == "survived"


def die_once(path: str) -> str:
    if not os.path.exists(path):
        open(path, "w").close()
        kill_myself()
    return "survived"


@pytest.mark.parametrize("kind", [millpond.Pool, millpond.ThreadPool])
def test_a_task_ends_itself_by_exit(kind: type[millpond.Pool]) -> None:
    with kind(1) as pool:
        for function, said in ((leave_by_exit, "SystemExit(3)"), (interrupt, "KeyboardInterrupt()")):
            failed: list[BaseException] = []
            result = pool.apply_async(function, (3,), error_callback=failed.append)
            with pytest.raises(errors.TaskExited) as raised:
                result.get(60)
            assert said in str(raised.value) and failed == [raised.value]
        with pytest.raises(errors.TaskExited):
            pool.map(leave_by_exit, [1, 2])
        with pytest.raises(errors.TaskExited):
            next(pool.imap(leave_by_exit, [1]))
        assert pool.apply(double, (1,)) == 2


def test_a_task_ends_its_process() -> None:
    with millpond.Pool(1) as pool:
        with pytest.raises(errors.WorkerDied, match="exit code 3"):
            pool.apply(os._exit, (3,))
        assert pool.apply(double, (1,)) == 2


def test_an_exception_that_cannot_be_unpickled() -> None:
    with millpond.Pool(1) as pool:
        with pytest.raises(errors.InternalError, match=r"Unreadable.*cannot be unpickled.*second") as raised:
            pool.apply(raise_unreadable, (1,))
        assert "in raise_unreadable" in str(raised.value.__cause__)
        with pytest.raises(multiprocessing.pool.MaybeEncodingError):  # type: ignore[attr-defined]
            pool.apply(raise_unspeakable, (1,))
        assert pool.apply(double, (1,)) == 2


def test_an_exception_whose_attributes_cannot_be_set() -> None:
    with millpond.Pool(1) as pool, pytest.raises(Frozen) as caught:
        pool.apply(freeze)
    assert "in freeze" in str(caught.value.__cause__)
    called: queue.Queue[BaseException] = queue.Queue()
    with millpond.Pool(1) as pool:
        pool.apply_async(freeze, error_callback=called.put)
        assert called.get(timeout=60) == Frozen()
    with millpond.ProcessPoolExecutor(1) as executor:
        error = executor.submit(freeze).exception(timeout=60)
        assert error == Frozen()
        assert "in freeze" in str(error.__cause__)


def test_a_result_that_cannot_be_sent_or_read() -> None:
    with millpond.Pool(1) as pool:
        for function in (a_generator, make_unspeakable):
            with pytest.raises(multiprocessing.pool.MaybeEncodingError):  # type: ignore[attr-defined]
                pool.apply(function, (1,))
        with pytest.raises(errors.InternalError, match="result cannot be unpickled here: ValueError"):
            pool.apply(UnreadableResult)
        assert pool.apply(double, (1,)) == 2


def make_unspeakable(_: object) -> Unspeakable:
    return Unspeakable()


def test_an_argument_that_cannot_be_sent_or_read() -> None:
    with millpond.Pool(2) as pool:
        failed: list[BaseException] = []
        result = pool.apply_async(double, (Unspeakable(),), error_callback=failed.append)
        with pytest.raises(RuntimeError, match="cannot be pickled"):
            result.get(60)
        assert len(failed) == 1
        results = pool.imap(str, [1, Unspeakable(), 3])
        assert next(results) == "1"
        with pytest.raises(RuntimeError, match="cannot be pickled"):
            next(results)
        assert next(results) == "3"
        with pytest.raises(ValueError, match="no number"):
            pool.apply(str, (UnreadableResult(),))
        with pytest.raises(errors.WorkerDied):
            pool.apply(str, (DiesWhenRead(),))
        assert pool.apply(double, (1,)) == 2


def test_a_function_that_the_workers_do_not_know() -> None:
    with millpond.Pool(1) as pool:

        def late(x: int) -> int:
            return x

        late.__qualname__ = "late_function"
        globals()["late_function"] = late
        try:
            with pytest.raises(AttributeError, match="late_function"):
                pool.apply(late, (1,))
        finally:
            del globals()["late_function"]


def test_an_initializer_that_raises() -> None:
    for kind in (millpond.Pool, millpond.ThreadPool):
        with pytest.raises(ValueError, match="no number"):
            kind(2, initializer=int, initargs=("no number",))
        # One that says more than fits through.
        with pytest.raises(ValueError if kind is millpond.ThreadPool else RuntimeError, match="too much"):
            kind(2, initializer=complain, initargs=("too much " * 10000,))
    with pytest.raises(errors.WorkerDied):
        millpond.Pool(2, initializer=os._exit, initargs=(3,))
    with pytest.raises(SystemExit):
        millpond.Pool(1, initializer=sys.exit, initargs=(3,))


def complain(text: str) -> None:
    raise ValueError(text)


def test_a_huge_argument_for_a_worker_that_dies() -> None:
    huge = bytes(1 << 26)
    with millpond.Pool(1) as pool:
        results = [pool.apply_async(kill_myself, (huge,)) for _ in range(3)]
        results.append(pool.apply_async(len, (huge,)))
        for result in results[:3]:
            with pytest.raises(errors.WorkerDied):
                result.get(60)
        assert results[3].get(60) == len(huge)


def test_an_input_without_end(tmp_path: Path) -> None:
    def endless() -> object:
        while True:
            yield 1

    with millpond.Pool(2) as pool:
        assert next(pool.imap(double, endless())) == 2  # type: ignore[arg-type]
        assert next(pool.imap_unordered(double, endless(), chunksize=10)) == 2  # type: ignore[arg-type]
        kept = pool.imap(double, endless())  # type: ignore[arg-type]
        pool.terminate()
        with pytest.raises((errors.PoolTerminated, StopIteration)):
            for _ in range(1000):
                next(kept)


def test_a_lock_that_another_thread_holds_at_the_fork() -> None:
    lock, holding, go = threading.Lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            holding.set()
            go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    try:
        with millpond.Pool(1) as pool:
            # That lock is held in the worker for ever, but nothing else is.
            assert pool.apply(lock_is_held, (), {}) in (True, False)
            assert pool.apply(double, (1,)) == 2
    finally:
        go.set()
        thread.join()


def lock_is_held() -> bool:
    import logging

    logging.getLogger("worker").warning("")
    return threading.active_count() == 1


def test_workers_leave_nothing_behind() -> None:
    pool = millpond.Pool(2)
    pids = [worker.pid for worker in pool._pool if worker.pid]
    pool.apply_async(time.sleep, (1000,))
    pool.terminate()
    pool.join()
    assert len(pids) == 2
    while any(map(alive, pids)):
        time.sleep(0.01)
