"""What a pool over an executor answers with: results of calls and maps, and iterators over results.

All of them are fed by the done callbacks of the executor's futures, on whatever thread those run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, Iterator, List, Optional, Tuple

from millpond import errors

if TYPE_CHECKING:
    from millpond.executor_pool import ExecutorPool

LOGGER = logging.getLogger("millpond")
Callback = Optional[Callable[[Any], object]]
# Whether it ended well, and its value or its exception.
Outcome = Tuple[bool, Any]


class Callbacks:
    """Runs the callbacks of a pool one at a time, on the thread that has brought the first of those that wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Deque[Tuple[Callable[[Any], object], Any, Callable[[], None]]] = deque()
        self._running = False

    def call(self, callback: Callable[[Any], object], value: Any, then: Callable[[], None]) -> None:
        """Calls `callback(value)` and `then()`, now or when those before it have returned."""
        with self._lock:
            self._waiting.append((callback, value, then))
            if self._running:
                return
            self._running = True
        try:
            self._run()
        except BaseException:
            # What interrupted one callback is no reason never to call another.
            with self._lock:
                self._running = False
            raise

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
                callback, value, then = self._waiting.popleft()
            try:
                callback(value)
            except Exception:
                LOGGER.exception("a callback of a pool has raised")
            finally:
                then()
            del callback, value, then


def outcome_of(future: Future[Any], pool: ExecutorPool) -> Outcome:
    """The outcome of a future that has ended."""
    if future.cancelled():
        return False, pool.lost()
    error = future.exception()
    return (True, future.result()) if error is None else (False, error)


class ApplyResult:
    """The result of :meth:`ExecutorPool.apply_async`; that of a map is a subclass."""

    def __init__(self, pool: ExecutorPool, parts: int, callback: Callback, error_callback: Callback) -> None:
        self._pool = pool
        self._callback = callback
        self._error_callback = error_callback
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._futures: List[Future[Any]] = []
        self._outcomes: List[Optional[Outcome]] = [None] * parts
        self._left = parts
        self._settled = False
        self._success = True
        self._value: Any = None
        if not parts:
            self._settle(self._joined([]))

    def ready(self) -> bool:
        """Whether the result is there, and its callback has returned."""
        return self._event.is_set()

    def successful(self) -> bool:
        """Whether all went well; ValueError while it is not ready."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._success

    def wait(self, timeout: Optional[float] = None) -> None:
        """Waits until it is ready, or for `timeout` seconds."""
        self._event.wait(timeout)

    def get(self, timeout: Optional[float] = None) -> Any:
        """The value, or the exception raised; multiprocessing.TimeoutError if it is not ready in `timeout` seconds."""
        if not self._event.wait(timeout):
            raise errors.WaitTimeout("the result is not ready yet")
        if self._success:
            return self._value
        raise self._value

    def running(self) -> bool:
        """Whether a worker is at it."""
        return not self.ready() and any(future.running() for future in list(self._futures))

    def cancel(self) -> bool:
        """Keeps it from starting; what runs goes on. Whether it will not run, as a whole."""
        return not self.ready() and sum(not future.cancel() for future in list(self._futures)) == 0

    def kill(self) -> bool:
        """Ends it now, if the executor's futures can be killed. Whether it will not end by itself."""
        futures = list(self._futures)
        if not all(future.cancel() or hasattr(future, "kill") for future in futures):
            raise errors.Unsupported("the executor's futures cannot be killed, and it runs already")
        return not self.ready() and sum(stop(future) for future in futures) > 0

    def _follow(self, index: int, future: Future[Any]) -> None:
        """Takes the outcome of a future as that of part `index`, as soon as there is one."""
        with self._lock:
            given_up = self._settled
            self._futures.append(future)
        if given_up:
            stop(future)
        future.add_done_callback(lambda ended: self._take(index, outcome_of(ended, self._pool)))

    def _take(self, index: int, outcome: Outcome) -> None:
        with self._lock:
            if self._settled:
                return
            self._outcomes[index] = outcome
            self._left -= 1
            if self._left:
                return
            outcomes = [part for part in self._outcomes if part is not None]
        failed = next((part for part in outcomes if not part[0]), None)
        self._settle(failed or self._joined([value for _, value in outcomes]))

    def _joined(self, values: List[Any]) -> Outcome:
        return True, values[0]

    def _settle(self, outcome: Outcome) -> None:
        """Keeps the first outcome it is given."""
        with self._lock:
            if self._settled:
                return
            self._settled = True
            self._success, self._value = outcome
            self._outcomes.clear()
            self._futures.clear()
        callback = self._callback if self._success else self._error_callback
        self._callback = self._error_callback = None
        if callback is None:
            self._announce()
        else:
            self._pool.callbacks.call(callback, self._value, self._announce)

    def _announce(self) -> None:
        self._event.set()
        self._pool.forget(self)

    def give_up(self, error: BaseException) -> None:
        """Cancels what has not started, stops what can be stopped, and waits for nothing more."""
        with self._lock:
            futures = list(self._futures)
        # Before they are cancelled, as their callbacks come back here.
        self._settle((False, error))
        for future in futures:
            stop(future)

    def read_on(self) -> None:
        """Nothing is left to read: all of it was submitted at once."""


