"""What the machine and the interpreter cost without a pool, in seconds."""

from __future__ import annotations

import mmap
import os
import pickle
import time
from collections.abc import Callable
from typing import Any

from .work import bytes_of, new_array, pages_seen


def timed(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def pickling(items: int, chunks: int) -> float:
    """A map's chunks there and back through pickle, in one process: two workers could halve no more than half of it."""
    size = -(-items // chunks)
    parts = [tuple(range(start, min(start + size, items))) for start in range(0, items, size)]

    def there_and_back() -> list[Any]:
        results: list[Any] = []
        for part in parts:
            arrived = pickle.loads(pickle.dumps(part, pickle.HIGHEST_PROTOCOL))
            results += pickle.loads(pickle.dumps(list(arrived), pickle.HIGHEST_PROTOCOL))
        return results

    return timed(there_and_back)


def copies(size: int) -> float:
    """Twice into memory that processes could share and nobody has touched yet, each read as the tasks read it."""
    array = new_array(size)
    source = bytes_of(array)

    def copy() -> None:
        for _ in range(2):
            with mmap.mmap(-1, size) as shared:
                shared[:] = source
                pages_seen(shared)

    return timed(copy)


def forks(count: int) -> float:
    def fork_and_reap() -> None:
        pids = []
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            pids.append(pid)
        for pid in pids:
            os.waitpid(pid, 0)

    return timed(fork_and_reap)
