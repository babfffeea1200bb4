"""What can go wrong: one exception for each status of the library, all of them a MillpondError.

Each is also what a Python program would expect to catch: a closed pool is a ValueError, a wait that ran out of time a
TimeoutError (the builtin one, multiprocessing's and concurrent.futures'), a dead worker a BrokenProcessPool.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import queue
import sys
from concurrent.futures.process import BrokenProcessPool
from typing import ClassVar

from millpond import _declarations as c

if sys.version_info >= (3, 11):
    _Timeout = TimeoutError
else:

    class _Timeout(concurrent.futures.TimeoutError, TimeoutError):
        """These two became one in Python 3.11."""


class MillpondError(RuntimeError):
    """The base of all errors of this package. `status` is the library's number, `str()` its sentence."""

    status: ClassVar[int] = c.POOL_ERR_INTERNAL

    @property
    def status_name(self) -> str:
        """The status as the C header calls it, such as "POOL_ERR_CLOSED"."""
        return c.STATUSES.get(self.status, "task code")


class InvalidArgument(ValueError, MillpondError):
    """An argument is not valid; the sentence says which and why."""

    status = c.POOL_ERR_INVALID


class PoolClosed(ValueError, MillpondError):
    """The pool takes no more tasks."""

    status = c.POOL_ERR_CLOSED


class WaitTimeout(multiprocessing.TimeoutError, _Timeout, MillpondError):
    """The wait ran out of time; what was waited for goes on."""

    status = c.POOL_ERR_TIMEOUT


class TimeLimitExceeded(_Timeout, MillpondError):
    """The task ran longer than its limit."""

    status = c.POOL_ERR_TIME_LIMIT


class TaskCancelled(concurrent.futures.CancelledError, MillpondError):
    """The task was cancelled before it started, or killed."""

    status = c.POOL_ERR_CANCELLED


class PoolTerminated(MillpondError):
    """The pool was terminated before the task started, or before it ended."""

    status = c.POOL_ERR_TERMINATED


class WorkerDied(BrokenProcessPool, MillpondError):
    """The worker died while it ran the task; the sentence names the signal or the exit code."""

    status = c.POOL_ERR_WORKER_DIED


class CrashLoop(BrokenProcessPool, MillpondError):
    """Workers die as fast as they are started."""

    status = c.POOL_ERR_CRASH_LOOP


class PoolBroken(BrokenProcessPool, MillpondError):
    """The process that makes the workers is gone."""

    status = c.POOL_ERR_BROKEN


class Deadlock(MillpondError):
    """The call would wait for itself for ever."""

    status = c.POOL_ERR_DEADLOCK


class PoolForked(MillpondError):
    """The pool was made before this process was forked."""

    status = c.POOL_ERR_FORKED


class PoolFull(queue.Full, MillpondError):
    """The pool holds as many tasks as it may."""

    status = c.POOL_ERR_FULL


class ResultTooLarge(MillpondError):
    """The buffer is too small for the result."""

    status = c.POOL_ERR_SIZE


class OutOfMemory(MemoryError, MillpondError):
    """There is no memory left."""

    status = c.POOL_ERR_NO_MEMORY


class SystemRefused(OSError, MillpondError):
    """The system refused; the sentence has its reason."""

    status = c.POOL_ERR_SYSTEM


class Unsupported(NotImplementedError, MillpondError):
    """Not possible in this mode, or in this version."""

    status = c.POOL_ERR_UNSUPPORTED


class UnknownFunction(LookupError, MillpondError):
    """The function is not known to the workers."""

    status = c.POOL_ERR_UNKNOWN_FUNCTION


class InternalError(MillpondError):
    """Something went wrong inside the library, or a native function returned a negative number."""

    status = c.POOL_ERR_INTERNAL


class TaskFailed(MillpondError):
    """A native function returned a positive number, its `code`."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message, code)
        self.code = code
        self.status = code  # type: ignore[misc]

    def __str__(self) -> str:
        return str(self.args[0])


class TaskExited(MillpondError):
    """The task has ended itself, by sys.exit() for one: its exception is no Exception, and stays in the worker."""


BY_STATUS: dict[int, type[MillpondError]] = {
    kind.status: kind
    for kind in (
        InvalidArgument,
        PoolClosed,
        WaitTimeout,
        TimeLimitExceeded,
        TaskCancelled,
        PoolTerminated,
        WorkerDied,
        CrashLoop,
        PoolBroken,
        Deadlock,
        PoolForked,
        PoolFull,
        ResultTooLarge,
        OutOfMemory,
        SystemRefused,
        Unsupported,
        UnknownFunction,
        InternalError,
    )
}


def error(status: int, message: str) -> MillpondError:
    """The exception for a status that is not POOL_OK."""
    message = message or c.STATUSES.get(status, f"task code {status}")
    if status > 0:
        return TaskFailed(message, status)
    return BY_STATUS.get(status, InternalError)(message)
