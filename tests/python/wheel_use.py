"""What test_wheel.py runs with the installed package: each part of it once, in threads and in processes."""

from __future__ import annotations

import array
import ctypes
import os
import sys

import millpond
from millpond import _library, errors


def square(number: int) -> int:
    return number * number


def where(_: object) -> int:
    return os.getpid()


def refuse(number: int) -> int:
    raise ValueError(number)


def fill(numbers: millpond.SharedArray) -> millpond.SharedArray:
    numbers[0] = 42
    return numbers


def main() -> None:
    assert _library.path.startswith(sys.prefix), _library.path
    here = os.getpid()
    expected = [square(number) for number in range(1000)]
    for kind in (millpond.Pool, millpond.ThreadPool):
        with kind(2) as pool:
            assert pool.map(square, range(1000)) == expected
            assert list(pool.imap(square, range(100), 7)) == expected[:100]
            assert set(pool.map(where, range(10))) & {here} == ({here} if kind is millpond.ThreadPool else set())
            try:
                pool.apply(refuse, (3,))
            except ValueError as error:
                assert error.args == (3,)
            else:
                raise AssertionError("it was not raised")
            shared = millpond.shared_array(3)
            assert pool.apply(fill, (shared,))[0] == shared[0] == 42
            # A function of the library itself, which fails: its argument is no pool.
            address = ctypes.cast(_library.library.pool_join, ctypes.c_void_p).value
            try:
                pool.map_native(address, array.array("q", [0]))
            except errors.MillpondError:
                pass
            else:
                raise AssertionError("it should have failed")
    for executor in (millpond.ProcessPoolExecutor, millpond.ThreadPoolExecutor):
        with executor(2) as workers:
            assert list(workers.map(square, range(10))) == expected[:10]
            assert workers.submit(square, 7).result() == 49
    print(millpond.__version__, sys.version_info[:2])


if __name__ == "__main__":
    main()
