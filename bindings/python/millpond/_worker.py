"""What runs in workers: the functions that the library calls for each task, and when a worker begins and ends.

There is one of each for all pools. In processes a task's argument is a header, a message of (args, kwargs) and the name
of the function, or, where that has none, a message of (function, args, kwargs); its result is a message. Threads find
the call in a table, by the number that is their argument.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing.process as processes
import os
import signal
import struct
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any, Callable, Dict, TextIO, Tuple

from millpond import _declarations as c
from millpond import _payload
from millpond._library import path

if TYPE_CHECKING:
    from millpond._task import Task

# Quick calls keep the interpreter lock: giving it up costs more than they take.
quick = ctypes.PyDLL(path)
set_result = quick.pool_task_set_result
set_result.restype, set_result.argtypes = ctypes.c_int32, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
task_fail = quick.pool_task_fail
task_fail.restype, task_fail.argtypes = ctypes.c_int32, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p]
task_cancelled = quick.pool_task_cancelled
task_cancelled.restype, task_cancelled.argtypes = ctypes.c_int32, [ctypes.c_void_p]

# The size of the message behind it, how often the task may be tried again, and the size of the name behind the message.
HEADER = struct.Struct("=QII")

# The calls of tasks on threads, by number, until they have run.
pending: Dict[int, Task] = {}

# What each pool's workers call first, and where they tell that it went wrong, by the number that is its worker_data.
initializers: Dict[int, Tuple[Callable[..., object], Tuple[Any, ...], Callable[[BaseException], object]]] = {}

# The process that makes the workers, for each pool that waits for the initializers of its own; 0 until there is one.
zygotes: Dict[int, int] = {}


class Header(ctypes.Structure):
    """HEADER, to be read where it lies."""

    _fields_ = (("size", ctypes.c_uint64), ("retries", ctypes.c_uint32), ("name", ctypes.c_uint32))


class Current:
    """The task that this process runs, for cancelled(); and the process that makes pools."""

    task = 0
    host = os.getpid()
    # Held by who changes the filters of warnings.
    filters = threading.Lock()


def describe(exception: BaseException) -> str:
    """The traceback, in the form in which multiprocessing shows it to those who wait elsewhere."""
    return '\n"""\n%s"""' % "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))


def failure(exception: BaseException) -> bytes:
    """What a task that failed has for a result. The exception is a pickle of its own, for it may be unreadable."""
    text = describe(exception)
    try:
        pickled = _payload.dumps(exception)
    except BaseException as reason:
        pickled = _payload.dumps(unsendable(reason, exception))
    return _payload.dumps((False, pickled, text, type(exception).__qualname__, shown(exception)))


def shown(value: object) -> str:
    """Its repr, if it has one."""
    try:
        return repr(value)
    except BaseException:
        return f"<{type(value).__name__} without a repr>"


def encoded(value: object) -> bytes:
    """What a task that went well has for a result."""
    try:
        return _payload.dumps((True, value))
    except BaseException as reason:
        exception = _payload.dumps(unsendable(reason, value))
        return _payload.dumps((False, exception, "", "MaybeEncodingError", ""))


def unsendable(reason: BaseException, value: object) -> BaseException:
    """What multiprocessing says of what cannot be pickled."""
    from multiprocessing import pool  # which costs time to import, and is seldom needed

    class Shown:
        """Stands for a value without a repr, which would be an exception more."""

        def __init__(self, value: object) -> None:
            self.text = shown(value)

        def __repr__(self) -> str:
            return self.text

    exception: BaseException = pool.MaybeEncodingError(Shown(reason), Shown(value))  # type: ignore[attr-defined]
    return exception


def flush() -> None:
    """Writes what was printed: whoever waits for the task may look at it, and the worker may be killed later."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # It is closed, or none, or the disk is full: nothing that the task has done.
            continue


def run_in_process(arg: int, _result: int, task: int) -> int:
    """A task in a worker process. It raises nothing, whatever the function does."""
    header = Header.from_address(arg)
    retries = header.retries
    Current.task = task
    try:
        message = arg + HEADER.size
        if header.name:
            # First, as its module may define what the arguments need.
            function: Any = _payload.find(ctypes.string_at(message + header.size, header.name))
            args, kwargs = _payload.loads(_payload.message_at(message, header.size))
        else:
            function, args, kwargs = _payload.loads(_payload.message_at(message, header.size))
        outcome = encoded(function(*args, **kwargs))
    except BaseException as exception:
        if retries and c.pool_task_t.from_address(task).attempt <= retries:
            task_fail(task, 1, shown(exception).encode(errors="replace"))
            return 1
        outcome = failure(exception)
    # What refers to arguments and results goes before the next task comes.
    function = args = kwargs = None
    flush()
    set_result(task, outcome, len(outcome))
    return 0


