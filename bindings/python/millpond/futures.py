"""The executors of concurrent.futures on Millpond's pools.

>>> from millpond import ProcessPoolExecutor
>>> with ProcessPoolExecutor(2) as executor:
...     print(executor.submit(pow, 2, 10).result())
...     print(list(executor.map(abs, [-1, 2, -3])))
1024
[1, 2, 3]

Whatever works with the standard executors works with these: `wait()`, `as_completed()`, `loop.run_in_executor()`.
Beyond that, a process that dies fails the call that it runs and no other, `Future.kill()` ends what runs, and
`executor.options(timeout=..., retries=...)` sets limits.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import multiprocessing.util
import os
import threading
import weakref
from concurrent.futures.process import _RemoteTraceback
from concurrent.futures.thread import BrokenThreadPool
from multiprocessing.pool import RemoteTraceback  # type: ignore[attr-defined]
from typing import Any, Callable, Dict, Iterable, Optional, Set

from millpond import _declarations as c
from millpond import errors
from millpond._engine import Engine
from millpond._executor import PoolExecutor
from millpond._future import Future
from millpond._task import Task, set_cause
from millpond._workers import DeathWatch, Ending, WorkerProcess, WorkerThread, introduce

__all__ = ["Future", "ProcessPoolExecutor", "ThreadPoolExecutor"]

# Where the standard executors write what an initializer has raised.
LOGGER = logging.getLogger("concurrent.futures")
MEANT = 'with on_worker_death="break" no worker may end: neither by kill(), timeout, nor max_tasks_per_child'
DIED = (c.POOL_ERR_WORKER_DIED, c.POOL_ERR_CRASH_LOOP, c.POOL_ERR_BROKEN)


class ThreadPoolExecutor(PoolExecutor):
    """The drop-in for :class:`concurrent.futures.ThreadPoolExecutor`. All threads are started with the first call."""

    _broken_error = BrokenThreadPool
    _kind = "thread"
    _counter = itertools.count().__next__

    def __init__(
        self,
        max_workers: Optional[int] = None,
        thread_name_prefix: str = "",
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        if max_workers is None:
            max_workers = min(32, _processors() + 4)
        workers = max_workers
        prefix = thread_name_prefix or f"ThreadPoolExecutor-{self._counter()}"
        threads: Set[WorkerThread] = set()
        numbers = itertools.count()
        initargs = tuple(initargs)

        def begin() -> None:
            introduce(f"{prefix}_{next(numbers)}", threads)
            _initialize(initializer, initargs)

        def make(failed: Callable[[], BaseException]) -> Engine:
            return Engine(
                "threads", workers, initializer=begin, name=prefix, finish_at_exit=True, initializer_failed=failed
            )

        super().__init__(max_workers, initializer, initargs, make)
        self._thread_name_prefix = prefix
        self._threads = threads


class ProcessPoolExecutor(PoolExecutor):
    """The drop-in for :class:`concurrent.futures.ProcessPoolExecutor`. Its workers are forked with the first call.

    :param mp_context: None, or the context of the start method "fork", which is how workers are made.
    :param max_tasks_per_child: replace a worker after so many calls. It goes with forking, too.
    :param on_worker_death: "survive": the call that a dead worker was running fails with
        :class:`millpond.errors.WorkerDied`, or is tried again if it has `retries`, and a new worker takes its place.
        "break": as in the standard library, all calls fail, and the executor takes no more. Then nothing that ends
        workers on purpose is possible.
    :param memory_limit: how many bytes of memory a worker may have for its data, with what it has from this process;
        beyond that, it is a MemoryError there.
    :param task_timeout: how many seconds a call may run; see :meth:`options` for that of single calls.
    :param stderr_tail: how many bytes of what a worker has last written to stderr the error of a call tells of whose
        worker has died.
    """

    _cannot_kill = MEANT

    def __init__(
        self,
        max_workers: Optional[int] = None,
        mp_context: Any = None,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
        *,
        max_tasks_per_child: Optional[int] = None,
        on_worker_death: str = "survive",
        memory_limit: Optional[int] = None,
        task_timeout: Optional[float] = None,
        stderr_tail: int = 0,
    ) -> None:
        self._mp_context = _fork_context(mp_context)
        if max_tasks_per_child is not None and not isinstance(max_tasks_per_child, int):
            raise TypeError("max_tasks_per_child must be an integer")
        if max_tasks_per_child is not None and max_tasks_per_child <= 0:
            raise ValueError("max_tasks_per_child must be >= 1")
        if on_worker_death not in ("survive", "break"):
            raise ValueError(f'on_worker_death must be "survive" or "break", not {on_worker_death!r}')
        if task_timeout is not None and not task_timeout > 0:
            raise ValueError(f"task_timeout must be greater than 0, not {task_timeout!r}")
        for name, number in {"memory_limit": memory_limit or 0, "stderr_tail": stderr_tail}.items():
            if not isinstance(number, int) or number < 0:
                raise ValueError(f"{name} must be a number of bytes, not {number!r}")
        if on_worker_death == "break" and (task_timeout is not None or max_tasks_per_child is not None):
            raise errors.Unsupported(MEANT)
        initargs = tuple(initargs)
        workers = _processors() if max_workers is None else max_workers

        def begin() -> None:
            try:
                _initialize(initializer, initargs)
            except BaseException:
                # What it has put into queues of multiprocessing still has to get out.
                multiprocessing.util._exit_function()  # type: ignore[attr-defined]
                raise

        def make(failed: Callable[[], BaseException]) -> Engine:
            return Engine(
                "processes",
                workers,
                initializer=None if initializer is None else begin,
                initializer_failed=failed,
                max_tasks_per_worker=max_tasks_per_child or 0,
                memory_limit=memory_limit or 0,
                task_timeout=task_timeout,
                stderr_tail_bytes=stderr_tail,
                finish_at_exit=True,
            )

        super().__init__(workers, initializer, initargs, make)
        self.can_kill = on_worker_death != "break"
        self._watched = not self.can_kill
        self._max_tasks_per_child = max_tasks_per_child
        self._watch: Optional[DeathWatch] = None
        self._known: Dict[int, WorkerProcess] = {}
        self._ending: Optional[Ending] = None

    @property
    def _processes(self) -> Dict[int, WorkerProcess]:
        """The workers by pid, as those expect them who look into the standard executor."""
        engine = self._engine
        if engine is not None and not self._shutdown:
            self._known = {pid: WorkerProcess(pid) for pid in engine.worker_pids() if pid}
        return self._known

    @property
    def _executor_manager_thread(self) -> Optional[Ending]:
        return self._ending

    _call_queue = _executor_manager_thread

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls. `wait`: waits for those there are; `cancel_futures`: for those only that run."""
        self._known = self._processes
        super().shutdown(wait, cancel_futures=cancel_futures)
        if wait and self._watch is not None and threading.current_thread() is not self._watch:
            # It ends with the workers.
            self._watch.join()

    def kill_workers(self) -> None:
        """Shuts the executor down at once: cancels what waits, and kills what runs. Does not wait for that."""
        self._force_shutdown(WorkerProcess.kill)

    def terminate_workers(self) -> None:
        """As :meth:`kill_workers`, by SIGTERM, which a call may handle."""
        self._force_shutdown(WorkerProcess.terminate)

    def _force_shutdown(self, end: Callable[[WorkerProcess], None]) -> None:
        workers = self._processes
        self.shutdown(wait=False, cancel_futures=True)
        for worker in workers.values():
            end(worker)

    def _started(self) -> Engine:
        engine = super()._started()
        self._ending = Ending(engine)
        if not self.can_kill:
            missed = weakref.WeakMethod(self._missed)
            self._watch = DeathWatch(engine.worker_pids(), lambda: (missed() or int)())
            self._watch.start()
        return engine

    def _ended(self, task: Task) -> None:
        if task.status in DIED and not self.can_kill:
            self._break()
        well, value = task.outcome()
        if not well:
            self._dress(value)

    @staticmethod
    def _dress(error: BaseException) -> None:
        if isinstance(error.__cause__, RemoteTraceback):
            set_cause(error, _RemoteTraceback(error.__cause__.tb))

    def _missed(self) -> None:
        """A worker has ended, which is to be expected after a shutdown only."""
        if not self._shutdown:
            self._break()

    def _break(self) -> None:
        with self._lock:
            engine = self._engine
            if self._broken or engine is None:
                return
            self._broken = (
                "A process in the process pool was terminated abruptly while the future was running or pending."
            )
        for future in list(self._unfinished):
            future.fail(errors.WorkerDied(self._broken))
        engine.terminate()


def _processors() -> int:
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return count or 1


def _initialize(initializer: Optional[Callable[..., object]], initargs: Iterable[Any]) -> None:
    """Calls a worker's initializer, and logs what it raises where the standard library does."""
    if initializer is not None:
        try:
            initializer(*initargs)
        except BaseException:
            LOGGER.critical("Exception in initializer:", exc_info=True)
            raise


def _fork_context(context: Any) -> Any:
    """The context, or an error if it is one that starts processes in another way."""
    method = "fork" if context is None else context.get_start_method(allow_none=True)
    if method not in ("fork", None):
        raise errors.Unsupported(
            f"the workers are forked, so mp_context must be None or that of 'fork', not of {method!r}"
        )
    return context or multiprocessing.get_context("fork")
