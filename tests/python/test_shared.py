"""Arrays that cross between processes without a copy."""

from __future__ import annotations

import array
import copy
import ctypes
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millpond import SharedArray, _blocks, _host, shared_array
from millpond._engine import Engine


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def settled() -> int:
    """How many descriptors are open when the callbacks of other tests' tasks have let go of theirs."""
    seen = [descriptors()]
    while len(seen) < 5 or len(set(seen[-5:])) > 1:
        time.sleep(0.02)
        seen.append(descriptors())
    return seen[-1]


def back_to(before: int) -> bool:
    """Whether no more are open than before: what a task was lent goes with its callback, after its result."""
    deadline = time.monotonic() + 60
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    return descriptors() <= before


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine("processes", 1)
    yield made
    made.terminate()
    made.join()


def left_over() -> list[str]:
    return [path.name for path in _blocks.FOLDER.glob(f"{_host.prefix}*")]


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("n", ctypes.c_int32))


@pytest.mark.parametrize(
    ("source", "dtype", "expected", "code"),
    [
        (3, None, [0.0, 0.0, 0.0], "d"),
        (0, None, [], "d"),
        ((2, 3), "int32", [[0, 0, 0], [0, 0, 0]], "i"),
        ((2, 0), float, [[], []], "d"),
        ([1, 2], None, [1.0, 2.0], "d"),
        (range(3), int, [0, 1, 2], "l"),
        (iter([True, False]), bool, [True, False], "?"),
        (array.array("f", [1.5]), None, [1.5], "f"),
        (array.array("H", [1, 2, 3]), None, [1, 2, 3], "H"),
        (b"ab", None, [97, 98], "B"),
        (memoryview(b"abcd")[::2], None, [97, 99], "B"),
        ((ctypes.c_int64 * 2)(1, -1), None, [1, -1], "l"),
        ((ctypes.c_int16 * 2 * 2)(), None, [[0, 0], [0, 0]], "h"),
        (array.array("d"), None, [], "d"),
        ([1, 2], ctypes.c_uint8, [1, 2], "B"),
    ],
)
def test_an_array_is_made_of_many_things(source: Any, dtype: Any, expected: object, code: str) -> None:
    made = shared_array(source, dtype)
    assert isinstance(made, SharedArray)
    assert made.tolist() == expected and made.dtype == code
    assert made.nbytes == 0 or made.buffer.tolist() == expected
    assert len(bytes(made)) == made.nbytes


@pytest.mark.parametrize(
    ("source", "dtype", "kind"),
    [
        (-1, None, ValueError),
        ((), None, ValueError),
        ((3, -1), None, ValueError),
        (None, None, TypeError),
        (3, "x", TypeError),
        (3, object, TypeError),
        (["word"], None, TypeError),
        (b"abc", "d", ValueError),
        ((1.5,), None, TypeError),
        ((Point * 1)(), None, TypeError),
        (2**60, None, (OSError, OverflowError)),
    ],
)
def test_what_cannot_be_is_an_error(source: Any, dtype: Any, kind: Any) -> None:
    before = settled()
    with pytest.raises(kind):
        shared_array(source, dtype)
    assert back_to(before)


def test_structures_and_rows_can_be_written_to() -> None:
    points = shared_array((2, 2), Point)
    points[1][0].x = 2.5
    again = pickle.loads(pickle.dumps(points))
    assert again[1][0].x == 2.5 and again.buffer.nbytes == points.nbytes == 4 * ctypes.sizeof(Point)


def test_a_pickle_is_the_memory_and_a_copy_is_not() -> None:
    made = shared_array([1, 2, 3])
    same, other, deep = pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy([made])[0]
    made[0] = 9
    assert same.tolist() == [9, 2, 3] and other.tolist() == deep.tolist() == [1, 2, 3]
    assert repr(made) == "<shared_array of 3 c_double>"


def test_the_memory_lives_as_long_as_a_view_and_no_longer() -> None:
    before = settled()
    made = shared_array(range(1000))
    view = made.buffer
    del made
    gc.collect()
    assert view[999] == 999
    del view
    assert back_to(before)


def double(numbers: Any) -> int:
    for index, number in enumerate(numbers):
        numbers[index] = 2 * number
    return os.getpid()


def test_a_task_writes_what_the_program_sees(engine: Engine) -> None:
    made = shared_array([1, 2, 3])
    assert engine.submit(double, (made,)).result() != os.getpid()
    assert made.tolist() == [2, 4, 6]


def itself(value: Any) -> Any:
    return value


def test_an_array_that_comes_back_is_the_same_memory(engine: Engine) -> None:
    made = shared_array([1, 2, 3])
    back, again = engine.submit(itself, ([made, made],)).result()
    made[0] = 7
    assert back[0] == again[0] == 7 and left_over() == []