class MapResult(ApplyResult):
    """The result of a map in chunks: their lists, one after the other."""

    def _joined(self, values: List[Any]) -> Outcome:
        return True, [item for chunk in values for item in chunk]


def stop(future: Future[Any]) -> bool:
    """Cancels a future, or kills its task where the executor offers that. Whether it will not end by itself."""
    if future.cancel():
        return True
    kill = getattr(future, "kill", None)
    try:
        return kill is not None and bool(kill())
    except errors.Unsupported:
        return False


class IMapIterator:
    """The results of an imap, in the order of the input.

    A thread of its own reads the input, so that input that comes slowly holds up nobody; at most `window` chunks of it
    are read ahead of the results that were taken.
    """

    def __init__(
        self, pool: ExecutorPool, call: Callable[[Any], Future[Any]], chunks: Iterator[Any], window: int
    ) -> None:
        self._pool = pool
        self._call = call
        self._window: float = window
        self._changed = threading.Condition()
        self._ended: Dict[int, Outcome] = {}
        self._order: Deque[int] = deque()
        self._futures: Dict[int, Future[Any]] = {}
        self._begun = 0
        self._taken = 0
        self._all_read = False
        self._given: Deque[Any] = deque()
        self._error: Optional[BaseException] = None
        self._reader = threading.Thread(target=self._read, args=(chunks,), name="millpond-imap", daemon=True)

    def start(self) -> None:
        """Begins to read, once the pool knows of it."""
        self._reader.start()

    def __iter__(self) -> IMapIterator:
        return self

    def next(self, timeout: Optional[float] = None) -> Any:
        """The next result; multiprocessing.TimeoutError if it is not there within `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._given:
                good, value = self._next_outcome(deadline)
                if not good:
                    raise value
                self._given.extend(value)
            return self._given.popleft()

    __next__ = next

    def _next_outcome(self, deadline: Optional[float]) -> Outcome:
        """Takes the next outcome; called with `_changed` held."""
        while True:
            index = self._next_index()
            if index is not None:
                self._taken += 1
                self._changed.notify_all()
                return self._ended.pop(index)
            if self._error is not None:
                raise self._error
            if self._all_read and self._taken == self._begun:
                raise StopIteration
            left = None if deadline is None else deadline - time.monotonic()
            if (left is not None and left <= 0) or not self._changed.wait(left):
                raise errors.WaitTimeout("the next result is not ready yet")

    def _next_index(self) -> Optional[int]:
        return self._taken if self._taken in self._ended else None

    def _read(self, chunks: Iterator[Any]) -> None:
        """Submits one chunk after the other, while there is room in the window."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._error is not None or self._begun - self._taken < self._window)
                if self._error is not None:
                    break
                index = self._begun
            try:
                future = self._call(next(chunks))
            except StopIteration:
                break
            except BaseException as error:
                # Where multiprocessing has it: after the results of what was read before.
                with self._changed:
                    self._begun += 1
                self._end(index, (False, error))
                break
            with self._changed:
                self._begun += 1
                self._futures[index] = future
                given_up = self._error is not None
            if given_up:
                stop(future)
            self._follow(index, future)
            del future
        with self._changed:
            self._all_read = True
            self._changed.notify_all()
        self._forget_if_over()

    def _follow(self, index: int, future: Future[Any]) -> None:
        future.add_done_callback(lambda ended: self._end(index, outcome_of(ended, self._pool)))

    def _end(self, index: int, outcome: Outcome) -> None:
        with self._changed:
            self._futures.pop(index, None)
            if self._error is None:
                self._ended[index] = outcome
                self._order.append(index)
            self._changed.notify_all()
        self._forget_if_over()

    def _forget_if_over(self) -> None:
        with self._changed:
            over = self._all_read and not self._futures
        if over:
            self._pool.forget(self)

    def give_up(self, error: BaseException) -> None:
        """As in ApplyResult."""
        with self._changed:
            if self._all_read and not self._futures:
                return
            self._error = error
            futures = list(self._futures.values())
            self._changed.notify_all()
        for future in futures:
            stop(future)

    def read_on(self) -> None:
        """Reads the input to its end, as a pool that is joined waits for all of it."""
        with self._changed:
            self._window = float("inf")
            self._changed.notify_all()


class IMapUnorderedIterator(IMapIterator):
    """The results of an imap, each as soon as it is there."""

    def _next_index(self) -> Optional[int]:
        return self._order.popleft() if self._order else None
