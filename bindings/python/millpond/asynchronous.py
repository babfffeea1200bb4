"""Results of a pool for `async for`."""

from __future__ import annotations

import collections
from typing import Any, AsyncIterable, AsyncIterator, Callable, Deque, Dict, Iterable, Optional, Tuple, Union

Outcome = Tuple[bool, Any]


class Asynchronous:
    """What all pools have for programs with an event loop."""

    def imap_async(
        self,
        func: Callable[[Any], Any],
        iterable: Union[Iterable[Any], AsyncIterable[Any]],
        *,
        window: Optional[int] = None,
        ordered: bool = True,
    ) -> AsyncIterator[Any]:
        """As imap(), for `async for`; see :func:`millpond.asynchronous.imap_async`."""
        return imap_async(self, func, iterable, window=window, ordered=ordered)


async def imap_async(
    pool: Any,
    func: Callable[[Any], Any],
    iterable: Union[Iterable[Any], AsyncIterable[Any]],
    *,
    window: Optional[int] = None,
    ordered: bool = True,
) -> AsyncIterator[Any]:
    """The results of `func(item)` for `async for`; what :meth:`millpond.Pool.imap_async` gives.

    :param pool: any pool with multiprocessing's `apply_async()`.
    :param iterable: the items. While an ordinary one makes its next item, the event loop stands still; so what waits
        for something had better be an asynchronous one.
    :param window: how many calls may be ahead of the results that were taken; 4 for each worker, if it is not given.
    :param ordered: False gives each result as soon as it is there.

    What `func` raises is raised here in its place, and that ends it. Leaving the loop early cancels what has not begun.
    """
    import asyncio  # which costs time, and is seldom needed

    if window is None:
        window = max(4 * pool._processes, 16)
    elif window < 1:
        raise ValueError(f"window must be 1+, not {window}")
    loop = asyncio.get_running_loop()
    items = iterable.__aiter__() if hasattr(iterable, "__aiter__") else _Stepwise(iter(iterable))
    arrived: asyncio.Queue[Tuple[int, Outcome]] = asyncio.Queue()
    running: Deque[Tuple[int, Any]] = collections.deque()
    outcomes: Dict[int, Outcome] = {}

    def start(number: int, item: Any) -> None:
        def tell(outcome: Outcome) -> None:
            # A loop that has ended is told nothing.
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived.put_nowait, (number, outcome))

        call = pool.apply_async(
            func,
            (item,),
            callback=lambda value: tell((True, value)),
            error_callback=lambda error: tell((False, error)),
        )
        running.append((number, call))

    async def next_outcome() -> Outcome:
        wanted = running[0][0]
        while True:
            if ordered and wanted in outcomes:
                number, outcome = wanted, outcomes.pop(wanted)
            else:
                number, outcome = await arrived.get()
            if not ordered or number == wanted:
                break
            outcomes[number] = outcome
        for place, (begun, _) in enumerate(running):
            if begun == number:
                del running[place]
                break
        return outcome

    count = 0
    more = True
    try:
        while True:
            while more and len(running) < window:
                try:
                    item = await items.__anext__()
                except StopAsyncIteration:
                    more = False
                else:
                    start(count, item)
                    count += 1
                    del item
            if not running:
                return
            well, value = await next_outcome()
            if not well:
                raise value
            yield value
            del value
    finally:
        for _, call in running:
            cancel = getattr(call, "cancel", None)
            if cancel is not None:
                cancel()


class _Stepwise:
    """An ordinary iterator, for those who await its items."""

    def __init__(self, items: Any) -> None:
        self._items = items

    async def __anext__(self) -> Any:
        for item in self._items:
            return item
        raise StopAsyncIteration
