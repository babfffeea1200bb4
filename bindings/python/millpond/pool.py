"""Pool and ThreadPool: multiprocessing's, with the same methods, arguments and exceptions, on the library's workers.

What differs: a worker that dies fails its own task, and is replaced; an initializer that raises does so where the pool
is made; imap reads no further ahead than its window; what a terminated pool has not done says so to those who wait for
it; a task on a thread may use the pool that runs it, and one in a process may make pools.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import warnings
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

from millpond import errors
from millpond._chunks import chunks, mapstar, starmapstar
from millpond._engine import Call, Engine
from millpond._task import Task
from millpond.asynchronous import Asynchronous
from millpond.imap import Feed, IMapIterator, IMapUnorderedIterator
from millpond.native import NativeMaps
from millpond.progress import Wanted, mapped
from millpond.results import AsyncResult, Callback, MapResult

if TYPE_CHECKING:
    from concurrent.futures import Executor

INIT = "INIT"
RUN = "RUN"
CLOSE = "CLOSE"
TERMINATE = "TERMINATE"

# Maps are submitted in portions of about so many items, so that workers begin while the rest is being pickled.
PORTION = 1024


class Worker:
    """A worker process, as far as multiprocessing's Process has something to say about it."""

    daemon = True
    exitcode = None

    def __init__(self, pid: int, number: int) -> None:
        self.pid = self.ident = pid or None
        self.name = f"MillpondPoolWorker-{number + 1}"

    def is_alive(self) -> bool:
        """Whether there was such a process at the moment when it was asked for."""
        return self.pid is not None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} pid={self.pid}>"


