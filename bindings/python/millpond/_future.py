"""The future of a call that an executor has taken."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED
from typing import TYPE_CHECKING, Any, Callable, Generator, Optional, TypeVar

from millpond import _declarations as c
from millpond import errors

if TYPE_CHECKING:
    from millpond._task import Task

T = TypeVar("T")

if TYPE_CHECKING:
    Base = concurrent.futures.Future
else:

    class Base(concurrent.futures.Future):
        # Python 3.8 has no brackets for it.
        __class_getitem__ = classmethod(lambda kind, _of: kind)


class Future(Base[T]):
    """A future as concurrent.futures has them, for `wait()`, `as_completed()` and asyncio.

    Besides, `await future` works, and :meth:`kill` ends a running task.
    """

    def __init__(self) -> None:
        super().__init__()
        self._task: Optional[Task] = None
        self._follow: Optional[Callable[[Task], object]] = None
        self._killed = False
        #: Why what runs cannot be killed; "" if it can.
        self.cannot_kill = ""

    def result(self, timeout: Optional[float] = None) -> T:
        """What the call has returned, or its exception; a TimeoutError if it has not ended within `timeout` seconds.

        A call on a thread may wait for others of its executor: the thread runs them meanwhile, if nobody else does.
        """
        try:
            if timeout is None:
                self._wait()
            return super().result(timeout)
        finally:
            # The traceback of its exception holds this frame.
            self = None  # type: ignore[assignment]

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """The exception that the call has raised, or None; it waits as :meth:`result` does."""
        if timeout is None:
            self._wait()
        return super().exception(timeout)

    def _wait(self) -> None:
        """Waits as the library does, which lets workers work that wait."""
        task, follow = self._task, self._follow
        if task is not None and follow is not None and not self.done():
            task.wait()
            # What is told of the end may be waiting for this thread.
            follow(task)

    def running(self) -> bool:
        """Whether a worker is at it."""
        task = self._task
        return super().running() or (task is not None and not self.done() and task.running())

    def cancel(self) -> bool:
        """Cancels the call if it has not started; what runs goes on. Whether it is cancelled."""
        task = self._task
        if task is None:
            return super().cancel()
        if not self.done() and not task.cancel():
            # It runs, or has just ended; or somebody else was faster to cancel it.
            return self.cancelled()
        return self._cancelled()

    def _cancelled(self) -> bool:
        """Cancels it, and tells those in wait() and as_completed() at once."""
        if not super().cancel():
            return False
        with self._condition:
            if self._state == CANCELLED:
                self._state = CANCELLED_AND_NOTIFIED
                for waiter in self._waiters:
                    waiter.add_cancelled(self)
        return True

    def kill(self) -> bool:
        """Ends the call now: cancels it if it has not started, else kills its process, which is replaced.

        Then `result()` raises :class:`millpond.errors.TaskCancelled`. Returns whether it will not end by itself: False
        if it has already. What runs on a thread cannot be killed: :class:`millpond.errors.Unsupported`.
        """
        if self.done():
            return self.cancelled()
        task = self._task
        if self.cancel() or task is None:
            return self.cancelled()
        if self.cannot_kill:
            raise errors.Unsupported(self.cannot_kill)
        self._killed = True
        return task.kill()

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self).__await__()

    def attach(self, task: Task, follow: Callable[[Task], object]) -> None:
        """Makes this the future of a task, of whose end `follow` tells it, once or more; called by executors."""
        self._task, self._follow = task, follow
        if self.done():
            # The task was faster.
            self._task = self._follow = None

    def settle(self, task: Task) -> None:
        """Takes the outcome of a task that has ended; called by executors."""
        well, value = task.outcome()
        self._task = self._follow = None
        if well:
            self.give(value)
        elif task.status == c.POOL_ERR_CANCELLED and not self._killed:
            self._cancelled()
        else:
            self.fail(value)

    def give(self, value: T) -> None:
        """Sets the result, unless it has one; called by executors."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Sets the exception, unless it has ended; called by executors."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self.set_exception(error)