def run_on_thread(arg: int, _result: int, task: int) -> int:
    """A task on a worker thread."""
    call = pending[arg]
    try:
        outcome = (True, call.function(*call.args, **call.kwargs))
    except BaseException as exception:
        if call.retries and c.pool_task_t.from_address(task).attempt <= call.retries:
            task_fail(task, 1, shown(exception).encode(errors="replace"))
            return 1
        outcome = (False, exception)
    del pending[arg]
    call.settle(*outcome)
    return 0


def cancelled() -> bool:
    """Inside a task in a process: whether somebody has asked it to stop."""
    return Current.task != 0 and task_cancelled(Current.task) == 1


def begin_process(seed: int, _data: int, worker: int) -> None:
    """A new worker process: gives it what multiprocessing gives its own."""
    try:
        current = processes.BaseProcess.__new__(processes.BaseProcess)
        parent = processes.current_process()
        vars(current).update(vars(parent))
        current._identity = (*parent._identity, worker + 1)
        current._parent_pid = Current.host  # type: ignore[attr-defined]
        current._popen = None  # type: ignore[attr-defined]
        current._name = f"MillpondPoolWorker-{worker + 1}"  # type: ignore[attr-defined]
        processes._current_process = current  # type: ignore[attr-defined]
        # Python's own generator is given a new seed by each fork. numpy's module needs none until it is imported, which
        # numpy does when first asked for it, and which takes longer than making the worker.
        random = sys.modules.get("numpy.random")
        if random is not None:
            random.seed(seed & 0xFFFFFFFF)
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None:
            # What ends with the program is not the worker's to end; its queues and proxies begin anew.
            util._finalizer_registry.clear()
            util._run_after_forkers()
    except Exception:
        traceback.print_exc()


def end_process(_data: int, _worker: int) -> None:
    """Before a worker process ends: what was put into a queue of multiprocessing is written, and so on."""
    try:
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None:
            util._exit_function()
    except BaseException:
        traceback.print_exc()
    flush()


def begin_zygote() -> None:
    """The process that makes the workers: whatever is the same for all of them is done here, once."""
    # The program's objects are not the workers' to collect; and so their pages stay shared.
    gc.freeze()
    parent = processes.current_process()
    processes._parent_process = processes._ParentProcess(parent.name, Current.host, None)  # type: ignore[attr-defined]
    processes._children = set()  # type: ignore[attr-defined]
    # What the program has read ahead is not for tasks.
    sys.stdin = no_input
    # The library has it ignored; Python is to know. (It takes no word from another thread than its first.)
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def without_input() -> TextIO:
    """What reads from descriptor 0, which is empty in workers; made before, as that takes its time."""
    try:
        return open(0, closefd=False)
    except OSError:
        return sys.stdin  # the program has closed it


def initialize(data: int, _worker: int) -> int:
    """Calls the pool's initializer; what it raises goes to who makes the pool."""
    function, args, tell = initializers[data]
    try:
        function(*args)
    except BaseException as exception:
        tell(exception)
        return 1
    finally:
        flush()
    return 0


def begin_thread(data: int, worker: int) -> int:
    """Gives the thread a Python state until end_thread(), so that threading.local stays, and calls are cheap."""
    ctypes.pythonapi.PyGILState_Ensure()
    if data in initializers and initialize(data, worker):
        end_thread(data, worker)
        return 1
    return 0


def end_thread(_data: int, _worker: int) -> None:
    ctypes.pythonapi.PyGILState_Release(0)


def fork(data: int) -> int:
    """Forks as Python must, so that its locks are in order in the child."""
    flush()
    of_host = os.getpid() == Current.host
    try:
        child = fork_silently()
    except OSError as reason:
        ctypes.set_errno(reason.errno or 0)
        return -1
    if child == 0 and of_host:
        begin_zygote()
    elif of_host and data in zygotes:
        zygotes[data] = child
    return child


def fork_silently() -> int:
    """os.fork(), which from Python 3.12 on warns of other threads: their locks may be held in the child. The manual of
    pools says so, too; all has been done that can be done about it: one fork here, of a process that does nothing else.
    """
    if sys.version_info < (3, 12):
        return os.fork()
    # The filters of warnings are the program's: two threads would put back each other's.
    with Current.filters, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


no_input = without_input()
process_trampoline = c.pool_fn(run_in_process)
thread_trampoline = c.pool_fn(run_on_thread)
initializer = c.pool_initializer_fn(initialize)
process_finalizer = c.pool_finalizer_fn(end_process)
thread_initializer = c.pool_initializer_fn(begin_thread)
thread_finalizer = c.pool_finalizer_fn(end_thread)
fork_fn = c.pool_fork_fn(fork)
reseed = c.pool_reseed_fn(begin_process)
quick.pool_register_function(process_trampoline)
