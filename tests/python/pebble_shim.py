"""What pebble's own tests call of the package pebble, on Millpond's pools: see pebble_tests.py.

Below stands either an executor of concurrent.futures or a pool of multiprocessing, both Millpond's. Above, what pebble
calls by other names: a pool starts late, futures are killed by cancel(), a map's errors do not end it.
"""

from __future__ import annotations

import collections
import concurrent.futures
import enum
import itertools
import os
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import millpond
from millpond.errors import WorkerDied


class PoolStatus(enum.Enum):
    CREATED = 0
    RUNNING = 1
    CLOSED = 2
    STOPPED = 3
    ERROR = 4


class ProcessExpired(OSError):
    """A worker has died; Millpond's sentence names its process and its exit code."""

    def __init__(self, error: WorkerDied) -> None:
        super().__init__(str(error))
        pid = re.search(r"process (\d+)", str(error))
        code = re.search(r"exit code (\d+)", str(error))
        self.pid = int(pid[1]) if pid else None
        self.exitcode = int(code[1]) if code else None


class ProcessFuture(concurrent.futures.Future):  # type: ignore[type-arg]
    """A future whose cancel() kills what runs."""

    kill: Callable[[], bool]

    def cancel(self) -> bool:
        return self.cancelled() if self.done() else self.kill()

    def end(self, error: BaseException | None, value: Any = None) -> None:
        """Takes the outcome of the call."""
        if isinstance(error, concurrent.futures.CancelledError):
            super().cancel()
            self.set_running_or_notify_cancel()
        elif isinstance(error, WorkerDied):
            self.set_exception(ProcessExpired(error))
        elif error is not None:
            self.set_exception(error)
        else:
            self.set_result(value)


class MapFuture:
    """The future of a map: of all its chunks."""

    def __init__(self, chunks: Sequence[ProcessFuture]) -> None:
        self.chunks = chunks

    def result(self) -> Iterator[Any]:
        return MapResults(self.chunks)

    def cancel(self) -> bool:
        return sum(chunk.cancel() for chunk in self.chunks) > 0


class MapResults:
    """An iterator that goes on after an error."""

    def __init__(self, chunks: Iterable[ProcessFuture]) -> None:
        self.chunks = collections.deque(chunks)
        self.values: Iterator[Any] = iter(())

    def __iter__(self) -> MapResults:
        return self

    def __next__(self) -> Any:
        for value in self.values:
            return value
        if not self.chunks:
            raise StopIteration
        self.values = iter(self.chunks.popleft().result())
        return next(self)


def call_chunk(function: Callable[..., Any], chunk: Iterable[Sequence[Any]]) -> list[Any]:
    return [function(*arguments) for arguments in chunk]


class OnExecutor:
    """The calls of a pool go to an executor of Millpond's."""

    def __init__(self, kind: str, workers: int | None, max_tasks: int, initializer: Any, initargs: Any, context: Any):
        self.executor: Any
        if kind == "processes":
            self.executor = millpond.ProcessPoolExecutor(
                workers, context, initializer, initargs, max_tasks_per_child=max_tasks or None
            )
        else:
            self.executor = millpond.ThreadPoolExecutor(workers, "", initializer, initargs)

    def begin(self, future: ProcessFuture, timeout: float | None, function: Any, args: Any, kwargs: Any) -> None:
        limited = self.executor if timeout is None else self.executor.options(timeout=timeout)
        call = limited.submit(function, *args, **kwargs)
        future.kill = call.kill if self.executor.can_kill else call.cancel

        def ended(call: Any) -> None:
            if call.cancelled():
                future.end(concurrent.futures.CancelledError())
            else:
                error = call.exception()
                future.end(error, None if error else call.result())

        call.add_done_callback(ended)

    def close(self) -> None:
        self.executor.shutdown(wait=False)

    def stop(self) -> None:
        if self.executor.can_kill:
            self.executor.kill_workers()
        else:
            self.executor.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        self.executor.shutdown(wait=True)

    def workers(self) -> list[Any]:
        if self.executor.can_kill:
            return [pid for pid in self.executor._processes if os.path.exists(f"/proc/{pid}")]
        return [thread for thread in self.executor._threads if thread.is_alive()]


