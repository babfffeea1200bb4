"""The map of executors: calls that are ahead of the results that were taken, and the iterator over those."""

from __future__ import annotations

import concurrent.futures
import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Iterable, Iterator, List, Optional, Sequence, Union

from millpond._task import Task

if TYPE_CHECKING:
    from millpond._future import Future


class Waiting:
    """A call of a map: what of a future a map needs."""

    __slots__ = ("_dress", "_task")

    def __init__(self, task: Task, dress: Callable[[BaseException], None]) -> None:
        self._task = task
        self._dress = dress

    def result(self, timeout: Optional[float] = None) -> Any:
        """Waits for the result, as a future does."""
        if timeout is not None and not self._task.wait(timeout):
            raise concurrent.futures.TimeoutError
        well, value = self._task.outcome()
        if well:
            return value
        self._dress(value)
        try:
            raise value
        finally:
            # The traceback holds this frame, and this frame the exception.
            del value

    def cancel(self) -> bool:
        """Cancels the call if it has not started."""
        return self._task.cancel()


Ahead = Union["Future[Any]", Waiting]


class Calls:
    """The calls of a map whose results have not been taken, in order."""

    def __init__(self, calls: Iterable[Ahead]) -> None:
        self._calls: Deque[Ahead] = deque(calls)

    def add(self, call: Ahead) -> None:
        """One more."""
        self._calls.append(call)

    def cancel(self) -> None:
        """Cancels those that have not started."""
        for call in list(self._calls):
            call.cancel()

    def results(self, end: Optional[float], refill: Optional[Callable[[], None]], chunked: bool) -> Iterator[Any]:
        """Yields the results, and keeps no reference to what it has given; cancels the others when it is closed."""
        try:
            while self._calls:
                call = self._calls.popleft()
                try:
                    value = call.result(None if end is None else end - time.monotonic())
                except BaseException:
                    call.cancel()
                    raise
                finally:
                    del call
                if refill is not None:
                    refill()
                if not chunked:
                    # Nothing here may refer to what others have been given.
                    value = [value]
                value.reverse()
                while value:
                    yield value.pop()
        finally:
            self.cancel()


def call_chunk(fn: Callable[..., Any], items: Sequence[Sequence[Any]]) -> List[Any]:
    """Calls it with each of the items, on a worker."""
    return [fn(*args) for args in items]


def chunks(items: Iterator[Any], size: int) -> Iterator[Any]:
    """The items in tuples of that size; the last one may be shorter."""
    return iter(lambda: tuple(itertools.islice(items, size)), ())


def length(iterables: Sequence[Iterable[Any]]) -> Optional[int]:
    """How many items there will be, if that is known without reading them."""
    lengths = [len(each) if hasattr(each, "__len__") else None for each in iterables]  # type: ignore[arg-type]
    known = [length for length in lengths if length is not None]
    return min(known) if known else None
