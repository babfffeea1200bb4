"""What the executors of threads and of processes have in common."""

from __future__ import annotations

import atexit
import concurrent.futures
import functools
import itertools
import threading
import time
import weakref
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from millpond import errors
from millpond._engine import Engine
from millpond._future import Future
from millpond._task import Task
from millpond.progress import Progress, Wanted

AFTER_SHUTDOWN = "cannot schedule new futures after shutdown"


class Exit:
    """Whether the interpreter is at its end, when executors take no more calls."""

    begun = False

    @classmethod
    def begin(cls) -> None:
        cls.begun = True


# Before Python joins its threads; in version 3.8, which has no such moment, a little later.
getattr(threading, "_register_atexit", atexit.register)(Exit.begin)


class PoolExecutor(concurrent.futures.Executor):
    """An executor on a pool of the library. The pool is made, and its workers are started, with the first call."""

    #: Whether `Future.kill()` ends running tasks.
    can_kill = False
    _cannot_kill = "a thread cannot be killed: that needs a ProcessPoolExecutor"
    #: What a call fails with when the workers' initializer has failed.
    _broken_error: type = errors.PoolBroken

    def __init__(
        self,
        max_workers: int,
        initializer: Optional[Callable[..., object]],
        initargs: Iterable[Any],
        make_engine: Callable[[], Engine],
    ) -> None:
        # What makes the engine must not refer to the executor: it would never be dropped.
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = max_workers
        self._initializer = initializer
        self._initargs = tuple(initargs)
        self._make_engine = make_engine
        self._lock = threading.RLock()
        self._engine: Optional[Engine] = None
        self._unfinished: Set[Future[Any]] = set()
        self._shutdown = False
        self._broken: Union[bool, str] = False
        self._finalizer: Any = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Has `fn(*args, **kwargs)` called by a worker. All keywords are its own: limits are set by :meth:`options`."""
        return self._submit(fn, args, kwargs, {})

    def options(self, *, timeout: Optional[float] = None, retries: int = 0, priority: int = 0) -> Limited:
        """This executor with limits for each call that is submitted through what this returns.

        :param timeout: how many seconds a call may run. Then its process is killed and replaced, and it fails with
            :class:`millpond.errors.TimeLimitExceeded`. Only in processes.
        :param retries: how often to try again after an exception, a worker's death or the time limit.
        :param priority: 1 is taken before 0, and -1 after it.

        >>> with ThreadPoolExecutor() as executor:
        ...     executor.options(retries=3).submit(int, "17").result()
        17
        """
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout must be greater than 0, not {timeout!r}")
        if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries < 2**32:
            raise ValueError(f"retries must be an integer from 0, not {retries!r}")
        if priority not in (-1, 0, 1):
            raise ValueError(f"priority must be -1, 0 or 1, not {priority!r}")
        if timeout is not None and not self.can_kill:
            raise errors.Unsupported(self._cannot_kill)
        return Limited(self, {"timeout": timeout, "retries": retries, "priority": priority})

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: Optional[float] = None,
        chunksize: int = 1,
        buffersize: Optional[int] = None,
        progress: Wanted = None,
    ) -> Iterator[Any]:
        """The results of `fn` for the items of `iterables`, in their order, as the builtin `map` gives them.

        :param timeout: the seconds within which all results must have been taken, else it is a TimeoutError.
        :param chunksize: how many items go to a worker at a time.
        :param buffersize: how many calls may be ahead of the results that were taken; None for all of them, which reads
            `iterables` to their ends at once.
        :param progress: True shows a progress bar; see :mod:`millpond.progress`.
        """
        return self._map({}, fn, iterables, timeout, chunksize, buffersize, progress)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls. `wait`: waits for those there are; `cancel_futures`: for those only that run."""
        with self._lock:
            self._shutdown = True
            engine = self._engine
        if engine is None:
            return
        self._finalizer.detach()
        if cancel_futures:
            for future in list(self._unfinished):
                future.cancel()
        engine.close()
        if wait:
            engine.join()
            with self._lock:
                self._engine = None
        else:
            end_later(engine)

    def _submit(
        self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], limits: Mapping[str, Any]
    ) -> Future[Any]:
        engine = self._running_engine()
        future = self._future()
        self._unfinished.add(future)
        try:
            task = engine.submit(fn, args, kwargs, done=functools.partial(self._settler(), future), **limits)
        except errors.MillpondError as error:
            self._unfinished.discard(future)
            raise self._refusal(error) from None
        except Exception as error:
            # It could not be pickled: that is the call's own failure.
            self._unfinished.discard(future)
            future.fail(error)
        else:
            future.attach(task)
        return future

    def _submit_many(
        self, fn: Callable[..., Any], items: Sequence[Sequence[Any]], limits: Mapping[str, Any]
    ) -> List[Future[Any]]:
        engine = self._running_engine()
        futures: List[Future[Any]] = [self._future() for _ in items]
        batch = _Batch(self._settler())
        self._unfinished.update(futures)
        try:
            tasks = engine.submit_many([(fn, args, {}) for args in items], done=batch.done, **limits)
        except Exception as error:
            self._unfinished.difference_update(futures)
            if isinstance(error, errors.MillpondError):
                raise self._refusal(error) from None
            # Some item cannot be pickled; the others can.
            return [self._submit(fn, args, {}, limits) for args in items]
        batch.attach(tasks, futures)
        return futures

    def _future(self) -> Future[Any]:
        future: Future[Any] = Future()
        if not self.can_kill:
            future.cannot_kill = self._cannot_kill
        return future

    def _settler(self) -> Callable[[Future[Any], Task], None]:
        """What takes the outcome of a task that has ended. It must not keep the executor alive."""
        return functools.partial(_settle, weakref.ref(self), self._unfinished)

    def _ended(self, task: Task) -> None:
        """Called with each task that has ended, before its future knows."""

    def _running_engine(self) -> Engine:
        """The engine for one more call; made for the first."""
        engine = self._engine
        if engine is not None and not (self._shutdown or self._broken or Exit.begun):
            return engine
        with self._lock:
            if self._broken:
                raise self._broken_error(self._broken)
            if self._shutdown:
                raise RuntimeError(AFTER_SHUTDOWN)
            if Exit.begun:
                raise RuntimeError("cannot schedule new futures after interpreter shutdown")
            if self._engine is None:
                self._engine = self._started()
                self._finalizer = weakref.finalize(self, end_later, self._engine, close=True)
                # The engine's own handler at exit does it in order.
                self._finalizer.atexit = False
            return self._engine

    def _started(self) -> Engine:
        return self._make_engine()

    def _refusal(self, error: errors.MillpondError) -> BaseException:
        """What an engine's refusal to take a call is called by concurrent.futures."""
        if self._broken:
            return self._broken_error(self._broken)  # type: ignore[no-any-return]
        if isinstance(error, errors.PoolClosed):
            return RuntimeError(AFTER_SHUTDOWN)
        return error

    def _map(
        self,
        limits: Mapping[str, Any],
        fn: Callable[..., Any],
        iterables: Sequence[Iterable[Any]],
        timeout: Optional[float],
        chunksize: int,
        buffersize: Optional[int],
        progress: Wanted,
    ) -> Iterator[Any]:
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        end = None if timeout is None else timeout + time.monotonic()
        bar = Progress.wanted(progress, _length(iterables))
        items: Iterator[Tuple[Any, ...]] = zip(*iterables)
        call = fn
        if chunksize > 1:
            call = functools.partial(_call_chunk, fn)
            items = ((chunk,) for chunk in _chunks(zip(*iterables), chunksize))
        # Submitted before the first result is asked for.
        futures = self._submit_many(call, list(itertools.islice(items, buffersize)), limits)
        refill: Optional[Callable[[], None]] = None
        if buffersize is not None:
            refill = _Refill(weakref.ref(self), call, items, futures, limits)
        results = _results(futures, end, refill, chunksize > 1)
        return results if bar is None else bar.over(results)


