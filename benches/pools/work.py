"""What the tasks do, and the array that the row about arrays sends."""

from __future__ import annotations

import pickle
from multiprocessing.shared_memory import SharedMemory
from typing import Any

PAGE = 4096


def identity(item: Any) -> Any:
    return item


class Plain:
    """Stands in for an array of numpy where there is none: bytes that a pickle may leave out of band."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return Plain, (pickle.PickleBuffer(self.data) if protocol >= 5 else bytes(self.data),)


def new_array(size: int) -> Any:
    """Each page of it begins with a one, so that one that did not arrive is noticed."""
    data = bytearray(size)
    data[::PAGE] = b"\1" * len(range(0, size, PAGE))
    try:
        import numpy
    except ImportError:
        return Plain(data)
    return numpy.frombuffer(data, "uint8")


def bytes_of(array: Any) -> memoryview:
    if isinstance(array, Plain):
        array = array.data
    elif isinstance(array, SharedMemory):
        # It may be longer than what was asked for, by less than a page.
        array = array.buf
    return memoryview(array).cast("B")


def pages_seen(array: Any) -> int:
    """Reads every page: memory that is mapped but has not been looked at has not arrived."""
    return bytes(bytes_of(array)[::PAGE]).count(1)


def look_at(array: Any) -> Any:
    """The task of the row: both sides have then had the array before their eyes."""
    pages_seen(array)
    return array
