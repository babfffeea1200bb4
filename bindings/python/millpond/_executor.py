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
from millpond._executor_map import Ahead, Calls, Waiting, call_chunk, chunks, length
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
    #: Whether the end of each call is to be seen at once.
    _watched = False
    #: What a call fails with when the workers' initializer has failed.
    _broken_error: type = errors.PoolBroken
    #: What its workers are.
    _kind = "process"

    def __init__(
        self,
        max_workers: int,
        initializer: Optional[Callable[..., object]],
        initargs: Iterable[Any],
        make_engine: Callable[[Callable[[], BaseException]], Engine],
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
        self._maps: weakref.WeakSet[Calls] = weakref.WeakSet()
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
            for calls in list(self._maps):
                calls.cancel()
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
        follow = functools.partial(self._settler(), future)
        try:
            task = engine.submit(fn, args, kwargs, done=follow, **limits)
        except errors.MillpondError as error:
            self._unfinished.discard(future)
            raise self._refusal(error) from None
        except Exception as error:
            # It could not be pickled: that is the call's own failure.
            self._unfinished.discard(future)
            future.fail(error)
        else:
            future.attach(task, follow)
        return future

    def _submit_many(
        self, fn: Callable[..., Any], items: Sequence[Sequence[Any]], limits: Mapping[str, Any]
    ) -> List[Ahead]:
        """Submits calls for a map, which nobody else sees: so they need no futures, and no callback when they end."""
        engine = self._running_engine()
        if self._watched:
            return [self._submit(fn, args, {}, limits) for args in items]
        try:
            tasks = engine.submit_many([(fn, args, {}) for args in items], **limits)
        except errors.MillpondError as error:
            raise self._refusal(error) from None
        except Exception:
            # Some item cannot be pickled; the others can.
            return [self._submit(fn, args, {}, limits) for args in items]
        return [Waiting(task, self._dress) for task in tasks]

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

    @staticmethod
    def _dress(error: BaseException) -> None:
        """Gives what a call has raised the look of the standard library."""

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
        return self._make_engine(self._initializer_failed)

    def _initializer_failed(self) -> BaseException:
        self._broken = f"A {self._kind} initializer failed, the {self._kind} pool is not usable anymore"
        return self._broken_error(self._broken)  # type: ignore[no-any-return]

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
        bar = Progress.wanted(progress, length(iterables))
        items: Iterator[Tuple[Any, ...]] = zip(*iterables)
        call = fn
        if chunksize > 1:
            call = functools.partial(call_chunk, fn)
            items = ((chunk,) for chunk in chunks(zip(*iterables), chunksize))
        # Submitted before the first result is asked for.
        calls = Calls(self._submit_many(call, list(itertools.islice(items, buffersize)), limits))
        self._maps.add(calls)
        refill: Optional[Callable[[], None]] = None
        if buffersize is not None:
            refill = functools.partial(_refill, weakref.ref(self), call, items, calls, limits)
        results = calls.results(end, refill, chunksize > 1)
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


def _refill(
    executor: Callable[[], Optional[PoolExecutor]],
    call: Callable[..., Any],
    items: Iterator[Tuple[Any, ...]],
    calls: Calls,
    limits: Mapping[str, Any],
) -> None:
    """Submits one more call of a map, for the result that was taken."""
    alive = executor()
    item = next(items, None) if alive is not None else None
    if alive is not None and item is not None:
        calls.add(alive._submit(call, item, {}, limits))


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