def test_an_array_that_only_the_call_knows_is_kept_for_the_task(engine: Engine) -> None:
    tasks = [engine.submit(itself, (shared_array([number] * 1000),)) for number in range(20)]
    many = engine.submit_many((itself, (shared_array([number]),), {}) for number in range(20))
    gc.collect()
    assert [task.result()[0] for task in [*tasks, *many]] == [*range(20), *range(20)]


def note(number: Any, numbers: Any, place: int) -> None:
    numbers[place] = number[0]


def test_an_array_is_kept_for_a_task_that_nobody_waits_for(engine: Engine) -> None:
    numbers = shared_array(40)
    for place in range(20):
        engine.submit(note, (shared_array([place]), numbers, place))
    engine.submit_many((note, (shared_array([place]), numbers, place), {}) for place in range(20, 40))
    gc.collect()
    engine.submit(abs, (1,)).result()  # the only worker has done the others before
    assert numbers.tolist() == list(range(40))


def test_a_task_keeps_nothing_when_it_has_ended(engine: Engine) -> None:
    before = settled()
    task = engine.submit(double, (shared_array([1]),))
    task.result()
    assert back_to(before)


def made_there(count: int) -> Any:
    return shared_array(range(count))


def test_an_array_that_a_worker_makes_arrives(engine: Engine) -> None:
    tasks = [engine.submit(made_there, (1000 * number,)) for number in range(1, 6)]
    arrived = [task.result() for task in tasks]
    assert [numbers[-1] for numbers in arrived] == [999, 1999, 2999, 3999, 4999]
    assert left_over() == []
    # It is like any other now.
    assert engine.submit(double, (arrived[0],)).result()
    assert arrived[0][999] == 2 * 999


kept: list[Any] = []


def made_once() -> Any:
    if not kept:
        kept.append(shared_array([0]))
    kept[0][0] += 1
    return kept[0], kept[0]


def test_a_worker_may_keep_its_array_and_send_it_again(engine: Engine) -> None:
    (first, same), (second, _) = (engine.submit(made_once).result() for _ in range(2))
    assert first[0] == same[0] == second[0] == 2
    first[0] = 10
    assert engine.submit(made_once).result()[0][0] == 11
    assert len(left_over()) == 1, "the worker's own"


def forgotten() -> None:
    kept.clear()


def test_what_a_worker_forgets_is_gone(engine: Engine) -> None:
    engine.submit(made_once).result()
    engine.submit(forgotten).result()
    gc.collect()
    assert left_over() == []


def raises(numbers: Any) -> None:
    raise ValueError(numbers)


def test_an_exception_can_hold_an_array(engine: Engine) -> None:
    made = shared_array([1])
    with pytest.raises(ValueError) as caught:
        engine.submit(raises, (made,)).result()
    caught.value.args[0][0] = 5
    assert made[0] == 5


def test_an_array_that_is_gone_is_said_to_be(engine: Engine) -> None:
    made = shared_array([1])
    message = pickle.dumps(made)
    del made
    gc.collect()
    with pytest.raises(FileNotFoundError, match="the shared array is gone"):
        pickle.loads(message)
    with pytest.raises(FileNotFoundError, match="the shared array is gone"):
        engine.submit(pickle.loads, (message,)).result()


def test_pools_of_multiprocessing_take_them_too() -> None:
    made = shared_array([1, 2, 3])
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.apply(double, (made,))
    assert made.tolist() == [2, 4, 6]


def test_numpy_sees_the_memory() -> None:
    numpy = pytest.importorskip("numpy")
    made = shared_array((3, 4), numpy.int32)
    view = made.numpy()
    view[1, 2] = 5
    assert made[1][2] == 5 and view.shape == (3, 4) and view.dtype == numpy.int32
    del made
    assert view.sum() == 5
    assert shared_array(numpy.eye(2)).tolist() == [[1, 0], [0, 1]]
    assert shared_array(numpy.arange(6).reshape(2, 3).T).tolist() == [[0, 3], [1, 4], [2, 5]]


UNREAD = """
import sys
import test_shared
from millpond import _blocks, _host
engine = test_shared.Engine("processes", 1)
task = engine.submit(test_shared.made_there, (10,))
task.wait()
print(_blocks.FOLDER / _host.prefix, len(test_shared.left_over()))
"""


def test_what_nobody_has_read_is_removed_when_the_program_ends() -> None:
    folders = [Path(__file__).parent, Path(__file__).parent.parent, os.environ["PYTHONPATH"]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    done = subprocess.run([sys.executable, "-c", UNREAD], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    prefix, count = done.stdout.split()
    assert int(count) == 1
    assert not list(Path(prefix).parent.glob(f"{Path(prefix).name}*"))
