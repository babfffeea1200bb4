"""A pool of the library for Python's calls: what Pool, ThreadPool and the executors are made of."""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import itertools
import os
import signal
import sys
import threading
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from millpond import _declarations as c
from millpond import _exit, _payload, _worker
from millpond._chunks import Chunk
from millpond._library import check, last_error, library
from millpond._task import SLICE, Handle, Task, decoded, failed, milliseconds, wait_in_slices

MODES = {"threads": c.POOL_THREADS, "processes": c.POOL_PROCESSES}

# What else may be said about a pool, as in the C interface.
OPTIONS = frozenset(
    (
        "core_dumps",
        "max_blocked",
        "max_pending",
        "max_rss_bytes",
        "max_workers",
        "nice",
        "oom_score_adj",
        "pin_workers",
        "spare_workers",
        "stack_size",
        "stderr_tail_bytes",
        "task_cpu_seconds",
        "when_full",
    )
)

# What an initializer has to say when it fails goes through a pipe, in one piece.
PIPE_BYTES = 4096

slots = itertools.count(1)
apply_quickly = _worker.quick.pool_apply_async
submit_quickly = _worker.quick.pool_submit
for quick, slow in ((apply_quickly, library.pool_apply_async), (submit_quickly, library.pool_submit)):
    quick.restype, quick.argtypes = slow.restype, slow.argtypes

Call = Tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]


def complete(result: int, slot: int) -> None:
    """The library's callback: one at a time in each pool, on a thread of the pool."""
    task = called_back.pop(slot)
    try:
        task.completed(c.pool_result_t.from_address(result))
    except BaseException:
        # As concurrent.futures does with what callbacks raise: nobody waits here to whom it could be told.
        sys.excepthook(*sys.exc_info())


called_back: Dict[int, Task] = {}
completion = c.pool_callback_fn(complete)


