"""The interface of multiprocessing.Pool over any executor of concurrent.futures.

:class:`ExecutorPool` is what ``millpond.Pool(executor=...)`` makes. Whatever has the ``submit()`` of
:class:`concurrent.futures.Executor` will do: the standard executors, Millpond's own, and those that engines for
clusters offer, so that a program written for one machine moves to many by changing one line.

>>> from concurrent.futures import ThreadPoolExecutor
>>> with ThreadPoolExecutor(2) as threads, ExecutorPool(threads) as pool:
...     pool.map(abs, [-1, 2, -3])
[1, 2, 3]
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
import warnings
from concurrent.futures import Executor, Future
from multiprocessing.pool import mapstar, starmapstar  # type: ignore[attr-defined]
from typing import (
    Any,
    Callable,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Sequence,
    Set,
    Union,
)

from millpond import errors
from millpond.asynchronous import Asynchronous
from millpond.executor_results import (
    ApplyResult,
    Callback,
    Callbacks,
    IMapIterator,
    IMapUnorderedIterator,
    MapResult,
)
from millpond.progress import Wanted, mapped

RUN, CLOSE, TERMINATE = "RUN", "CLOSE", "TERMINATE"
Live = Union[ApplyResult, IMapIterator]


class Capabilities(NamedTuple):
    """What a pool over an executor can do beyond the calls themselves; all of it is True of a millpond.Pool."""

    #: terminate() stops running tasks. Without it they run on, unheeded, and join() waits for them.
    kill: bool
    #: A function can be run on each worker before its first task. An executor is given that when it is made.
    initializer: bool
    #: Workers can be replaced after a number of tasks. An executor is told when it is made.
    maxtasksperchild: bool
    #: Tasks can have a time limit: `apply_async(..., timeout=...)`, and that of the executor for maps.
    timeout: bool
    #: Tasks that fail can be tried again: `apply_async(..., retries=...)`, and those of the executor for maps.
    retries: bool
    #: Some tasks can go before others: `apply_async(..., priority=...)`.
    priority: bool
    #: map_native() runs functions of shared libraries.
    native: bool


class ExecutorPool(Asynchronous):
    """A pool that runs its tasks on an executor, which remains yours: closing the pool does not shut it down.

    :param executor: the executor.
    :param processes: how many workers it has, from which the default sizes of chunks and windows follow. None asks the
        executor, and takes the number of processors for one that does not say.

    The other parameters of multiprocessing.Pool concern workers, and executors make theirs themselves: what is asked of
    them here is refused with :class:`millpond.errors.Unsupported`. :attr:`capabilities` says what there is.
    """

    def __init__(
        self,
        executor: Executor,
        processes: Optional[int] = None,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Sequence[Any] = (),
        maxtasksperchild: Optional[int] = None,
        context: Any = None,
        **options: Any,
    ) -> None:
        # Seen by __del__ even if what follows raises.
        self._state = CLOSE
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor must have submit(), as concurrent.futures.Executor has; {executor!r} has not")
        for name, value in {
            "initializer": initializer,
            "initargs": initargs or None,
            "maxtasksperchild": maxtasksperchild,
            "context": context,
            **options,
        }.items():
            if value is not None:
                _refuse(f"{name} is a matter of the executor: say it where {type(executor).__name__} is made")
        if processes is None:
            processes = _workers_of(executor)
        if processes < 1:
            raise ValueError("Number of processes must be at least 1")
        self._executor = executor
        self._processes = processes
        self._idle = threading.Condition()
        self._unfinished = 0
        self._cache: Set[Live] = set()
        self.callbacks = Callbacks()
        self._state = RUN

    @property
    def executor(self) -> Executor:
        """The executor that runs the tasks."""
        return self._executor

    @property
    def capabilities(self) -> Capabilities:
        """What this executor can do beyond the calls themselves."""
        limited = callable(getattr(self._executor, "options", None))
        kill = bool(getattr(self._executor, "can_kill", False))
        return Capabilities(
            kill=kill,
            initializer=False,
            maxtasksperchild=False,
            timeout=limited and kill,
            retries=limited,
            priority=limited,
            native=False,
        )

    def apply(
        self, func: Callable[..., Any], args: Iterable[Any] = (), kwds: Optional[Mapping[str, Any]] = None
    ) -> Any:
        """`func(*args, **kwds)` on a worker."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Optional[Mapping[str, Any]] = None,
        callback: Callback = None,
        error_callback: Callback = None,
        *,
        timeout: Optional[float] = None,
        retries: int = 0,
        priority: int = 0,
    ) -> ApplyResult:
        """As :meth:`apply`, without waiting. The limits are for executors that have options(), as Millpond's."""
        self._check_running()
        executor = self._executor
        if timeout is not None or retries or priority:
            options = getattr(executor, "options", None)
            if not callable(options):
                _refuse(f"{type(executor).__name__} has no time limits, retries or priorities of single calls")
            executor = options(timeout=timeout, retries=retries, priority=priority)
        result = ApplyResult(self, 1, callback, error_callback)
        self._follow(result, 0, executor, functools.partial(func, **kwds) if kwds else func, *args)
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
        """As :meth:`map`, without waiting."""
        return self._map_async(func, iterable, mapstar, chunksize, callback, error_callback)

    def starmap(
        self, func: Callable[..., Any], iterable: Iterable[Iterable[Any]], chunksize: Optional[int] = None
    ) -> List[Any]:
        """The list of `func(*item)` for all items."""
        result: List[Any] = self.starmap_async(func, iterable, chunksize).get()
        return result

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: Optional[int] = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> MapResult:
        """As :meth:`starmap`, without waiting."""
        return self._map_async(func, iterable, starmapstar, chunksize, callback, error_callback)

    def imap(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1, *, window: Optional[int] = None
    ) -> IMapIterator:
        """The results of `func(item)` one after the other. At most `window` chunks are read ahead of those taken."""
        return self._imap(IMapIterator, func, iterable, chunksize, window)

    def imap_unordered(
        self, func: Callable[[Any], Any], iterable: Iterable[Any], chunksize: int = 1, *, window: Optional[int] = None
    ) -> IMapIterator:
        """As :meth:`imap`, each result as soon as it is there."""
        return self._imap(IMapUnorderedIterator, func, iterable, chunksize, window)

    def map_native(self, *_: Any, **__: Any) -> NoReturn:
        """Not over an executor."""
        _refuse("map_native() needs a pool of Millpond's own, as an executor takes Python functions only")

    def close(self) -> None:
        """Takes no more calls."""
        if self._state == RUN:
            self._state = CLOSE

    def terminate(self) -> None:
        """Cancels what has not started, kills what runs if the executor can, and fails both (PoolTerminated)."""
        self._state = TERMINATE
        for live in list(self._cache):
            live.give_up(self.lost())

    def join(self) -> None:
        """Waits until nothing of this pool runs any more. It must be closed or terminated."""
        if self._state == RUN:
            raise ValueError("Pool is still running")
        if self._state == CLOSE:
            for live in list(self._cache):
                live.read_on()
        with self._idle:
            self._idle.wait_for(lambda: self._unfinished == 0 and (self._state == TERMINATE or not self._cache))

    def __enter__(self) -> ExecutorPool:
        self._check_running()
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def __del__(self, _warn: Any = warnings.warn, _run: str = RUN) -> None:
        if self._state == _run:
            _warn(f"unclosed running pool {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        executor = type(getattr(self, "_executor", None)).__name__
        return f"<{name} over {executor} state={self._state} pool_size={getattr(self, '_processes', 0)}>"

    def __reduce__(self) -> NoReturn:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def lost(self) -> BaseException:
        """The error of a task that was cancelled: by the pool's terminate(), or behind its back."""
        if self._state == TERMINATE:
            return errors.PoolTerminated("the pool was terminated before the task had ended")
        return errors.TaskCancelled("the executor has cancelled the task; was it shut down?")

    def forget(self, live: Live) -> None:
        """Called by results that have ended."""
        with self._idle:
            self._cache.discard(live)
            self._idle.notify_all()

    def _check_running(self) -> None:
        if self._state != RUN:
            raise ValueError("Pool not running")

    def _submit(self, executor: Executor, function: Callable[..., Any], *args: Any) -> Future[Any]:
        with self._idle:
            self._unfinished += 1
        try:
            future = executor.submit(function, *args)
        except BaseException:
            self._ended(None)
            raise
        return future

    def _ended(self, _: Optional[Future[Any]]) -> None:
        with self._idle:
            self._unfinished -= 1
            self._idle.notify_all()

    def _follow(
        self, result: ApplyResult, index: int, executor: Executor, function: Callable[..., Any], *args: Any
    ) -> None:
        with self._idle:
            self._cache.add(result)
        try:
            future = self._submit(executor, function, *args)
        except BaseException as error:
            # A map of which some chunks were submitted already.
            result.give_up(error)
            raise
        result._follow(index, future)
        # After the result's own, so that join() returns after the callbacks.
        future.add_done_callback(self._ended)

    def _map_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        mapper: Callable[[Any], List[Any]],
        chunksize: Optional[int],
        callback: Callback,
        error_callback: Callback,
    ) -> MapResult:
        self._check_running()
        items = iterable if hasattr(iterable, "__len__") else list(iterable)
        length = len(items)  # type: ignore[arg-type]
        if chunksize is None:
            chunksize, extra = divmod(length, self._processes * 4)
            chunksize += bool(extra)
        elif chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize}")
        parts = -(-length // chunksize) if length else 0
        result = MapResult(self, parts, callback, error_callback)
        for index, chunk in enumerate(_chunks(items, chunksize) if length else ()):
            self._follow(result, index, self._executor, mapper, (func, chunk))
        return result

    def _imap(
        self,
        kind: Callable[..., IMapIterator],
        func: Callable[[Any], Any],
        iterable: Iterable[Any],
        chunksize: int,
        window: Optional[int],
    ) -> IMapIterator:
        self._check_running()
        if chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize}")
        if window is None:
            window = 4 * self._processes
        if window < 1:
            raise ValueError(f"window must be 1+, not {window}")

        def call(chunk: Any) -> Future[Any]:
            future = self._submit(self._executor, mapstar, (func, chunk))
            future.add_done_callback(self._ended)
            return future

        iterator = kind(self, call, _chunks(iterable, chunksize), window)
        with self._idle:
            self._cache.add(iterator)
        iterator.start()
        return iterator


def _chunks(items: Iterable[Any], size: int) -> Iterator[Any]:
    iterator = iter(items)
    return iter(lambda: tuple(itertools.islice(iterator, size)), ())


def _workers_of(executor: Executor) -> int:
    for name in ("_max_workers", "max_workers", "num_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return os.cpu_count() or 1


def _refuse(sentence: str) -> NoReturn:
    raise errors.Unsupported(sentence)
