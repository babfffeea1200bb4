"""What pools answer with: the result of one call, of a map, and the names that multiprocessing has for them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from millpond._task import Task

if TYPE_CHECKING:
    from millpond._engine import Engine
    from millpond.pool import Pool

Callback = Optional[Callable[[Any], object]]


def said(outcome: Tuple[bool, Any]) -> Tuple[bool, Any]:
    """An outcome as it is told to whoever waits: what was to end the task is not to end the program."""
    well, value = outcome
    if well or isinstance(value, Exception):
        return outcome
    from millpond.errors import TaskExited  # which costs time to import, and is seldom needed

    exited = TaskExited(f"the task has ended itself by {value!r}")
    exited.__cause__ = value.__cause__ or value
    return False, exited


class AsyncResult:
    """What becomes of a call: get() waits for it.

    >>> from millpond import ThreadPool
    >>> with ThreadPool(2) as pool:
    ...     pool.apply_async(pow, (2, 10)).get(timeout=60)
    1024
    """

    def __init__(self, pool: Pool, callback: Callback, error_callback: Callback) -> None:
        # A pool lives as long as somebody waits for what it does.
        self._pool: Optional[Pool] = pool
        self._callback = callback
        self._error_callback = error_callback
        self._tasks: List[Task] = []
        self._outcome: Optional[Tuple[bool, Any]] = None
        # With callbacks, it is ready when these have been called.
        self._called = threading.Event() if callback or error_callback else None

    def ready(self) -> bool:
        """Whether the call has ended."""
        if self._called:
            return self._called.is_set()
        return self._outcome is not None or all(task.done() for task in self._tasks)

    def successful(self) -> bool:
        """Whether it has ended without an exception; a ValueError if it has not ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._settled()[0]

    def wait(self, timeout: Optional[float] = None) -> None:
        """Waits until it has ended, or for so many seconds."""
        if self._called:
            self._called.wait(timeout)
        elif self._outcome is not None:
            return
        elif timeout is None:
            for task in self._tasks:
                task.wait()
        else:
            end = time.monotonic() + timeout
            for task in self._tasks:
                if not task.wait(max(end - time.monotonic(), 0)):
                    return

    def get(self, timeout: Optional[float] = None) -> Any:
        """Waits as wait() does, and returns the result, or raises the exception; multiprocessing's TimeoutError."""
        if timeout is not None or self._called:
            self.wait(timeout)
        if timeout is not None and not self.ready():
            from multiprocessing import TimeoutError as TookTooLong

            raise TookTooLong
        well, value = self._settled()
        if well:
            return value
        try:
            raise value
        finally:
            # The traceback holds this frame, and this frame the exception.
            del value

    def running(self) -> bool:
        """Whether a worker is at it."""
        return self._outcome is None and any(task.running() for task in self._tasks)

    def cancel(self) -> bool:
        """Keeps it from starting; what runs goes on. Whether it will not run, as a whole."""
        return self._outcome is None and sum(not task.cancel() for task in self._tasks) == 0

    def kill(self) -> bool:
        """Ends it now: in a pool of processes by killing the workers that run it, which are replaced."""
        return self._outcome is None and sum(task.kill() for task in self._tasks) > 0

    def _settled(self) -> Tuple[bool, Any]:
        """The outcome of what has ended."""
        if self._outcome is None:
            outcome = self._gathered()
            # Two threads may be here: both go on with what the first has found.
            if self._outcome is None:
                self._outcome = outcome
            self._tasks = []
            self._pool = None
        return self._outcome

    def _gathered(self) -> Tuple[bool, Any]:
        tasks = self._tasks
        # Another thread was faster, if there is none.
        return said(tasks[0].outcome()) if tasks else self._outcome or (True, None)

    def _submitted(self, tasks: List[Task], engine: Engine) -> None:
        """Its tasks are these."""
        if self._outcome is None:
            self._tasks = tasks

    def _done(self, task: Task) -> None:
        """Its task has ended."""
        self._tasks = [task]
        self._call_back()

    def _call_back(self, _task: Optional[Task] = None) -> None:
        """All has ended: now the callbacks, on a thread of the pool."""
        assert self._called is not None
        try:
            well, value = self._settled()
            callback = self._callback if well else self._error_callback
            if callback:
                callback(value)
        finally:
            self._called.set()


ApplyResult = AsyncResult


class MapResult(AsyncResult):
    """What becomes of a map. It has ended when all its items have, also after a failure; the first one counts."""

    def __init__(self, pool: Pool, callback: Callback, error_callback: Callback) -> None:
        super().__init__(pool, callback, error_callback)
        self._lock = threading.Lock()
        self._ended = 0

    def _gathered(self) -> Tuple[bool, Any]:
        values: List[Any] = []
        failure: Optional[Tuple[bool, Any]] = None
        for task in self._tasks:
            well, value = task.outcome()
            if well:
                values.extend(value)
            elif failure is None:
                failure = said((well, value))
        return self._outcome or failure or (True, values)

    def _submitted(self, tasks: List[Task], engine: Engine) -> None:
        with self._lock:
            self._tasks = tasks
            late = self._called is not None and self._ended == len(tasks)
        if late:
            # Callbacks are called on a thread of the pool, one after the other, also if there is nothing to wait for.
            engine.submit(bool, done=self._call_back)

    def _done(self, task: Task) -> None:
        """One of its tasks has ended."""
        with self._lock:
            self._ended += 1
            last = self._ended == len(self._tasks)
        if last:
            self._call_back()