class Limited(concurrent.futures.Executor):
    """An executor with limits for each call; see :meth:`PoolExecutor.options`."""

    def __init__(self, executor: PoolExecutor, limits: Dict[str, Any]) -> None:
        self._executor = executor
        self._limits = limits
        self._max_workers = executor._max_workers
        self.can_kill = executor.can_kill

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As that of the executor."""
        return self._executor._submit(fn, args, kwargs, self._limits)

    def options(self, **limits: Any) -> Limited:
        """As that of the executor, with the limits here where others are not given."""
        return self._executor.options(**{**self._limits, **limits})

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: Optional[float] = None,
        chunksize: int = 1,
        buffersize: Optional[int] = None,
        progress: Wanted = None,
    ) -> Iterator[Any]:
        """As that of the executor; the limits are those of a chunk, if `chunksize` is not 1."""
        return self._executor._map(self._limits, fn, iterables, timeout, chunksize, buffersize, progress)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shuts down the executor."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


def _settle(
    executor: Callable[[], Optional[PoolExecutor]], unfinished: Set[Future[Any]], future: Future[Any], task: Task
) -> None:
    unfinished.discard(future)
    alive = executor()
    if alive is not None:
        alive._ended(task)
        del alive
    future.settle(task)


class _Batch:
    """Brings tasks that were submitted together to their futures, also those that end before they are known."""

    def __init__(self, settle: Callable[[Future[Any], Task], None]) -> None:
        self._lock = threading.Lock()
        self._settle = settle
        self._futures: Optional[Dict[Task, Future[Any]]] = None
        self._early: List[Task] = []

    def attach(self, tasks: Sequence[Task], futures: Sequence[Future[Any]]) -> None:
        """Says which task is whose."""
        for future, task in zip(futures, tasks):
            future.attach(task)
        with self._lock:
            self._futures = dict(zip(tasks, futures))
        for task in self._early:
            self.done(task)

    def done(self, task: Task) -> None:
        """Called with each task that has ended."""
        with self._lock:
            if self._futures is None:
                self._early.append(task)
                return
            future = self._futures.pop(task)
        self._settle(future, task)


class _Refill:
    """Keeps the number of calls that are ahead of the results of a map."""

    def __init__(
        self,
        executor: Callable[[], Optional[PoolExecutor]],
        call: Callable[..., Any],
        items: Iterator[Tuple[Any, ...]],
        futures: List[Future[Any]],
        limits: Mapping[str, Any],
    ) -> None:
        self._executor, self._call, self._items, self._limits = executor, call, items, limits
        self._futures = futures

    def __call__(self) -> None:
        executor = self._executor()
        item = next(self._items, None) if executor is not None else None
        if executor is not None and item is not None:
            self._futures.append(executor._submit(self._call, item, {}, self._limits))


def _results(
    futures: List[Future[Any]], end: Optional[float], refill: Optional[Callable[[], None]], chunked: bool
) -> Iterator[Any]:
    """Yields results in order and keeps no reference to what it has given; cancels the others when it is closed."""
    try:
        if refill is None:
            # From the end of a list they go cheaply.
            futures.reverse()
        while futures:
            future = futures.pop(0 if refill else -1)
            try:
                value = future.result(None if end is None else end - time.monotonic())
            finally:
                future.cancel()
                del future
            if refill is not None:
                refill()
            if not chunked:
                # Nothing here may refer to what others have been given.
                holder = [value]
                del value
                yield holder.pop()
                continue
            value.reverse()
            while value:
                yield value.pop()
    finally:
        for future in futures:
            future.cancel()


def _call_chunk(fn: Callable[..., Any], items: Sequence[Sequence[Any]]) -> List[Any]:
    """Calls it with each of the items, on a worker."""
    return [fn(*args) for args in items]


def _chunks(items: Iterator[Any], size: int) -> Iterator[Any]:
    return iter(lambda: tuple(itertools.islice(items, size)), ())


def _length(iterables: Sequence[Iterable[Any]]) -> Optional[int]:
    """How many items there will be, if that is known without reading them."""
    lengths = [len(each) if hasattr(each, "__len__") else None for each in iterables]  # type: ignore[arg-type]
    known = [length for length in lengths if length is not None]
    return min(known) if known else None


def end_later(engine: Engine, close: bool = False) -> None:
    """Waits for an engine's end on a thread of its own: nobody else does."""
    if close:
        engine.close()
    try:
        threading.Thread(target=_join, args=(engine,), name="millpond-shutdown").start()
    except RuntimeError:
        # The interpreter is ending, and starts no threads.
        engine.join()


def _join(engine: Engine) -> None:
    engine.join()
