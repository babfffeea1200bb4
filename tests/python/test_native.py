"""Native functions over arrays, on threads and in processes."""

from __future__ import annotations

import array
import ctypes
import mmap
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Compile

from millpond import _declarations as c
from millpond import _library, errors
from millpond._buffers import Buffer
from millpond.native import NativeMaps, register_native

library = _library.library


class Pool(NativeMaps):
    """Just enough of a pool for map_native: what it asks of an engine."""

    def __init__(self, mode: str, workers: int = 2) -> None:
        self.handle = ctypes.c_void_p()
        code = c.POOL_PROCESSES if mode == "processes" else c.POOL_THREADS
        options = c.pool_options_t(struct_size=ctypes.sizeof(c.pool_options_t), mode=code, workers=workers)
        _library.check(library.pool_create_with(ctypes.byref(options), ctypes.byref(self.handle)))
        self._engine = SimpleNamespace(handle=self.handle.value, mode=mode)

    def close(self) -> None:
        library.pool_close_join(self.handle)


@pytest.fixture(scope="module")
def path(cc: Compile) -> Path:
    return cc(["tests/python/native_work.c"], "python_work.so", flags=["-shared", "-fPIC"])


@pytest.fixture(scope="module")
def work(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


@pytest.fixture(params=["threads", "processes"])
def pool(request: pytest.FixtureRequest, work: ctypes.CDLL) -> Iterator[Pool]:
    made = Pool(request.param)
    yield made
    made.close()


@pytest.fixture
def threads() -> Iterator[Pool]:
    made = Pool("threads")
    yield made
    made.close()


@pytest.mark.parametrize("count", [0, 1, 2, 10_000])
def test_every_item_is_mapped(pool: Pool, work: ctypes.CDLL, count: int) -> None:
    given, made = array.array("d", range(count)), array.array("d", bytes(8 * count))
    pool.map_native(work.square, given, made)
    assert made.tolist() == [number**2 for number in range(count)]


def test_an_array_can_be_mapped_in_place(pool: Pool, work: ctypes.CDLL) -> None:
    numbers = array.array("d", range(1000))
    pool.map_native(work.square, numbers, numbers)
    assert numbers.tolist() == [number**2 for number in range(1000)]


def test_a_function_may_have_any_of_four_forms(pool: Pool, work: ctypes.CDLL, path: Path) -> None:
    address = ctypes.cast(work.square, ctypes.c_void_p).value or 0
    for function in (work.square, address, c.pool_fn(address), f"square in {path}"):
        made = array.array("d", [0])
        pool.map_native(function, array.array("d", [3]), made)
        assert made[0] == 9


def test_any_buffer_will_do(pool: Pool, work: ctypes.CDLL) -> None:
    for made in (bytearray(5), memoryview(bytearray(5)), (ctypes.c_char * 5)(), array.array("b", bytes(5))):
        pool.map_native(work.upper, b"hello", made)
        assert bytes(made) == b"HELLO"


def test_a_matrix_is_mapped_by_rows(pool: Pool, work: ctypes.CDLL) -> None:
    matrix = memoryview(array.array("i", range(12))).cast("B").cast("i", (4, 3))
    made = array.array("q", [0] * 4)
    pool.map_native(work.row_sum, matrix, made)
    assert made.tolist() == [3, 12, 21, 30]


def test_arrays_of_numpy(pool: Pool, work: ctypes.CDLL) -> None:
    numpy = pytest.importorskip("numpy")
    given = numpy.arange(1000.0)
    made = numpy.empty_like(given)
    pool.map_native(work.square, given, made)
    assert (made == given**2).all()
    with pytest.raises(ValueError, match=r"in_array must have contiguous memory; numpy\.ndarray says"):
        pool.map_native(work.square, given[::2], made[:500])
    made.flags.writeable = False
    with pytest.raises(ValueError, match="out_array must have contiguous memory that can be written to"):
        pool.map_native(work.square, given, made)


def test_without_one_of_the_arrays_the_function_gets_null(pool: Pool, work: ctypes.CDLL) -> None:
    made = array.array("q", [0] * 100)
    pool.map_native(work.index_of, None, made)
    assert made.tolist() == list(range(100))
    pool.map_native(work.no_result, made)


@pytest.mark.parametrize("pieces", [1, 1000])
def test_a_context_is_seen_by_all_items(pool: Pool, work: ctypes.CDLL, pieces: int) -> None:
    numbers = array.array("d", range(100))
    pool.map_native(work.scale, numbers, numbers, context=array.array("d", [3] * pieces))
    assert numbers.tolist() == [3 * number for number in range(100)]
    pool.map_native(work.square, numbers, numbers, context=b"")


def test_a_failure_has_the_code_and_the_sentence(pool: Pool, work: ctypes.CDLL) -> None:
    with pytest.raises(errors.TaskFailed, match="seven is too many") as caught:
        pool.map_native(work.fails_at_seven, array.array("i", range(100)))
    assert caught.value.code == 42 and "7" in str(caught.value)


def test_a_crash_in_a_process_is_an_error(work: ctypes.CDLL) -> None:
    pool = Pool("processes")
    with pytest.raises(errors.WorkerDied):
        pool.map_native(work.crashes, b"1", bytearray(1))
    made = bytearray(1)
    pool.map_native(work.upper, b"a", made)
    assert made == b"A"
    pool.close()


def test_processes_are_processes(work: ctypes.CDLL) -> None:
    pool = Pool("processes")
    pids = array.array("i", [0] * 20)
    pool.map_native(work.pid, None, pids)
    assert os.getpid() not in pids and 0 not in pids
    pool.close()


def test_threads_run_without_the_interpreter_lock_and_at_once(threads: Pool, work: ctypes.CDLL) -> None:
    ticking = threading.Event()
    threading.Thread(target=ticking.set).start()
    threads.map_native(work.meet, b"12")
    assert ticking.wait(60)


@pytest.mark.parametrize(
    ("function", "given", "made", "kind", "sentence"),
    [
        ("square", None, None, ValueError, "both None"),
        ("square", 5, None, TypeError, "in_array must have the buffer protocol, as arrays have; int has not"),
        ("square", b"12", bytearray(3), ValueError, "in_array has 2 items, and out_array 3"),
        (
            "square",
            b"12",
            b"12",
            ValueError,
            "out_array must have contiguous memory that can be written to; bytes says",
        ),
        ("square", ctypes.c_double(1), None, ValueError, "is a single item"),
        (0, b"1", None, ValueError, "address is NULL"),
        (len, b"1", None, TypeError, "not builtin_function_or_method"),
        (True, b"1", None, TypeError, "not bool"),
        ("nothing in here.so", b"1", None, LookupError, "there is no function 'nothing in here.so'"),
        ("no_such_function_anywhere", b"1", None, LookupError, "there is no function"),
        (ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(1), b"1", None, TypeError, "this one takes 1 arguments"),
    ],
)
def test_what_cannot_be_is_said(
    threads: Pool, path: Path, function: Any, given: Any, made: Any, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        threads.map_native(f"square in {path}" if function == "square" else function, given, made)


def test_arrays_are_free_again_after_a_map(threads: Pool, work: ctypes.CDLL) -> None:
    made = bytearray(5)
    threads.map_native(work.upper, b"hello", made)
    made += b"!"
    with pytest.raises(errors.TaskFailed):
        threads.map_native(work.no_result, b"hello!", made)
    made += b"!"


def test_a_closed_pool_refuses(work: ctypes.CDLL) -> None:
    pool = Pool("threads")
    library.pool_close(pool.handle)
    with pytest.raises(errors.PoolClosed):
        pool.map_native(work.square, array.array("d", [1]))
    pool.close()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the machine code is that of x86-64")
def test_code_that_was_made_at_run_time_runs_in_processes_once_registered() -> None:
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as code:
        code.write(b"\x31\xc0\xc3")  # return 0
        memory = Buffer(code, "code", False)
        early = Pool("processes")
        with pytest.raises(errors.UnknownFunction, match="pool_register_function"):
            early.map_native(memory.address, b"1")
        early.close()
        register_native(memory.address)
        late = Pool("processes")
        late.map_native(memory.address, b"1")
        late.close()
        memory.release()


def test_functions_of_numba(pool: Pool) -> None:
    numba = pytest.importorskip("numba")
    numpy = pytest.importorskip("numpy")
    pointer = numba.types.CPointer(numba.float64)

    @numba.cfunc(numba.int32(pointer, pointer, numba.types.voidptr))
    def cube(arg: Any, result: Any, task: Any) -> int:
        result[0] = arg[0] ** 3
        return 0

    register_native(cube)
    fresh = Pool(pool._engine.mode)
    numbers = numpy.arange(1000.0)
    made = numpy.empty_like(numbers)
    fresh.map_native(cube, numbers, made)
    assert (made == numbers**3).all()
    fresh.close()


INTERRUPTED = """
import array, ctypes, sys, test_native
function = ctypes.CDLL(sys.argv[2]).sleep_a_little
pool = test_native.Pool(sys.argv[1])
try:
    print("ready", flush=True)
    pool.map_native(function, array.array("i", [10] * 100_000))
except KeyboardInterrupt:
    print("interrupted", flush=True)
pool.close()
"""


@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_ctrl_c_ends_a_map(mode: str, path: Path) -> None:
    folders = [Path(__file__).parent, Path(__file__).parent.parent, os.environ["PYTHONPATH"]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-c", INTERRUPTED, mode, str(path)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert out == "interrupted\n" and process.returncode == 0
