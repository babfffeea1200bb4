"""A submitted call: waited for, asked, cancelled, and the one who reads its outcome."""

from __future__ import annotations

import ctypes
import functools
import math
import threading
import time
from _thread import allocate_lock, get_ident
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple

from millpond import _declarations as c
from millpond import _payload, _worker
from millpond._library import last_error, library

if TYPE_CHECKING:
    from millpond._engine import Engine

quick = _worker.quick
future_ready = quick.pool_future_ready
future_ready.restype, future_ready.argtypes = ctypes.c_int32, [ctypes.c_void_p]
future_running = quick.pool_future_running
future_running.restype, future_running.argtypes = ctypes.c_int32, [ctypes.c_void_p]
future_status = quick.pool_future_status
future_status.restype, future_status.argtypes = ctypes.c_int32, [ctypes.c_void_p]
future_data = quick.pool_future_data
future_data.restype, future_data.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_void_p]
future_release = quick.pool_future_release
future_release.restype, future_release.argtypes = functools.partial(functools.partial, int), [ctypes.c_void_p]
future_wait = library.pool_future_wait
future_get = library.pool_future_get

# A main thread waits in pieces of so many milliseconds, between which Python runs its signal handlers.
SLICE = 50

# How large a result may be that is read in the call which waits for it.
ROOM = 4096

# So that a wait may take for ever, as far as anybody can tell.
MANY_MS = 2**62


def milliseconds(seconds: Optional[float]) -> int:
    """A time as the library wants it: rounded up, none for ever, and what is past is now."""
    if seconds is None:
        return -1
    return min(math.ceil(max(seconds, 0) * 1000), MANY_MS) if seconds < MANY_MS else MANY_MS


class Main:
    """The thread that runs signal handlers; another one, perhaps, in a child of a fork."""

    thread = threading.main_thread().ident


def wait_in_slices(wait: Callable[[Any, int], int], what: Any, timeout_ms: int) -> int:
    """Calls what waits for so many milliseconds at most, such that Ctrl-C and other signals get through."""
    if get_ident() != Main.thread:
        # For ever, as it is: then this thread may help the pool.
        return wait(what, timeout_ms)
    status = wait(what, SLICE if timeout_ms < 0 or timeout_ms > SLICE else timeout_ms)
    if status != c.POOL_ERR_TIMEOUT or 0 <= timeout_ms <= SLICE:
        return status
    end = time.monotonic() + (timeout_ms - SLICE) / 1000
    while True:
        left = SLICE if timeout_ms < 0 else min(SLICE, math.ceil(max(end - time.monotonic(), 0) * 1000))
        status = wait(what, left)
        if status != c.POOL_ERR_TIMEOUT or left == 0:
            return status


class Rooms(threading.local):
    """Where each thread has small results copied to."""

    def __init__(self) -> None:
        self.bytes = bytearray(ROOM)
        self.address = ctypes.addressof((ctypes.c_char * ROOM).from_buffer(self.bytes))


rooms = Rooms()


class Handle(ctypes.c_void_p):
    """A pool_future_t; given back when nobody waits for it, or asks it, any more."""

    # No function of Python, in which Ctrl-C would be lost: the property gives it back, and what it then is, is called.
    __del__ = property(future_release)