class Engine:
    """A pool of workers for Python's functions.

    mode: "processes" or "threads". workers: 0 for as many as this process has CPUs.
    initializer, initargs: called on each worker first; what it raises is raised here.
    max_tasks_per_worker: replace a worker process after so many tasks; 0 for never.
    task_timeout: how many seconds a task may run before its worker is killed; memory_limit: how many bytes a worker may
    have. Both in processes only.
    finish_at_exit: an open pool finishes its work at exit, as executors do; else it is terminated, as pools are.
    initializer_failed: makes what is raised here in place of what the initializer has raised, which is then its cause.
    options: any other field of the C interface's pool_options_t, such as max_pending, nice or stderr_tail_bytes.
    """

    def __init__(
        self,
        mode: str,
        workers: int = 0,
        *,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
        max_tasks_per_worker: int = 0,
        name: str = "",
        memory_limit: int = 0,
        task_timeout: Optional[float] = None,
        finish_at_exit: bool = False,
        initializer_failed: Optional[Callable[[], BaseException]] = None,
        **options: Any,
    ) -> None:
        self._pool = 0
        # The process that has made it, and whether it was joined.
        self.pid = os.getpid()
        self.ended = False
        self.mode = mode
        self._process = MODES[mode] == c.POOL_PROCESSES
        self._number = next(slots)
        unknown = set(options) - OPTIONS
        if unknown:
            raise TypeError(f"a pool has no option {unknown.pop()!r}: there are {', '.join(sorted(OPTIONS))}")
        _exit.sweep()
        fields = c.pool_options_t(
            struct_size=ctypes.sizeof(c.pool_options_t),
            mode=MODES[mode],
            workers=workers,
            worker_data=self._number,
            name=name.encode() or None,
            max_tasks_per_worker=max_tasks_per_worker,
            memory_limit_bytes=memory_limit,
            task_timeout_ms=0 if task_timeout is None else max(milliseconds(task_timeout), 1),
            **options,
        )
        # In a call that waits for room, others must be able to go on.
        self._apply = library.pool_apply_async if fields.max_pending else apply_quickly
        self._submit = library.pool_submit if fields.max_pending else submit_quickly
        if self._process:
            self._main = _payload.MainFunctions()
            fields.fork_fn, fields.reseed, fields.finalizer = _worker.fork_fn, _worker.reseed, _worker.process_finalizer
            self._function = _worker.process_trampoline
            _worker.Current.host = self.pid
        else:
            fields.initializer, fields.finalizer = _worker.thread_initializer, _worker.thread_finalizer
            self._function = _worker.thread_trampoline
        self._create(fields, initializer, tuple(initargs), initializer_failed)
        self.workers = int(library.pool_workers(self._pool))
        _exit.remember(self, finish_at_exit)

    def _create(
        self,
        fields: Any,
        initializer: Optional[Callable[..., object]],
        initargs: Tuple[Any, ...],
        initializer_failed: Optional[Callable[[], BaseException]],
    ) -> None:
        """Makes the pool; what its initializer has raised is raised again."""
        pool = ctypes.c_void_p()
        said: List[BaseException] = []
        ends: Tuple[int, ...] = ()
        try:
            if initializer is not None and self._process:
                ends = os.pipe()
                for end in ends:
                    os.set_blocking(end, False)
                fields.initializer = _worker.initializer
            if initializer is not None:
                tell = (lambda exception: _tell(ends[1], exception)) if ends else said.append
                _worker.initializers[self._number] = (initializer, initargs, tell)
            if ends and threading.current_thread() is threading.main_thread():
                status, sentence = self._create_aside(fields, pool)
            else:
                with _Undisturbed(self._process):
                    status = library.pool_create_with(ctypes.byref(fields), ctypes.byref(pool))
                sentence = last_error() if status != c.POOL_OK else ""
            self._pool = int(pool.value or 0)
            if status != c.POOL_OK:
                _worker.initializers.pop(self._number, None)
                if ends:
                    said = _told(ends[0])
                if said and initializer_failed:
                    raise initializer_failed() from said[0]
                raise said[0] if said else failed(status, sentence)
        finally:
            for end in ends:
                os.close(end)

    def _create_aside(self, fields: Any, pool: ctypes.c_void_p) -> Tuple[int, str]:
        """Makes processes on another thread, since their initializer may hang: Ctrl-C gets through, and kills them."""
        answer: List[Tuple[int, str]] = []

        def create() -> None:
            status = library.pool_create_with(ctypes.byref(fields), ctypes.byref(pool))
            answer.append((status, last_error() if status != c.POOL_OK else ""))

        # In the workers it will be the main thread.
        thread = threading.Thread(target=create, name="MainThread", daemon=True)
        zygotes = _worker.zygotes
        zygotes[self._number] = 0
        try:
            thread.start()
            while thread.is_alive():
                thread.join(SLICE / 1000)
        except BaseException:
            while thread.is_alive():
                if zygotes[self._number]:
                    os.kill(zygotes[self._number], signal.SIGKILL)
                thread.join(SLICE / 1000)
            library.pool_close_join(pool)
            raise
        finally:
            del zygotes[self._number]
        return answer[0]

    def submit(
        self,
        function: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = {},
        *,
        done: Optional[Callable[[Task], object]] = None,
        timeout: Optional[float] = None,
        retries: int = 0,
        priority: int = 0,
        delay: float = 0,
    ) -> Task:
        """Submits a call. done: called with the task when it has ended, one at a time in this pool, on a thread of its.

        timeout: how many seconds it may run; then its worker process is killed. retries: how often to try again after
        an exception, a death or a time limit. priority: 1 is before 0, and -1 after it. delay: seconds to wait first.
        What cannot be pickled is raised here.
        """
        if timeout is not None or retries or priority or delay:
            attributes = self._attributes(timeout, priority, delay)
            return self._submit_all([(function, args, kwargs)], done, retries, attributes)[0]
        task = Task(self, done)
        task._handle = handle = Handle()
        if self._process:
            argument: Any = self._message((function, args, kwargs), 0, task)
            size = len(argument)
            apply = self._apply if size < _payload.LARGE else library.pool_apply_async
        else:
            apply, size = self._apply, 0
            argument = self._put(task, (function, args, kwargs), 0)
        if done is None and task.lent is None:
            status = apply(self._pool, self._function, argument, size, 0, None, None, ctypes.byref(handle))
        else:
            slot = next(slots)
            called_back[slot] = task
            status = apply(self._pool, self._function, argument, size, 0, completion, slot, ctypes.byref(handle))
            if status != c.POOL_OK:
                del called_back[slot]
        if status != c.POOL_OK:
            sentence = last_error()
            task._forget()
            raise failed(status, sentence)
        return task

    def submit_many(
        self,
        calls: Iterable[Call],
        *,
        done: Optional[Callable[[Task], object]] = None,
        timeout: Optional[float] = None,
        retries: int = 0,
        priority: int = 0,
        delay: float = 0,
    ) -> List[Task]:
        """Submits calls, (function, args, kwargs) each, all of them or none, with one wake-up. As submit()."""
        return self._submit_all(list(calls), done, retries, self._attributes(timeout, priority, delay))

    def _attributes(self, timeout: Optional[float], priority: int, delay: float) -> Dict[str, int]:
        return {
            "timeout_ms": 0 if timeout is None else max(milliseconds(timeout), 1),
            "priority": priority,
            "delay_ms": milliseconds(delay),
        }

    def _submit_all(
        self,
        calls: Sequence[Call],
        done: Optional[Callable[[Task], object]],
        retries: int,
        attributes: Mapping[str, int],
    ) -> List[Task]:
        count = len(calls)
        tasks = [Task(self, done) for _ in calls]
        array = (c.pool_call_t * count)()
        handles = (ctypes.c_void_p * count)()
        arguments = []
        numbers: List[int] = []
        size_of_call = ctypes.sizeof(c.pool_call_t)
        try:
            for call, task, fields in zip(calls, tasks, array):
                fields.struct_size = size_of_call
                fields.fn = self._function
                if self._process:
                    argument = self._message(call, retries, task)
                    arguments.append(argument)
                    fields.arg = ctypes.cast(ctypes.c_char_p(argument), ctypes.c_void_p)
                    fields.arg_size = len(argument)
                else:
                    fields.arg = self._put(task, call, retries)
                fields.retries = retries
                for field, value in attributes.items():
                    setattr(fields, field, value)
                if done is not None or task.lent is not None:
                    numbers.append(next(slots))
                    called_back[numbers[-1]] = task
                    fields.callback, fields.user_data = completion, numbers[-1]
            status = self._submit(self._pool, array, count, handles)
            if status != c.POOL_OK:
                raise failed(status, last_error())
        except BaseException:
            for number in numbers:
                del called_back[number]
            for task in tasks:
                task._forget()
            raise
        for task, address in zip(tasks, handles):
            # One whose callback was faster has its outcome, and needs no handle: it is given back.
            task._handle = Handle(address)
            if task._outcome is not None and (done is not None or self._process):
                task._handle = None
        return tasks

    def _message(self, call: Call, retries: int, task: Task) -> bytes:
        """A call as a worker process reads it. What it lends its task keeps, and the task is kept for its callback."""
        function, args, kwargs = call
        lack = self._main.lack
        if lack(function):
            name, body = b"", _payload.dumps(call, True)
        else:
            name = _payload.reference(function)
            body = _payload.dumps((args, kwargs) if name else call, len(args) > 0 and lack(args[0]))
        if type(body) is not bytes:
            task.lent = body
        return _worker.HEADER.pack(len(body), retries, len(name)) + body + name

    def _put(self, task: Task, call: Call, retries: int) -> int:
        """Writes down a call for a thread, and returns the number under which the thread finds it."""
        task.function, task.args, task.kwargs = call  # type: ignore[assignment]
        task.retries = retries
        task._slot = slot = next(slots)
        _worker.pending[slot] = task
        return slot

    @property
    def handle(self) -> int:
        """The pool_t, for what else the C interface offers; gone with this object."""
        return self._pool

    def close(self) -> None:
        """Takes no more calls from outside; what was submitted goes on."""
        if not self.ended:
            check(library.pool_close(self._pool))

    def terminate(self) -> None:
        """Ends what has not started, and kills what runs in processes. Does not wait."""
        if not self.ended:
            check(library.pool_terminate(self._pool))
            if not self._process:
                # A thread goes on with the item that it is at, and with no other.
                for task in list(_worker.pending.values()):
                    if task._engine is self:
                        for argument in task.args:
                            if type(argument) is Chunk:
                                argument.stop()

    def join(self, timeout: Optional[float] = None) -> bool:
        """After close() or terminate(): waits until everything has ended, callbacks included. Whether it has."""
        if not self.ended:
            status = wait_in_slices(library.pool_join, self._pool, milliseconds(timeout))
            if status == c.POOL_ERR_TIMEOUT:
                return False
            check(status)
            self.ended = True
            if not self._process:
                # Calls that were never run, and that nobody waits for.
                for task in list(_worker.pending.values()):
                    if task._engine is self:
                        task._forget()
        return True

    def worker_pids(self) -> List[int]:
        """The processes of the workers, 0 for one that has just died; in a pool of threads this process."""
        return [max(int(library.pool_worker_pid(self._pool, worker)), 0) for worker in range(self.workers)]

    def stats(self) -> Dict[str, int]:
        """The pool in numbers: the fields of the C interface's pool_stats_t."""
        stats = c.pool_stats_t(struct_size=ctypes.sizeof(c.pool_stats_t))
        check(library.pool_stats(self._pool, ctypes.byref(stats)))
        return {name: getattr(stats, name) for name, *_ in c.pool_stats_t._fields_[1:]}

    def refresh(self) -> None:
        """Makes the worker processes anew, from this process as it is now; also after CrashLoop or PoolBroken."""
        with _Undisturbed(self._process):
            check(library.pool_refresh(self._pool))
        if self._process:
            self._main.refresh()

    def __del__(self, _finalizing: Any = sys.is_finalizing, _getpid: Any = os.getpid) -> None:
        # Nobody waits for a task any more: what has not run by now does not. In a forked child nothing is to do, nor
        # when the interpreter ends, before which all pools have.
        pool = getattr(self, "_pool", 0)
        if pool and not _finalizing() and self.pid == _getpid():
            number = self._number
            try:
                library.pool_terminate(pool)
                _exit.bury(pool, lambda: _worker.initializers.pop(number, None))
            except KeyboardInterrupt:
                # It would be lost here; so it comes again.
                _thread.start_new_thread(_thread.interrupt_main, ())


