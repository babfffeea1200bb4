"""Several items that make one task of a map."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterable, Iterator, List, Sequence

from millpond import errors


class Chunk(List[Any]):
    """Items for a thread, which may be taken away from it while it is at one of them: a loop then ends behind that."""

    stopped = False

    def stop(self) -> None:
        """Takes away what has not begun."""
        self.stopped = True
        self.clear()


def mapstar(function: Callable[[Any], Any], items: Iterable[Any]) -> List[Any]:
    """What a task of a map does."""
    return _whole(list(map(function, items)), items)


def starmapstar(function: Callable[..., Any], items: Iterable[Iterable[Any]]) -> List[Any]:
    """What a task of a starmap does."""
    return _whole(list(itertools.starmap(function, items)), items)


def _whole(values: List[Any], items: object) -> List[Any]:
    if type(items) is Chunk and items.stopped:
        raise errors.PoolTerminated("the pool was terminated")
    return values


def chunks(items: Iterable[Any], size: int, threads: bool) -> Iterator[Sequence[Any]]:
    """The items, so many at a time."""
    iterator = iter(items)
    kind: Any = Chunk if threads else tuple
    while True:
        chunk = kind(itertools.islice(iterator, size))
        if not chunk:
            return
        yield chunk