class Task:
    """A call that was submitted. It may be asked, and waited for, by any number of threads."""

    __slots__ = (
        "_done",
        "_engine",
        "_handle",
        "_lock",
        "_outcome",
        "_slot",
        "_status",
        "args",
        "function",
        "kwargs",
        "lent",
        "retries",
    )

    function: Callable[..., Any]
    args: Tuple[Any, ...]
    kwargs: "dict[str, Any]"
    retries: int

    def __init__(self, engine: "Optional[Engine]", done: Optional[Callable[["Task"], object]] = None) -> None:
        self._engine = engine
        self._done = done
        self._handle: Optional[Handle] = None
        self._outcome: Optional[Tuple[bool, Any]] = None
        self._status = c.POOL_OK
        self._slot = 0
        # Arrays that the worker opens while it reads the call, and that may come back with the outcome.
        self.lent: object = None
        self._lock = allocate_lock()

    @classmethod
    def ended(cls, well: bool, value: Any) -> "Task":
        """One that was never submitted, since it was clear how it would end."""
        task = cls(None)
        task._outcome = (well, value)
        return task

    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        handle = self._handle
        return self._outcome is not None or handle is None or future_ready(handle) == 1

    def running(self) -> bool:
        """Whether a worker is at it."""
        handle = self._handle
        return self._outcome is None and handle is not None and future_running(handle) == 1

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it has ended, or for so many seconds. Whether it has ended."""
        handle = self._handle
        if self._outcome is not None or handle is None:
            return True
        status = wait_in_slices(future_wait, handle, -1 if timeout is None else milliseconds(timeout))
        if status == c.POOL_ERR_TIMEOUT:
            return False
        if status != c.POOL_OK:
            raise failed(status, last_error())
        return True

    def outcome(self) -> Tuple[bool, Any]:
        """Waits until it has ended: (True, what the function returned), or (False, the exception)."""
        if self._outcome is None and (self._slot or not self._read_small()):
            self.wait()
            self._collect()
        assert self._outcome is not None
        return self._outcome

    def _read_small(self) -> bool:
        """Waits for a task in a process, and reads its result, in one call. Whether that was small, and went well."""
        handle = self._handle
        if handle is None:
            return False
        room = rooms.bytes
        # A message never begins so.
        room[0] = 0
        slice_ms = SLICE if get_ident() == Main.thread else -1
        status = c.POOL_ERR_TIMEOUT
        while status == c.POOL_ERR_TIMEOUT:
            status = future_get(handle, rooms.address, ROOM, slice_ms)
        if status != c.POOL_OK or room[0] != _payload.FIRST:
            return False
        with self._lock:
            if self._outcome is None:
                # A copy: what is unpickled may wait for another task meanwhile.
                self._outcome = decoded(bytes(room))
                self.lent = None
                self._engine = None
            self._handle = None
        return True

    def result(self) -> Any:
        """Waits until it has ended, and returns what the function returned, or raises its exception."""
        well, value = self.outcome()
        if well:
            return value
        try:
            raise value
        finally:
            # The traceback holds this frame, and this frame the exception.
            del value

    @property
    def status(self) -> int:
        """How it has ended, as the library says: POOL_OK also when the function has raised an exception."""
        self.outcome()
        return self._status

    def cancel(self) -> bool:
        """Cancels it unless it has started. Whether it will not run; one that runs is only asked to stop."""
        handle = self._handle
        if self._outcome is not None or handle is None or library.pool_future_cancel(handle) != 1:
            return False
        self._forget()
        return True

    def kill(self) -> bool:
        """Ends it now, in a process by killing its worker. Whether it will not end by itself."""
        handle = self._handle
        if self._outcome is not None or handle is None:
            return False
        status = int(library.pool_future_kill(handle))
        if status < 0:
            raise failed(status, last_error())
        if status == 1:
            self._forget()
        return status == 1

    def settle(self, well: bool, value: Any) -> None:
        """Writes down how it has ended, on the worker thread that has run it."""
        self._outcome = (well, value)
        self._forget()

    def _forget(self) -> None:
        """Lets go of what only the run has needed."""
        if self._slot:
            _worker.pending.pop(self._slot, None)
            self.function, self.args, self.kwargs = _nothing, (), {}

    def _collect(self) -> None:
        """Reads the outcome of what has ended, once, and gives the handle back."""
        with self._lock:
            handle = self._handle
            if self._outcome is None:
                assert handle is not None
                status = future_status(handle)
                size = ctypes.c_size_t()
                data = future_data(handle, ctypes.addressof(size)) if status == c.POOL_OK else None
                message = (
                    "" if status == c.POOL_OK else bytes(library.pool_future_message(handle)).decode(errors="replace")
                )
                self._read(status, message, data, size.value)
            self._handle = None

    def completed(self, result: Any) -> None:
        """Reads the outcome in the library's callback, and tells whoever has asked for that."""
        with self._lock:
            if self._outcome is None:
                self._read(result.status, result.message.decode(errors="replace"), result.data, result.size)
            self._handle = None
        done, self._done = self._done, None
        if done is not None:
            done(self)

    def _read(self, status: int, message: str, data: Optional[int], size: int) -> None:
        self._status = status
        if status != c.POOL_OK:
            self._outcome = (False, failed(status, message))
        elif data is None:
            self._outcome = (False, failed(c.POOL_ERR_INTERNAL, "the worker has returned nothing: see its stderr"))
        else:
            self._outcome = decoded(_payload.message_at(data, size))
        self.lent = None
        self._forget()
        self._engine = None


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    """In the place of a function that was let go of."""


def failed(status: int, message: str) -> BaseException:
    """The exception for a status."""
    from millpond import errors  # which costs time to import, and is seldom needed

    return errors.error(status, message)


def decoded(message: "bytes | memoryview") -> Tuple[bool, Any]:
    """The outcome that a worker process has sent."""
    try:
        well, value, *details = _payload.loads(message)
    except BaseException as reason:
        if _interrupted(reason):
            raise
        return False, unreadable("the task's result", reason)
    if well:
        return True, value
    text, kind, shown = details
    try:
        exception = _payload.loads(value)
        if not isinstance(exception, BaseException):
            raise TypeError(f"it became a {type(exception).__name__}")
    except BaseException as reason:
        if _interrupted(reason):
            raise
        exception = unreadable(f"the task's exception, {kind}, which was {shown},", reason)
    if text:
        from multiprocessing import pool

        set_cause(exception, pool.RemoteTraceback(text))  # type: ignore[attr-defined]
    return False, exception


def set_cause(exception: BaseException, cause: BaseException) -> None:
    """Sets the cause of an exception, also of one that lets none of its attributes be set, as a frozen dataclass."""
    BaseException.__dict__["__cause__"].__set__(exception, cause)


def _interrupted(reason: BaseException) -> bool:
    """Whether it was Ctrl-C, after which the outcome may be read again."""
    return isinstance(reason, KeyboardInterrupt) and get_ident() == Main.thread


def unreadable(what: str, reason: BaseException) -> BaseException:
    """The exception for what a worker could pickle, but nobody can unpickle here."""
    exception = failed(c.POOL_ERR_INTERNAL, f"{what} cannot be unpickled here: {type(reason).__name__}: {reason}")
    exception.__context__ = reason
    return exception