class OnPool:
    """The calls of a pool go to a pool as multiprocessing's."""

    def __init__(self, kind: str, workers: int | None, max_tasks: int, initializer: Any, initargs: Any, context: Any):
        self.pool: Any
        self.can_kill = kind == "processes"
        if kind == "processes":
            self.pool = millpond.Pool(workers, initializer, initargs, max_tasks or None, context)
        else:
            self.pool = millpond.ThreadPool(workers, initializer, initargs)

    def begin(self, future: ProcessFuture, timeout: float | None, function: Any, args: Any, kwargs: Any) -> None:
        # The call may end before its result is known here.
        future.kill = lambda: call.kill() if self.can_kill else call.cancel()
        call = self.pool.apply_async(
            function, args, kwargs, lambda value: future.end(None, value), future.end, timeout=timeout
        )

    def close(self) -> None:
        self.pool.close()

    def stop(self) -> None:
        self.pool.terminate()

    def join(self) -> None:
        self.pool.join()

    def workers(self) -> list[Any]:
        return [worker.pid for worker in self.pool._pool if worker.is_alive()]


class BasePool:
    """What pools of processes and of threads have in common."""

    engine: type = OnExecutor
    kind = ""

    def __init__(
        self,
        max_workers: int | None = None,
        max_tasks: int = 0,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        context: Any = None,
    ) -> None:
        self._options = (self.kind, max_workers, max_tasks, initializer, initargs, context)
        self._calls: Any = None
        self._futures: list[ProcessFuture] = []
        self._status = PoolStatus.CREATED

    def __enter__(self) -> BasePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.join()

    @property
    def active(self) -> bool:
        self._start()
        return self._status in (PoolStatus.RUNNING, PoolStatus.CLOSED)

    def _start(self) -> None:
        if self._status == PoolStatus.CREATED:
            try:
                self._calls = self.engine(*self._options)
                self._status = PoolStatus.RUNNING
            except BaseException:
                self._status = PoolStatus.ERROR

    def schedule(
        self,
        function: Callable[..., Any],
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = {},
        timeout: float | None = None,
    ) -> ProcessFuture:
        self._start()
        if self._status != PoolStatus.RUNNING:
            raise RuntimeError(f"the pool is not running: {self._status}")
        future = ProcessFuture()
        self._calls.begin(future, timeout, function, tuple(args), dict(kwargs))
        self._futures.append(future)
        return future

    def map(
        self,
        function: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> MapFuture:
        if chunksize < 1:
            raise ValueError("chunksize must be 1 or more")
        items = zip(*iterables)
        chunks = iter(lambda: list(itertools.islice(items, chunksize)), [])
        return MapFuture([self.schedule(call_chunk, (function, chunk), {}, timeout) for chunk in chunks])

    def close(self) -> None:
        if self._status == PoolStatus.RUNNING:
            self._status = PoolStatus.CLOSED
            self._calls.close()

    def stop(self) -> None:
        if self._status in (PoolStatus.RUNNING, PoolStatus.CLOSED):
            self._status = PoolStatus.STOPPED
            self._calls.stop()

    def join(self, timeout: float | None = None) -> None:
        if self._status == PoolStatus.RUNNING:
            raise RuntimeError("the pool is running")
        if concurrent.futures.wait(self._futures, timeout).not_done:
            raise concurrent.futures.TimeoutError
        if self._calls is not None:
            self._calls.join()
            self._status = PoolStatus.STOPPED


class ProcessPool(BasePool):
    kind = "processes"

    def submit(self, function: Callable[..., Any], timeout: float | None, /, *args: Any, **kwargs: Any) -> Any:
        return self.schedule(function, args, kwargs, timeout)

    @property
    def _pool_manager(self) -> Any:
        workers = self._calls.workers()
        return types.SimpleNamespace(worker_manager=types.SimpleNamespace(workers=workers))


class ThreadPool(BasePool):
    kind = "threads"

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return self.schedule(function, args, kwargs)

    @property
    def _pool_manager(self) -> Any:
        return types.SimpleNamespace(workers=self._calls.workers())


def take_its_name(engine: type) -> None:
    """From here on `import pebble` is this."""
    BasePool.engine = engine
    pebble: Any = types.ModuleType("pebble")
    pebble.ProcessPool, pebble.ThreadPool, pebble.ProcessExpired = ProcessPool, ThreadPool, ProcessExpired
    pebble.pool = types.ModuleType("pebble.pool")
    pebble.pool.base_pool = types.ModuleType("pebble.pool.base_pool")
    pebble.pool.base_pool.PoolStatus = PoolStatus
    sys.modules.update({module.__name__: module for module in (pebble, pebble.pool, pebble.pool.base_pool)})