class Pool(Asynchronous, NativeMaps):
    """Worker processes that call functions: multiprocessing.Pool, but for a worker that may die without harm.

    processes: how many; by default as many as there are CPUs that this process may use.
    initializer, initargs: called in each worker first; what it raises is raised here.
    maxtasksperchild: replace a worker after so many tasks.
    context: workers are forked, so that of multiprocessing's contexts only the one for "fork" means something.
    executor: a concurrent.futures.Executor that does the work instead.
    task_timeout: how many seconds a task may run before its worker is killed. memory_limit: how many bytes a worker may
    have for its data. options: what else the C interface's pool_options_t has, as spare_workers, nice, max_pending.

    >>> from millpond import Pool
    >>> with Pool(2) as pool:
    ...     pool.map(abs, [-1, 2, -3])
    [1, 2, 3]
    """

    _mode = "processes"
    _engine: Engine

    def __new__(cls, *_args: Any, executor: Optional[Executor] = None, **_keywords: Any) -> Any:
        if executor is not None:
            from millpond.executor_pool import ExecutorPool

            return ExecutorPool(executor, *_args, **_keywords)
        return super().__new__(cls)

    def __init__(
        self,
        processes: Optional[int] = None,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: Optional[int] = None,
        context: Any = None,
        *,
        executor: Optional[Executor] = None,
        name: str = "",
        task_timeout: Optional[float] = None,
        memory_limit: int = 0,
        **options: Any,
    ) -> None:
        # First, so that __del__() finds it when something raises.
        self._state = INIT
        self._feeds: List[Feed] = []
        _check_context(context)
        if processes is not None and processes < 1:
            raise ValueError("Number of processes must be at least 1")
        if maxtasksperchild is not None and (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._engine = Engine(
            self._mode,
            processes or 0,
            initializer=initializer,
            initargs=initargs,
            max_tasks_per_worker=maxtasksperchild or 0,
            name=name,
            task_timeout=task_timeout,
            memory_limit=memory_limit,
            **options,
        )
        self._processes = self._engine.workers
        self._maxtasksperchild = maxtasksperchild
        self._initializer, self._initargs = initializer, initargs
        self._state = RUN

    def __del__(self, _warn: Any = warnings.warn, _getpid: Any = os.getpid) -> None:
        if self._state == RUN and _getpid() == self._engine.pid:
            _warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        kind = type(self)
        return f"<{kind.__module__}.{kind.__qualname__} state={self._state} pool_size={len(self._pool)}>"

    def __reduce__(self) -> Any:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def __enter__(self) -> Pool:
        self._check_running()
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def _check_running(self) -> None:
        if self._state != RUN:
            raise ValueError("Pool not running")

    @property
    def _pool(self) -> List[Worker]:
        """The workers of this moment."""
        if self._state == INIT:
            return []
        if self._engine.ended:
            return [Worker(0, number) for number in range(self._processes)]
        return [Worker(pid, number) for number, pid in enumerate(self._engine.worker_pids())]

    @property
    def _cache(self) -> Dict[int, None]:
        """As many entries as there are tasks that have not ended."""
        stats = self._engine.stats()
        return dict.fromkeys(range(stats["submitted"] - stats["ended"]))

    def _repopulate_pool(self) -> None:
        """Workers are replaced by themselves."""

    def apply(self, func: Callable[..., Any], args: Iterable[Any] = (), kwds: Mapping[str, Any] = {}) -> Any:
        """Calls func(*args, **kwds) in a worker, and returns what it returns."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = {},
        callback: Callback = None,
        error_callback: Callback = None,
        *,
        timeout: Optional[float] = None,
        retries: int = 0,
        priority: int = 0,
    ) -> AsyncResult:
        """As apply(), but returns at once.

        callback, error_callback: called with the result, or the exception; one at a time, on a thread of the pool.
        timeout: how many seconds the call may run; then its worker is killed. retries: how often to try again after a
        failure. priority: 1 goes before what waits with 0, and that before -1.
        """
        self._check_running()
        result = AsyncResult(self, callback, error_callback)
        done = result._done if result._called else None
        call = (func, tuple(args), dict(kwds))
        if timeout is None and not retries and not priority:
            task = self._submit(call, done)
        else:
            task = self._submit(call, done, timeout=timeout, retries=retries, priority=priority)
        result._submitted([task], self._engine)
        return result

    def map(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: Optional[int] = None,
        *,
        progress: Wanted = None,
    ) -> List[Any]:
        """The list of what func returns for each item. chunksize: how many items make one task.

        progress: True shows a progress bar; see :mod:`millpond.progress`.
        """
        if progress:
            return mapped(self, func, iterable, chunksize, progress)
        return self.map_async(func, iterable, chunksize).get()  # type: ignore[no-any-return]

    def map_async(
        self,
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: Optional[int] = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> MapResult:
        """As map(), but returns at once; the callbacks are called once for the whole."""
        return self._map_async(func, iterable, mapstar, chunksize, callback, error_callback)

    def starmap(
        self, func: Callable[..., Any], iterable: Iterable[Iterable[Any]], chunksize: Optional[int] = None
    ) -> List[Any]:
        """As map(), but each item is a tuple of arguments."""
        return self.starmap_async(func, iterable, chunksize).get()  # type: ignore[no-any-return]

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: Optional[int] = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> MapResult:
        """As starmap(), but returns at once."""
        return self._map_async(func, iterable, starmapstar, chunksize, callback, error_callback)

    def imap(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1, *, window: Optional[int] = None
    ) -> IMapIterator:
        """An iterator over what func returns for each item, in order.

        It reads the items on a thread of its own, ahead of who takes the results: so many tasks at most are there whose
        results have not been taken, as window says; by default 4 for each worker, and at least 16. So the iterable may
        be longer than memory, or without end.

        >>> import itertools
        >>> from millpond import ThreadPool
        >>> with ThreadPool(2) as pool:
        ...     squares = pool.imap(lambda x: x * x, itertools.count())
        ...     [next(squares) for _ in range(4)]
        [0, 1, 4, 9]
        """
        return self._imap(IMapIterator, func, iterable, chunksize, window)

    def imap_unordered(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1, *, window: Optional[int] = None
    ) -> IMapIterator:
        """As imap(), in the order in which the calls end."""
        return self._imap(IMapUnorderedIterator, func, iterable, chunksize, window)

    def close(self) -> None:
        """Takes no more tasks; the workers end when all is done."""
        if self._state == RUN:
            self._state = CLOSE
            # What imap still has to read goes into the pool first.
            if not self._feeds:
                self._engine.close()

    def _fed(self, feed: Feed) -> None:
        """An imap has read all of its input."""
        self._feeds.remove(feed)
        if self._state != RUN and not self._feeds:
            self._engine.close()

    def terminate(self) -> None:
        """Ends everything: what has not started never does, processes are killed; threads end what they have begun."""
        if self._state == INIT:
            return
        self._state = TERMINATE
        for feed in list(self._feeds):
            feed.stop()
        self._engine.terminate()
        if self._mode == "processes":
            # A callback of the pool cannot wait for itself.
            with contextlib.suppress(errors.Deadlock):
                self._engine.join()

    def join(self) -> None:
        """After close() or terminate(): waits until all is done, callbacks included, and the workers have ended."""
        if self._state == RUN:
            raise ValueError("Pool is still running")
        if self._state not in (CLOSE, TERMINATE):
            raise ValueError("In unknown state")
        for feed in list(self._feeds):
            feed.finish()
        self._engine.close()
        self._engine.join()

    def _submit(self, call: Call, done: Optional[Callable[[Task], object]] = None, **attributes: Any) -> Task:
        """Submits a call; what cannot be pickled is the failure of its task."""
        try:
            return self._engine.submit(*call, done=done, **attributes)
        except errors.MillpondError:
            raise
        except Exception as reason:
            return self._fail(reason, done)

    def _fail(self, reason: Exception, done: Optional[Callable[[Task], object]]) -> Task:
        """A task that has failed before it began."""
        failed = Task.ended(False, reason)
        if done is not None:
            self._engine.submit(bool, done=lambda _: done(failed))
        return failed

    def _map_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        mapper: Callable[..., List[Any]],
        chunksize: Optional[int],
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> MapResult:
        self._check_running()
        items = iterable if hasattr(iterable, "__len__") else list(iterable)
        count = len(items)  # type: ignore[arg-type]
        if chunksize is None:
            chunksize, extra = divmod(count, self._processes * 4)
            chunksize += bool(extra)
        elif chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize:n}")
        result = MapResult(self, callback, error_callback)
        done = result._done if result._called else None
        tasks: List[Task] = []
        parts = chunks(items, max(chunksize, 1), self._mode == "threads")
        portion = max(PORTION // max(chunksize, 1), 1)
        reason: Optional[Exception] = None
        more = True
        while more:
            calls: List[Call] = []
            try:
                for chunk in itertools.islice(parts, portion):
                    calls.append((mapper, (func, chunk), {}))
            except Exception as raised:
                reason = raised
            tasks += self._submit_many(calls, done)
            more = reason is None and len(calls) == portion
        if reason is not None:
            tasks.append(self._fail(reason, done))
        result._submitted(tasks, self._engine)
        return result

    def _submit_many(self, calls: Sequence[Call], done: Optional[Callable[[Task], object]]) -> List[Task]:
        """Submits calls; if some of them cannot be pickled, these are failures of their tasks."""
        if len(calls) > 1:
            try:
                return self._engine.submit_many(calls, done=done)
            except errors.MillpondError:
                raise
            except Exception:
                # Whichever it was will say so again.
                return [self._submit(call, done) for call in calls]
        return [self._submit(call, done) for call in calls]

    def _imap(
        self, kind: Any, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int, window: Optional[int]
    ) -> IMapIterator:
        self._check_running()
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize:n}")
        if window is None:
            window = max(4 * self._processes, 16)
        elif window < 1:
            raise ValueError(f"window must be 1+, not {window:n}")
        calls: Iterator[Call]
        if chunksize == 1:
            calls = ((func, (item,), {}) for item in iterable)
        else:
            calls = ((mapstar, (func, chunk), {}) for chunk in chunks(iterable, chunksize, self._mode == "threads"))
        feed = Feed(self, calls, window, chunksize > 1, kind is IMapIterator)
        iterator: IMapIterator = kind(feed)
        self._feeds.append(feed)
        feed.start()
        return iterator


class ThreadPool(Pool):
    """Worker threads that call functions: multiprocessing.pool.ThreadPool. A task may use the pool that runs it."""

    _mode = "threads"

    def __init__(
        self,
        processes: Optional[int] = None,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
        *,
        executor: Optional[Executor] = None,
        name: str = "",
        **options: Any,
    ) -> None:
        super().__init__(processes, initializer, initargs, name=name, **options)


def _check_context(context: Any) -> None:
    """Workers are forked from this process; a context that was chosen to have it otherwise is refused."""
    if context is None:
        return
    from multiprocessing import context as contexts

    if isinstance(context, contexts.DefaultContext) or context.get_start_method() == "fork":
        return
    method = context.get_start_method()
    raise ValueError(f"the workers of a pool are forked: a context with the start method {method!r} means nothing here")