class _Undisturbed:
    """While processes are forked: Ctrl-C waits for it, or else the interrupt would be lost in a callback."""

    def __init__(self, forks: bool) -> None:
        self._forks = forks and threading.current_thread() is threading.main_thread()
        self._came = False

    def __enter__(self) -> None:
        if self._forks:
            self._handler = signal.getsignal(signal.SIGINT)
            self._forks = callable(self._handler)
            if self._forks:
                signal.signal(signal.SIGINT, self._later)

    def _later(self, _number: int, _frame: Any) -> None:
        self._came = True

    def __exit__(self, *_: object) -> None:
        if self._forks:
            signal.signal(signal.SIGINT, self._handler)
            if self._came:
                signal.raise_signal(signal.SIGINT)


def _tell(end: int, exception: BaseException) -> None:
    """In a worker: says what its initializer has raised, if there is room and somebody to read it."""
    text = _worker.failure(exception)
    if len(text) > PIPE_BYTES:
        text = _worker.failure(RuntimeError(_worker.shown(exception)[:1000]))
    # Nobody may read it: the pool has been made, or others have said enough.
    with contextlib.suppress(OSError):
        os.write(end, text)


def _told(end: int) -> List[BaseException]:
    """What a worker has said; the others' words behind it are not read."""
    try:
        text = os.read(end, PIPE_BYTES)
    except BlockingIOError:
        return []  # it has died before it could
    return [decoded(text)[1]]
