"""Native functions over arrays, on threads and in processes."""

from __future__ import annotations

import array
import ctypes
import mmap
import os
import platform
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Compile

from millpond import Pool, ThreadPool, errors, register_native, shared_array
from millpond import _declarations as c
from millpond._buffers import Buffer


def made(mode: str) -> Pool:
    """A pool of two workers; of processes that know what was loaded before."""
    return Pool(2) if mode == "processes" else ThreadPool(2)


@pytest.fixture(scope="module")
def path(cc: Compile) -> Path:
    return cc(["tests/python/native_work.c"], "python_work.so", flags=["-shared", "-fPIC"])


@pytest.fixture(scope="module")
def work(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


@pytest.fixture(params=["threads", "processes"])
def pool(request: pytest.FixtureRequest, work: ctypes.CDLL) -> Iterator[Pool]:
    with made(request.param) as pool:
        yield pool
    pool.join()


@pytest.fixture
def threads() -> Iterator[Pool]:
    with made("threads") as pool:
        yield pool
    pool.join()


@pytest.fixture
def processes(work: ctypes.CDLL) -> Iterator[Pool]:
    with made("processes") as pool:
        yield pool
    pool.join()


@pytest.mark.parametrize("count", [0, 1, 2, 10_000])
def test_every_item_is_mapped(pool: Pool, work: ctypes.CDLL, count: int) -> None:
    given, out = array.array("d", range(count)), array.array("d", bytes(8 * count))
    pool.map_native(work.square, given, out)
    assert out.tolist() == [number**2 for number in range(count)]


def test_an_array_can_be_mapped_in_place(pool: Pool, work: ctypes.CDLL) -> None:
    numbers = array.array("d", range(1000))
    pool.map_native(work.square, numbers, numbers)
    assert numbers.tolist() == [number**2 for number in range(1000)]


def test_a_function_may_have_any_of_four_forms(pool: Pool, work: ctypes.CDLL, path: Path) -> None:
    address = ctypes.cast(work.square, ctypes.c_void_p).value or 0
    for function in (work.square, address, c.pool_fn(address), f"square in {path}"):
        out = array.array("d", [0])
        pool.map_native(function, array.array("d", [3]), out)
        assert out[0] == 9


def test_any_buffer_will_do(pool: Pool, work: ctypes.CDLL) -> None:
    for out in (bytearray(5), memoryview(bytearray(5)), (ctypes.c_char * 5)(), array.array("b", bytes(5))):
        pool.map_native(work.upper, b"hello", out)
        assert bytes(out) == b"HELLO"


def test_a_matrix_is_mapped_by_rows(pool: Pool, work: ctypes.CDLL) -> None:
    matrix = memoryview(array.array("i", range(12))).cast("B").cast("i", (4, 3))
    out = array.array("q", [0] * 4)
    pool.map_native(work.row_sum, matrix, out)
    assert out.tolist() == [3, 12, 21, 30]


def test_arrays_of_numpy(pool: Pool, work: ctypes.CDLL) -> None:
    numpy = pytest.importorskip("numpy")
    given = numpy.arange(1000.0)
    out = numpy.empty_like(given)
    pool.map_native(work.square, given, out)
    assert (out == given**2).all()
    with pytest.raises(ValueError, match=r"in_array must have contiguous memory; numpy\.ndarray says"):
        pool.map_native(work.square, given[::2], out[:500])
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out_array must have contiguous memory that can be written to"):
        pool.map_native(work.square, given, out)


def test_without_one_of_the_arrays_the_function_gets_null(pool: Pool, work: ctypes.CDLL) -> None:
    out = array.array("q", [0] * 100)
    pool.map_native(work.index_of, None, out)
    assert out.tolist() == list(range(100))
    pool.map_native(work.no_result, out)


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


def test_a_crash_in_a_process_is_an_error(processes: Pool, work: ctypes.CDLL) -> None:
    with pytest.raises(errors.WorkerDied):
        processes.map_native(work.crashes, b"1", bytearray(1))
    result = bytearray(1)
    processes.map_native(work.upper, b"a", result)
    assert result == b"A"


def test_processes_are_processes(processes: Pool, work: ctypes.CDLL) -> None:
    pids = array.array("i", [0] * 20)
    processes.map_native(work.pid, None, pids)
    assert os.getpid() not in pids and 0 not in pids


def test_threads_run_without_the_interpreter_lock_and_at_once(threads: Pool, work: ctypes.CDLL) -> None:
    ticking = threading.Event()
    threading.Thread(target=ticking.set).start()
    threads.map_native(work.meet, b"12")
    assert ticking.wait(60)


@pytest.mark.parametrize(
    ("function", "given", "out", "kind", "sentence"),
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
    threads: Pool, path: Path, function: Any, given: Any, out: Any, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        threads.map_native(f"square in {path}" if function == "square" else function, given, out)


def test_arrays_are_free_again_after_a_map(threads: Pool, work: ctypes.CDLL) -> None:
    out = bytearray(5)
    threads.map_native(work.upper, b"hello", out)
    out += b"!"
    with pytest.raises(errors.TaskFailed):
        threads.map_native(work.no_result, b"hello!", out)
    out += b"!"


@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_a_closed_pool_refuses(mode: str, work: ctypes.CDLL) -> None:
    pool = made(mode)
    pool.close()
    for _ in range(2):
        with pytest.raises(errors.PoolClosed):
            pool.map_native(work.square, array.array("d", [1]), array.array("d", [1]))
        pool.join()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the machine code is that of x86-64")
def test_code_that_was_made_at_run_time_runs_in_processes_once_registered(processes: Pool) -> None:
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as code:
        code.write(b"\x31\xc0\xc3")  # return 0
        memory = Buffer(code, "code", False)
        with pytest.raises(errors.UnknownFunction, match="pool_register_function"):
            processes.map_native(memory.address, b"1")
        register_native(memory.address)
        with made("processes") as late:
            late.map_native(memory.address, b"1")
        late.join()
        memory.release()


@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_functions_of_numba(mode: str) -> None:
    numba = pytest.importorskip("numba")
    numpy = pytest.importorskip("numpy")
    pointer = numba.types.CPointer(numba.float64)

    @numba.cfunc(numba.int32(pointer, pointer, numba.types.voidptr))
    def cube(arg: Any, result: Any, task: Any) -> int:
        result[0] = arg[0] ** 3
        return 0

    register_native(cube)
    numbers = numpy.arange(1000.0)
    cubes = numpy.empty_like(numbers)
    with made(mode) as pool:
        pool.map_native(cube, numbers, cubes)
    assert (cubes == numbers**3).all()
    pool.join()


def test_a_task_on_a_thread_may_use_its_own_pool(work: ctypes.CDLL) -> None:
    numbers = array.array("d", range(100))
    with ThreadPool(1) as pool:
        pool.apply(lambda: pool.map_native(work.square, numbers, numbers))
        assert numbers.tolist() == [number**2 for number in range(100)]


def outer_map(path: str) -> str:
    try:
        outer[0].map_native(f"square in {path}", array.array("d", [1]), array.array("d", [1]))
    except errors.MillpondError as failure:
        return failure.status_name
    return "it went well"


outer: list[Pool] = []


def test_a_task_in_a_process_may_not(processes: Pool, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "outer", [processes])
    processes._engine.refresh()
    assert processes.apply(outer_map, (str(path),)) == "POOL_ERR_UNSUPPORTED"


def test_a_child_that_the_program_forks_may_not(pool: Pool, work: ctypes.CDLL) -> None:
    child = os.fork()
    if child == 0:
        try:
            pool.map_native(work.square, array.array("d", [1]), array.array("d", [1]))
        except errors.PoolForked:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 7 << 8


def test_shared_arrays(pool: Pool, work: ctypes.CDLL) -> None:
    numbers = shared_array(range(100))
    pool.map_native(work.square, numbers, numbers)
    assert numbers.tolist() == [number**2 for number in range(100)]


INTERRUPTED = """
import array, ctypes, sys, test_native
function = ctypes.CDLL(sys.argv[2]).sleep_a_little
pool = test_native.made(sys.argv[1])
try:
    print("ready", flush=True)
    pool.map_native(function, array.array("i", [10] * 100_000))
except KeyboardInterrupt:
    print("interrupted", flush=True)
pool.terminate()
pool.join()
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


def test_the_readme_does_what_it_says(cc: Compile, tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent.parent / "bindings" / "python" / "README.md").read_text()
    code, script = (re.findall(rf"^```{language}\n(.*?)^```", readme, re.M | re.S)[0] for language in ("c", "python"))
    (tmp_path / "work.c").write_text(code)
    (tmp_path / "libwork.so").symlink_to(cc(tmp_path / "work.c", "python_readme.so", flags=["-shared", "-fPIC"]))
    script += "print(numbers[999_999] == 999_999.0**2)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stderr
